"""Reads weights from a file without running any code in it, and says how they differ from a model's."""

import argparse
import hashlib
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vizstudio.core.errors import CheckpointError

# Averaged weights come first: they are what a training script evaluates and publishes.
WRAPPERS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema"),
    *("state_dict", "model_state_dict", "model", "net", "teacher"),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """What a file of weights holds.

    Parameters
    ----------
    state : dict of str to Tensor
        On the CPU; prefixes that wrappers of a model leave on every key are gone.
    file_hash : str
        SHA-256 of the file.
    wrapper : str
        The key that the state dict was stored under; empty if the file is nothing else.
    beside : mapping
        What a pickle holds besides; empty for safetensors.
    metadata : mapping of str to str
        The texts of a safetensors file; empty for a pickle.
    """

    state: State
    file_hash: str
    wrapper: str
    beside: Mapping[str, Any]
    metadata: Mapping[str, str]


def read_stored(path: Path) -> StoredWeights:
    """Read a ``.safetensors`` file, or a pickle of tensors with ``weights_only=True``.

    Parameters
    ----------
    path : Path
        The suffix says which.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, holds no weights, or wants to run code, which it never does here.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}: give the path of a .safetensors or .pth file")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path.name} is empty: get the file again")
    metadata: Mapping[str, str] = {}
    if path.suffix.lower() == ".safetensors":
        content, metadata = _read_safetensors(path)
        found, wrapper, beside = content, "", {}
    else:
        content = _read_pickle(path)
        found, wrapper = _unwrap(content)
        beside = content if isinstance(content, dict) else {}
    state = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    state.pop("n_averaged", None)  # torch.optim.swa_utils.AveragedModel's own counter
    if not state:
        raise CheckpointError(f"{path.name} holds no weights: a dict of names to tensors is expected")
    return StoredWeights(_without_prefix(state), sha256_of(path), wrapper, beside, metadata)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits.

    Parameters
    ----------
    path : Path
        It is read in pieces.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> tuple[State, Mapping[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({first_line(error)}): get it again"
        ) from error


def _read_pickle(path: Path) -> Any:
    try:
        # timm's and others' training scripts keep their options beside the weights; a Namespace is inert.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted:
            raise CheckpointError(
                f"{path.name} is refused: its pickle wants to call {wanted[1]}, and only tensors are loaded here; "
                "save its state_dict alone, best as .safetensors"
            ) from error
        raise CheckpointError(
            f"{path.name} is no checkpoint of tensors: give a .safetensors file, or a .pth that torch.save wrote"
        ) from error
    # torch raises whatever its parsers meet in a damaged file; its advice is for programmers.
    except Exception as error:
        raise CheckpointError(
            f"{path.name} is truncated or no checkpoint that torch.save wrote: get it again"
        ) from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _unwrap(content: Any) -> tuple[dict[str, Any], str]:
    """Find the state dict inside what training scripts wrap around it; return it and its key."""
    if not isinstance(content, dict):
        return {}, ""
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), dict):
            return content[wrapper], wrapper
    return content, ""


def _without_prefix(state: State) -> State:
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            return _without_prefix({key[len(prefix) :]: value for key, value in state.items()})
    return state


def describe_difference(own: State, stored: State) -> str:
    """Return how the keys and shapes of a file differ from those of a model; empty if they do not.

    Parameters
    ----------
    own, stored : dict of str to Tensor
        The model's, and the file's.
    """
    misshaped = [
        f"{key} is {shape_text(stored[key].shape)}, not {shape_text(value.shape)}"
        for key, value in own.items()
        if key in stored and stored[key].shape != value.shape
    ]
    told = (
        name_some([key for key in own if key not in stored], "missing"),
        name_some([key for key in stored if key not in own], "unexpected"),
        name_some(misshaped, "of another shape"),
    )
    return "; ".join(filter(None, told))


def name_some(keys: Sequence[str], what: str) -> str:
    """Return such as ``"5 missing (a, b, c and 2 more)"``; empty for no keys.

    Parameters
    ----------
    keys : sequence of str
        Those to name; the first three are.
    what : str
        What they are, such as ``"missing"``.
    """
    if not keys:
        return ""
    shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
    return f"{len(keys)} {what} ({shown})"


def shape_text(shape: Sequence[int]) -> str:
    """Return such as ``"768×256"``.

    Parameters
    ----------
    shape : sequence of int
        Of a tensor; empty for a single number.
    """
    return "×".join(map(str, shape)) or "a single number"

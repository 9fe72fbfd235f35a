"""Reads weights from a file without running any code in it."""

import argparse
import hashlib
import json
import pickle
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vizstudio.api import CheckpointError

# Averaged weights come first: they are what a training script evaluates and publishes.
WRAPPERS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema"),
    *("state_dict", "model_state_dict", "model", "net", "teacher"),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
State = dict[str, Tensor]


@dataclass
class Weights:
    """A state dict and what else the file told.

    Attributes
    ----------
    state : dict of str to Tensor
        What the model will load.
    file_hash : str
        SHA-256 of the file.
    class_names : tuple of str
        Empty if the file names none.
    preprocessing : dict
        What differs from timm's own preprocessing for these weights.
    notes : list of str
        What was changed to make the weights fit.
    """

    state: State
    file_hash: str
    class_names: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_weights(path: Path) -> Weights:
    """Read a ``.safetensors`` file, or a pickle of tensors with ``weights_only=True``.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, holds no weights, or wants to run code, which it never does here.
    """
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}: give the path of a .safetensors or .pth file")
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path.name} is empty: get the file again")
    is_safetensors = path.suffix.lower() == ".safetensors"
    content = _read_safetensors(path) if is_safetensors else _read_pickle(path)
    found, wrapper = _unwrap(content)
    state = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    state.pop("n_averaged", None)  # torch.optim.swa_utils.AveragedModel's own counter
    if not state:
        raise CheckpointError(f"{path.name} holds no weights: a dict of names to tensors is expected")
    weights = Weights(_without_prefix(state), _sha256(path), _class_names(content))
    if "ema" in wrapper:
        weights.notes.append(f"averaged weights are shown: {wrapper} of {path.name}")
    if "positional_embedding.pos_embedding" in weights.state:
        weights.state = from_lukemelas(weights.state)
        weights.preprocessing = {"crop_mode": "squash", "crop_pct": 1.0, "interpolation": "bilinear"}
        weights.notes.append(
            "weights converted from PyTorch-Pretrained-ViT, with its squashed bilinear input"
        )
    return weights


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            tensors: dict[str, Any] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            told = (file.metadata() or {}).get("class_names", "[]")
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path.name} is not a whole safetensors file ({first_line(error)}): get it again"
        ) from error
    try:
        names = json.loads(told)
    except ValueError as error:
        raise CheckpointError(f"{path.name} has class_names that are not JSON: {error}") from error
    return {**tensors, "class_names": names} if names else tensors


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


def _class_names(content: Any) -> tuple[str, ...]:
    if not isinstance(content, dict):
        return ()
    numbers = content.get("class_to_idx")
    if isinstance(numbers, dict) and sorted(numbers.values()) == list(range(len(numbers))):
        return tuple(str(name) for name in sorted(numbers, key=numbers.__getitem__))
    listed = content.get("class_names") or content.get("classes") or ()
    return tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()


def _without_prefix(state: State) -> State:
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            return _without_prefix({key[len(prefix) :]: value for key, value in state.items()})
    return state


def from_lukemelas(state: State) -> State:
    """Convert the keys of PyTorch-Pretrained-ViT to timm's."""
    simple = {
        "class_token": "cls_token",
        "positional_embedding.pos_embedding": "pos_embed",
        "patch_embedding.weight": "patch_embed.proj.weight",
        "patch_embedding.bias": "patch_embed.proj.bias",
    }
    out: State = {}
    for key, value in state.items():
        if key.startswith("pre_logits.") or ".attn.proj_" in key:
            continue
        name = simple.get(key, key)
        name = name.replace("transformer.blocks.", "blocks.").replace(".pwff.", ".mlp.")
        name = re.sub(r"^(blocks\.\d+)\.proj\.", r"\1.attn.proj.", name)
        name = re.sub(r"^fc\.", "head.", name)
        out[name] = value
    blocks = {m[1] for key in state if (m := re.match(r"transformer\.blocks\.(\d+)\.", key))}
    for block in blocks:
        for leaf in ("weight", "bias"):
            parts = [state.get(f"transformer.blocks.{block}.attn.proj_{p}.{leaf}") for p in "qkv"]
            if all(part is not None for part in parts):
                out[f"blocks.{block}.attn.qkv.{leaf}"] = torch.cat(parts)  # type: ignore[arg-type]
    return out


def count_classes(state: State, classifier: str | tuple[str, ...] | None) -> int:
    """Return how many classes a state dict's classifier has; 0 if it has no classifier.

    Parameters
    ----------
    state : dict of str to Tensor
        In timm's names or the original author's, which may call timm's ``head.fc`` just ``head``.
    classifier : str, tuple of str or None
        Names of the classifier's modules, as timm's configuration gives them.
    """
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
    for name in (*names, *(n.rpartition(".")[0] for n in names)):
        for key in (f"{name}.weight", f"{name}.linear.weight", f"{name}.l.weight"):
            if name and key in state:
                return int(state[key].shape[0])
    return 0

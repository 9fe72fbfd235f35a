"""Reads weights from a file without running any code in it, and fits them to a timm model."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vizstudio.api import CheckpointError

WRAPPERS = ("model", "state_dict", "model_state_dict", "net", "teacher", "ema")
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
State = dict[str, Tensor]


@dataclass
class Weights:
    """A state dict in timm's names, and what else the file told.

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
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    state, names = _unwrap(content, path)
    state = _without_prefix(state)
    weights = Weights(state, _sha256(path), names)
    if "positional_embedding.pos_embedding" in state:
        weights.state = from_lukemelas(state)
        weights.preprocessing = {"crop_mode": "squash", "crop_pct": 1.0, "interpolation": "bilinear"}
        weights.notes.append(
            "weights converted from PyTorch-Pretrained-ViT, with its squashed bilinear input"
        )
    return weights


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} is not a whole safetensors file: {error}") from error


def _read_pickle(path: Path) -> Any:
    import pickle

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted:
            raise CheckpointError(
                f"{path.name} is refused: it is a pickle that wants to run {wanted[1]}, and only tensors are loaded; "
                "save its state_dict alone, best as .safetensors"
            ) from error
        raise CheckpointError(f"{path.name} is not a checkpoint of tensors: {_first_line(error)}") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path.name} is truncated or no checkpoint: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _unwrap(content: Any, path: Path) -> tuple[State, tuple[str, ...]]:
    """Find the state dict inside what training scripts wrap around it."""
    names: tuple[str, ...] = ()
    found = content
    if isinstance(content, dict):
        listed = content.get("class_names") or content.get("classes") or ()
        names = tuple(str(n) for n in listed) if isinstance(listed, (list, tuple)) else ()
        found = next((content[k] for k in WRAPPERS if isinstance(content.get(k), dict)), content)
    state = {k: v for k, v in found.items() if isinstance(v, Tensor)} if isinstance(found, dict) else {}
    if not state:
        raise CheckpointError(f"{path.name} holds no weights: a dict of names to tensors is expected")
    return state, names


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


def classifier_names(config: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of a timm model's classifier modules."""
    classifier = config.get("classifier") or ()
    return (classifier,) if isinstance(classifier, str) else tuple(classifier)


def count_classes(state: State, config: dict[str, Any]) -> int:
    """Return how many classes a state dict's classifier has; 0 if it has no classifier."""
    for name in classifier_names(config):
        for key in (f"{name}.weight", f"{name}.linear.weight", f"{name}.l.weight"):
            if key in state:
                return int(state[key].shape[0])
    return 0


def load_into(model: nn.Module, weights: Weights, name: str, file_name: str) -> None:
    """Load weights strictly, after resampling position embeddings to the model's grid.

    Raises
    ------
    CheckpointError
        One sentence that names what is missing, unexpected or of another shape.
    """
    _resample_positions(model, weights)
    own = model.state_dict()
    missing = sorted(own.keys() - weights.state.keys())
    unexpected = sorted(weights.state.keys() - own.keys())
    misshaped = [
        f"{key} is {_shape(weights.state[key])}, not {_shape(own[key])}"
        for key in own
        if key in weights.state and weights.state[key].shape != own[key].shape
    ]
    buffers = {n for n, _ in model.named_buffers()}
    missing = [key for key in missing if key not in buffers]
    unexpected = [key for key in unexpected if not key.endswith("num_batches_tracked")]
    problems = [
        _list(missing, "missing"),
        _list(unexpected, "unexpected"),
        _list(misshaped, "of another shape"),
    ]
    if any(problems):
        told = "; ".join(p for p in problems if p)
        raise CheckpointError(f"{file_name} does not fit {name}: {told}")
    known = {key: value for key, value in weights.state.items() if key in own}
    model.load_state_dict({**{k: own[k] for k in own.keys() - known.keys()}, **known})


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a single number"


def _list(keys: list[str], what: str) -> str:
    if not keys:
        return ""
    shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
    return f"{len(keys)} {what} ({shown})"


def _resample_positions(model: nn.Module, weights: Weights) -> None:
    from timm.layers import resample_abs_pos_embed

    own = getattr(model, "pos_embed", None)
    stored = weights.state.get("pos_embed")
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    if own is None or stored is None or grid is None or own.ndim != 3 or stored.shape == own.shape:
        return
    prefix = own.shape[1] - grid[0] * grid[1]
    patches = stored.shape[1] - prefix
    side = round(max(patches, 0) ** 0.5)
    # The file stores a number of positions, no grid. A square is the one case where the number tells the grid.
    if prefix < 0 or side * side != patches or stored.shape[2] != own.shape[2]:
        return
    weights.state["pos_embed"] = resample_abs_pos_embed(
        stored, new_size=list(grid), old_size=[side, side], num_prefix_tokens=prefix
    )
    weights.notes.append(f"position embedding resampled from {side}×{side} to {grid[0]}×{grid[1]}")

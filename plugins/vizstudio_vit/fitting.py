"""Fits weights to a timm model with timm's own converters, and explains in one sentence why they do not fit."""

import re

import torch
from torch import Tensor, nn

from vizstudio.api import CheckpointError, first_line, name_some, shape_text
from vizstudio_vit.checkpoint import State, Weights

Shape = tuple[int, int]
# Sections of the message of torch.nn.Module.load_state_dict.
_KEYS = r"{} key\(s\) in state_dict: (.*?)\. *(?:\n|$)"
_SHAPES = re.compile(
    r"size mismatch for ([^:]+): copying a param with shape torch.Size\(\[(.*?)\]\) from checkpoint, "
    r"the shape in current model is torch.Size\(\[(.*?)\]\)"
)


def check_fitted(model: nn.Module, weights: Weights, file_name: str, name: str) -> None:
    """Refuse what timm loaded but should not be trusted, and note what it resampled.

    Raises
    ------
    CheckpointError
        If the patches have another size in the file, or a weight is not a finite number.
    """
    own = model.state_dict()
    if wrong := _patches(own, weights.state):
        raise CheckpointError(f"{file_name} does not fit {name}: {wrong}")
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise CheckpointError(f"{file_name} is damaged: {name} holds values that are not finite numbers")
    weights.notes += _resampled(own, weights.state, _grid(model))


def _patches(own: State, stored: State) -> str:
    """Say so if patches have another size or number of colours; timm would stretch their kernels."""
    for key, kernel in stored.items():
        kernels = "patch_embed" in key and key in own and kernel.ndim == own[key].ndim == 4
        if kernels and len(kernel) == len(own[key]) and kernel.shape != own[key].shape:
            return f"{key} is {_shape(kernel)}, not {_shape(own[key])}"
    return ""


def _resampled(own: State, stored: State, grid: Shape | None) -> list[str]:
    """Say what was resampled, and what was taken for granted: a file stores no grid, only a number of positions."""
    tables = [k for k in stored if k in own and _is_position(k) and stored[k].shape != own[k].shape]
    notes = []
    if "pos_embed" in stored and "pos_embed" in own and grid and own["pos_embed"].ndim == 3:
        prefix = own["pos_embed"].shape[1] - grid[0] * grid[1]
        side = _side(stored["pos_embed"].shape[1] - prefix)
        same = stored["pos_embed"].shape == own["pos_embed"].shape and torch.equal(
            stored["pos_embed"].float(), own["pos_embed"].float()
        )
        if side and not same:
            notes.append(f"position embedding resampled from {side}×{side} to {grid[0]}×{grid[1]}")
        elif same and grid[0] != grid[1]:
            notes.append(f"position embedding taken to be of {grid[0]}×{grid[1]} patches, as many as it has")
        tables = [k for k in tables if k != "pos_embed"]
    if tables:
        shapes = f"{tables[0]} from {_shape(stored[tables[0]])} to {_shape(own[tables[0]])}"
        notes.append(f"{len(tables)} position tables resampled ({shapes})")
    return notes


def _is_position(key: str) -> bool:
    leaf = key.rpartition(".")[2]
    return "pos" in leaf or leaf == "attention_biases"


def _side(count: int) -> int:
    side = round(max(count, 0) ** 0.5)
    return side if side * side == count else 0


def _grid(model: nn.Module) -> Shape | None:
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    return (int(grid[0]), int(grid[1])) if grid is not None else None


def explain(model: nn.Module, weights: Weights, error: Exception) -> str:
    """Return why `weights` do not fit `model`, from what timm or torch raised."""
    known = _patches(model.state_dict(), weights.state) or _positions(model, weights.state)
    return known or _mismatch(str(error), weights.state) or first_line(error)


def _positions(model: nn.Module, state: State) -> str:
    """Say so if the stored positions cannot be laid out: a file stores their number, not their rows."""
    own, stored, grid = getattr(model, "pos_embed", None), state.get("pos_embed"), _grid(model)
    if grid is None or not isinstance(own, Tensor) or stored is None or own.ndim != 3 or stored.ndim != 3:
        return ""
    patches = stored.shape[1] - (own.shape[1] - grid[0] * grid[1])
    if stored.shape[1:] == own.shape[1:] or stored.shape[2] != own.shape[2] or _side(patches):
        return ""
    keys = model.state_dict().keys()
    other = (
        name_some(sorted(keys - state.keys()), "missing"),
        name_some(sorted(state.keys() - keys), "unexpected"),
    )
    if any(other):  # other prefix tokens, so that the number of patches is not known either
        return "; ".join(filter(None, (*other, f"pos_embed is {_shape(stored)}, not {_shape(own)}")))
    return (
        f"its position embedding is of {patches} patches, which form no square, so that their rows and columns are "
        "not known; choose the input size that it was trained with"
    )


def _mismatch(message: str, stored: State) -> str:
    """Shorten torch's list of keys to one sentence; empty if it is no such list."""
    missing, unexpected = (_quoted(message, kind) for kind in ("Missing", "Unexpected"))
    misshaped = [
        f"{key} is {_shape(stored[key]) if key in stored else _dims(before)}, not {_dims(own)}"
        for key, before, own in _SHAPES.findall(message)  # of what timm made of it, where it resampled
    ]
    told = (
        name_some(missing, "missing"),
        name_some(unexpected, "unexpected"),
        name_some(misshaped, "of another shape"),
    )
    return "; ".join(filter(None, told))


def _quoted(message: str, kind: str) -> list[str]:
    found = re.search(_KEYS.format(kind), message, re.DOTALL)
    return re.findall(r'"([^"]+)"', found[1]) if found else []


def _dims(dims: str) -> str:
    return dims.replace(", ", "×") or "a single number"


def _shape(tensor: Tensor) -> str:
    return shape_text(tensor.shape)

"""Where a timm model's tokens lie on its input; measured from the model, and refused where it cannot be."""

from typing import Any

from torch import nn

from vizstudio.api import (
    AttentionCall,
    AttentionError,
    AttentionLayer,
    GeometryError,
    ImageFit,
    PatchGrid,
    TokenAxis,
)


def patch_grid(model: nn.Module, fit: ImageFit) -> PatchGrid:
    """Return the grid of patches that a model cuts an input into.

    Raises
    ------
    GeometryError
        If the model's patch embedding does not say how large its patches are.
    """
    width, height = fit.input_size
    embed: Any = getattr(model, "patch_embed", None)
    stride = _stride(embed)
    if stride is None:
        stride = _first_reduction(model)
    if stride is None:
        raise GeometryError(f"{type(model).__name__} does not say how it cuts an image into patches")
    rows, cols = height // stride[0], width // stride[1]
    grid_size = getattr(embed, "grid_size", None)
    if grid_size is not None and getattr(embed, "strict_img_size", True):
        rows, cols = grid_size
    return PatchGrid(rows, cols, (float(stride[1]), float(stride[0])), fit)


def _stride(embed: Any) -> tuple[int, int] | None:
    """Return a patch embedding's (vertical, horizontal) step in input pixels."""
    if hasattr(embed, "feat_ratio"):
        down, across = embed.feat_ratio(as_scalar=False)
        return int(down), int(across)
    size = getattr(embed, "patch_size", None)
    if isinstance(size, (tuple, list)) and len(size) == 2:
        return int(size[0]), int(size[1])
    return (size, size) if isinstance(size, int) else None


def _first_reduction(model: nn.Module) -> tuple[int, int] | None:
    info = getattr(model, "feature_info", None)
    if isinstance(info, list) and info and "reduction" in info[0]:
        return int(info[0]["reduction"]), int(info[0]["reduction"])
    return None


def prefix_labels(model: nn.Module) -> tuple[str, ...]:
    """Return the names of the tokens that stand before the patches."""
    registers = int(getattr(model, "num_reg_tokens", 0) or 0)
    has_class = getattr(model, "cls_token", None) is not None
    count = getattr(model, "num_prefix_tokens", None)
    count = int(count) if count is not None else int(has_class) + registers
    labels = (["cls"] if has_class else []) + [f"reg{i + 1}" for i in range(registers)]
    if getattr(model, "dist_token", None) is not None:
        labels.append("dist")
    if len(labels) != count:
        raise GeometryError(f"{type(model).__name__} has {count} prefix tokens but names {', '.join(labels)}")
    return tuple(labels)


def place(call: AttentionCall, grid: PatchGrid, labels: tuple[str, ...]) -> AttentionLayer:
    """Say what the rows and columns of one call's weights stand for.

    Raises
    ------
    AttentionError
        If the call attends over something else than tokens.
    """
    if _is_over_channels(call, grid, labels):
        raise AttentionError(f"{call.name} attends over channels, not over patches")
    queries, keys = _axis(call, call.queries, grid, labels), _axis(call, call.keys, grid, labels)
    if call.windows == 1 and keys.grid is not None and call.queries == 1 != call.keys:
        # One query that gathers all tokens: the class token where the keys hold one, else a learned probe.
        queries = TokenAxis(("cls",) if "cls" in keys.labels and "pool" not in call.name else ("probe",))
    same = queries.labels == keys.labels and queries.grid == keys.grid
    return AttentionLayer(call.name, "self" if same else "cross", call.heads, queries, keys, call.max_error)


def _is_over_channels(call: AttentionCall, grid: PatchGrid, labels: tuple[str, ...]) -> bool:
    tokens = _token_counts(call, grid, labels)
    return call.value_dim in tokens and call.queries == call.keys and call.queries not in tokens


def _token_counts(call: AttentionCall, grid: PatchGrid, labels: tuple[str, ...]) -> set[int]:
    grids = [grid, *_coarser(grid)]
    return {len(g) for g in grids} | {len(g) + len(labels) for g in grids}


def _coarser(grid: PatchGrid) -> list[PatchGrid]:
    """Return the grids that a hierarchy's later stages can have: each cell joins 2×2, 4×4, … cells."""
    out, factor = [], 2
    while grid.rows % factor == 0 and grid.cols % factor == 0:
        cell = (grid.cell[0] * factor, grid.cell[1] * factor)
        out.append(PatchGrid(grid.rows // factor, grid.cols // factor, cell, grid.fit))
        factor *= 2
    return out


def _axis(call: AttentionCall, length: int, grid: PatchGrid, labels: tuple[str, ...]) -> TokenAxis:
    if call.windows > 1:
        note = f"{call.windows} windows of {call.keys} tokens whose place on the image is not known"
        return TokenAxis(tuple(f"token{i}" for i in range(length)), None, note=note)
    for candidate in (grid, *_coarser(grid)):
        for names in (labels, ()):
            if length == len(candidate) + len(names):
                return TokenAxis(names, candidate)
    note = f"{length} tokens that do not form the grid of {grid.rows}×{grid.cols} patches"
    return TokenAxis(tuple(f"token{i}" for i in range(length)), None, note=note)

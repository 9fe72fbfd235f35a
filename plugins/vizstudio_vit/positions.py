"""The position embedding of a timm model, as vectors on its grid."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vizstudio.api import PatchGrid, PositionEmbedding

NONE = "no position embedding to draw: "
RELATIVE = ("relative_position", "rel_pos", "height_rel", "attention_bias", "pos_proj")
Shape = tuple[int, int]


class Table(NamedTuple):
    """A table of position vectors: (rows * cols, dim), and the grid that it was made for."""

    vectors: Tensor
    shape: Shape


def position_embedding(model: nn.Module, grid: PatchGrid) -> tuple[PositionEmbedding | None, str]:
    """Return (embedding, note): what is added to or rotates the patches, or None and why there is nothing.

    Learned and fixed tables are read after timm's own resampling to the grid in use; rotary embeddings give the
    sines and cosines of every patch's angles. Relative biases belong to pairs of tokens and have no vectors.
    """
    holder: Any = getattr(model, "embeds", model)  # NaFlexViT keeps its embeddings in a module of their own
    table: Any = getattr(holder, "pos_embed", None)
    if table is None:
        table = getattr(model, "patch_pos", None)  # TNT's outer tokens
    rope: Any = getattr(model, "rope", None)
    has_rope = hasattr(rope, "get_embed")
    if isinstance(table, Tensor):
        also = "rotary embeddings of queries and keys" if has_rope else _relative(model)
        return _from_table(
            model, table, grid, f"besides this position embedding it has {also}" if also else ""
        )
    if hasattr(table, "token_projection"):  # XCiT projects sines and cosines
        with torch.no_grad():
            vectors = table(1, grid.rows, grid.cols)[0].flatten(1).T
        return _embedding("sincos", vectors, grid), ""
    if has_rope:
        return _rotary(rope, grid)
    return None, NONE + _why_none(model)


def _relative(model: nn.Module) -> str:
    names = [name for name, _ in model.named_parameters()]
    return "relative biases inside its attention" if any(r in n for n in names for r in RELATIVE) else ""


def _why_none(model: nn.Module) -> str:
    if relative := _relative(model):
        return f"the positions are {relative}, which belong to pairs of tokens"
    for name, parameter in model.named_parameters():
        if "pos_embed" in name or "position_embedding" in name:
            shape = "×".join(map(str, parameter.shape))
            return f"{name} of shape {shape} is not one vector per patch in a known order"
    return "none is added to the patches"


def _embedding(kind: Any, vectors: Tensor, grid: PatchGrid) -> PositionEmbedding:
    return PositionEmbedding(kind, np.ascontiguousarray(vectors.detach().float().cpu().numpy()), grid)


def _from_table(
    model: nn.Module, tensor: Tensor, grid: PatchGrid, note: str
) -> tuple[PositionEmbedding | None, str]:
    from timm.layers import resample_abs_pos_embed

    table = _read_table(model, tensor.detach().float(), grid)
    if table is None:
        shape = "×".join(map(str, tensor.shape))
        return (
            None,
            f"{NONE}its table of shape {shape} is not one vector per patch of {grid.rows}×{grid.cols}",
        )
    # Where patches are merged before positions are added (VOLO), the table lies on a coarser grid; NaFlexViT's
    # is resampled to any.
    factor = grid.rows // table.shape[0]
    whole = factor > 1 and (table.shape[0] * factor, table.shape[1] * factor) == grid.shape
    if tensor.ndim == 4 and whole and not hasattr(model, "embeds"):
        grid = PatchGrid(*table.shape, (grid.cell[0] * factor, grid.cell[1] * factor), grid.fit)
    vectors = resample_abs_pos_embed(
        table.vectors[None], list(grid.shape), list(table.shape), num_prefix_tokens=0
    )[0]
    return _embedding("learned" if tensor.requires_grad else "sincos", vectors, grid), note


def _read_table(model: nn.Module, table: Tensor, grid: PatchGrid) -> Table | None:
    """Lay a table out: (1, tokens, dim) with or without prefix, (1, rows, cols, dim), or (1, dim, rows, cols)."""
    own = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    shape: Shape = (int(own[0]), int(own[1])) if own is not None else grid.shape
    if table.ndim == 4 and table.shape[0] == 1:
        dims = (getattr(model, "embed_dim", None), getattr(model, "num_features", None))
        if table.shape[-1] in dims:
            return Table(table[0].flatten(0, 1), (table.shape[1], table.shape[2]))
        if tuple(table.shape[2:4]) == shape:
            return Table(table[0].flatten(1).T, shape)
        return None
    if table.ndim != 3 or table.shape[0] != 1:
        return None
    prefix = int(table.shape[1]) - shape[0] * shape[1]
    # The class token alone, all prefix tokens, or none of them may have a position of their own.
    if prefix not in (0, 1, int(getattr(model, "num_prefix_tokens", 0) or 0)):
        return None
    return Table(table[0, prefix:], shape)


def _rotary(rope: Any, grid: PatchGrid) -> tuple[PositionEmbedding | None, str]:
    with torch.no_grad():
        embed = rope.get_embed(shape=list(grid.shape))
    note = ""
    if isinstance(embed, Tensor) and embed.ndim == 4:  # learned: (layers, heads, tokens, 2 · dim)
        embed = embed.movedim(2, 0).flatten(1)
        note = "the rotary position embedding differs by layer and head: shown is the mean over all"
    if not isinstance(embed, Tensor) or embed.ndim != 2 or embed.shape[0] != len(grid):
        return None, f"{NONE}its rotary embedding is not one vector per patch of {grid.rows}×{grid.cols}"
    return _embedding("rotary", embed, grid), note

"""The position embedding of a timm model, as vectors on its grid."""

from typing import Any

import numpy as np
import torch
from torch import nn

from vizstudio.api import PatchGrid, PositionEmbedding


def position_embedding(model: nn.Module, grid: PatchGrid) -> tuple[PositionEmbedding | None, str]:
    """Return (embedding, note): what is added to or rotates the patches, or None and why there is nothing.

    Learned and fixed sine tables are read after timm's own resampling to the grid in use; rotary embeddings
    give the sines and cosines of every patch's angles.
    """
    table = getattr(model, "pos_embed", None)
    if isinstance(table, torch.Tensor):
        return _table(model, table, grid)
    rope: Any = getattr(model, "rope", None)
    if rope is not None and hasattr(rope, "get_embed"):
        return _rotary(rope, grid)
    if any("relative_position" in name or "rel_pos" in name for name, _ in model.named_parameters()):
        return None, "no position embedding to draw: the positions are relative biases inside each attention"
    return None, "no position embedding to draw: none is added to the patches"


def _table(model: nn.Module, table: torch.Tensor, grid: PatchGrid) -> tuple[PositionEmbedding | None, str]:
    from timm.layers import resample_abs_pos_embed

    kind: Any = "learned" if table.requires_grad else "sincos"
    vectors = table.detach().float().cpu()
    vectors = vectors.reshape(1, -1, vectors.shape[-1]) if vectors.ndim == 4 else vectors
    own = getattr(getattr(model, "patch_embed", None), "grid_size", None) or grid.shape
    prefix = vectors.shape[1] - own[0] * own[1]
    if vectors.ndim != 3 or prefix < 0:
        return (
            None,
            f"position embedding of shape {tuple(table.shape)} does not fit {own[0]}×{own[1]} patches",
        )
    patches = vectors[:, prefix:]
    if tuple(own) != grid.shape:
        patches = resample_abs_pos_embed(patches, list(grid.shape), list(own), num_prefix_tokens=0)
    return PositionEmbedding(kind, np.ascontiguousarray(patches[0].numpy()), grid), ""


def _rotary(rope: Any, grid: PatchGrid) -> tuple[PositionEmbedding | None, str]:
    with torch.no_grad():
        embed = rope.get_embed(shape=list(grid.shape))
    note = ""
    if embed.ndim == 4:  # learned per layer and head ("mixed"): (layers, heads, tokens, 2 · dim)
        embed = embed.movedim(2, 0).flatten(1)
        note = "the rotary position embedding differs by layer and head: shown is the mean over all"
    if embed.ndim != 2 or embed.shape[0] != len(grid):
        return (
            None,
            f"position embedding of shape {tuple(embed.shape)} does not fit {grid.rows}×{grid.cols} patches",
        )
    return PositionEmbedding("rotary", embed.float().cpu().numpy(), grid), note

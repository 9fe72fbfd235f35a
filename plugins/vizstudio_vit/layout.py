"""The grid of patches that a timm model cuts its input into."""

from typing import Any

from torch import nn

from vizstudio.api import AttentionLayer, GeometryError, ImageFit, PatchGrid


def patch_grid(model: nn.Module, layers: list[AttentionLayer], fit: ImageFit) -> PatchGrid:
    """Return the grid of a model's patches: as its patch embedding says, else that of its first tokens.

    Raises
    ------
    GeometryError
        If the patch embedding does not say how large its patches are and no token has a place.
    """
    width, height = fit.input_size
    embed: Any = getattr(model, "patch_embed", None)
    stride = _stride(embed)
    if stride is not None:
        rows, cols = height // stride[0], width // stride[1]
        grid_size = getattr(embed, "grid_size", None)
        if grid_size is not None and getattr(embed, "strict_img_size", True):
            rows, cols = grid_size
        return PatchGrid(rows, cols, (float(stride[1]), float(stride[0])), fit)
    axes = [axis for layer in layers for axis in (layer.queries, layer.keys) if axis.grid is not None]
    for axis in [axis for axis in axes if axis.labels] or axes:  # beside a class token stand the patches
        if axis.grid is not None:
            return axis.grid
    raise GeometryError(f"{type(model).__name__} does not say how it cuts an image into patches")


def _stride(embed: Any) -> tuple[int, int] | None:
    """Return a patch embedding's (vertical, horizontal) step in input pixels."""
    if hasattr(embed, "feat_ratio"):
        down, across = embed.feat_ratio(as_scalar=False)
        return int(down), int(across)
    size = getattr(embed, "patch_size", None)
    if size is None:
        return None
    step = getattr(
        getattr(embed, "proj", None), "stride", size
    )  # smaller than the patches where they overlap
    down, across = step if isinstance(step, (tuple, list)) else (step, step)
    return int(down), int(across)

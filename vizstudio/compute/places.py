"""Places of tokens as numbers: a rectangle of the model's input packed into one 64-bit integer.

A place above 0 is a rectangle ``(top, left, bottom, right)`` in input pixels, 0 is padding, and one below 0 is
a token that lies nowhere on the image, such as the class token; `LOST` is a place that is not known. Because a place
*is* its rectangle, two branches of a model that reach the same cell by different ways agree on its number.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

BITS = 13  # four of them fit a double exactly, in which F.unfold has to move places
MAX_SIDE = 2**BITS - 1
LOST = -(1 << 62)
_MASK = MAX_SIDE


def pack(top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Return the places of rectangles; all int64, of shapes that broadcast."""
    return ((top << BITS | left) << BITS | bottom) << BITS | right


def unpack(places: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (top, left, bottom, right) of places above 0."""
    return (
        places >> 3 * BITS,
        places >> 2 * BITS & _MASK,
        places >> BITS & _MASK,
        places & _MASK,
    )


def pixels(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """Return (height, width) int64: the place of every pixel of an input."""
    rows = torch.arange(height, device=device)[:, None].expand(height, width)
    cols = torch.arange(width, device=device)[None].expand(height, width)
    return pack(rows, cols, rows + 1, cols + 1)


def is_constant(places: Tensor, dim: int) -> bool:
    """Return whether a tensor of places is the same all along one dimension."""
    if places.shape[dim] <= 1 or places.stride(dim) == 0:
        return True
    return bool((places == places.narrow(dim, 0, 1)).all())


def union(places: Tensor) -> Tensor:
    """Return (…,): the cell that the places along the last dimension make up.

    Lost, unless the rectangles tile one rectangle without gaps. Places off the image are ignored beside
    ones on it, and kept where all are the same token.
    """
    if is_constant(places, -1):
        return places[..., 0]
    ordered = places.sort(dim=-1).values
    on_image = ordered > 0
    top, left, bottom, right = unpack(ordered)
    outer_top = top.where(on_image, MAX_SIDE).amin(-1)
    outer_left = left.where(on_image, MAX_SIDE).amin(-1)
    outer_bottom, outer_right = bottom.where(on_image, 0).amax(-1), right.where(on_image, 0).amax(-1)
    first = torch.ones_like(on_image)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    covered = ((bottom - top) * (right - left)).where(on_image & first, 0).sum(-1)
    tiled = covered == (outer_bottom - outer_top) * (outer_right - outer_left)
    joined = pack(outer_top, outer_left, outer_bottom, outer_right)
    one_token = ordered[..., 0].where(ordered[..., 0] == ordered[..., -1], LOST)
    out = torch.where(on_image.any(-1), joined.where(tiled, LOST), one_token)
    return out.where(ordered[..., 0] != LOST, LOST)


def finer(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return, cell by cell, the smaller of two places; lost where equal sizes disagree."""
    if ours is theirs or bool((ours == theirs).all()):
        return ours
    areas = []
    for places in (ours, theirs):
        top, left, bottom, right = unpack(places)
        areas.append(((bottom - top) * (right - left)).where(places > 0, MAX_SIDE**2))
    chosen = torch.where(areas[0] < areas[1], ours, theirs)
    return chosen.where((areas[0] != areas[1]) | (ours == theirs), LOST)


def strided(places: Tensor, stride: tuple[int, int], size: tuple[int, int]) -> Tensor | None:
    """Return (…, *size): the cells of a convolution or pooling over (…, height, width) places.

    A kernel may reach further, but an output stands for the block of one stride: output i covers inputs
    i · stride to (i + 1) · stride. Explicit padding before the first real input is not counted, and where
    there is no padding at all, the border that the kernel leaves is the same on both sides.

    Returns
    -------
    Tensor or None
        None if blocks of this stride cannot give `size` outputs.
    """
    for dim, (step, count) in enumerate(zip(stride, size, strict=True), start=-2):
        if step == 1 and count == places.shape[dim]:
            continue
        real = (places != 0).flatten(0, -3).any(0).any(-1 if dim == -2 else -2).nonzero()
        start = int(real[0]) if len(real) else 0
        length = places.shape[dim] - start
        if count > -(-length // step):
            return None
        if count < length // step:
            start += (length - count * step) // 2
        places = places.narrow(dim, start, min(places.shape[dim] - start, count * step))
        missing = count * step - places.shape[dim]
        if missing > 0:
            rest = list(places.shape)
            rest[dim] = missing
            places = torch.cat([places, places.new_zeros(rest)], dim)
    if stride == (1, 1):
        return places
    blocks = places.reshape(*places.shape[:-2], size[0], stride[0], size[1], stride[1])
    return union(blocks.transpose(-3, -2).flatten(-2))


def resized(places: Tensor, size: Sequence[int]) -> Tensor:
    """Return (…, *size): the places of an image (…, height, width) scaled to another size.

    Edges are rounded to whole input pixels.
    """
    whole = union(places.flatten())
    if int(whole) <= 0:
        return places.new_full((*places.shape[:-2], *size), LOST)
    top, left, bottom, right = (int(v) for v in unpack(whole))
    edges = []
    for low, high, count in ((top, bottom, size[0]), (left, right, size[1])):
        steps = torch.arange(count + 1, device=places.device)
        edges.append(low + (steps * (high - low) * 2 + count) // (2 * count))
    rows, cols = edges[0][:, None], edges[1][None]
    cells = pack(rows[:-1], cols[:, :-1], rows[1:], cols[:, 1:])
    return cells.expand(*places.shape[:-2], *size)

"""Maps against masks: does the strongest cell lie on the object, and how much of the map does.

All is measured on the pixels of the original photo. A cell stands for those of its pixels that lie on the photo; one
that lies on padding alone can never be right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import floor

import numpy as np
from numpy.typing import NDArray

from vizstudio.core.errors import GeometryError
from vizstudio.core.geometry import PatchGrid

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Targets:
    """Where the objects of a photo are, seen through a grid.

    Parameters
    ----------
    cover : (objects, rows, cols) float64
        The share of each cell's pixels that lie on the object, from 0 to 1; 0 for a cell beyond the photo.
    hits : (objects, rows, cols) bool
        Whether the centre of each cell lies on the object.
    chance : (objects,) float64
        The share of the photo under the grid that the object covers: what an even map scores.
    """

    cover: Floats
    hits: NDArray[np.bool_]
    chance: Floats

    def score(self, maps: NDArray[np.floating], number: int) -> Floats:
        """Return (2, …): `pointing` and `mass` of maps (…, rows, cols) against one of the objects."""
        return np.stack([pointing(maps, self.hits[number]), mass(maps, self.cover[number])])


def see(masks: NDArray[np.bool_], grid: PatchGrid) -> Targets:
    """Lay masks under a grid.

    Parameters
    ----------
    masks : (objects, height, width) bool
        In pixels of the original photo.
    grid : PatchGrid
        Of the maps that are to be measured.

    Raises
    ------
    GeometryError
        If the masks are not of the photo that the grid lies on, or no cell lies on the photo.
    """
    if masks.shape[:0:-1] != grid.fit.original_size:
        width, height = grid.fit.original_size
        raise GeometryError(f"masks of {masks.shape[1:]} pixels do not fit a photo of {(height, width)}")
    down, across = _overlaps(grid)
    pixels = np.outer(down.sum(axis=1), across.sum(axis=1))  # of each cell, on the photo
    if not pixels.any():
        raise GeometryError("no cell of the grid lies on the photo")
    covered = down @ masks.astype(np.float64) @ across.T
    cover = np.divide(covered, pixels, out=np.zeros_like(covered), where=pixels > 0)
    rows, cols = _centres(down), _centres(across)
    hits = masks[:, np.maximum(rows, 0)[:, None], np.maximum(cols, 0)] & ((rows >= 0)[:, None] & (cols >= 0))
    return Targets(np.clip(cover, 0, 1), hits, covered.sum(axis=(1, 2)) / pixels.sum())


@lru_cache(maxsize=64)
def _overlaps(grid: PatchGrid) -> tuple[Floats, Floats]:
    """Return (rows, height) and (cols, width): how much of each pixel a row and a column of cells covers."""
    tops = [grid.cell_rect(row, 0)[1::2] for row in range(grid.rows)]
    lefts = [grid.cell_rect(0, col)[0::2] for col in range(grid.cols)]
    width, height = grid.fit.original_size
    return _overlap(tops, height), _overlap(lefts, width)


def _overlap(cells: Sequence[tuple[float, ...]], length: int) -> Floats:
    """Return (cells, length) of cells given by start and extent along an axis of pixels."""
    start, extent = np.array(cells, np.float64).T[..., None]
    pixel = np.arange(length)
    return np.clip(np.minimum(start + extent, pixel + 1) - np.maximum(start, pixel), 0, 1)


def _centres(overlap: Floats) -> NDArray[np.int64]:
    """Return the pixel in the middle of what each cell covers of an axis; -1 where it covers nothing."""
    centres = np.full(len(overlap), -1)
    for i, part in enumerate(overlap):
        on = np.flatnonzero(part)
        if on.size:
            start, end = on[0] + 1 - part[on[0]], on[-1] + part[on[-1]]
            centres[i] = floor((start + end) / 2 + 1e-9)  # on an edge between pixels, the one after it
    return centres


def pointing(maps: NDArray[np.floating], hits: NDArray[np.bool_]) -> Floats:
    """Return whether the strongest cell of each map (…, rows, cols) is a hit, 0 or 1: the pointing game.

    Zhang et al. 2018, Top-down Neural Attention by Excitation Backprop, without their margin of 15 pixels. Of cells
    that are equally strong the share of hits counts. NaN stands for cells that could not be looked at.
    """
    flat = np.where(np.isnan(maps), -np.inf, maps).reshape(*maps.shape[:-2], -1)
    strongest = flat == flat.max(axis=-1, keepdims=True)
    return (strongest & hits.ravel()).sum(axis=-1) / strongest.sum(axis=-1)


def mass(maps: NDArray[np.floating], cover: Floats) -> Floats:
    """Return the share of each map (…, rows, cols) that lies on an object, from 0 to 1.

    The maps need not sum to 1: what went to prefix tokens is not on them, and what is on them counts as the whole. A
    cell's value is spread evenly over its pixels. A map of zeros lies on nothing: 0.
    """
    values = np.nan_to_num(np.asarray(maps, np.float64), nan=0.0)
    whole = values.sum(axis=(-2, -1))
    on = (values * cover).sum(axis=(-2, -1))
    return np.divide(on, whole, out=np.zeros_like(on), where=whole > 0)


def with_mean(maps: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (1 + heads, rows, cols): the mean of maps (heads, rows, cols), and then these."""
    return np.concatenate([maps.mean(axis=0, keepdims=True), maps])


def find_mentions(words: Sequence[str], names: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return (first word, word after the last, name) wherever a caption has one of the names, in either case.

    A name may be of several words; where two begin at the same word, the longer one counts.
    """
    lowered, found, at = [word.lower() for word in words], list[tuple[int, int, str]](), 0
    spelled = sorted(((name.lower().split(), name) for name in names), key=lambda pair: -len(pair[0]))
    while at < len(words):
        match = next((pair for pair in spelled if lowered[at : at + len(pair[0])] == pair[0]), None)
        if match:
            found.append((at, at + len(match[0]), match[1]))
        at += len(match[0]) if match else 1
    return found


@dataclass(frozen=True, eq=False)
class Estimate:
    """A mean over `count` values, and how sure it is.

    Parameters
    ----------
    mean : (…) float64
    error : (…) float64
        The mean's standard error; NaN if there is one image only.
    count : int
    """

    mean: Floats
    error: Floats
    count: int


@dataclass
class Tally:
    """Collects arrays of one shape, image by image."""

    _values: list[Floats] = field(default_factory=list)
    _images: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, image: int, values: Floats | float | bool) -> None:
        """Add what one image, or one of several things in it, scored."""
        self._values.append(np.asarray(values, np.float64))
        self._images.append(image)

    def minus(self, other: "Tally") -> "Tally":
        """Return the differences to a tally of the same things in the same order."""
        assert self._images == other._images
        return Tally([a - b for a, b in zip(self._values, other._values, strict=True)], [*self._images])

    def estimate(self) -> Estimate:
        """Return the mean and its standard error; there must be a value.

        Values of one image are not independent of each other, so that images count as clusters: Liang and Zeger
        1986, Longitudinal data analysis using generalized linear models, with the correction G / (G - 1) for G of
        them. With one value an image it is the textbook's standard deviation over the root of their number.
        """
        values = np.stack(self._values)
        mean = values.mean(axis=0)
        _, cluster = np.unique(self._images, return_inverse=True)
        groups = int(cluster.max()) + 1
        sums = np.zeros((groups, *mean.shape))
        np.add.at(sums, cluster, values - mean)
        if groups == 1:
            return Estimate(mean, np.full(mean.shape, np.nan), len(values))
        error = np.sqrt((sums**2).sum(axis=0) * groups / (groups - 1)) / len(values)
        return Estimate(mean, error, len(values))

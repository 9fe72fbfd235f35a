"""Two maps and their difference, first minus second: cell by cell, or by exact overlap on the original photo.

A map of attention is mass: its values sum to the share of attention that lies on it, and the value of a cell is
spread evenly over the cell's area. Two maps of one image that were cut into other cells are brought to the finer
of the two grids by integration: what a finer cell holds is the sum of all overlaps of the coarser map's cells with
it, each with its share of the mass. Only the parts where both maps have a value count, in both maps alike; so the
two stay comparable, and their sums are what both hold of the area that both saw.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import PatchGrid, TokenAxis
from vizstudio.core.maps import format_query, told_by_what
from vizstudio.core.overlay import EVEN, value_range
from vizstudio.core.types import Heatmap, PositionEmbedding, Query

SLIVER = 1e-9  # of a cell's side; a smaller overlap is rounding
How = Literal["cells", "overlap", "other image"]


@dataclass(frozen=True, eq=False)
class MapPair:
    """Two maps that can be subtracted.

    Parameters
    ----------
    first, second : Heatmap
        Of one shape; of one image also on one grid.
    difference : Heatmap
        First minus second, on the grid of the first; NaN where one of them has no value.
    how : {"cells", "overlap", "other image"}
        Whether the same cells of one image were subtracted, overlaps of cells, or cells of the same place in the
        grids of two images.
    """

    first: Heatmap
    second: Heatmap
    difference: Heatmap
    how: How

    @property
    def moved(self) -> float:
        """Half the sum of all absolute differences: what would have to move, where both hold the same mass."""
        return float(np.nansum(np.abs(self.difference.values.astype(np.float64)))) / 2

    def span(self) -> tuple[float, float]:
        """Return the (low, high) that the colours of both maps span, from 0 unless a value is negative."""
        both = np.concatenate([self.first.values.ravel(), self.second.values.ravel()])
        return value_range(both, from_zero=not (both < 0).any())

    def reach(self) -> float:
        """Return how far from 0 the colours of the difference go, to both sides; see `reach_of`."""
        return reach_of(self.difference.values, self.first.values, self.second.values)


def reach_of(difference: np.ndarray, *of: np.ndarray) -> float:
    """Return the largest absolute value of a difference; where it is but rounding of the values `of`, more."""
    found = np.abs(difference[np.isfinite(difference)]).max(initial=0.0)
    largest = max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) for values in of)
    return float(max(found, EVEN * largest)) or 1.0


def same_cells(first: PatchGrid, second: PatchGrid) -> bool:
    """Return whether two grids have the same cells of an image; rounding of the resize apart."""
    near = 1e-6 * max(first.fit.original_size)
    return (
        first.shape == second.shape
        and first.fit.original_size == second.fit.original_size
        and bool(np.abs(np.subtract(first.rect, second.rect)).max() <= near)
    )


def map_pair(first: Heatmap, second: Heatmap, same_image: bool, on_photo: bool = True) -> MapPair:
    """Subtract the second map from the first; see the module's text for what is subtracted from what.

    Parameters
    ----------
    first, second : Heatmap
        Of one measure.
    same_image : bool
        Whether they are of one image: then places on it are compared, else cells of the same row and column.
    on_photo : bool
        Whether values belong to places of the photo; False for positions, which belong to cells.

    Raises
    ------
    GeometryError
        If there is nothing that could be subtracted: grids of other shapes over other images, of values that are
        no mass, or over parts of the photo that have nothing in common.
    """
    if on_photo and same_image and not same_cells(first.grid, second.grid):
        for heatmap in (first, second):
            if not heatmap.unit.startswith("attention"):
                raise GeometryError(
                    f"{heatmap.unit or 'a map'} on a grid of {_shape(first.grid)} and of {_shape(second.grid)} "
                    "cells cannot be subtracted, as it is no attention that could be shared out among other "
                    "cells: choose models of one grid"
                )
        return _pair(*on_finer_grid(first, second), "overlap")
    if first.grid.shape != second.grid.shape:
        of = "positions" if not on_photo else "two images"
        raise GeometryError(
            f"maps of {of} on a grid of {_shape(first.grid)} and of {_shape(second.grid)} cells cannot be "
            "subtracted, as their cells do not belong together: choose models of one grid"
            + (", or one image" if on_photo else "")
        )
    return _pair(first, second, "cells" if same_image or not on_photo else "other image")


def _shape(grid: PatchGrid) -> str:
    return f"{grid.rows}×{grid.cols}"


def _pair(first: Heatmap, second: Heatmap, how: How) -> MapPair:
    label = "first minus second"
    difference = Heatmap(first.values - second.values, first.grid, label, f"difference of {first.unit}")
    return MapPair(first, second, difference, how)


def on_finer_grid(first: Heatmap, second: Heatmap) -> tuple[Heatmap, Heatmap]:
    """Bring two maps of one image to the finer of their grids by overlap of cells, where both have a value.

    Parameters
    ----------
    first, second : Heatmap
        Values are mass, spread evenly over their cells.

    Returns
    -------
    (Heatmap, Heatmap)
        On the grid whose cells are smaller, the first's if neither is. A cell of which a part has no value in the
        other map holds the mass of the rest; one that has nothing in common with the other map is NaN in both.

    Raises
    ------
    GeometryError
        If no place of the photo has a value in both.
    """
    swapped = _cell_area(second.grid) < (1 - SLIVER) * _cell_area(first.grid)
    fine, coarse = (second, first) if swapped else (first, second)
    fine_seen, coarse_seen = np.isfinite(fine.values), np.isfinite(coarse.values)
    (down, across), (tall, wide) = _overlaps(fine.grid, coarse.grid), _cell_size(coarse.grid)
    height, width = _cell_size(fine.grid)
    covered = (down / height) @ coarse_seen @ (across / width).T  # share of each fine cell, (rows, cols)
    held = (down / tall) @ np.where(coarse_seen, coarse.values, 0).astype(np.float64) @ (across / wide).T
    there = fine_seen & (covered > 0)
    if not there.any():
        raise GeometryError(
            "no place of the photo has a value in both maps: choose a query that both can see"
        )
    kept = np.where(there, fine.values * covered, np.nan).astype(np.float32)
    brought = np.where(there, held, np.nan).astype(np.float32)
    pair = replace(fine, values=kept), replace(coarse, values=brought, grid=fine.grid)
    return (pair[1], pair[0]) if swapped else pair


def _cell_size(grid: PatchGrid) -> tuple[float, float]:
    """Return (height, width) of a cell in pixels of the original."""
    return grid.rect[3] / grid.rows, grid.rect[2] / grid.cols


def _cell_area(grid: PatchGrid) -> float:
    height, width = _cell_size(grid)
    return height * width


def _overlaps(first: PatchGrid, second: PatchGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths in pixels that rows share, and that columns share: (first's, second's) each."""
    found = []
    for axis, counts in ((1, (first.rows, second.rows)), (0, (first.cols, second.cols))):
        edges = [
            grid.rect[axis] + grid.rect[axis + 2] * np.arange(count + 1) / count
            for grid, count in zip((first, second), counts, strict=True)
        ]
        ends = np.minimum(edges[0][1:, None], edges[1][None, 1:])
        shared = ends - np.maximum(edges[0][:-1, None], edges[1][None, :-1])
        side = min(edge[1] - edge[0] for edge in edges)
        found.append(np.where(shared > SLIVER * side, shared, 0.0))
    return found[0], found[1]


def at_same_place(query: Query | None, first: TokenAxis, second: TokenAxis, same_image: bool) -> Query | None:
    """Return a query of the first in the numbers of the second.

    A patch is the cell of the second in which the middle of the first's lies; of two images, the same cell. The
    number of a token is that of the first's: where the second numbers its tokens otherwise, it is found again by
    what it stands for.

    Raises
    ------
    GeometryError
        If the second saw nothing there, or its grid over another image is another.
    """
    query = told_by_what(query, first, second)
    if not isinstance(query, tuple) or first.grid is None or second.grid is None:
        return query
    told = f"patch {format_query(query)}"
    if not same_image:
        if first.grid.shape != second.grid.shape:
            raise GeometryError(
                f"{told} of a grid of {_shape(first.grid)} is no patch of another image's grid of "
                f"{_shape(second.grid)}: choose a query that is no patch, such as mean"
            )
        return query
    if same_cells(first.grid, second.grid):
        return query
    left, top, width, height = first.grid.cell_rect(*query)
    cell = second.grid.cell_at(left + width / 2, top + height / 2)
    if cell is None:
        raise GeometryError(f"{told} of the first lies where the second saw nothing: choose another query")
    return cell


def position_difference(first: PositionEmbedding, second: PositionEmbedding) -> np.ndarray:
    """Return (rows, cols, rows, cols) float32: similarity of positions in the first minus that in the second.

    Raises
    ------
    UsageError
        If their grids are of other shapes, as there is no pair of patches that both have then.
    """
    if first.grid.shape != second.grid.shape:
        raise UsageError(
            f"position similarities of {_shape(first.grid)} and of {_shape(second.grid)} patches cannot be "
            "subtracted, cell by cell: choose models with the same grid of patches"
        )
    return first.similarity() - second.similarity()

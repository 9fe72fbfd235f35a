"""How attention maps look: which cells are shown, over which values colours go, and what a reader is told of it."""

from dataclasses import replace

import numpy as np

from vizstudio.core import page
from vizstudio.core.errors import UsageError
from vizstudio.core.overlay import value_range
from vizstudio.core.scene import Item
from vizstudio.core.state import ViewState
from vizstudio.core.types import Heatmap

ROUNDING = 1e-7  # relative; of sums of float32


def by_mass(values: np.ndarray, share: float) -> np.ndarray:
    """Return a map with NaN in all cells but the smallest set of them that holds a share of its sum.

    Parameters
    ----------
    values : (rows, cols) float
        NaN cells hold nothing and stay NaN.
    share : float
        Above 0, up to 1; 1 leaves the map as it is, its empty cells too. Of equal cells the first in reading
        order are taken.

    Raises
    ------
    UsageError
        If a value is negative, as there is no share of such a sum.
    """
    if share >= 1:
        return values
    flat = np.nan_to_num(values.astype(np.float64), nan=0.0).ravel()
    if (flat < 0).any():
        raise UsageError(
            "a map with negative values has no mass: leave out --mass, which needs values from 0"
        )
    order = np.argsort(-flat, kind="stable")
    held = np.cumsum(flat[order])
    count = int(np.searchsorted(held, share * held[-1] * (1 - ROUNDING))) + 1
    kept = np.zeros(flat.size, bool)
    kept[order[:count]] = True
    return np.where(kept.reshape(values.shape) & np.isfinite(values), values, np.nan).astype(values.dtype)


def shown_cells(heatmap: Heatmap, state: ViewState) -> Heatmap:
    """Return a map with the cells alone that hold the mass asked for; see `by_mass`."""
    return heatmap if state.mass >= 1 else replace(heatmap, values=by_mass(heatmap.values, state.mass))


def colour_range(state: ViewState, values: np.ndarray, from_zero: bool = False) -> tuple[float, float]:
    """Return the (low, high) that colours span: as asked, or else the map's own; see `value_range`."""
    return state.range or value_range(values, from_zero)


def map_bar(x: float, height: float, state: ViewState) -> tuple[list[Item], float]:
    """Return (items, width) of the colour bar of many maps, which have one scale only if a range is asked for."""
    if state.range is None:
        return page.relative_bar(x, height, state.colormap)
    return page.colour_bar(x, height, state.colormap, *state.range, "attention")


def scale_words(state: ViewState) -> str:
    """Return how the colours of many maps are to be read, to follow "each" or "each map"."""
    if state.range is None:
        return "has its own scale from 0"
    return "has the scale of the colour bar; values beyond it have the colours of its ends"


def looks_sentence(state: ViewState, heatmap: Heatmap) -> str:
    """Say which cells of a single map are shown, and whether values lie beyond its colours."""
    values, told = heatmap.values, ""
    if state.mass < 1:
        kept, of = np.isfinite(by_mass(values, state.mass)).sum(), np.isfinite(values).sum()
        told += (
            f" Shown are the {kept} of {of} cells that hold {state.mass:.3g} of the map, the fewest that do."
        )
    if state.range is not None and ((values < state.range[0]) | (values > state.range[1])).any():
        told += " Values beyond the colour bar have the colours of its ends."
    return told


def mass_sentence(state: ViewState) -> str:
    """Say which cells of every one of many maps are shown."""
    if state.mass >= 1:
        return ""
    return f" Of each map only the fewest cells are shown that hold {state.mass:.3g} of it."

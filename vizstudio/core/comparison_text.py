"""What is said of a comparison: whose each map is, how they were subtracted, and the notes on both."""

import numpy as np

from vizstudio.core import maps
from vizstudio.core.attention_parts import head_name, layer_name
from vizstudio.core.comparison import OF_POSITIONS, Comparison, PositionComparison, Side, same_image
from vizstudio.core.position_views import KINDS
from vizstudio.core.view import Request


def query_of(found: Comparison | PositionComparison, i: int) -> str:
    """Return what the query of one side is called, 0 for the first."""
    state = found.states[i]
    axis = found.sides[i].analysis.attention.layers[state.layer].queries
    return maps.query_name(axis, state.query)


def side_names(first: Side, second: Side) -> tuple[str, str]:
    """Return what each side is called: its model and weights, and where these read alike what tells them apart."""
    names, about = [], [side.analysis.provenance for side in (first, second)]
    for side, known in zip((first, second), about, strict=True):
        weights = known.get("weights", "")
        names.append(f"{side.analysis.model_id} · {weights} weights" if weights else side.analysis.model_id)
    if names[0] == names[1]:
        if about[0].get("weights_hash") != about[1].get("weights_hash"):
            names = [f"{n} {k.get('weights_hash', '')[:8]}" for n, k in zip(names, about, strict=True)]
        for what in ("precision", "device"):
            if about[0].get(what) != about[1].get(what):
                names = [f"{n} · {k.get(what, '')}" for n, k in zip(names, about, strict=True)]
    return names[0], names[1]


def titles(found: Comparison | PositionComparison, i: int) -> tuple[str, tuple[str, ...]]:
    """Return (title, lines) above the first, the second, or the difference."""
    if i == 2:
        return "First minus second", (_difference_line(found),)
    side, state = found.sides[i], found.states[i]
    name = side_names(*found.sides)[i]
    if state.view in OF_POSITIONS:
        embedding = side.analysis.position()
        rows, cols = embedding.grid.shape
        about = f"{KINDS[embedding.kind]} position embedding · {rows}×{cols} patches"
        return ("First", "Second")[i], (name, about)
    request = Request(side.analysis, side.image, state)
    heads = head_name(state.head, side.analysis.attention.layers[state.layer].heads)
    images = [] if same_image(*found.sides) else [side.image.name]
    lines = [name, *images, f"{layer_name(request)} · {heads}"]
    if query_of(found, 0) != query_of(found, 1):
        lines.append(f"query: {query_of(found, i)}")
    return ("First", "Second")[i], tuple(lines)


def _difference_line(found: Comparison | PositionComparison) -> str:
    if isinstance(found, PositionComparison):
        return "panel by panel"
    if found.pair.how == "overlap":
        rows, cols = found.pair.difference.grid.shape
        return f"on the finer of both grids, {rows}×{cols}"
    return "cell by cell" if found.pair.how == "cells" else "cells of the same row and column; no photo"


def map_explanation(found: Comparison) -> str:
    """Return what stands below two maps: how they were subtracted, and what share of attention they hold."""
    pair, state = found.pair, found.states[0]
    told = {
        "cells": "Cells are subtracted one by one.",
        "overlap": "Both maps are brought to the finer grid by overlap on the photo, where both have a value: the "
        "attention of a cell counts as spread evenly over it.",
        "other image": "The images differ, so cells of the same row and column are subtracted.",
    }[pair.how]
    told += " Red: the first has more. Blue: the second has more."
    if pair.first.unit.startswith("attention") and state.head not in ("max", "min"):
        sums = [float(np.nansum(heatmap.values.astype(np.float64))) for heatmap in (pair.first, pair.second)]
        told += (
            f" On these cells lie {sums[0]:.1%} of the first's attention and {sums[1]:.1%} of the second's; half "
            f"the sum of all absolute differences is {pair.moved:.1%}."
        )
    if state.mass < 1:
        told += (
            f" Of each of both maps only the fewest cells are shown that hold {state.mass:.3g} of it; the "
            "difference is that of all cells."
        )
    if state.hide_outliers:
        told += " High-norm tokens of each are hidden, and have no difference."
    return told


def notes_on(first: Side, second: Side) -> list[str]:
    """Return the notes on both, and those on one with the word whose they are."""
    common = [note for note in first.analysis.notes if note in second.analysis.notes]
    told = list(common)
    for side, name in ((first, "first"), (second, "second")):
        told += [f"{note} (the {name})" for note in side.analysis.notes if note not in common]
    return told

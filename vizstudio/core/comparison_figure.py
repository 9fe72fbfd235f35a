"""The figure of a comparison: first, second, first minus second; one scale for both, one for the difference."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from vizstudio.core import maps, page
from vizstudio.core.attention_parts import query_mark
from vizstudio.core.comparison import (
    OF_POSITIONS,
    Comparison,
    PositionComparison,
    Reductions,
    Side,
    compare_maps,
    compare_positions,
    same_image,
)
from vizstudio.core.comparison_text import map_explanation, notes_on, query_of, side_names, titles
from vizstudio.core.looks import shown_cells
from vizstudio.core.overlay import colorize, overlay
from vizstudio.core.page import BODY, SMALL
from vizstudio.core.position_views import all_panels, every_sentence
from vizstudio.core.scene import INK, MUTED, Item, Picture, Text
from vizstudio.core.state import ViewState
from vizstudio.core.types import Heatmap
from vizstudio.core.view import CORNER, Data, Figure, Request, about_grid

DIVERGING = "RdBu_r"
"""The colours of a difference: blue below 0, white at 0, red above."""
PANEL = 420  # pixels: the longest side of each of the three pictures
NARROWEST = 250.0  # pixels: of a column, so that what stands above it has room
PANELS_WIDE, MOST_PANELS = 640, 24
GAP, WIDE_GAP = 14.0, 34.0
PLAIN = 150  # the grey under a difference of two images, which lies on neither


@dataclass(frozen=True, eq=False)
class Column:
    """One picture of the three, and what stands above it."""

    items: list[Item]
    width: float
    height: float
    title: str
    lines: tuple[str, ...] = ()


def render_comparison(
    first: Side, second: Side, state: ViewState, reductions: Reductions, strict: bool = False
) -> Figure:
    """Draw two analyses under one view and their difference.

    Parameters
    ----------
    first, second, state, reductions, strict
        See `vizstudio.core.comparison.compare_maps`.

    Returns
    -------
    Figure
        Its numbers are ``first``, ``second`` and ``difference`` as they were subtracted, with their ``grid`` and
        ``rect``, and of a map ``first_own``, ``first_grid``, ``first_rect`` and the same of the second as they are
        without the other.

    Raises
    ------
    UsageError
        If there is nothing to compare, or one side has not what is asked for.
    GeometryError, AttentionError
        If it cannot be drawn or subtracted truthfully.
    """
    if state.view == "position":
        return _position_figure(compare_positions(first, second, state, strict))
    return _map_figure(compare_maps(first, second, state, reductions, strict))


def _map_figure(found: Comparison) -> Figure:
    pair, state = found.pair, found.states[0]
    of_positions = state.view in OF_POSITIONS
    columns = _grid_columns(found) if of_positions else _photo_columns(found)
    subject = found.title if of_positions else f"{found.title} of {query_of(found, 0)}"
    explanation = map_explanation(found)
    own: Data = {}
    for name, heatmap in zip(("first", "second"), found.own, strict=True):
        where = {f"{name}_{key}": value for key, value in about_grid(heatmap.grid).items()}
        own |= {f"{name}_own": heatmap.values, **where}
    values = {"first": pair.first.values, "second": pair.second.values}
    data = {**values, "difference": pair.difference.values, **about_grid(pair.difference.grid), **own}
    facts = {"how": pair.how, "half_of_all_differences": pair.moved}
    drawn = _figure(found, columns, subject, pair.first.unit, explanation, data, facts)
    return replace(drawn, heatmap=pair.difference, columns=values)


def _position_figure(found: PositionComparison) -> Figure:
    state = found.states[0]
    columns, every = [], 1
    for i, similarity in enumerate((found.first, found.second, found.difference)):
        colours = (state.colormap, found.span) if i < 2 else (DIVERGING, (-found.reach, found.reach))
        items, width, height, every = all_panels(similarity, *colours, PANELS_WIDE, MOST_PANELS)
        columns.append(Column(items, width, height, *titles(found, i)))
    explanation = (
        "One panel per patch, at that patch's place: the cosine similarity of its position vector with every "
        "patch's, in both models, and the first's minus the second's. Red: more similar in the first. Blue: in the "
        "second."
    ) + every_sentence(every)
    data = {"first": found.first, "second": found.second, "difference": found.difference}
    subject = "Position similarity of all patches"
    return _figure(found, columns, subject, "cosine", explanation, data, {})


def _photo_columns(found: Comparison) -> list[Column]:
    """Return the maps on their photos; the difference of two images lies on neither."""
    pair, columns = found.pair, []
    for i, heatmap in enumerate((pair.first, pair.second, pair.difference)):
        side, state = found.sides[i % 2], found.states[i % 2]
        photo, opacity = page.photo_at(side.image, PANEL), state.opacity
        if i == 2:
            colours, span = DIVERGING, (-found.reach, found.reach)
            if pair.how == "other image":
                photo, opacity = np.full_like(photo, PLAIN), 1.0
        else:
            heatmap, colours, span = shown_cells(heatmap, state), state.colormap, found.span
        pixels = overlay(photo, heatmap, colours, *span, opacity, state.smooth)
        height, width = pixels.shape[:2]
        request = Request(side.analysis, side.image, state)
        grid = side.analysis.attention.layers[state.layer].queries.grid
        marks = query_mark(request, grid, (width, height))
        items = [Picture(0, 0, width, height, pixels), *marks]
        columns.append(Column(items, width, height, *titles(found, i)))
    return columns


def _grid_columns(found: Comparison) -> list[Column]:
    """Return maps of positions as cells with numbers."""
    pair, columns = found.pair, []
    for i, heatmap in enumerate((pair.first, pair.second, pair.difference)):
        colours = (found.states[0].colormap, *found.span) if i < 2 else (DIVERGING, -found.reach, found.reach)
        (rows, cols), (left, top) = heatmap.grid.shape, CORNER
        side = max(1, round(PANEL / max(rows, cols)))
        width, height = cols * side, rows * side
        items: list[Item] = [
            Picture(left, top, width, height, colorize(heatmap.values, *colours)),
            *page.grid_numbers(rows, cols, left, top, width, height),
        ]
        columns.append(Column(items, left + width, top + height, *titles(found, i)))
    return columns


def _figure(
    found: Comparison | PositionComparison,
    columns: list[Column],
    subject: str,
    unit: str,
    explanation: str,
    data: Data,
    facts: Mapping[str, object],
) -> Figure:
    """Put three pictures and two colour bars on a page."""
    first, second = found.sides
    state = found.states[0]
    items, width, height = _in_a_row(columns, found, state.colormap, unit)
    one_image = same_image(first, second) and state.view not in OF_POSITIONS
    names = [side.image.name for side in (first, second)]
    about = [] if state.view in OF_POSITIONS else [names[0] if one_image else " and ".join(names)]
    heading = page.Heading(f"{subject}: first minus second", about)
    scene = page.page(heading, explanation, notes_on(first, second), width, height, items)
    title = " · ".join([f"{subject}: first minus second", *side_names(first, second), *about])
    told = {"comparison": {"second": _facts(found, 1), **facts}}
    return Figure(scene, data, title, explanation, state, facts=told)


def _in_a_row(
    columns: list[Column],
    found: Comparison | PositionComparison,
    colormap: str,
    unit: str,
) -> tuple[list[Item], float, float]:
    """Return (items, width, height): first, second, their bar, the difference, its bar."""
    widths = [max(column.width, NARROWEST) for column in columns]
    above = [
        [line for text in column.lines for line in page.wrap(text, SMALL, width)]
        for column, width in zip(columns, widths, strict=True)
    ]
    top = BODY + 10 + max(map(len, above)) * (SMALL + 5) + 6
    tallest = max(column.height for column in columns)
    items: list[Item] = []
    x = 0.0
    for i, (column, lines, width) in enumerate(zip(columns, above, widths, strict=True)):
        items.append(Text(x, 0, column.title, BODY + 1, INK))
        items += [Text(x, BODY + 10 + n * (SMALL + 5), line, SMALL, MUTED) for n, line in enumerate(lines)]
        items += [page.moved(item, x, top) for item in column.items]
        x += width + GAP
        if i > 0:
            colours = (colormap, *found.span) if i == 1 else (DIVERGING, -found.reach, found.reach)
            bar, bar_width = page.colour_bar(
                x, max(tallest, 140.0), *colours, unit if i == 1 else "difference"
            )
            items += [page.moved(item, 0, top) for item in bar]
            x += bar_width + (WIDE_GAP if i == 1 else 0)
    return items, x, top + max(tallest, 140.0)


def _facts(found: Comparison | PositionComparison, i: int) -> dict[str, object]:
    """Return what a JSON file tells of the second side, as it does of the first."""
    side, state = found.sides[i], found.states[i]
    told: dict[str, object] = {
        "model": side.analysis.model_id,
        "image": side.image.name,
        "layer": state.layer,
        "head": state.head,
        "query": maps.format_query(state.query),
        "provenance": dict(side.analysis.provenance),
        "notes": list(side.analysis.notes),
    }
    if isinstance(found, Comparison):
        heatmap: Heatmap = found.own[i]
        told |= {
            "grid": list(heatmap.grid.shape),
            "rect": list(heatmap.grid.rect),
            "prefix_mass": heatmap.prefix_mass,
        }
    return told

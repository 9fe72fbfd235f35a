"""The wall: the same query in every head of every layer."""

import numpy as np

from vizstudio.core import maps, page, statistics
from vizstudio.core.attention_parts import asked, query_of_layer, weights_data
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.looks import by_mass, colour_range, map_bar, mass_sentence, scale_words
from vizstudio.core.overlay import colorize
from vizstudio.core.scene import MUTED, RULE, Box, Item, Picture, Text
from vizstudio.core.types import AttentionLayer, Query
from vizstudio.core.view import Body, Data, Request

LEFT, TOP, GAP = 34.0, 34.0, 4
NO_ROW = 22.0  # height of a line that says why a layer is not drawn


def _wall_side(layers: int, heads: int, cells: int) -> int:
    """Return the side of a wall's maps: whole pixels per cell, and a wall that is neither tiny nor huge."""
    wanted = min(max(min(940 / heads, 1100 / layers), 40), 96)
    return max(1, round(wanted / cells)) * cells if cells <= wanted else round(wanted)


def draw_wall(request: Request) -> Body:
    """Draw the view of the query that is asked."""
    return wall(request, asked(request)[1])


def wall(request: Request, name: str) -> Body:
    """Draw every head of every layer of a query that is called `name`."""
    state, attention = request.state, request.analysis.attention
    grids = [layer.keys.grid for layer in attention.layers if layer.keys.grid is not None]
    most = max(layer.heads for layer in attention.layers)
    cells = max((max(grid.shape) for grid in grids), default=1)
    side = _wall_side(len(attention.layers), most, cells)
    width = LEFT + most * (side + GAP) - GAP
    items, stacks, bottom = _rows(request, side, width)
    items += [
        Text(LEFT, 0, "head", page.SMALL, MUTED),
        Text(0, TOP - 14, "layer", page.SMALL, MUTED),
        *(Text(LEFT + h * (side + GAP) + side / 2, 16, str(h), page.SMALL, MUTED, "ma") for h in range(most)),
    ]
    bar, bar_width = map_bar(width + 16, min(max(bottom, 120.0), 240.0), state)
    explanation = f"How strongly {name} attends to each patch. Each map {scale_words(state)}."
    explanation += mass_sentence(state)
    if state.hide_outliers and state.view == "wall":
        explanation += " High-norm tokens of each layer are hidden."
    if len({grid.shape for grid in grids}) > 1 and isinstance(state.query, tuple):
        explanation += (
            f" Patches are those of layer {state.layer}; in other layers the patch at the same place."
        )
    if not all(layer.keys.is_global for layer in attention.layers):
        explanation += " Grey: outside the query's window."
    if any(maps.on_padding(grid).any() for grid in grids):
        explanation += " The maps show the padding around the photo too."
    detail = f"all {len(attention.layers)} layers, first to last, × {most} heads"
    data = {**_stacked(stacks, len(attention.layers)), **weights_data(request)}
    height = max(bottom, 120.0)
    subject = f"Attention of {name}"
    return Body([*items, *bar], width + 16 + bar_width, height, subject, explanation, data, None, detail)


def _rows(request: Request, side: int, width: float) -> tuple[list[Item], dict[int, np.ndarray], float]:
    """Return (items, maps (heads, rows, cols) by layer, bottom); a layer without maps says why."""
    attention, y, state = request.analysis.attention, TOP, request.state
    hiding = state.hide_outliers and state.view == "wall"  # norms are those of the image's encoder
    hidden = [
        statistics.outliers(request.analysis, i) if hiding else [] for i in range(len(attention.layers))
    ]
    items: list[Item] = []
    stacks: dict[int, np.ndarray] = {}
    for row, layer in enumerate(attention.layers):
        query = query_of_layer(request, row)
        try:
            stacks[row] = maps.all_heads(attention, row, query, hidden[row])
        except (UsageError, GeometryError) as error:
            why = page.shorten(str(error), page.SMALL, width - LEFT)
            items.append(Text(LEFT - 8, y + NO_ROW / 2, str(row), page.SMALL, MUTED, "rm"))
            items.append(Text(LEFT, y + NO_ROW / 2, why, page.SMALL, MUTED, "lm"))
            y += NO_ROW
            continue
        rows, cols = stacks[row].shape[1:]
        tall = side * rows / max(rows, cols)
        items.append(Text(LEFT - 8, y + tall / 2, str(row), page.SMALL, MUTED, "rm"))
        for head, values in enumerate(stacks[row]):
            items += _map(request, layer, values, query, LEFT + head * (side + GAP), y, side)
        y += tall + GAP
    return items, stacks, y - GAP


def _map(
    request: Request,
    layer: AttentionLayer,
    values: np.ndarray,
    query: Query | None,
    x: float,
    y: float,
    side: float,
) -> list[Item]:
    cell = side / max(values.shape)
    width, height = cell * values.shape[1], cell * values.shape[0]
    span, shown = colour_range(request.state, values, from_zero=True), by_mass(values, request.state.mass)
    pixels = colorize(shown, request.state.colormap, *span)
    items: list[Item] = [Box(x, y, width, height, fill=RULE)] if np.isnan(shown).any() else []
    items.append(Picture(x, y, width, height, pixels))
    if isinstance(query, tuple) and layer.queries.grid == layer.keys.grid:
        row, col = query
        items.append(Box(x + col * cell - 1, y + row * cell - 1, cell + 2, cell + 2, outline="#ffffff"))
    return items


def _stacked(stacks: dict[int, np.ndarray], layers: int) -> Data:
    """Return ``heatmaps (layers, heads, rows, cols)``, or an entry per layer where layers differ."""
    if len(stacks) == layers and len({stack.shape for stack in stacks.values()}) == 1:
        return {"heatmaps": np.stack(list(stacks.values()))}
    return {f"heatmaps_{i:02d}": stack for i, stack in stacks.items()}

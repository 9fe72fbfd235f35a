"""Views of attention: one map, all heads, all layers, and any way to reduce it to a map."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vizstudio.core import maps, page, statistics
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.overlay import colorize, lookup_table, overlay, value_range
from vizstudio.core.scene import INK, MUTED, Box, Item, Picture, Text, text_width
from vizstudio.core.types import Attention, AttentionLayer, Head, Heatmap, Query
from vizstudio.core.view import STAGE, Body, Data, Request, View, about_grid, mark_cell, on_photo, outline

TILES_WIDTH = 900  # of all heads of a layer side by side
SWATCH = 13.0


def _layer_name(request: Request) -> str:
    state, layers = request.state, request.analysis.attention.layers
    layer = f"layer {state.layer} of 0 to {len(layers) - 1}"
    note = layers[state.layer].note
    return f"{layer} ({note})" if note else layer


def _head_name(state_head: Head, heads: int) -> str:
    if isinstance(state_head, int):
        return f"head {state_head} of 0 to {heads - 1}"
    word = {"max": "maximum", "min": "minimum"}.get(state_head, state_head)
    return f"{word} of {heads} heads" if heads > 1 else "its one head"


def _asked(request: Request) -> tuple[AttentionLayer, str]:
    """Return the layer in question, and what its query is called."""
    about = request.analysis.attention.layers[request.state.layer]
    return about, maps.query_name(about.queries, request.state.query)


def _hidden(request: Request) -> tuple[list[int], str]:
    """Return the tokens to hide, and a sentence on them."""
    if not request.state.hide_outliers:
        return [], ""
    found = statistics.outliers(request.analysis, request.state.layer)
    if not found:
        return [], " No token is a high-norm outlier, so none is hidden."
    many = "token is" if len(found) == 1 else "tokens are"
    return found, f" {len(found)} high-norm {many} hidden."


def _query_mark(request: Request, grid: PatchGrid | None, size: tuple[int, int]) -> list[Item]:
    """Return an outline around the query, if it is a patch that lies on the photo."""
    query = request.state.query
    return mark_cell(grid, query, size) if isinstance(query, tuple) and grid is not None else []


def _size(photo: np.ndarray) -> tuple[int, int]:
    return photo.shape[1], photo.shape[0]


def _draw_attention(request: Request) -> Body:
    state, attention = request.state, request.analysis.attention
    about, name = _asked(request)
    hide, hidden = _hidden(request)
    heatmap = maps.attention_heatmap(attention, state.layer, state.head, state.query, hide)
    row = maps.fuse(maps.query_rows(attention, state.layer, state.query), state.head)
    low, high = value_range(heatmap.values, from_zero=True)
    items, width, height = on_photo(request, heatmap, low, high)
    marks = _query_mark(request, about.queries.grid, _size(page.photo_at(request.image, STAGE)))
    items += marks
    strip, strip_height = _prefix_strip(request, about, row, high, height + 12, width)
    explanation = (
        f"How strongly {name} attends to each patch: attention weights, which sum to 1 over all tokens."
    )
    explanation += _padding_sentence(heatmap) + hidden
    if isinstance(state.query, tuple):
        explanation += " The query is outlined." if marks else " The query itself lies on the padding."
    data = {"heatmap": heatmap.values, **about_grid(heatmap.grid), **_weights_data(request)}
    detail = f"{_layer_name(request)} · {_head_name(state.head, about.heads)}"
    subject = f"Attention of {name}"
    return Body([*items, *strip], width, height + strip_height, subject, explanation, data, heatmap, detail)


def _prefix_strip(
    request: Request, about: AttentionLayer, row: np.ndarray, high: float, y: float, width: float
) -> tuple[list[Item], float]:
    """Return (items, height) of a swatch per token outside the image: its colour on the map's scale, its weight."""
    if not about.keys.labels:
        return [], 0.0
    table, query = lookup_table(request.state.colormap), request.state.query
    asked = maps.query_tokens(about.queries, query)
    lead = "Not on the photo:"
    x, first = text_width(lead, page.SMALL) + 12, y
    items: list[Item] = [Text(0, y + SWATCH / 2, lead, page.SMALL, MUTED, "lm")]
    for i, label in enumerate(about.keys.labels):
        is_query = asked == [i] and about.queries.labels == about.keys.labels
        told = f"{maps.token_name(label)} {row[i]:.1%}" + (" (the query)" if is_query else "")
        if x + SWATCH + 7 + text_width(told, page.SMALL) > max(width, page.NARROWEST):
            x, y = text_width(lead, page.SMALL) + 12, y + SWATCH + 8
        colour = "#{:02x}{:02x}{:02x}".format(*table[min(255, int(255 * max(float(row[i]), 0) / high))])
        items.append(Box(x, y, SWATCH, SWATCH, fill=colour))
        items += outline(x, y, SWATCH, SWATCH) if is_query else []
        items.append(Text(x + SWATCH + 7, y + SWATCH / 2, told, page.SMALL, INK, "lm"))
        x += SWATCH + 7 + text_width(told, page.SMALL) + 18
    return items, y - first + SWATCH + 12


def _prefix_sentence(request: Request, heatmap: Heatmap) -> str:
    """Say what share is not on the map because it went to prefix tokens."""
    names = request.analysis.attention.layers[request.state.layer].keys.labels
    if not heatmap.prefix_mass or not names:
        return ""
    who = f"the {maps.token_name(names[0])}" if len(names) == 1 else f"{len(names)} tokens outside the image"
    return f" {heatmap.prefix_mass:.1%} of it went to {who} and is not on the map."


def _padding_sentence(heatmap: Heatmap) -> str:
    """Say what share is not to be seen because it went to padding around the photo."""
    share = float(np.nansum(heatmap.values[maps.on_padding(heatmap.grid)]))
    return f" {share:.1%} went to the padding around the photo and is not seen." if share > 0 else ""


def _weights_data(request: Request) -> Data:
    """Return ``weights (layers, heads, keys)`` of the query, or an entry per layer where layers differ."""
    attention, query = request.analysis.attention, request.state.query
    rows = {}
    for i, layer in enumerate(attention.layers):
        try:
            maps.query_tokens(layer.queries, query)
        except UsageError:
            continue  # such as a pooling layer, which has one query of its own
        rows[i] = maps.query_rows(attention, i, query)
    if len(rows) == len(attention.layers) and len({r.shape for r in rows.values()}) == 1:
        return {"weights": np.stack(list(rows.values()))}
    return {f"weights_{i:02d}": row for i, row in rows.items()}


def _columns(count: int) -> int:
    """Return in how many columns `count` tiles leave the fewest holes, preferring four."""
    return count if count <= 4 else min((4, 5, 3), key=lambda columns: -count % columns)


def _draw_heads(request: Request) -> Body:
    state = request.state
    about, name = _asked(request)
    hide, hidden = _hidden(request)
    stack = maps.all_heads(request.analysis.attention, state.layer, state.query, hide)
    rows = maps.query_rows(request.analysis.attention, state.layer, state.query)
    columns, grid, prefix = _columns(len(stack)), maps.key_grid(about), about.keys.num_prefix_tokens
    wanted = min(340, TILES_WIDTH // columns)
    photo = page.photo_at(request.image, min(400, wanted * max(request.image.size) // request.image.size[0]))
    off = maps.token_name(about.keys.labels[0]) if prefix == 1 else "off photo"
    pictures, labels = [], []
    for head, values in enumerate(stack):
        low, high = value_range(values, from_zero=True)
        heatmap = Heatmap(values, grid)
        pictures.append(overlay(photo, heatmap, state.colormap, low, high, state.opacity, state.smooth))
        outside = f" · {off} {rows[head, :prefix].sum():.0%}" if prefix else ""
        labels.append(f"head {head} · max {page.short_number(high)}{outside}")
    marks = _query_mark(request, about.queries.grid, _size(photo))
    items, width, height = page.tiles(pictures, labels, columns, marks)
    bar, bar_width = page.relative_bar(width + 16, max(min(height, 240.0), 120.0), state.colormap)
    explanation = f"How strongly {name} attends to each patch, in every head; each has its own scale from 0."
    if prefix > 1:
        explanation += (
            f" Off photo: the share that went to {', '.join(map(maps.token_name, about.keys.labels))}."
        )
    data = {"heatmaps": stack, **about_grid(grid), **_weights_data(request)}
    subject, detail = f"Attention of {name}", f"{_layer_name(request)} · each of {len(stack)} heads"
    body_height = max(height, 120.0)
    return Body(
        [*items, *bar], width + 16 + bar_width, body_height, subject, explanation + hidden, data, None, detail
    )


def _wall_side(layers: int, heads: int, cells: int) -> int:
    """Return the side of a wall's maps: whole pixels per cell, and a wall that is neither tiny nor huge."""
    wanted = min(max(min(940 / heads, 1100 / layers), 40), 96)
    return max(1, round(wanted / cells)) * cells if cells <= wanted else round(wanted)


def _draw_wall(request: Request) -> Body:
    state, attention = request.state, request.analysis.attention
    _, name = _asked(request)
    drawable = [layer.keys.grid for layer in attention.layers if layer.keys.grid is not None]
    most = max(layer.heads for layer in attention.layers)
    cells = max((max(grid.shape) for grid in drawable), default=1)
    left, top, gap, side = 34.0, 34.0, 4, _wall_side(len(attention.layers), most, cells)
    items: list[Item] = [
        Text(left, 0, "head", page.SMALL, MUTED),
        Text(0, top - 14, "layer", page.SMALL, MUTED),
    ]
    stacks: dict[int, np.ndarray] = {}
    width = left + most * (side + gap) - gap
    y = top
    for row, layer in enumerate(attention.layers):
        try:
            stacks[row] = maps.all_heads(attention, row, state.query)
        except (UsageError, GeometryError) as error:
            items += _no_row(row, page.shorten(str(error), page.SMALL, width - left), left, y)
            y += 22
            continue
        tall = side * maps.key_grid(layer).rows / max(maps.key_grid(layer).shape)
        items.append(Text(left - 8, y + tall / 2, str(row), page.SMALL, MUTED, "rm"))
        for head, values in enumerate(stacks[row]):
            items += _wall_map(request, layer, values, left + head * (side + gap), y, side)
        y += tall + gap
    items += [
        Text(left + h * (side + gap) + side / 2, 16, str(h), page.SMALL, MUTED, "ma") for h in range(most)
    ]
    bar, bar_width = page.relative_bar(width + 16, min(y - gap, 240.0), state.colormap)
    if len(stacks) == len(attention.layers) and len({v.shape for v in stacks.values()}) == 1:
        data = {"heatmaps": np.stack(list(stacks.values()))}
    else:
        data = {f"heatmaps_{i:02d}": stack for i, stack in stacks.items()}
    explanation = (
        f"How strongly {name} attends to each patch. Each map has its own scale from 0 to its maximum."
    )
    if any(maps.on_padding(grid).any() for grid in drawable):
        explanation += " The maps show the padding around the photo too."
    detail = f"all {len(attention.layers)} layers, first to last, × {most} heads"
    subject, data = f"Attention of {name}", {**data, **_weights_data(request)}
    return Body([*items, *bar], width + 16 + bar_width, y - gap, subject, explanation, data, None, detail)


def _no_row(row: int, why: str, left: float, y: float) -> list[Item]:
    return [
        Text(left - 8, y + 9, str(row), page.SMALL, MUTED, "rm"),
        Text(left, y + 9, why, page.SMALL, MUTED, "lm"),
    ]


def _wall_map(
    request: Request, layer: AttentionLayer, values: np.ndarray, x: float, y: float, side: float
) -> list[Item]:
    cell, query = side / max(values.shape), request.state.query
    pixels = colorize(values, request.state.colormap, *value_range(values, from_zero=True))
    items: list[Item] = [Picture(x, y, cell * values.shape[1], cell * values.shape[0], pixels)]
    if isinstance(query, tuple) and layer.queries.grid == layer.keys.grid:
        items.append(
            Box(x + query[1] * cell - 1, y + query[0] * cell - 1, cell + 2, cell + 2, outline="#ffffff")
        )
    return items


Reduce = Callable[[Attention, int, Head, Query | None], Heatmap]


def reduction_view(title: str, measure: str, reduce: Reduce) -> View:
    """Return the view that draws ``reduce(attention, layer, head, query)`` on the photo.

    Parameters
    ----------
    title, measure : str
        What it is called, and what it measures in one sentence, which stands below every picture.
    reduce : callable
        Gets the attention of one analysis, a layer counted from 0, a head and a query that exist.
    """

    def draw(request: Request) -> Body:
        state = request.state
        about, name = _asked(request)
        hide, hidden = _hidden(request)
        heatmap = reduce(request.analysis.attention, state.layer, state.head, state.query)
        heatmap = replace(heatmap, values=_without(heatmap, hide, about.keys.num_prefix_tokens))
        items, width, height = on_photo(request, heatmap, *value_range(heatmap.values, from_zero=True))
        items += _query_mark(request, about.queries.grid, _size(page.photo_at(request.image, STAGE)))
        explanation = measure + _prefix_sentence(request, heatmap) + hidden
        data = {"heatmap": heatmap.values, **about_grid(heatmap.grid)}
        detail = f"{_layer_name(request)} · {_head_name(state.head, about.heads)}"
        return Body(items, width, height, f"{title} of {name}", explanation, data, heatmap, detail)

    return View(title, measure, draw)


def _without(heatmap: Heatmap, hide: list[int], prefix: int) -> np.ndarray:
    values = heatmap.values.copy()
    values.reshape(-1)[[token - prefix for token in hide]] = np.nan
    return values


ATTENTION_VIEWS: dict[str, View] = {
    "attention": View(
        "Attention", "How strongly one query attends to each patch, on the photo.", _draw_attention
    ),
    "heads": View("Heads", "The same query in every head of a layer.", _draw_heads),
    "wall": View("Wall", "The same query in every head of every layer.", _draw_wall),
}

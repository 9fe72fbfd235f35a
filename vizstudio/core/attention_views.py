"""Views of attention: one map, all heads, all layers, and any way to reduce it to a map."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vizstudio.core import maps, page
from vizstudio.core.errors import UsageError
from vizstudio.core.overlay import colorize, overlay, value_range
from vizstudio.core.scene import MUTED, Item, Picture, Text
from vizstudio.core.state import ViewState
from vizstudio.core.types import Attention, Head, Heatmap, Query
from vizstudio.core.view import STAGE, Body, Data, Request, View, about_grid, mark_cell, on_photo


def _where(state: ViewState, with_head: bool = True) -> str:
    head = f"head {state.head}" if isinstance(state.head, int) else f"{state.head} of heads"
    query = state.query
    asked = f"patch {query[0]},{query[1]}" if isinstance(query, tuple) else (query or "default query")
    return f"layer {state.layer}, {head}, {asked}" if with_head else f"layer {state.layer}, {asked}"


def _named_query(request: Request) -> ViewState:
    """Replace the default query by the name of what it stands for."""
    axis = request.analysis.attention.layers[request.state.layer].queries
    if request.state.query is not None:
        return request.state
    tokens = maps.query_tokens(axis, None)
    return replace(request.state, query=axis.labels[tokens[0]] if len(tokens) == 1 else "mean")


def _outliers(request: Request) -> tuple[list[int], str]:
    """Return the tokens to hide, and a sentence on them."""
    norms = request.analysis.token_norms
    if not request.state.hide_outliers:
        return [], ""
    if norms is None:
        raise UsageError(f"{request.analysis.model_id} keeps no token norms, so outliers cannot be told")
    labels = request.analysis.attention.layers[request.state.layer].keys.num_prefix_tokens
    found = maps.outlier_tokens(norms[min(request.state.layer, len(norms) - 1)], labels)
    return [int(t) for t in found], f" {len(found)} high-norm tokens are hidden."


def _draw_attention(request: Request) -> Body:
    state = _named_query(request)
    attention = request.analysis.attention
    hide, hidden = _outliers(request)
    heatmap = maps.attention_heatmap(attention, state.layer, state.head, state.query, hide)
    items, width, height = on_photo(request, heatmap, *value_range(heatmap.values, from_zero=True))
    scale = STAGE / max(request.image.size)
    if isinstance(state.query, tuple) and heatmap.grid == attention.layers[state.layer].queries.grid:
        items += mark_cell(heatmap, state.query, scale)
    return Body(
        items,
        width,
        height,
        f"Attention, {_where(state)}",
        "How strongly the query attends to each patch." + _prefix_sentence(request, heatmap) + hidden,
        {"heatmap": heatmap.values, **about_grid(heatmap.grid), **_weights_data(request)},
        heatmap,
    )


def _prefix_sentence(request: Request, heatmap: Heatmap) -> str:
    """Say what share of the attention is not on the map because it went to prefix tokens."""
    layer = request.analysis.attention.layers[request.state.layer]
    if not heatmap.prefix_mass or not layer.keys.labels:
        return ""
    names = layer.keys.labels
    who = "the class token" if names == ("cls",) else f"{len(names)} tokens outside the image"
    return f" {heatmap.prefix_mass:.1%} of it went to {who} and is not on the map."


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


def _draw_heads(request: Request) -> Body:
    state = _named_query(request)
    about = request.analysis.attention.layers[state.layer]
    stack = maps.all_heads(request.analysis.attention, state.layer, state.query)
    columns = min(4, math.ceil(math.sqrt(len(stack))))
    photo, scale = page.photo_at(request.image, 230)
    pictures = []
    for values in stack:
        heatmap = Heatmap(values, maps.key_grid(about))
        low, high = value_range(values, from_zero=True)
        pictures.append(
            overlay(photo, heatmap, scale, state.colormap, low, high, state.opacity, state.smooth)
        )
    labels = [f"head {i}   max {stack[i][np.isfinite(stack[i])].max():.3f}" for i in range(len(stack))]
    items, width, height = page.tiles(pictures, labels, columns, (photo.shape[1], photo.shape[0]))
    data = {"heatmaps": stack, **about_grid(maps.key_grid(about)), **_weights_data(request)}
    explanation = (
        "How strongly the query attends to each patch, in every head. Each head has its own scale from 0."
    )
    return Body(items, width, height, f"Heads, {_where(state, False)}", explanation, data)


def _draw_wall(request: Request) -> Body:
    state, attention = _named_query(request), request.analysis.attention
    items: list[Item] = []
    left, top, side, gap = 34.0, 22.0, 62.0, 4.0
    data: Data = {}
    most = max(layer.heads for layer in attention.layers)
    for row, layer in enumerate(attention.layers):
        y = top + row * (side + gap)
        items.append(Text(left - 8, y + side / 2, str(row), page.SMALL, MUTED, "rm"))
        if layer.keys.grid is None:
            items.append(Text(left, y + side / 2, layer.note, page.SMALL, MUTED, "lm"))
            continue
        try:
            stack = maps.all_heads(attention, row, state.query)
        except UsageError as error:
            items.append(Text(left, y + side / 2, str(error), page.SMALL, MUTED, "lm"))
            continue
        data[f"heatmaps_{row:02d}"] = stack
        tall = layer.keys.grid.rows / max(layer.keys.grid.shape)
        wide = layer.keys.grid.cols / max(layer.keys.grid.shape)
        for head, values in enumerate(stack):
            pixels = colorize(values, state.colormap, *value_range(values, from_zero=True))
            items.append(Picture(left + head * (side + gap), y, side * wide, side * tall, pixels))
    items += [
        Text(left + h * (side + gap) + side / 2, 0, str(h), page.SMALL, MUTED, "ma") for h in range(most)
    ]
    shapes = {v.shape for v in data.values()}
    if len(shapes) == 1 and len(data) == len(attention.layers):
        data = {"heatmaps": np.stack(list(data.values()))}
    return Body(
        items,
        left + most * (side + gap) - gap,
        top + len(attention.layers) * (side + gap) - gap,
        f"All layers × heads, {_where(state).split(', ')[-1]}",
        "Rows are layers from first to last, columns are heads. Each map has its own scale from 0.",
        {**data, **_weights_data(request)},
    )


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
        state = _named_query(request)
        heatmap = reduce(request.analysis.attention, state.layer, state.head, state.query)
        items, width, height = on_photo(request, heatmap, *value_range(heatmap.values))
        subject, explanation = f"{title}, {_where(state)}", measure + _prefix_sentence(request, heatmap)
        data = {"heatmap": heatmap.values, **about_grid(heatmap.grid)}
        return Body(items, width, height, subject, explanation, data, heatmap)

    return View(title, measure, draw)


ATTENTION_VIEWS: dict[str, View] = {
    "attention": View(
        "Attention", "How strongly one query attends to each patch, on the photo.", _draw_attention
    ),
    "heads": View("Heads", "The same query in every head of a layer.", _draw_heads),
    "wall": View("Wall", "The same query in every head of every layer.", _draw_wall),
}

"""Views of attention: one map, all heads, all layers, and any way to reduce it to a map."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vizstudio.core import maps, page
from vizstudio.core.attention_parts import (
    asked,
    head_name,
    hidden,
    layer_name,
    padding_sentence,
    prefix_sentence,
    query_mark,
    weights_data,
    window_sentence,
)
from vizstudio.core.looks import (
    colour_range,
    looks_sentence,
    map_bar,
    mass_sentence,
    scale_words,
    shown_cells,
)
from vizstudio.core.overlay import colorize, overlay, value_range
from vizstudio.core.scene import INK, MUTED, Box, Item, Picture, Scene, Text, text_width
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Attention, AttentionLayer, Head, Heatmap, Query
from vizstudio.core.view import STAGE, Body, Request, View, about_grid, on_photo, outline
from vizstudio.core.wall import draw_wall

TILES_WIDTH = 900  # of all heads of a layer side by side
SWATCH = 13.0


def _size(photo: np.ndarray) -> tuple[int, int]:
    return photo.shape[1], photo.shape[0]


def _draw_attention(request: Request) -> Body:
    state, attention = request.state, request.analysis.attention
    about, name = asked(request)
    hide, about_hidden = hidden(request)
    heatmap = maps.attention_heatmap(attention, state.layer, state.head, state.query, hide)
    row = maps.fuse(maps.query_rows(attention, state.layer, state.query), state.head)
    low, high = colour_range(state, heatmap.values, from_zero=True)
    shown = shown_cells(heatmap, state)
    items, width, height = on_photo(request, shown, low, high)
    marks = query_mark(request, about.queries.grid, _size(page.photo_at(request.image, STAGE)))
    items += marks
    strip, strip_height = _prefix_strip(request, about, row, (low, high), height + 12, width)
    explanation = (
        f"How strongly {name} attends to each patch: attention weights, which sum to 1 over all tokens."
    )
    explanation += padding_sentence(heatmap) + window_sentence(about) + about_hidden
    explanation += looks_sentence(state, heatmap)
    if isinstance(state.query, tuple):
        explanation += " The query is outlined." if marks else " The query itself lies on the padding."
    data = {"heatmap": shown.values, **about_grid(heatmap.grid), **weights_data(request)}
    detail = f"{layer_name(request)} · {head_name(state.head, about.heads)}"
    subject = f"Attention of {name}"
    return Body([*items, *strip], width, height + strip_height, subject, explanation, data, shown, detail)


def _prefix_strip(
    request: Request,
    about: AttentionLayer,
    row: np.ndarray,
    span: tuple[float, float],
    y: float,
    width: float,
) -> tuple[list[Item], float]:
    """Return (items, height) of a swatch per token outside the image: its colour on the map's scale, its weight."""
    if not about.keys.labels:
        return [], 0.0
    query = request.state.query
    colours = colorize(row[: len(about.keys.labels)], request.state.colormap, *span)
    asked = maps.query_tokens(about.queries, query)
    lead = "Not on the photo:"
    x, first = text_width(lead, page.SMALL) + 12, y
    items: list[Item] = [Text(0, y + SWATCH / 2, lead, page.SMALL, MUTED, "lm")]
    for i, label in enumerate(about.keys.labels):
        is_query = asked == [i] and about.queries.labels == about.keys.labels
        told = f"{maps.token_name(label)} {row[i]:.1%}" + (" (the query)" if is_query else "")
        if x + SWATCH + 7 + text_width(told, page.SMALL) > max(width, page.NARROWEST):
            x, y = text_width(lead, page.SMALL) + 12, y + SWATCH + 8
        colour = "#{:02x}{:02x}{:02x}".format(*colours[i, :3])
        items.append(Box(x, y, SWATCH, SWATCH, fill=colour))
        items += outline(x, y, SWATCH, SWATCH) if is_query else []
        items.append(Text(x + SWATCH + 7, y + SWATCH / 2, told, page.SMALL, INK, "lm"))
        x += SWATCH + 7 + text_width(told, page.SMALL) + 18
    return items, y - first + SWATCH + 12


def columns_of(count: int) -> int:
    """Return in how many columns `count` tiles leave the fewest holes, preferring four."""
    return count if count <= 4 else min((4, 5, 3), key=lambda columns: -count % columns)


def _draw_heads(request: Request) -> Body:
    state = request.state
    about, name = asked(request)
    hide, about_hidden = hidden(request)
    stack = maps.all_heads(request.analysis.attention, state.layer, state.query, hide)
    rows = maps.query_rows(request.analysis.attention, state.layer, state.query)
    columns, grid, prefix = columns_of(len(stack)), maps.key_grid(about), about.keys.num_prefix_tokens
    wanted = min(340, TILES_WIDTH // columns)
    photo = page.photo_at(request.image, min(400, wanted * max(request.image.size) // request.image.size[0]))
    off = maps.token_name(about.keys.labels[0]) if prefix == 1 else "off photo"
    pictures, labels = [], []
    for head, values in enumerate(stack):
        high = value_range(values, from_zero=True)[1]
        low, top = colour_range(state, values, from_zero=True)
        heatmap = shown_cells(Heatmap(values, grid), state)
        pictures.append(overlay(photo, heatmap, state.colormap, low, top, state.opacity, state.smooth))
        outside = f" · {off} {rows[head, :prefix].sum():.1%}" if prefix else ""
        labels.append(f"head {head} · max {page.short_number(high)}{outside}")
    marks = query_mark(request, about.queries.grid, _size(photo))
    items, width, height = page.tiles(pictures, labels, columns, marks)
    bar, bar_width = map_bar(width + 16, max(min(height, 240.0), 120.0), state)
    explanation = f"How strongly {name} attends to each patch, in every head; each {scale_words(state)}."
    if prefix > 1:
        explanation += (
            f" Off photo: the share that went to {', '.join(map(maps.token_name, about.keys.labels))}."
        )
    explanation += window_sentence(about) + mass_sentence(state)
    data = {"heatmaps": stack, **about_grid(grid), **weights_data(request)}
    subject, detail = f"Attention of {name}", f"{layer_name(request)} · each of {len(stack)} heads"
    body_height = max(height, 120.0)
    return Body(
        [*items, *bar],
        width + 16 + bar_width,
        body_height,
        subject,
        explanation + about_hidden,
        data,
        None,
        detail,
    )


def queries_of(state: ViewState) -> list[Query | None]:
    """Return the query and the pinned patches, each once."""
    return [state.query, *(pin for pin in dict.fromkeys(state.pins) if pin != state.query)]


def pinned_maps(analysis: Analysis, state: ViewState, hide: Sequence[int]) -> list[Heatmap]:
    """Return the maps of the query and of the pinned patches, of a resolved view."""
    attention, layer, head = analysis.attention, state.layer, state.head
    return [maps.attention_heatmap(attention, layer, head, query, hide) for query in queries_of(state)]


def pinned_range(state: ViewState, found: Sequence[Heatmap]) -> tuple[float, float]:
    """Return the ends of the colours that all these maps have, so that they can be compared."""
    return colour_range(state, np.stack([heatmap.values for heatmap in found]), from_zero=True)


def _draw_pins(request: Request) -> Body:
    state, analysis = request.state, request.analysis
    about = analysis.attention.layers[state.layer]
    hide, about_hidden = hidden(request)
    found, queries = pinned_maps(analysis, state, hide), queries_of(state)
    low, high = pinned_range(state, found)
    columns, grid = columns_of(len(found)), maps.key_grid(about)
    wanted = min(340, TILES_WIDTH // columns)
    photo = page.photo_at(request.image, min(400, wanted * max(request.image.size) // request.image.size[0]))
    pictures, labels = [], []
    for heatmap, query in zip(found, queries, strict=True):
        shown, marked = shown_cells(heatmap, state), replace(request, state=replace(state, query=query))
        pixels = overlay(photo, shown, state.colormap, low, high, state.opacity, state.smooth)
        pictures.append(_with_marks(pixels, query_mark(marked, about.queries.grid, _size(photo))))
        labels.append(maps.query_name(about.queries, query))
    items, width, height = page.tiles(pictures, labels, columns)
    bar, bar_width = page.colour_bar(
        width + 16, max(min(height, 240.0), 120.0), state.colormap, low, high, "attention"
    )
    explanation = "How strongly each of these attends to each patch; all maps have the same colours."
    explanation += " Queries are outlined." if state.pins else " No patch is pinned."
    explanation += window_sentence(about) + mass_sentence(state) + about_hidden
    data = {"heatmaps": np.stack([heatmap.values for heatmap in found]), **about_grid(grid)}
    detail = f"{layer_name(request)} · {head_name(state.head, about.heads)}"
    subject = f"Attention of {len(found)} queries" if len(found) > 1 else f"Attention of {labels[0]}"
    return Body(
        [*items, *bar], width + 16 + bar_width, max(height, 120.0), subject, explanation, data, None, detail
    )


def _with_marks(pixels: np.ndarray, marks: list[Item]) -> np.ndarray:
    """Return a picture with marks drawn on it."""
    scene = Scene(pixels.shape[1], pixels.shape[0])
    scene.items += [Picture(0, 0, pixels.shape[1], pixels.shape[0], pixels), *marks]
    return np.asarray(scene.rasterize())[..., :3]


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
        about, name = asked(request)
        hide, about_hidden = hidden(request)
        heatmap, span = reduced_map(request.analysis, state, reduce, hide)
        shown = shown_cells(heatmap, state)
        items, width, height = on_photo(request, shown, *span)
        items += query_mark(request, about.queries.grid, _size(page.photo_at(request.image, STAGE)))
        explanation = measure + prefix_sentence(request, heatmap) + about_hidden
        explanation += looks_sentence(state, heatmap)
        data = {"heatmap": shown.values, **about_grid(heatmap.grid)}
        detail = f"{layer_name(request)} · {head_name(state.head, about.heads)}"
        return Body(items, width, height, f"{title} of {name}", explanation, data, shown, detail)

    return View(title, measure, draw)


def reduced_map(
    analysis: Analysis, state: ViewState, reduce: Reduce, hide: Sequence[int]
) -> tuple[Heatmap, tuple[float, float]]:
    """Return the map that a reduction makes of a resolved view, without some tokens, and the ends of its colours."""
    heatmap = reduce(analysis.attention, state.layer, state.head, state.query)
    values, prefix = heatmap.values.copy(), analysis.attention.layers[state.layer].keys.num_prefix_tokens
    values.reshape(-1)[[token - prefix for token in hide]] = np.nan
    from_zero = not (values < 0).any()
    return replace(heatmap, values=values), colour_range(state, values, from_zero)


ATTENTION_VIEWS: dict[str, View] = {
    "attention": View(
        "Attention", "How strongly one query attends to each patch, on the photo.", _draw_attention
    ),
    "heads": View("Heads", "The same query in every head of a layer.", _draw_heads),
    "pins": View(
        "Pinned queries", "The query and pinned patches side by side, in the same colours.", _draw_pins
    ),
    "wall": View("Wall", "The same query in every head of every layer.", draw_wall),
}

"""Every view as a finished figure: the same for the command line and the window."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from vizstudio.core import maps, page
from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import colorize, mosaic, overlay, value_range
from vizstudio.core.scene import ACCENT, MUTED, Box, Item, Picture, Scene, Text
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.types import Analysis, Heatmap

STAGE = 640
Data = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Figure:
    """A view that was drawn.

    Parameters
    ----------
    scene : Scene
        What to draw; `Scene.rasterize` and `Scene.to_svg` make files of it.
    data : dict of str to array
        The numbers behind the picture.
    title, explanation : str
        What is shown, and what its colours mean.
    state : ViewState
        Resolved: with the layer counted from 0 and a head and query that exist.
    heatmap : Heatmap or None
        The one map that the figure shows, if it shows one.
    """

    scene: Scene
    data: Data
    title: str
    explanation: str
    state: ViewState
    heatmap: Heatmap | None = None


@dataclass(frozen=True, eq=False)
class Request:
    """What a view's function is given."""

    analysis: Analysis
    image: ImageSource
    state: ViewState


@dataclass(frozen=True, eq=False)
class Body:
    """What a view's function gives: items in a width × height box, and what to say about them."""

    items: list[Item]
    width: float
    height: float
    subject: str
    explanation: str
    data: Data = field(default_factory=dict)
    heatmap: Heatmap | None = None


@dataclass(frozen=True)
class View:
    """A way to look at an analysis: `title` for menus, `measure` explains it in a sentence."""

    title: str
    measure: str
    draw: Callable[[Request], Body]


def render(analysis: Analysis, image: ImageSource, state: ViewState, strict: bool = False) -> Figure:
    """Draw a view.

    Raises
    ------
    UsageError
        If there is no such view, or with `strict` no such layer, head or query.
    GeometryError, AttentionError
        If the view cannot be drawn truthfully.
    """
    if state.view not in VIEWS:
        raise UsageError(f"no view {state.view!r}: choose {', '.join(VIEWS)}")
    state = resolve(analysis, state, strict)
    body = VIEWS[state.view].draw(Request(analysis, image, state))
    title = f"{body.subject} · {analysis.model_id} · {image.name}"
    scene = page.page(title, body.explanation, analysis.notes, body.width, body.height, body.items)
    data = {**_about_classes(analysis), **_about_grid(analysis.grid), **body.data}
    return Figure(scene, data, title, body.explanation, state, body.heatmap)


def _about_grid(grid: PatchGrid) -> Data:
    return {"grid": np.array(grid.shape, np.int64), "rect": np.array(grid.rect, np.float64)}


def _about_classes(analysis: Analysis) -> Data:
    if analysis.logits is None:
        return {}
    ordered = sorted(analysis.predictions, key=lambda p: p.index)
    return {
        "logits": analysis.logits,
        "probabilities": np.array([p.probability for p in ordered], np.float32),
        "labels": np.array([p.label for p in ordered]),
    }


def on_photo(request: Request, heatmap: Heatmap, low: float, high: float) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of a map on the photo with its colour bar."""
    state = request.state
    photo, scale = page.photo_at(request.image, STAGE)
    pixels = overlay(photo, heatmap, scale, state.colormap, low, high, state.opacity, state.smooth)
    height, width = pixels.shape[:2]
    bar, bar_width = page.colour_bar(width + 16, max(height, 120), state.colormap, low, high, heatmap.unit)
    items: list[Item] = [Picture(0, 0, width, height, pixels), *bar]
    return items, width + 16 + bar_width, max(height, 120)


def _mark_cell(heatmap: Heatmap, cell: tuple[int, int], scale: float) -> list[Item]:
    left, top, width, height = (v * scale for v in heatmap.grid.cell_rect(*cell))
    return [
        Box(left - 1, top - 1, width + 2, height + 2, outline="#000000", line=1),
        Box(left, top, width, height, outline="#ffffff", line=2),
    ]


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
        items += _mark_cell(heatmap, state.query, scale)
    return Body(
        items,
        width,
        height,
        f"Attention, {_where(state)}",
        "How strongly the query attends to each patch." + prefix_sentence(request, heatmap) + hidden,
        {"heatmap": heatmap.values, **_about_grid(heatmap.grid), **_weights_data(request)},
        heatmap,
    )


def prefix_sentence(request: Request, heatmap: Heatmap) -> str:
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
    data = {"heatmaps": stack, **_about_grid(maps.key_grid(about)), **_weights_data(request)}
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


def _draw_rollout(request: Request) -> Body:
    state = _named_query(request)
    heatmap = maps.rollout(request.analysis.attention, state.query, state.head)
    items, width, height = on_photo(request, heatmap, *value_range(heatmap.values))
    return Body(
        items,
        width,
        height,
        f"Attention rollout, {_where(state).split(', ', 1)[1]}",
        VIEWS["rollout"].measure + prefix_sentence(request, heatmap),
        {"heatmap": heatmap.values, **_about_grid(heatmap.grid)},
        heatmap,
    )


def _draw_norms(request: Request) -> Body:
    analysis, state = request.analysis, request.state
    if analysis.token_norms is None:
        raise UsageError(
            f"{analysis.model_id} gives no token norms: its blocks do not keep one token per patch"
        )
    layer = min(state.layer, len(analysis.token_norms) - 1)
    norms = analysis.token_norms[layer]
    prefix = len(norms) - len(analysis.grid)
    heatmap = Heatmap(norms[prefix:].reshape(analysis.grid.shape), analysis.grid, "token norm", "norm")
    items, width, height = on_photo(request, heatmap, *value_range(heatmap.values))
    outliers = maps.outlier_tokens(norms, prefix)
    scale = STAGE / max(request.image.size)
    for token in outliers:
        cell = divmod(int(token) - prefix, analysis.grid.cols)
        items += _mark_cell(heatmap, cell, scale)
    told = (
        f"{len(outliers)} of {len(analysis.grid)} patches have over 3 times the median norm and are outlined."
    )
    data = {"norms": analysis.token_norms, "outliers": outliers, "heatmap": heatmap.values}
    return Body(
        items,
        width,
        height,
        f"Token norms after block {layer}",
        f"Length of each token. {told}",
        data,
        heatmap,
    )


def _draw_predictions(request: Request) -> Body:
    top = request.analysis.predictions[:10]
    if not top:
        raise UsageError(f"{request.analysis.model_id} has no classifier, so there are no predictions")
    items, height = page.bars([p.label for p in top], [p.probability for p in top], 620)
    return Body(
        items, 620, height, "Predictions", "Softmax of the classifier's logits, the ten most probable."
    )


def _draw_statistic(request: Request, which: int, unit: str, subject: str, measure: str) -> Body:
    statistics = maps.head_statistics(request.analysis.attention)[which]
    width = max(420.0, 90 + 44 * len(statistics))
    items = page.scatter(statistics, width, 380, unit, request.state.colormap)
    key = "entropy" if which == 0 else "distance"
    uniform = len({len(s) for s in statistics}) == 1
    data = {key: np.stack(statistics)} if uniform else {f"{key}_{i:02d}": s for i, s in enumerate(statistics)}
    explanation = f"{measure} A dot is a head; dark to light is head 0 to the last."
    return Body(items, width, 380, subject, explanation, data)


def _draw_entropy(request: Request) -> Body:
    return _draw_statistic(request, 0, "nats", "Attention entropy", VIEWS["entropy"].measure)


def _draw_distance(request: Request) -> Body:
    return _draw_statistic(request, 1, "pixels", "Mean attention distance", VIEWS["distance"].measure)


def _draw_position(request: Request) -> Body:
    embedding = request.analysis.position()
    similarity = embedding.similarity()
    low, high = value_range(similarity)
    rows, cols = embedding.grid.shape
    zoom = max(1, min(6, 1000 // (max(rows, cols) ** 2)))
    pixels = colorize(mosaic(similarity, 1 if zoom == 1 else 2, zoom), request.state.colormap, low, high)
    height, width = pixels.shape[:2]
    left, top = 26.0, 18.0
    items: list[Item] = [Picture(left, top, width, height, pixels)]
    step = max(1, math.ceil(max(rows, cols) / 12))
    for i in range(0, cols, step):
        items.append(Text(left + width * (i + 0.5) / cols, 0, str(i), page.SMALL, MUTED, "ma"))
    for i in range(0, rows, step):
        items.append(Text(left - 6, top + height * (i + 0.5) / rows, str(i), page.SMALL, MUTED, "rm"))
    bar, bar_width = page.colour_bar(
        left + width + 16, top + height, request.state.colormap, low, high, "cosine"
    )
    explanation = (
        f"One panel per patch, {rows}×{cols} panels: the cosine similarity of that patch's position with every "
        "patch's. The brightest cell of a panel is the patch itself."
    )
    data = {"similarity": similarity}
    subject = f"Position similarity ({embedding.kind})"
    return Body([*items, *bar], left + width + 16 + bar_width, top + height, subject, explanation, data)


def _draw_panel(request: Request) -> Body:
    embedding = request.analysis.position()
    rows, cols = embedding.grid.shape
    row, col = request.state.panel or (rows // 2, cols // 2)
    values = embedding.similarity()[row, col]
    low, high = value_range(values)
    side = 480 / max(rows, cols)
    bar, bar_width = page.colour_bar(
        cols * side + 16, rows * side, request.state.colormap, low, high, "cosine"
    )
    items: list[Item] = [
        Picture(0, 0, cols * side, rows * side, colorize(values, request.state.colormap, low, high)),
        Box(col * side, row * side, side, side, outline=ACCENT, line=2),
        *bar,
    ]
    heatmap = Heatmap(values, embedding.grid, "position similarity", "cosine similarity")
    explanation = (
        "Cosine similarity of this patch's position with every patch's; the patch itself is outlined."
    )
    subject = f"Position panel {row},{col} ({embedding.kind})"
    width = cols * side + 16 + bar_width
    return Body(items, width, rows * side, subject, explanation, {"heatmap": values}, heatmap)


def _draw_position_norm(request: Request) -> Body:
    heatmap = maps.position_norms(request.analysis.position())
    items, width, height = on_photo(request, heatmap, *value_range(heatmap.values))
    measure = VIEWS["position-norm"].measure
    return Body(items, width, height, "Position norm", measure, {"heatmap": heatmap.values}, heatmap)


def _draw_position_pca(request: Request) -> Body:
    rgb = maps.position_pca(request.analysis.position())
    side = 480 / max(rgb.shape[:2])
    width, height = rgb.shape[1] * side, rgb.shape[0] * side
    items: list[Item] = [Picture(0, 0, width, height, np.round(rgb * 255).astype(np.uint8))]
    measure = VIEWS["position-pca"].measure
    return Body(items, width, height, "Position embedding, principal components", measure, {"pca": rgb})


VIEWS: dict[str, View] = {
    "attention": View(
        "Attention", "How strongly one query attends to each patch, on the photo.", _draw_attention
    ),
    "heads": View("Heads", "The same query in every head of a layer.", _draw_heads),
    "wall": View("Wall", "The same query in every head of every layer.", _draw_wall),
    "rollout": View(
        "Rollout",
        "How attention flows from the query through all layers (Abnar and Zuidema 2020), residuals counted half.",
        _draw_rollout,
    ),
    "position": View("Position", "How alike the positions of any two patches are.", _draw_position),
    "panel": View("Panel", "One patch's position against all others.", _draw_panel),
    "position-norm": View(
        "Position norm", "The length of each patch's position vector.", _draw_position_norm
    ),
    "position-pca": View(
        "Position PCA",
        "The first three principal components of the position vectors as red, green and blue.",
        _draw_position_pca,
    ),
    "entropy": View(
        "Entropy", "Mean entropy of attention rows: low is sharp, high is spread out.", _draw_entropy
    ),
    "distance": View(
        "Distance",
        "Mean distance in pixels between a patch and what it attends to, weighted.",
        _draw_distance,
    ),
    "norms": View("Token norms", "The length of every token, with outliers found.", _draw_norms),
    "predictions": View("Predictions", "The classifier's ten most probable classes.", _draw_predictions),
}

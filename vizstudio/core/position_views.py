"""Views of position embeddings: all panels, one panel, norms, principal components."""

import math

import numpy as np

from vizstudio.core import maps, page
from vizstudio.core.overlay import colorize, mosaic, value_range
from vizstudio.core.scene import ACCENT, MUTED, Box, Item, Picture, Text
from vizstudio.core.types import Heatmap
from vizstudio.core.view import Body, Request, View, on_photo

NORM = "The length of each patch's position vector."
PCA = "The first three principal components of the position vectors as red, green and blue."


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
    measure = NORM
    return Body(items, width, height, "Position norm", measure, {"heatmap": heatmap.values}, heatmap)


def _draw_position_pca(request: Request) -> Body:
    rgb = maps.position_pca(request.analysis.position())
    side = 480 / max(rgb.shape[:2])
    width, height = rgb.shape[1] * side, rgb.shape[0] * side
    items: list[Item] = [Picture(0, 0, width, height, np.round(rgb * 255).astype(np.uint8))]
    measure = PCA
    return Body(items, width, height, "Position embedding, principal components", measure, {"pca": rgb})


POSITION_VIEWS: dict[str, View] = {
    "position": View("Position", "How alike the positions of any two patches are.", _draw_position),
    "panel": View("Panel", "One patch's position against all others.", _draw_panel),
    "position-norm": View("Position norm", NORM, _draw_position_norm),
    "position-pca": View("Position PCA", PCA, _draw_position_pca),
}

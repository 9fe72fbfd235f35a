"""Views of position embeddings: all panels, one panel, norms, principal components, similarity over distance."""

import math
from dataclasses import replace

import numpy as np

from vizstudio.core import page, positions
from vizstudio.core.distance_chart import DISTANCE, chart
from vizstudio.core.overlay import EVEN, colorize, mosaic, value_range
from vizstudio.core.scene import Item, Picture, Text
from vizstudio.core.types import Heatmap, PositionEmbedding
from vizstudio.core.view import CORNER, Body, Request, View, cell_side, on_grid, outline

NORM = "The length of each patch's position vector."
PCA = "The first three principal components of the position vectors as red, green and blue."
WIDEST = 1500  # pixels of the picture of all panels, where the grid allows it
MOST_PANELS = 40  # in a row; of finer grids every second panel or fewer are drawn
KINDS = {"learned": "learned", "sincos": "fixed sine and cosine", "rotary": "rotary"}


def _detail(embedding: PositionEmbedding) -> str:
    rows, cols = embedding.grid.shape
    return f"{KINDS[embedding.kind]} position embedding · {rows}×{cols} patches"


def _draw_position(request: Request) -> Body:
    similarity, colormap = request.analysis.position().similarity(), request.state.colormap
    span = value_range(similarity)
    items, right, height, every = all_panels(similarity, colormap, span)
    bar, bar_width = page.colour_bar(right + 16, height, colormap, *span, "cosine")
    explanation = (
        "One panel per patch, at that patch's place: the cosine similarity of its position vector with every "
        "patch's. A panel's brightest cell is the patch itself."
    ) + every_sentence(every)
    data = {"similarity": similarity}
    subject, width = "Position similarity of all patches", right + 16 + bar_width
    return _body(request, [*items, *bar], width, height, subject, explanation, data)


def all_panels(
    similarity: np.ndarray,
    colormap: str,
    span: tuple[float, float],
    widest: int = WIDEST,
    most_panels: int = MOST_PANELS,
) -> tuple[list[Item], float, float, int]:
    """Draw the panels of a similarity (rows, cols, rows, cols) as one picture with numbered rows and columns.

    Returns
    -------
    (items, width, height, every)
        At most about `widest` pixels and `most_panels` panels wide: every so many panels are drawn in each
        direction.
    """
    most = max(similarity.shape[:2])
    every = math.ceil(most / most_panels)
    drawn = similarity[::every, ::every]
    down, across = drawn.shape[:2]
    zoom = max(1, min(widest // (max(down, across) * (most + 2)), 84 // most))
    pixels = colorize(mosaic(drawn, min(max(2, zoom), 6), zoom), colormap, *span)
    (height, width), (left, top) = pixels.shape[:2], CORNER
    numbers = page.grid_numbers(down, across, left, top, width, height)
    items: list[Item] = [Picture(left, top, width, height, pixels), *_times(numbers, every)]
    return items, left + width, top + height, every


def every_sentence(every: int) -> str:
    """Say that not all panels are drawn, if so."""
    if every == 1:
        return ""
    ordinal = {2: "2nd", 3: "3rd"}.get(every, f"{every}th")
    return f" Every {ordinal} panel is drawn in each direction; the npz format holds all."


def _times(numbers: list[Text], factor: int) -> list[Item]:
    """Number panels by their patch where only every `factor`-th is drawn."""
    return [replace(item, text=str(int(item.text) * factor)) for item in numbers]


def _body(
    request: Request,
    items: list[Item],
    width: float,
    height: float,
    subject: str,
    explanation: str,
    data: dict[str, np.ndarray],
    heatmap: Heatmap | None = None,
) -> Body:
    embedding = request.analysis.position()
    detail = _detail(embedding)
    return Body(items, width, height, subject, explanation, data, heatmap, detail, of_photo=False)


def _draw_panel(request: Request) -> Body:
    embedding = request.analysis.position()
    rows, cols = embedding.grid.shape
    row, col = request.state.panel or (rows // 2, cols // 2)
    similarity = embedding.similarity()
    heatmap = Heatmap(similarity[row, col], embedding.grid, "position similarity", "cosine")
    # The scale is that of all panels, so that single panels can be compared.
    items, width, height = on_grid(request, heatmap, *value_range(similarity))
    side = cell_side(rows, cols)
    items += outline(CORNER[0] + col * side, CORNER[1] + row * side, side, side)
    explanation = (
        "Cosine similarity of this patch's position vector with every patch's. The patch itself is outlined."
    )
    subject = f"Position similarity of patch {row},{col}"
    return _body(request, items, width, height, subject, explanation, {"heatmap": heatmap.values}, heatmap)


def _draw_position_norm(request: Request) -> Body:
    heatmap = positions.position_norms(request.analysis.position())
    items, width, height = on_grid(request, heatmap, *value_range(heatmap.values))
    even = np.ptp(heatmap.values) <= EVEN * heatmap.values.max()
    explanation = f"{NORM} All are equal." if even else NORM
    data = {"heatmap": heatmap.values}
    return _body(request, items, width, height, "Norms of position vectors", explanation, data, heatmap)


def _draw_position_pca(request: Request) -> Body:
    rgb, shares = positions.position_pca(request.analysis.position())
    rows, cols = rgb.shape[:2]
    left, top, side = *CORNER, cell_side(rows, cols)
    width, height = cols * side, rows * side
    items: list[Item] = [
        Picture(left, top, width, height, np.round(rgb * 255).astype(np.uint8)),
        *page.grid_numbers(rows, cols, left, top, width, height),
    ]
    told = ", ".join(
        f"{name} {share:.0%}" for name, share in zip(("red", "green", "blue"), shares, strict=False)
    )
    explanation = f"{PCA} Patches of like colour have like positions. Share of the variance: {told}."
    data = {"pca": rgb, "variance": shares}
    subject = "Principal components of position vectors"
    return _body(request, items, left + width, top + height, subject, explanation, data)


def _draw_position_distance(request: Request) -> Body:
    curve = positions.position_distance(request.analysis.position())
    items, width, height = chart(curve)
    data = {name: getattr(curve, name) for name in positions.COLUMNS}
    subject = "Position similarity over distance"
    return _body(request, items, width, height, subject, DISTANCE, data)


POSITION_VIEWS: dict[str, View] = {
    "position": View("Position", "How alike the positions of any two patches are.", _draw_position),
    "panel": View("Panel", "One patch's position against all others.", _draw_panel),
    "position-norm": View("Position norm", NORM, _draw_position_norm),
    "position-pca": View("Position PCA", PCA, _draw_position_pca),
    "position-distance": View("Position over distance", DISTANCE, _draw_position_distance),
}

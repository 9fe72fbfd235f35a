"""Views of numbers: entropy and distance of heads, token norms, predictions."""

import numpy as np

from vizstudio.core import maps, page
from vizstudio.core.errors import UsageError
from vizstudio.core.overlay import value_range
from vizstudio.core.types import Heatmap
from vizstudio.core.view import STAGE, Body, Request, View, mark_cell, on_photo

ENTROPY = "Mean entropy of attention rows: low is sharp, high is spread out."
DISTANCE = "Mean distance in pixels between a patch and what it attends to, weighted."


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
        items += mark_cell(heatmap, cell, scale)
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
    return _draw_statistic(request, 0, "nats", "Attention entropy", ENTROPY)


def _draw_distance(request: Request) -> Body:
    return _draw_statistic(request, 1, "pixels", "Mean attention distance", DISTANCE)


STATISTICS_VIEWS: dict[str, View] = {
    "entropy": View("Entropy", ENTROPY, _draw_entropy),
    "distance": View("Distance", DISTANCE, _draw_distance),
    "norms": View("Token norms", "The length of every token, with outliers found.", _draw_norms),
    "predictions": View("Predictions", "The classifier's ten most probable classes.", _draw_predictions),
}

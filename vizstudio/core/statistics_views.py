"""Views of numbers: entropy and distance of heads, token norms, predictions."""

import math

import numpy as np

from vizstudio.core import charts, page, statistics
from vizstudio.core.errors import UsageError
from vizstudio.core.overlay import value_range
from vizstudio.core.scene import Item
from vizstudio.core.types import Heatmap
from vizstudio.core.view import STAGE, Body, Data, Request, View, mark_cell, on_photo

ENTROPY = "Entropy of attention, the mean over all queries: low is sharp, high is spread out."
DISTANCE = (
    "Distance on the original photo between a patch and what it attends to, weighted by attention, the mean "
    "over all patches."
)


def _draw_norms(request: Request) -> Body:
    analysis, state = request.analysis, request.state
    outliers, block = statistics.outliers(analysis, state.layer), statistics.block_of(analysis, state.layer)
    assert analysis.token_norms is not None
    norms = analysis.token_norms[block]
    prefix = len(norms) - len(analysis.grid)
    shown = norms.astype(np.float32)
    if state.hide_outliers:
        shown[outliers] = np.nan
    heatmap = Heatmap(shown[prefix:].reshape(analysis.grid.shape), analysis.grid, "token norm", "norm")
    items, width, height = on_photo(request, heatmap, *value_range(heatmap.values))
    photo = page.photo_at(request.image, STAGE)
    for token in outliers:
        cell = divmod(token - prefix, analysis.grid.cols)
        items += mark_cell(analysis.grid, cell, (photo.shape[1], photo.shape[0]))
    how = "hidden" if state.hide_outliers else "outlined"
    told = f"{len(outliers)} of {len(analysis.grid)} patches are outliers, over 3 times the median norm" + (
        f"; they are {how}." if len(outliers) else "."
    )
    data = {
        "norms": analysis.token_norms,
        "outliers": np.array(outliers, np.int64),
        "heatmap": heatmap.values,
    }
    subject, explanation = "Token norms", f"Euclidean length of each patch's token. {told}"
    detail = f"after block {block} of 0 to {len(analysis.token_norms) - 1}"
    return Body(items, width, height, subject, explanation, data, heatmap, detail)


def _draw_predictions(request: Request) -> Body:
    top = request.analysis.predictions[:10]
    if not top:
        raise UsageError(f"{request.analysis.model_id} has no classifier, so there are no predictions")
    items, height = charts.bars([p.label for p in top], [p.probability for p in top], 620)
    classes = len(request.analysis.predictions)
    explanation = f"Softmax of the classifier's logits, the {len(top)} most probable of {classes} classes."
    return Body(items, 620, height, "Predictions", explanation)


def _draw_entropy(request: Request) -> Body:
    layers = request.analysis.attention.layers
    entropies = statistics.entropies(request.analysis.attention)
    keys = {layer.keys.num_tokens for layer in layers if layer.keys.is_global}
    limit = None
    if len(keys) == 1 and all(layer.keys.is_global for layer in layers):
        limit = (math.log(keys.pop()), "uniform attention")
    items, width = charts.scatter(entropies, 380, "entropy (nats)", request.state.colormap, limit)
    return _statistic(request, items, width, "Attention entropy", ENTROPY, _stacked("entropy", entropies))


def _draw_distance(request: Request) -> Body:
    distances = statistics.distances(request.analysis.attention)
    items, width = charts.scatter(distances, 380, "distance (px)", request.state.colormap)
    unknown = any(np.isnan(layer).all() for layer in distances)
    dash = " A dash stands for a layer whose tokens have no known place." if unknown else ""
    data = _stacked("distance", distances)
    return _statistic(request, items, width, "Mean attention distance", DISTANCE + dash, data)


def _statistic(
    request: Request, items: list[Item], width: float, subject: str, measure: str, data: Data
) -> Body:
    explanation = f"{measure} A dot is a head, a bar the mean of a layer's heads."
    layers = request.analysis.attention.layers
    heads = sorted({layer.heads for layer in layers})
    detail = f"{len(layers)} layers of {' or '.join(map(str, heads))} heads"
    return Body(items, width, 380, subject, explanation, data, None, detail)


def _stacked(key: str, values: list[np.ndarray]) -> Data:
    """Return ``key (layers, heads)``, or an entry per layer where the number of heads differs."""
    if len({len(v) for v in values}) == 1:
        return {key: np.stack(values)}
    return {f"{key}_{i:02d}": v for i, v in enumerate(values)}


STATISTICS_VIEWS: dict[str, View] = {
    "entropy": View("Entropy", ENTROPY, _draw_entropy),
    "distance": View("Distance", DISTANCE, _draw_distance),
    "norms": View("Token norms", "The length of every token, with outliers found.", _draw_norms),
    "predictions": View("Predictions", "The classifier's ten most probable classes.", _draw_predictions),
}

"""What the timeline of a training run shows, as arrays."""

from collections.abc import Sequence

import numpy as np

from vizstudio.core.errors import UsageError
from vizstudio.core.snapshots import Arrays, Moment
from vizstudio.core.types import Heatmap


def numbers_of(moments: Sequence[Moment]) -> Arrays:
    """Return what is shown as arrays; see `vizstudio.core.timeline_figure.render_timeline`."""
    data: Arrays = {"epochs": np.array([moment.epoch for moment in moments], np.int64)}
    known = [moment.heatmap for moment in moments if moment.heatmap is not None]
    if known:
        data |= {
            "heatmaps": _stacked([m.heatmap for m in moments], known[-1]),
            "grid": np.array(known[-1].grid.shape, np.int64),
            "rect": np.array(known[-1].grid.rect, np.float64),
        }
    embeddings = [moment.analysis.position_embedding for moment in moments]
    vectors = [e.vectors for e in embeddings if e is not None]
    if len(vectors) == len(moments) and len({v.shape for v in vectors}) == 1:
        data["positions"] = np.stack(vectors).astype(np.float32)
    if all(moment.analysis.predictions for moment in moments):
        ordered = [sorted(m.analysis.predictions, key=lambda p: p.index) for m in moments]
        data["probabilities"] = np.array([[p.probability for p in one] for one in ordered], np.float32)
        data["labels"] = np.array([p.label for p in ordered[-1]])
    captions = [m.analysis.caption.text if m.analysis.caption else "" for m in moments]
    if any(captions):
        data["captions"] = np.array(captions)
    return data


def _stacked(maps: Sequence[Heatmap | None], like: Heatmap) -> np.ndarray:
    """Return (epochs, rows, cols) float32, NaN where there is no map."""
    shape = like.grid.shape
    missing = np.full(shape, np.nan, np.float32)
    if any(one is not None and one.grid.shape != shape for one in maps):
        raise UsageError("the maps of this run's epochs have different sizes: they are of different models")
    return np.stack([missing if one is None else one.values.astype(np.float32) for one in maps])

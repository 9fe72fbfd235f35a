"""What position vectors tell: norms, principal components, and how similarity falls with distance."""

from dataclasses import dataclass

import numpy as np

from vizstudio.core.errors import UsageError
from vizstudio.core.types import Heatmap, PositionEmbedding

COLUMNS = ("distance", "pairs", "mean", "lower", "upper", "horizontal", "vertical")
"""The fields of a `DistanceCurve`, in the order of a table."""


@dataclass(frozen=True, eq=False)
class DistanceCurve:
    """How alike positions are at every distance between two different patches; see `position_distance`.

    Parameters
    ----------
    distance : (n,) int64
        In patches, rising; those at which there are pairs.
    pairs : (n,) int64
        How many pairs are so far apart, each counted once.
    mean, lower, upper : (n,) float64 in [-1, 1]
        Of the pairs' cosine similarities: mean, first and third quartile.
    horizontal, vertical : (n,) float64 in [-1, 1]
        Mean over pairs in the same row, or in the same column; NaN at distances where there are none.
    """

    distance: np.ndarray
    pairs: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    horizontal: np.ndarray
    vertical: np.ndarray


def position_norms(embedding: PositionEmbedding) -> Heatmap:
    """Return the Euclidean norm of each patch's position vector."""
    norms = np.linalg.norm(embedding.vectors, axis=1).reshape(embedding.grid.shape)
    return Heatmap(norms.astype(np.float32), embedding.grid, "position norm", "norm")


def position_pca(embedding: PositionEmbedding) -> tuple[np.ndarray, np.ndarray]:
    """Return the first three principal components of the position vectors as colours.

    Returns
    -------
    rgb : (rows, cols, 3) float in [0, 1]
        Each component stretched over the whole range; 0 for a component that is not there. Signs are
        chosen so that a component's largest loading is positive.
    shares : (3,) float in [0, 1]
        Of the variance, in falling order.
    """
    centred = np.asarray(embedding.vectors, np.float64)
    centred = centred - centred.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    rgb, shares = np.zeros((len(centred), 3)), np.zeros(3)
    total = float((sizes**2).sum())
    for i in range(min(3, len(sizes))):
        if sizes[i] ** 2 <= 1e-12 * max(total, 1e-300):
            break  # nothing but rounding
        direction = directions[i] * np.sign(directions[i][np.abs(directions[i]).argmax()])
        projected = centred @ direction
        rgb[:, i] = (projected - projected.min()) / (projected.max() - projected.min())
        shares[i] = sizes[i] ** 2 / total
    return rgb.reshape(*embedding.grid.shape, 3), shares


def position_distance(embedding: PositionEmbedding) -> DistanceCurve:
    """Return the cosine similarity of two positions against how far apart their patches are.

    The distance of patches (r, c) and (s, d) is ``sqrt((r - s)² + (c - d)²)``, rounded to whole patches. Quartiles
    are interpolated linearly between the two nearest pairs, as `numpy.quantile` does.

    Raises
    ------
    UsageError
        If there is a single patch, or so many that their pairs would not fit into memory.
    """
    rows, cols = embedding.grid.shape
    if rows * cols < 2:
        raise UsageError("a single patch has no distance to another: choose a larger input")
    similarity = embedding.similarity()
    row, col = np.indices((rows, cols), sparse=True)
    found: dict[int, list[np.ndarray]] = {}
    along = {"horizontal": np.full(rows + cols, np.nan), "vertical": np.full(rows + cols, np.nan)}
    for down in range(rows):
        for across in range(1 - cols if down else 1, cols):  # so that no pair comes twice
            r, c = row[: rows - down], col[:, max(0, -across) : cols - max(0, across)]
            values = similarity[r, c, r + down, c + across].ravel()
            found.setdefault(round(float(np.hypot(down, across))), []).append(values)
            if down == 0:
                along["horizontal"][across] = values.mean(dtype=np.float64)
            elif across == 0:
                along["vertical"][down] = values.mean(dtype=np.float64)
    distance = np.array(sorted(found), np.int64)
    groups = [np.concatenate(found[d]) for d in sorted(found)]
    quartiles = np.array([np.quantile(group, (0.25, 0.75)) for group in groups], np.float64)
    return DistanceCurve(
        distance,
        np.array([len(group) for group in groups], np.int64),
        np.array([group.mean(dtype=np.float64) for group in groups]),
        quartiles[:, 0],
        quartiles[:, 1],
        along["horizontal"][distance],
        along["vertical"][distance],
    )

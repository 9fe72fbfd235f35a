"""What position vectors tell on their own: norms and principal components."""

import numpy as np

from vizstudio.core.types import Heatmap, PositionEmbedding


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

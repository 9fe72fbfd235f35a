"""Numbers on heads and tokens: entropy, attention distance, token norms and their outliers."""

import numpy as np

from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.maps import key_grid, outlier_tokens
from vizstudio.core.types import Analysis, Attention, AttentionLayer


def entropy(weights: np.ndarray) -> np.ndarray:
    """Return (heads,) the mean over queries of each row's entropy in nats, 0 to log(keys)."""
    logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    return -(weights * logs).sum(axis=-1).mean(axis=-1)


def _centres(grid: PatchGrid) -> np.ndarray:
    left, top, width, height = grid.rect
    xs = left + (np.arange(grid.cols) + 0.5) * width / grid.cols
    ys = top + (np.arange(grid.rows) + 0.5) * height / grid.rows
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def attention_distance(weights: np.ndarray, layer: AttentionLayer) -> np.ndarray:
    """Return (heads,) the mean distance in original-image pixels between a patch and what it attends to.

    Weights (heads, queries, keys) of all tokens; prefix tokens are left out and the rest re-normalised.
    Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, appendix D.7.
    """
    keys, queries = key_grid(layer), layer.queries.grid
    if queries is None:
        return np.full(len(weights), np.nan, np.float32)
    between = _centres(queries)[:, None] - _centres(keys)[None]
    distances = np.sqrt((between**2).sum(-1)).astype(np.float32)
    patches = weights[:, layer.queries.num_prefix_tokens :, layer.keys.num_prefix_tokens :]
    shares = patches.sum(axis=-1)
    return (np.einsum("hqk,qk->hq", patches, distances) / np.maximum(shares, 1e-12)).mean(axis=-1)


def entropies(attention: Attention) -> list[np.ndarray]:
    """Return the entropy of each layer's heads, a (heads,) array per layer; see `entropy`."""
    return [entropy(attention.weights(i)) for i in range(len(attention.layers))]


def distances(attention: Attention) -> list[np.ndarray]:
    """Return the attention distance of each layer's heads, a (heads,) array per layer; see `attention_distance`.

    NaN for layers whose tokens lie nowhere that is known.
    """
    return [
        np.full(about.heads, np.nan, np.float32)
        if about.keys.grid is None
        else attention_distance(attention.weights(i), about)
        for i, about in enumerate(attention.layers)
    ]


def block_of(analysis: Analysis, layer: int) -> int:
    """Return the block whose tokens go with an attention layer, counted from 0.

    Raises
    ------
    UsageError
        If the model kept no token norms.
    """
    if analysis.token_norms is None:
        raise UsageError(
            f"{analysis.model_id} gives no token norms: its blocks do not keep one token per patch"
        )
    return min(layer, len(analysis.token_norms) - 1)


def outliers(analysis: Analysis, layer: int) -> list[int]:
    """Return the canonical tokens that are high-norm outliers after a layer's block; see `outlier_tokens`.

    Raises
    ------
    UsageError
        If the model kept no token norms.
    """
    block = block_of(analysis, layer)
    assert analysis.token_norms is not None
    norms = analysis.token_norms[block]
    return [int(token) for token in outlier_tokens(norms, len(norms) - len(analysis.grid))]

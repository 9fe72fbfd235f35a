"""The numbers of the Heads tab, made in the worker: of every head, and of every token. No Qt here."""

import math
from dataclasses import dataclass

import numpy as np

from vizstudio.core import statistics
from vizstudio.core.maps import outlier_tokens
from vizstudio.gui.snapshot import Result


@dataclass(frozen=True, eq=False)
class Norms:
    """Token norms after one block.

    Parameters
    ----------
    median : float
        Of the patches.
    prefix : dict of str to float
        Of each token outside the image, by its label.
    outliers : tuple of ((int, int), float)
        The patches whose norm is far above, as (row, column), and their norms.
    """

    median: float
    prefix: dict[str, float]
    outliers: tuple[tuple[tuple[int, int], float], ...]


@dataclass(frozen=True, eq=False)
class HeadNumbers:
    """What is shown of a result.

    Parameters
    ----------
    result : Result
        Of which they are.
    entropies, distances : tuple of (heads,) float
        By layer; see `vizstudio.core.statistics`. Distances are NaN where tokens have no known place.
    uniform : float or None
        The entropy of attention that is spread evenly; None where layers have different numbers of keys.
    norms : tuple of Norms
        By block; none if the model kept none.
    """

    result: Result
    entropies: tuple[np.ndarray, ...]
    distances: tuple[np.ndarray, ...]
    uniform: float | None
    norms: tuple[Norms, ...]


def head_numbers(result: Result) -> HeadNumbers:
    """Compute them all.

    Raises
    ------
    VizstudioError
        If attention weights cannot be computed truthfully.
    """
    attention = result.analysis.attention
    keys = {layer.keys.num_tokens if layer.keys.is_global else 0 for layer in attention.layers}
    uniform = math.log(keys.pop()) if len(keys) == 1 and 0 not in keys else None
    return HeadNumbers(
        result,
        tuple(statistics.entropies(attention)),
        tuple(statistics.distances(attention)),
        uniform,
        _norms(result),
    )


def _norms(result: Result) -> tuple[Norms, ...]:
    analysis = result.analysis
    if analysis.token_norms is None:
        return ()
    prefix = analysis.token_norms.shape[1] - len(analysis.grid)
    first = analysis.attention.layers[0].queries
    labels = first.labels if len(first.labels) == prefix else [f"token {i}" for i in range(prefix)]
    found = []
    for norms in analysis.token_norms:
        cells = [divmod(int(t) - prefix, analysis.grid.cols) for t in outlier_tokens(norms, prefix)]
        values = [float(norms[prefix + row * analysis.grid.cols + col]) for row, col in cells]
        named = dict(zip(labels, map(float, norms[:prefix]), strict=True))
        outliers = tuple(zip(cells, values, strict=True))
        found.append(Norms(float(np.median(norms[prefix:])), named, outliers))
    return tuple(found)

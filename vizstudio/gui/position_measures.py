"""What the tab of positions shows beside their similarity, made in the worker. No Qt here."""

from dataclasses import dataclass

import numpy as np

from vizstudio.core import positions
from vizstudio.core.errors import VizstudioError
from vizstudio.core.positions import DistanceCurve
from vizstudio.core.types import Heatmap
from vizstudio.gui.snapshot import Result


@dataclass(frozen=True, eq=False)
class Measure:
    """What a view of positions shows of a result; the other views' are None.

    Parameters
    ----------
    result : Result
        Of which it is.
    view : str
        Of `vizstudio.core.state.OF_POSITION`.
    norms : Heatmap or None
        See `vizstudio.core.positions.position_norms`.
    colours, shares : (rows, cols, 3) float in [0, 1] and (3,) float in [0, 1], or None
        See `vizstudio.core.positions.position_pca`.
    curve : DistanceCurve or None
        See `vizstudio.core.positions.position_distance`.
    problem : str
        Why there is nothing to show.
    """

    result: Result
    view: str
    norms: Heatmap | None = None
    colours: np.ndarray | None = None
    shares: np.ndarray | None = None
    curve: DistanceCurve | None = None
    problem: str = ""


def measure(result: Result, view: str) -> Measure:
    """Compute what a view shows, or say why there is none."""
    try:
        return _measured(result, view)
    except VizstudioError as error:
        return Measure(result, view, problem=str(error))


def _measured(result: Result, view: str) -> Measure:
    embedding = result.analysis.position()
    if view == "position-norm":
        return Measure(result, view, norms=positions.position_norms(embedding))
    if view == "position-pca":
        colours, shares = positions.position_pca(embedding)
        return Measure(result, view, colours=colours, shares=shares)
    return Measure(result, view, curve=positions.position_distance(embedding))

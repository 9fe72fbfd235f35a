"""One epoch of a run as the timeline shows it, ready to be painted. No Qt here."""

from dataclasses import dataclass

import numpy as np

from vizstudio.core.context import RunContext
from vizstudio.core.images import ImageSource
from vizstudio.core.snapshots import SnapshotStore, TimelineState, take_moment
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Heatmap
from vizstudio.gui.snapshot import Positions, shown_photo


@dataclass(frozen=True, eq=False)
class Frame:
    """One epoch as it is shown.

    `heatmap` is None where `problem` says why, and `positions` where `position_problem` does.
    """

    epochs: tuple[int, ...]
    epoch: int
    names: tuple[str, ...]  # of the probe images
    probe: int
    state: ViewState
    image: ImageSource
    photo: np.ndarray
    analysis: Analysis
    heatmap: Heatmap | None
    span: tuple[float, float]
    problem: str
    positions: Positions | None
    position_problem: str


def take_frame(
    store: SnapshotStore, epochs: tuple[int, ...], asked: TimelineState, context: RunContext
) -> Frame:
    """Make what is shown of an epoch; see `vizstudio.core.snapshots.take_moment`.

    Raises
    ------
    UsageError
        If there is no snapshot, it is damaged, or holds no probe image.
    """
    moment = take_moment(store, epochs, asked, context)
    positions = None
    if moment.similarity is not None:
        positions = Positions.of(moment.similarity, moment.position_span)
    return Frame(
        epochs,
        moment.epoch,
        moment.names,
        moment.probe,
        moment.state,
        moment.image,
        shown_photo(moment.image),
        moment.analysis,
        moment.heatmap,
        moment.span,
        moment.problem,
        positions,
        moment.position_problem,
    )

"""The snapshots of a training run: what was kept of its probe images after every epoch, read again.

What each file holds is told in `vizstudio.core.probes`.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.images import ImageSource
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.overlay import value_range
from vizstudio.core.probes import count_probes, unpack_probe
from vizstudio.core.state import CAPTION, ViewState, resolve
from vizstudio.core.types import Analysis, Heatmap

FOLDER = "snapshots"
KEPT = 64  # epochs whose arrays stay in memory

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class TimelineState:
    """What is asked to be seen of a run.

    Parameters
    ----------
    epoch : int or None
        None for the newest, whichever that is.
    probe : int
        Which image.
    view : ViewState
        Layer, head and colours; its view is ``"attention"`` or, for the attention of a word, ``"step"``.
    common : bool
        Whether the colours mean the same in all epochs, rather than span each epoch's own values.
    """

    epoch: int | None = None
    probe: int = 0
    view: ViewState = field(default_factory=ViewState)
    common: bool = True


@dataclass(frozen=True, eq=False)
class Moment:
    """What a run's model saw on one probe image at one epoch.

    Parameters
    ----------
    epoch, probe : int
        Clamped to what there is.
    names : tuple of str
        Of all probe images.
    state : ViewState
        Resolved.
    image : ImageSource
        The probe.
    analysis : Analysis
        What was kept.
    heatmap : Heatmap or None
        None where `problem` says why.
    span : (float, float)
        The ends of its colours.
    similarity : (rows, cols, rows, cols) float32 or None
        Of positions; None where `position_problem` says why.
    position_span : (float, float)
        The ends of its colours.
    """

    epoch: int
    probe: int
    names: tuple[str, ...]
    state: ViewState
    image: ImageSource
    analysis: Analysis
    heatmap: Heatmap | None
    span: tuple[float, float]
    problem: str
    similarity: np.ndarray | None
    position_span: tuple[float, float]
    position_problem: str


def epochs_in(folder: Path) -> tuple[int, ...]:
    """Return the epochs that a run has snapshots of, in order; 0 is before the first."""
    found = (folder / FOLDER).glob("*.npz")
    return tuple(sorted(int(path.stem) for path in found if path.stem.isdecimal()))


class SnapshotStore:
    """Reads the snapshots of a run; what was read is kept. Used by one worker."""

    def __init__(self, folder: Path, model_id: str) -> None:
        self.folder, self._model_id = folder, model_id
        self._kept: OrderedDict[int, Arrays] = OrderedDict()
        self._spans: dict[tuple[object, ...], tuple[float, float]] = {}

    def arrays(self, epoch: int) -> Arrays:
        """Return all arrays of an epoch.

        Raises
        ------
        UsageError
            If there is none, or it is damaged.
        """
        if epoch not in self._kept:
            path = self.folder / FOLDER / f"{epoch:04d}.npz"
            try:
                # opened here, as NumPy would leave the file of a damaged archive open
                with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                    self._kept[epoch] = {name: file[name] for name in file.files}
            except (
                Exception
            ) as error:  # zipfile, zlib, tokenize and NumPy each have their own for a damaged one
                told = " ".join(str(error).split()) or type(error).__name__
                raise UsageError(
                    f"the snapshot {path.name} cannot be read ({told}): move it away, or choose another epoch"
                ) from error
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(epoch)
        return self._kept[epoch]

    def name(self, epoch: int, probe: int) -> str:
        """Return what people call a probe; raises as `arrays` does."""
        try:
            return str(self.arrays(epoch)[f"name_{probe}"])
        except KeyError as error:
            raise UsageError(
                f"the snapshot of epoch {epoch} is damaged ({error} is missing): move it away, or choose another"
            ) from error

    def analysis(self, epoch: int, probe: int) -> tuple[ImageSource, Analysis]:
        """Return a probe's photo and what the model computed of it then; raises as `arrays` does."""
        arrays = self.arrays(epoch)
        try:
            return unpack_probe(probe, arrays, self._model_id)
        except UsageError as error:
            raise UsageError(f"epoch {epoch}: {error}") from error

    def map_span(
        self, epochs: tuple[int, ...], probe: int, state: ViewState, context: RunContext
    ) -> tuple[float, float]:
        """Return the ends of colours that serve all epochs: from 0 to the highest value of any."""
        highest = 0.0
        for epoch in epochs:
            context.check()
            key = ("map", epoch, probe, state.view, state.layer, state.head)
            if key not in self._spans:
                self._spans[key] = (0.0, _highest(self.analysis(epoch, probe)[1], state))
            highest = max(highest, self._spans[key][1])
        return value_range(np.array([highest]), from_zero=True)

    def position_span(self, epochs: tuple[int, ...], context: RunContext) -> tuple[float, float]:
        """Return the lowest and the highest similarity of positions in any epoch."""
        found = []
        for epoch in epochs:
            context.check()
            key = ("position", epoch)
            if key not in self._spans:
                similarity = self.analysis(epoch, 0)[1].position().similarity()
                self._spans[key] = (float(similarity.min()), float(similarity.max()))
            found.append(self._spans[key])
        return value_range(np.array(found))


def heatmap_of(analysis: Analysis, state: ViewState) -> Heatmap:
    """Return the map that a resolved state asks for; raises `VizstudioError` if there is none."""
    if state.view in CAPTION:
        assert analysis.caption is not None
        heatmap = analysis.caption.words[state.word].heatmap(state.layer, state.head)
    elif analysis.attention.layers:
        heatmap = attention_heatmap(analysis.attention, state.layer, state.head)
    else:
        raise UsageError("the snapshots of this run hold no attention of the image")
    if not np.isfinite(heatmap.values).any():
        raise UsageError("the attention of this epoch is no number: the run had diverged")
    return heatmap


def _highest(analysis: Analysis, asked: ViewState) -> float:
    """Return the highest value of the map, or of the maps of all words; 0 where there is none."""
    captioned = analysis.caption.words if analysis.caption else ()
    highest = 0.0
    for word in range(len(captioned) if asked.view in CAPTION else 1):
        try:
            values = heatmap_of(analysis, replace(asked, word=word)).values
        except VizstudioError:
            continue
        highest = max(highest, float(np.nanmax(values)))
    return highest


def take_moment(
    store: SnapshotStore,
    epochs: tuple[int, ...],
    asked: TimelineState,
    context: RunContext,
    strict: bool = False,
) -> Moment:
    """Return what there is to see at an epoch; epoch, probe, layer, head and word are clamped to what there is.

    Parameters
    ----------
    store : SnapshotStore
        Of the run.
    epochs : tuple of int
        Those that colours are common to.
    asked : TimelineState
        What is asked.
    context : RunContext
        To cancel.
    strict : bool
        Raise rather than clamp a probe, layer or head that does not exist.

    Raises
    ------
    UsageError
        If there is no snapshot, it is damaged, or holds no probe image.
    """
    if not epochs:
        raise UsageError("this run has no snapshots yet")
    wanted = epochs[-1] if asked.epoch is None else asked.epoch
    epoch = min(epochs, key=lambda one: abs(one - wanted))
    probes = count_probes(store.arrays(epoch))
    if not probes:
        raise UsageError("the snapshots of this run hold no probe images")
    if strict and not 0 <= asked.probe < probes:
        raise UsageError(f"probe image {asked.probe} does not exist: there are 0 to {probes - 1}")
    probe = min(max(asked.probe, 0), probes - 1)
    names = tuple(store.name(epoch, i) for i in range(probes))
    image, analysis = store.analysis(epoch, probe)
    seen = _map_at(store, epochs, replace(asked, probe=probe), analysis, context, strict)
    positions = _positions_at(store, epochs, asked.common, analysis, context)
    return Moment(epoch, probe, names, seen[0], image, analysis, *seen[1:], *positions)


def _map_at(
    store: SnapshotStore,
    epochs: tuple[int, ...],
    asked: TimelineState,
    analysis: Analysis,
    context: RunContext,
    strict: bool,
) -> tuple[ViewState, Heatmap | None, tuple[float, float], str]:
    """Return (state, heatmap, span, problem) of a `Moment`."""
    problem = _nothing_of(analysis, asked.view)
    if problem:
        return asked.view, None, (0.0, 1.0), problem
    if strict:
        resolve(analysis, replace(asked.view, word=0), strict=True)
    state = asked.view
    try:
        state = resolve(analysis, asked.view)
        heatmap = heatmap_of(analysis, state)
        if asked.common:
            return state, heatmap, store.map_span(epochs, asked.probe, state, context), ""
        return state, heatmap, value_range(heatmap.values, from_zero=True), ""
    except VizstudioError as error:
        return state, None, (0.0, 1.0), str(error)


def _positions_at(
    store: SnapshotStore, epochs: tuple[int, ...], common: bool, analysis: Analysis, context: RunContext
) -> tuple[np.ndarray | None, tuple[float, float], str]:
    """Return (similarity, position_span, position_problem) of a `Moment`."""
    try:
        similarity = analysis.position().similarity()
        span = store.position_span(epochs, context) if common else value_range(similarity)
    except VizstudioError as error:
        return None, (0.0, 1.0), str(error)
    return similarity, span, ""


def _nothing_of(analysis: Analysis, view: ViewState) -> str:
    """Return why there is no attention of this kind, empty if there is."""
    if view.view in CAPTION and not analysis.steps:
        return "the model wrote no word at this epoch"
    if view.view not in CAPTION and not analysis.attention.layers:
        return "the snapshots of this run hold no attention of the image"
    return ""

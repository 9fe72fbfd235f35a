"""The snapshots of a training run: what was kept of its probe images after every epoch, read again.

What each file holds is told in `vizstudio.core.probes`.
"""

import zipfile
from collections import OrderedDict
from collections.abc import Sequence
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
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
                raise UsageError(
                    f"the snapshot {path.name} cannot be read ({error}): choose another epoch"
                ) from error
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(epoch)
        return self._kept[epoch]

    def analysis(self, epoch: int, probe: int) -> tuple[ImageSource, Analysis]:
        """Return a probe's photo and what the model computed of it then."""
        return unpack_probe(probe, self.arrays(epoch), self._model_id)

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
        return analysis.caption.words[state.word].heatmap(state.layer, state.head)
    if not analysis.attention.layers:
        raise UsageError("the snapshots of this run hold no attention of the image")
    return attention_heatmap(analysis.attention, state.layer, state.head)


def _highest(analysis: Analysis, asked: ViewState) -> float:
    """Return the highest value of the map, or of the maps of all words; 0 where there is none."""
    try:
        if asked.view not in CAPTION:
            return float(np.nanmax(heatmap_of(analysis, asked).values))
        words = analysis.caption.words if analysis.caption else ()
        maps = [word.heatmap(asked.layer, asked.head).values for word in words]
    except VizstudioError:
        return 0.0
    return max((float(np.nanmax(values)) for values in maps), default=0.0)


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
    names = tuple(str(store.arrays(epoch)[f"name_{i}"]) for i in range(probes))
    probe = min(max(asked.probe, 0), probes - 1)
    image, analysis = store.analysis(epoch, probe)
    state, heatmap, span, problem = asked.view, None, (0.0, 1.0), _nothing_of(analysis, asked.view)
    if strict and not problem:
        resolve(analysis, replace(asked.view, word=0), strict=True)
    try:
        if not problem:
            state = resolve(analysis, asked.view)
            heatmap = heatmap_of(analysis, state)
            span = value_range(heatmap.values, from_zero=True)
            if asked.common:
                span = store.map_span(epochs, probe, state, context)
    except VizstudioError as error:
        problem = str(error)
    similarity, position_span, position_problem = None, (0.0, 1.0), ""
    try:
        found = analysis.position().similarity()
        position_span = store.position_span(epochs, context) if asked.common else value_range(found)
        similarity = found
    except VizstudioError as error:
        position_problem = str(error)
    return Moment(
        epoch,
        probe,
        names,
        state,
        image,
        analysis,
        heatmap,
        span,
        problem,
        similarity,
        position_span,
        position_problem,
    )


def _nothing_of(analysis: Analysis, view: ViewState) -> str:
    """Return why there is no attention of this kind, empty if there is."""
    if view.view in CAPTION and not analysis.steps:
        return "the model wrote no word at this epoch"
    if view.view not in CAPTION and not analysis.attention.layers:
        return "the snapshots of this run hold no attention of the image"
    return ""


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

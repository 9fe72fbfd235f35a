"""Writes the timeline of a training run to a file: the same bytes as ``vizstudio-train timeline`` and the window."""

from pathlib import Path

from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure
from vizstudio.core.output import PictureOptions
from vizstudio.core.run_events import metrics_by_epoch
from vizstudio.core.snapshots import SnapshotStore, TimelineState, epochs_in
from vizstudio.core.state import ViewState
from vizstudio.core.timeline_figure import render_timeline
from vizstudio.core.types import Analysis, Head
from vizstudio.pictures import write_figure
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.settings import read_settings

SUBJECTS = ("attention", "step")
"""Whose attention a timeline shows: that of the image's tokens, or of the step that wrote a word."""


def draw_timeline(
    run: Path, asked: TimelineState, context: RunContext | None = None
) -> tuple[Figure, Analysis]:
    """Draw every epoch of a run's snapshots.

    Parameters
    ----------
    run : Path
        The folder of a run.
    asked : TimelineState
        What of it; its epoch does not matter.
    context : RunContext, optional
        To cancel and to hear of progress.

    Returns
    -------
    (Figure, Analysis)
        The figure, see `vizstudio.core.timeline_figure.render_timeline`, and what the last epoch kept of the probe.

    Raises
    ------
    UsageError
        If there are no snapshots, one is damaged, or there is no such probe image, layer or head.
    """
    if asked.view.view not in SUBJECTS:
        raise UsageError(f"a timeline has no view {asked.view.view!r}: choose {' or '.join(SUBJECTS)}")
    epochs = epochs_in(run)
    if not epochs:
        raise UsageError(f"{run} has no snapshots: choose the folder of a run of vizstudio-train")
    store, facts = SnapshotStore(run, ""), metrics_by_epoch(run)
    figure, last = render_timeline(store, epochs, asked, facts, context or RunContext(), strict=True)
    return figure, last.analysis


def write_timeline(
    run: str | Path,
    path: str | Path,
    *,
    probe: int = 0,
    view: str = "attention",
    word: int = 0,
    layer: int = -1,
    head: Head = "mean",
    common: bool = True,
    colormap: str = "viridis",
    opacity: float = 0.7,
    smooth: bool = False,
    scale: float | None = None,
    width: int | None = None,
    transparent: bool = False,
    host: PluginHost | None = None,
) -> Figure:
    """Draw the timeline of a training run and write it to a file, whole or not at all.

    Parameters
    ----------
    run : path
        The folder of a run.
    path : path
        Its suffix is the format: ``.gif``, ``.webp`` or ``.mp4`` go through the epochs, ``.png`` and ``.svg`` show
        them beside each other, ``.npz`` holds the numbers.
    probe : int
        Which of the run's probe images, from 0.
    view : {"attention", "step"}
        Attention of the image's tokens, or that of the step that wrote a word.
    word : int
        Of the caption, counted from 0, or from -1 at the end; its last where an epoch's caption is shorter.
    layer, head, colormap, opacity, smooth
        See `vizstudio.core.state.ViewState`.
    common : bool
        The same colours in all epochs, rather than each epoch's own.
    scale, width, transparent : float, int, bool
        See `vizstudio.core.output.PictureOptions`.
    host : PluginHost, optional
        Plugins that are loaded already.

    Returns
    -------
    Figure
        What was drawn, with the numbers behind it.

    Raises
    ------
    VizstudioError
        With one sentence: no run, probe image, layer, head or format, or a file that cannot be written.
    """
    state = ViewState(
        view=view, word=word, layer=layer, head=head, colormap=colormap, opacity=opacity, smooth=smooth
    )
    figure, analysis = draw_timeline(Path(run), TimelineState(None, probe, state, common))
    own = host or load_plugins(disabled=read_settings().disabled_plugins)
    return write_figure(figure, analysis, Path(path), PictureOptions(scale, width, transparent), own)

"""What the window does with the timeline: which epoch, image, layer and word of a run. No Qt here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from vizstudio.core.context import RunContext
from vizstudio.core.errors import VizstudioError
from vizstudio.core.snapshots import SnapshotStore, TimelineState, epochs_in
from vizstudio.core.state import ViewState
from vizstudio.gui.latest import Jobs, Latest
from vizstudio.gui.training.snapshots import Frame, take_frame


class TimelineView(Protocol):
    """What `Timeline` tells the window; none of these calls ever comes back as a request."""

    def show_frame(self, frame: Frame) -> None:
        """Show an epoch."""

    def show_nothing(self, why: str) -> None:
        """Show that there is nothing to see, and why; an empty text if no run is open."""


class Timeline:
    """The snapshots of the run that is open; the newest is followed until another epoch is asked for."""

    def __init__(self, view: TimelineView, jobs: Jobs, failed: Callable[[BaseException, str], None]) -> None:
        self._view, self._failed = view, failed
        self.frames = Latest(jobs, self._fail)
        self.state = TimelineState()
        self.epochs: tuple[int, ...] = ()
        self.frame: Frame | None = None
        self._store: SnapshotStore | None = None

    @property
    def folder(self) -> Path | None:
        """The run that is open."""
        return self._store.folder if self._store is not None else None

    @property
    def asked(self) -> TimelineState | None:
        """What is shown, of any epoch: layer and head as they are there; None if nothing is shown."""
        if self.frame is None:
            return None
        view = ViewState(
            view=self.frame.state.view,
            word=self.frame.state.word,
            layer=self.frame.state.layer,
            head=self.frame.state.head,
        )
        return TimelineState(None, self.frame.probe, view, self.state.common)

    def open(self, folder: Path | None, model_id: str = "") -> None:
        """Show another run, from its newest epoch on."""
        self.frames.drop()
        self.frame, self.epochs = None, ()
        self.state = replace(self.state, epoch=None, probe=0)
        self._store = SnapshotStore(folder, model_id) if folder is not None else None
        self._view.show_nothing("")
        self.refresh()

    def refresh(self) -> None:
        """Take note of snapshots that were written since."""
        if self._store is None:
            return
        epochs = epochs_in(self._store.folder)
        if epochs != self.epochs:
            if epochs[: len(self.epochs)] != self.epochs:  # another run took the folder
                self._store = SnapshotStore(self._store.folder, "")
            self.epochs = epochs
            self._request()

    def change(self, **changes: Any) -> None:
        """Change fields of the view, such as ``layer=3``, or ``probe`` and ``common``."""
        own = {name: changes.pop(name) for name in ("probe", "common") if name in changes}
        self.state = replace(self.state, view=replace(self.state.view, **changes), **own)
        self._request()

    def jump(self, place: int) -> None:
        """Go to an epoch by its place among those there are; at the last one, new ones are followed."""
        if self.epochs:
            place = min(max(place, 0), len(self.epochs) - 1)
            newest = place == len(self.epochs) - 1
            self.state = replace(self.state, epoch=None if newest else self.epochs[place])
            self._request()

    def move(self, by: int) -> None:
        """Go to a later epoch or, for a negative number, an earlier one."""
        if self.epochs:
            wanted = self.epochs[-1] if self.state.epoch is None else self.state.epoch
            self.jump(min(range(len(self.epochs)), key=lambda i: abs(self.epochs[i] - wanted)) + by)

    def _request(self) -> None:
        store, epochs, asked = self._store, self.epochs, self.state
        if store is None or not epochs:
            return

        def work(context: RunContext) -> Frame:
            return take_frame(store, epochs, asked, context)

        self.frames.start(work, self._land)

    def _land(self, frame: Frame) -> None:
        self.frame = frame
        self._view.show_frame(frame)

    def _fail(self, error: BaseException, details: str) -> None:
        """Say in the place of the picture what the user can know, and hand on a bug."""
        if isinstance(error, VizstudioError):
            self._view.show_nothing(str(error))
        else:
            self._failed(error, details)

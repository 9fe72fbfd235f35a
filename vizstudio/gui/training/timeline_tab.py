"""The timeline's tab, empty until a run is opened: what is in it takes 15 ms to make."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from vizstudio.gui.canvas import Canvas
from vizstudio.gui.jobs import JobBridge

if TYPE_CHECKING:
    from vizstudio.gui.training.timeline import Timeline
    from vizstudio.gui.training.timeline_view import TimelineView


class TimelineTab(QWidget):
    """Makes the view, its controller and their worker when they are first asked for.

    Parameters
    ----------
    failed : callable
        Called as ``failed(error, traceback)`` when an epoch could not be shown.
    """

    def __init__(self, failed: Callable[[BaseException, str], None]) -> None:
        super().__init__()
        self.setObjectName("timeline")  # what sessions and layouts call the tab
        self._failed = failed
        self._jobs: JobBridge | None = None
        self._inside = QVBoxLayout(self)
        self._inside.setContentsMargins(0, 0, 0, 0)

    @cached_property
    def view(self) -> "TimelineView":
        """What is seen."""
        from vizstudio.gui.training.timeline_view import TimelineView

        view = TimelineView()
        self._inside.addWidget(view)
        return view

    @cached_property
    def timeline(self) -> "Timeline":
        """What is asked of the run that is open."""
        from vizstudio.gui.training.timeline import Timeline

        view, jobs = self.view, JobBridge("vizstudio-timeline", self)
        timeline = Timeline(view, jobs, self._failed)
        jobs.finished.connect(timeline.frames.on_finished)
        jobs.failed.connect(timeline.frames.on_failed)
        jobs.stopped.connect(timeline.frames.on_stopped)
        view.jumped.connect(timeline.jump)
        view.moved.connect(timeline.move)
        view.changed.connect(lambda changes: timeline.change(**changes))
        self._jobs = jobs
        return timeline

    @property
    def zoomed(self) -> Canvas | None:
        """What zooming is about."""
        return None if self._jobs is None else self.view.zoomed

    def stop(self, timeout: float) -> bool:
        """Play no more; returns whether the worker had ended."""
        if self._jobs is None:
            return True
        self.view.pause()
        return self._jobs.close(timeout)

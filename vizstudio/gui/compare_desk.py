"""Puts the tab of comparisons together with the window: its worker, what is told of runs."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from vizstudio.core.session import Beside
from vizstudio.gui.compare_choice import CompareChoice
from vizstudio.gui.comparing import Comparing
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.snapshot import Compared, Result
from vizstudio.gui.views.compare import CompareView

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class CompareDesk(QObject):
    """A `ComparingView`; runs of the second share the worker of the first."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self.view = CompareView()
        self.jobs = JobBridge("vizstudio-compare", self)
        controller = window.controller
        self.comparing = Comparing(controller, window.jobs, self.jobs, self, self._seen)
        self.choice = CompareChoice(window, self.view, self.comparing)
        window.tabs.addTab(self.view, self.tr("Compare"))
        window.tabs.shownChanged.connect(self.comparing.look)
        window.jobs.progressed.connect(self.comparing.runs.on_progress)
        ends = (window.jobs.finished, window.jobs.failed, window.jobs.stopped, window.maps.failed)
        for ended in ends:  # queued: after the controller has taken it
            ended.connect(self._go_on, Qt.ConnectionType.QueuedConnection)
        workers = {window.jobs: self.comparing.runs, self.jobs: self.comparing.maps.latest}
        for bridge, latest in workers.items():
            bridge.finished.connect(latest.on_finished)
            bridge.failed.connect(latest.on_failed)
            bridge.stopped.connect(latest.on_stopped)
        self.view.positionsWanted.connect(self.comparing.show_positions)
        self.view.maps.patchClicked.connect(lambda row, col: controller.change(query=(row, col)))
        self.view.maps.queryMoved.connect(controller.move_query)
        self.view.panels.panelPinned.connect(controller.pin_panel)

    def _go_on(self) -> None:
        self.comparing.go_on()

    def _seen(self) -> bool:
        return self._window.tabs.is_shown(self.view)

    def show_beside(self, beside: Beside | None) -> None:
        """Show what was chosen to compare with, or that nothing was."""
        self.view.show_beside(beside)
        self.choice.allow()

    def show_waiting(self) -> None:
        """Say that the second is being computed, or will be."""
        self.view.say(self.tr("Computing the second…"), self.tr("Esc gives it up."), offer=False)

    def show_same(self) -> None:
        """Say that both sides are the same until another image or model is opened."""
        beside = self.comparing.beside
        if beside is None or beside.image is None or beside.choice is None:
            text = self.tr("Choose another model, other weights or another image for the second.")
            self.view.say(self.tr("Both sides are the same"), text)
            return
        self.view.say(
            self.tr("Kept for comparison"),
            self.tr(
                "Open another image or choose another model above: it becomes the first, and what was kept stands "
                "beside it. Or choose something else for the second:"
            ),
        )

    def show_compared(self, compared: Compared) -> None:
        """Show a comparison."""
        self.view.show_compared(compared)

    def show_no_comparison(self, sentence: str) -> None:
        """Say why there is none."""
        self.view.say(self.tr("These cannot be compared"), sentence[:1].upper() + sentence[1:] + ".")

    def forget(self) -> None:
        """Hold no comparison."""
        self.view.forget()

    def show_failed(self, sentence: str, details: str, is_bug: bool) -> None:
        """Say that the second could not be computed."""
        self._window.show_failed(sentence, details, is_bug)

    def show_busy(self, message: str, fraction: float) -> None:
        """Say how far the run of the second is."""
        self._window.show_busy(message, fraction)

    def show_stopped(self) -> None:
        """Say that the run of the second was cancelled."""
        self._window.show_cancelled()
        self.show_given_up()

    def show_given_up(self) -> None:
        """Say that the second was not computed, and how to have it computed."""
        self.view.say(self.tr("Cancelled"), self.tr("Choose what to compare with, also the same again."))

    def show_landed(self, result: Result) -> None:
        """Say that the second is there."""
        self._window.show_done(result)
        self._window.habits.show_memory()
        self._window.takeaway.sessions.note()

    def close(self, timeout: float) -> bool:
        """End the worker; returns whether it had ended in time."""
        return self.jobs.close(timeout)

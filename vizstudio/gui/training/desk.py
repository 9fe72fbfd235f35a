"""Training in the window: the dock, the timeline's tab, their menu, and what happens when the window closes."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QFileDialog, QSplitter

from vizstudio.core.errors import VizstudioError
from vizstudio.core.run_events import metrics_line
from vizstudio.gui.kept import settings
from vizstudio.gui.training.closing import Closing
from vizstudio.gui.training.launch import launch, reap
from vizstudio.gui.training.run_log import RunLog
from vizstudio.gui.training.runs import Runs, RunState
from vizstudio.gui.training.timeline_tab import TimelineTab
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.gui.training.timeline import Timeline
    from vizstudio.recipes import TrainConfig

LIVELY, IDLE = 400, 2000  # milliseconds between looks at a run that is going on, or is not
HEIGHT = 380  # pixels of the dock when it is opened first


class Remembered:
    """Keeps one text beside the window's other settings."""

    def __init__(self, key: str) -> None:
        self._key = key

    def _settings(self) -> QSettings:
        return settings()

    def load(self) -> str:
        """Return what was saved, empty for nothing."""
        return str(self._settings().value(self._key, "", type=str))

    def save(self, text: str) -> None:
        """Keep a text."""
        kept = self._settings()
        kept.setValue(self._key, text)
        kept.sync()


class TrainingDesk(QObject):
    """Puts runs and timeline together with the window; a `RunView` for the controller."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host
        self._folder: Path | None = None  # of the run in the timeline
        self.dock: QDockWidget | None = None  # made when it is first opened
        self.page = TimelineTab(self._broken)
        self.runs = Runs(self, launch, Remembered("training/run"), host)
        self.closing = Closing(window, self.runs, self._try)
        self.timer = QTimer(self)
        self.timer.timeout.connect(self._look)
        self.tab = window.tabs.addTab(self.page, self.tr("Timeline"))
        window.tabs.setTabVisible(self.tab, False)
        window.tabs.shownChanged.connect(self._show_inspector)

    @property
    def timeline(self) -> "Timeline":
        """What is asked of the run that is open."""
        return self.page.timeline

    def find_again(self) -> None:
        """Show the run that a window left running, if it still goes on."""
        if self.runs.recall():
            self.show_dock()

    def show_dock(self) -> None:
        """Open the dock."""
        if self.dock is None:
            self._make_dock()
        assert self.dock is not None
        self.dock.show()
        self.dock.raise_()
        self.recipe.recipe.setFocus()

    def toggle_dock(self) -> None:
        """Open or close the dock."""
        if self.dock is not None and self.dock.isVisible():
            self.dock.close()
        else:
            self.show_dock()

    def _make_dock(self) -> None:
        # pydantic and YAML with it, which the window does not wait for
        from vizstudio.gui.training.recipe_panel import RecipePanel
        from vizstudio.gui.training.run_panel import RunPanel

        self.recipe, self.panel = RecipePanel(self._host, self._tell), RunPanel()
        inside = QSplitter(Qt.Orientation.Horizontal)
        inside.setChildrenCollapsible(False)
        inside.setHandleWidth(10)
        inside.addWidget(self.recipe)
        inside.addWidget(self.panel)
        inside.setStretchFactor(1, 1)
        inside.setSizes([390, 830])
        self.dock = QDockWidget(self.tr("Training"), self._window)
        self.dock.setObjectName("training")
        self.dock.setWidget(inside)
        if not self._window.restoreDockWidget(self.dock):  # to where it was at the last start
            self._window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.dock)
            self._window.resizeDocks([self.dock], [HEIGHT], Qt.Orientation.Vertical)
        panel, runs = self.panel, self.runs
        self.recipe.startRequested.connect(self._start)
        panel.openRequested.connect(self.ask_run)
        panel.timelineRequested.connect(self.show_timeline)
        panel.holdRequested.connect(lambda hold: self._try(runs.hold if hold else runs.let_go))
        panel.stopRequested.connect(lambda: self._try(runs.stop))
        panel.resumeRequested.connect(lambda: self._try(runs.resume))
        panel.checkpointChosen.connect(self._open_in_studio)
        if runs.state is not None:
            self.show_run(runs.state, runs.log)

    def _start(self, recipe: str, config: "TrainConfig") -> None:
        self._try(lambda: self.runs.start(recipe, config))

    def ask_run(self) -> None:
        """Ask for the folder of a run and show it."""
        name = QFileDialog.getExistingDirectory(self._window, self.tr("Open run"))
        if name:
            self.open_run(Path(name))

    def open_run(self, folder: Path) -> None:
        """Show a run."""
        if self._try(lambda: self.runs.open(folder)):
            self.show_dock()

    def _open_in_studio(self, checkpoint: str) -> None:
        def choose() -> None:
            choice = self.runs.choice(checkpoint, self._window.model_bar.device)
            self._window.choose_model(choice)
            self._window.tabs.setCurrentIndex(0)
            if self._window.controller.image is None:
                self._window.centre.setCurrentWidget(self._window.start)

        self._try(choose)

    def _try(self, do: Callable[[], None]) -> bool:
        """Do what was asked, or say why not; returns whether it was done."""
        try:
            do()
        except VizstudioError as error:
            self._tell(error)
            return False
        return True

    def _tell(self, error: VizstudioError) -> None:
        self._window.show_failed(str(error), "".join(traceback.format_exception(error)), False)

    def _broken(self, error: BaseException, details: str) -> None:
        self._window.show_failed(f"{type(error).__name__}: {error}", details, True)

    def show_reading(self, folder: Path, fraction: float) -> None:
        """Show how far a long run is read, and go on as soon as the window has done what waits."""
        if self.dock is not None:
            self.panel.show_reading(folder, fraction)
        self.timer.start(0)

    def show_run(self, state: RunState | None, log: RunLog | None) -> None:
        """Show how a run is, in the dock and in the timeline."""
        if self.dock is not None:
            self.panel.show_run(state, log)
            self.panel.show_checkpoints(self.runs.checkpoints())
        if state is None or log is None:
            return
        if self._folder != state.folder:
            self._folder = state.folder
            self.timeline.open(state.folder)
            self._offer_timeline(bool(self.timeline.epochs))
        self.page.view.show_facts({epoch: metrics_line(dict(told)) for epoch, told in log.by_epoch.items()})
        self.timer.start(LIVELY if state.alive else IDLE)

    def _look(self) -> None:
        reap()
        if not self._try(self.runs.poll):
            self.timer.stop()  # else it would say so again and again
            return
        if self.runs.log is not None and self.runs.log.is_behind:
            return
        self.timeline.refresh()
        self._offer_timeline(bool(self.timeline.epochs))

    def _offer_timeline(self, there: bool) -> None:
        """Offer the timeline while there are snapshots, and to take it along."""
        if there:
            self._window.takeaway.exports.allow(True)
        if self.dock is not None:
            self.panel.timeline.setEnabled(there)
        if there != self._window.tabs.isTabVisible(self.tab):
            self._window.tabs.setTabVisible(self.tab, there)
            self._window.menus.tabs[self.tab].setEnabled(there)

    def show_timeline(self) -> None:
        """Bring the timeline to the front."""
        self._window.centre.setCurrentWidget(self._window.studio)
        self._window.tabs.setCurrentIndex(self.tab)
        self.page.view.slider.setFocus()

    def _show_inspector(self) -> None:
        """The inspector is about the photo that is open; the timeline has controls of its own."""
        open_photo = self._window.centre.currentWidget() is self._window.studio
        alone = self._window.tabs.shown() == [self.page]
        self._window.dock.setVisible(open_photo and not alone and self._window.inspector.isEnabled())

    def close(self, timeout: float) -> bool:
        """Look no more; returns whether the worker had ended."""
        self.timer.stop()
        return self.page.stop(timeout)

"""How a run goes: its state and what can be done about it, curves, and what it told."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.run_events import metric_name
from vizstudio.gui.line import Line
from vizstudio.gui.training.chart import Chart
from vizstudio.gui.training.run_log import Curve, RunLog
from vizstudio.gui.training.runs import RunState
from vizstudio.gui.training.told import event_line, progress_line, status_name

STEPS = 1000


class RunPanel(QWidget):
    """The right half of the dock."""

    openRequested = Signal()  # choose a run's folder
    holdRequested = Signal(bool)  # True to let the run wait, False to let it go on
    stopRequested = Signal()  # finish the step and save
    resumeRequested = Signal()  # go on with a run that ended
    timelineRequested = Signal()  # show the epochs
    checkpointChosen = Signal(str)  # "best" or "last", to be opened in the studio

    def __init__(self) -> None:
        super().__init__()
        self._shown_lines = 0
        self._log: RunLog | None = None
        self.title, self.place = Line(heading=True), Line()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.progress.setRange(0, STEPS)
        self.open = QPushButton(self.tr("Open run…"))
        self.hold, self.stop = QPushButton(self.tr("Pause")), QPushButton(self.tr("Stop"))
        self.resume, self.studio = QPushButton(self.tr("Resume")), QPushButton(self.tr("Open in studio"))
        self.timeline = QPushButton(self.tr("Timeline"))
        self.menu = QMenu(self)
        self.studio.setMenu(self.menu)
        self.loss, self.rate = Chart(self.tr("Loss")), Chart(self.tr("Learning rate"), from_zero=True)
        self.metrics = Chart(self.tr("Metrics"), from_zero=True)
        self.lines = QPlainTextEdit()
        self.lines.setReadOnly(True)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("problem", True)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._name()
        self._lay_out()
        self._connect()
        self.show_run(None, None)

    def _name(self) -> None:
        named: dict[QWidget, tuple[str, str]] = {
            self.progress: (self.tr("Progress of the training"), ""),
            self.open: (
                self.tr("Open run"),
                self.tr("Show any run, also one started by a command: choose its folder"),
            ),
            self.hold: (self.tr("Pause"), self.tr("Let the run wait where it is; it keeps its memory")),
            self.stop: (self.tr("Stop"), self.tr("Finish the step, save and end; Resume goes on from there")),
            self.resume: (
                self.tr("Resume"),
                self.tr("Go on where it was saved last, as if it had not stopped"),
            ),
            self.studio: (
                self.tr("Open in studio"),
                self.tr("Look into the model of a checkpoint of this run"),
            ),
            self.timeline: (
                self.tr("Timeline"),
                self.tr("See attention, positions and captions change from epoch to epoch"),
            ),
            self.lines: (self.tr("What the run told"), ""),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.title, 1)
        for button in (self.hold, self.stop, self.resume, self.timeline, self.studio, self.open):
            top.addWidget(button)
        self.charts = QSplitter(Qt.Orientation.Horizontal)
        self.charts.setChildrenCollapsible(False)
        self.charts.setHandleWidth(18)
        for chart in (self.loss, self.metrics, self.rate):
            self.charts.addWidget(chart)
        self.parts = QSplitter(Qt.Orientation.Vertical)
        self.parts.setChildrenCollapsible(False)
        self.parts.setHandleWidth(10)
        self.parts.addWidget(self.charts)
        self.parts.addWidget(self.lines)
        self.parts.setStretchFactor(0, 1)
        self.parts.setSizes([220, 74])
        self.lines.setMinimumHeight(48)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 14, 10)
        layout.setSpacing(7)
        layout.addLayout(top)
        layout.addWidget(self.progress)
        layout.addWidget(self.place)
        layout.addWidget(self.problem)
        layout.addWidget(self.parts, 100)
        layout.addStretch(1)  # so that the top stays at the top while nothing is below

    def _connect(self) -> None:
        self.open.clicked.connect(self.openRequested)
        self.timeline.clicked.connect(self.timelineRequested)
        self.hold.clicked.connect(lambda: self.holdRequested.emit(self.hold.text() == self.tr("Pause")))
        self.stop.clicked.connect(self.stopRequested)
        self.resume.clicked.connect(self.resumeRequested)

    def show_run(self, state: RunState | None, log: RunLog | None) -> None:
        """Show how a run is, or how to come to one."""
        for widget in (self.progress, self.place, self.parts):
            widget.setVisible(state is not None)
        if state is None or log is None:
            self.title.setText(self.tr("Fill in the form and start a run, or open the folder of one."))
            self.problem.setVisible(False)
            self._offer(None, 1)
            return
        self.title.setText(f"{_name_of(state.folder)} · {status_name(state.status)}")
        self.title.setToolTip(str(state.folder))
        self.progress.setValue(round(STEPS * log.step / log.total) if log.total else 0)
        self.place.setText(progress_line(state, log))
        self.problem.setText(state.problem)
        self.problem.setVisible(bool(state.problem))
        self._offer(state, int(log.start.get("processes", 1)))
        self._show_curves(log)
        self._show_lines(log)

    def show_reading(self, folder: Path, fraction: float) -> None:
        """Show how far the events of a long run are read."""
        self.show_run(None, None)
        self.title.setText(self.tr("{0} · reading {1}").format(_name_of(folder), f"{fraction:.0%}"))

    def _offer(self, state: RunState | None, processes: int) -> None:
        """Offer what can be done to a run in its state."""
        status = state.status if state else None
        held = status == "held"
        self.hold.setVisible(status in ("running", "held"))
        self.hold.setEnabled(processes == 1)  # the others would wait for one that is held, and give up
        self.hold.setText(self.tr("Go on") if held else self.tr("Pause"))
        self.stop.setVisible(status in ("starting", "running", "held", "stopping", "elsewhere"))
        self.stop.setEnabled(status != "stopping")
        self.resume.setVisible(state is not None and state.can_resume)
        for button in (self.studio, self.timeline):
            button.setVisible(state is not None)

    def show_checkpoints(self, names: list[str]) -> None:
        """Offer these checkpoints."""
        self.studio.setEnabled(bool(names))
        if [action.data() for action in self.menu.actions()] == names:
            return
        self.menu.clear()
        told = {"best": self.tr("Best so far"), "last": self.tr("Last saved")}
        for name in names:
            action = QAction(told[name], self.menu)
            action.setData(name)
            action.triggered.connect(lambda _=False, chosen=name: self.checkpointChosen.emit(chosen))
            self.menu.addAction(action)

    def _show_curves(self, log: RunLog) -> None:
        curves: dict[str, dict[str, Curve]] = {"loss": {}, "rate": {}, "metrics": {}}
        for name, curve in log.steps.items():
            if name in ("loss", "lr"):
                curves["rate" if name == "lr" else "loss"][name] = curve
        for name, curve in log.epochs.items():
            if name != "loss":  # its points are the means of the steps that are drawn already
                kind = "loss" if name.endswith("loss") else "metrics"
                if name == "cider":  # reaches 10, the others 1: they would lie on the axis
                    name, curve = self.tr("{0} / 10").format(metric_name(name)), curve.scaled(0.1)
                curves[kind][name] = curve
        for chart, name in ((self.loss, "loss"), (self.rate, "rate"), (self.metrics, "metrics")):
            chart.show_curves(curves[name], log.step)

    def _show_lines(self, log: RunLog) -> None:
        if log is not self._log or len(log.shown) < self._shown_lines:
            self._log, self._shown_lines = log, 0
            self.lines.clear()
        for event in log.shown[self._shown_lines :]:
            self.lines.appendPlainText(event_line(event))
        self._shown_lines = len(log.shown)


def _name_of(folder: Path) -> str:
    """Return a folder's name with its parent's, as runs often lie in one folder."""
    return "/".join(folder.parts[-2:])

"""The window: what is open, how it is looked at, what runs."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QMainWindow,
    QScrollArea,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.state import ViewState
from vizstudio.gui.actions import Menus
from vizstudio.gui.banner import UntrainedBanner
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.caption_tab import CaptionTab
from vizstudio.gui.compare_desk import CompareDesk
from vizstudio.gui.controller import Controller
from vizstudio.gui.crash import write_down
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.habits import Habits
from vizstudio.gui.inspector import Inspector
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.linked import LinkedViews
from vizstudio.gui.log_desk import LogDesk
from vizstudio.gui.model_bar import ModelBar
from vizstudio.gui.model_desk import ModelDesk
from vizstudio.gui.more_tabs import MoreTabs
from vizstudio.gui.pages import only_shown_counts
from vizstudio.gui.pane_desk import PaneDesk
from vizstudio.gui.panes import Panes
from vizstudio.gui.snapshot import ModelChoice, Result, Snapshot
from vizstudio.gui.sources import Sources, holds_sources
from vizstudio.gui.status import RunStatus
from vizstudio.gui.takeaway import Takeaway
from vizstudio.gui.training.desk import TrainingDesk
from vizstudio.gui.views.attention import AttentionView
from vizstudio.gui.views.caption import CaptionView
from vizstudio.gui.views.position import PositionView
from vizstudio.gui.views.start import StartView
from vizstudio.plugins import PluginHost

CLOSE_TIMEOUT = 0.5  # seconds that a closing window waits for its workers


class MainWindow(QMainWindow):
    """The studio's window; a `StudioView` for the controller."""

    def __init__(self, host: PluginHost, device: str = "auto") -> None:
        super().__init__()
        self.setWindowTitle("vizstudio")
        self.setAcceptDrops(True)
        self.resize(1220, 800)
        self.jobs, self.maps = JobBridge("vizstudio-run", self), JobBridge("vizstudio-maps", self)
        self.words = JobBridge("vizstudio-words", self)
        self.model_bar, self.inspector, self.status = ModelBar(device), Inspector(), RunStatus()
        self.start, self.attention, self.position = StartView(), AttentionView(), PositionView()
        self.caption = CaptionView()
        self.banner = UntrainedBanner()
        self.banner.setVisible(False)  # until a result is of untrained weights
        self._make_centre()
        self._make_dock()
        self.caption_tab = CaptionTab(self, self.caption)
        self.controller = Controller(self, self.caption_tab, self.jobs, self.maps, self.words, host)
        self.more = MoreTabs(self, host)
        self.compare = CompareDesk(self)
        self.training = TrainingDesk(self, host)
        self.sources, self.models = Sources(self), ModelDesk(self, host)
        self.habits, self.log = Habits(self, host), LogDesk(self)
        self.takeaway = Takeaway(self, host)
        self.panes = PaneDesk(self)
        self.linked = LinkedViews(self)
        self.menus = Menus(self, host)
        self._make_toolbar()
        self.statusBar().addWidget(self.status.message, 1)
        self.statusBar().insertPermanentWidget(1, self.status)  # beside its message, before a folder's
        self.statusBar().addPermanentWidget(self.habits.memory)
        only_shown_counts(self.centre)
        self.habits.restore_layout()
        self.ended = False
        self._connect()

    def _make_centre(self) -> None:
        self.tabs = Panes(self.tr("Views"))
        self.tabs.addTab(self.attention, self.tr("Attention"))
        self.tabs.addTab(self.position, self.tr("Position"))
        self.studio = QWidget()
        layout = QVBoxLayout(self.studio)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.setSpacing(6)
        strip = QVBoxLayout()
        strip.setContentsMargins(14, 0, 14, 0)
        strip.addWidget(self.banner)
        layout.addLayout(strip)
        layout.addWidget(self.tabs, 1)
        self.centre = QStackedWidget()
        self.centre.addWidget(self.start)
        self.centre.addWidget(self.studio)
        self.setCentralWidget(self.centre)

    def _make_dock(self) -> None:
        scroll = QScrollArea()
        scroll.setWidget(self.inspector)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setMinimumWidth(316)
        self.dock = QDockWidget(self.tr("Inspector"))
        self.dock.setObjectName("inspector")
        self.dock.setWidget(scroll)
        self.dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        self.dock.setVisible(False)  # until there is something to inspect
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)

    def _make_toolbar(self) -> None:
        toolbar = QToolBar(self.tr("Source"))
        toolbar.setObjectName("source")
        toolbar.setMovable(False)
        toolbar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        toolbar.addAction(self.menus.open)
        toolbar.addWidget(self.model_bar)
        self.addToolBar(toolbar)

    def _connect(self) -> None:
        controller = self.controller
        self.jobs.progressed.connect(controller.runs.on_progress)
        workers = {
            self.jobs: controller.runs,
            self.maps: controller.maps,
            self.words: controller.captions.words,
        }
        for bridge, latest in workers.items():
            bridge.finished.connect(latest.on_finished)
            bridge.failed.connect(latest.on_failed)
            bridge.stopped.connect(latest.on_stopped)
        self.status.cancel.clicked.connect(self.cancel_run)
        self.start.openRequested.connect(self.ask_image)
        self.start.photoChosen.connect(controller.open_image)
        self.model_bar.chosen.connect(controller.choose_model)
        self.banner.publishedRequested.connect(self.model_bar.choose_published)
        self.banner.fileRequested.connect(self.model_bar.ask_file)
        self.inspector.changed.connect(lambda changes: controller.change(**changes))
        self.attention.patchClicked.connect(lambda row, col: controller.change(query=(row, col)))
        self.attention.queryMoved.connect(controller.move_query)
        self.position.panelPinned.connect(controller.pin_panel)
        self.caption_tab.connect_to(controller.captions)

    def choose_model(self, choice: ModelChoice) -> None:
        """Choose a model, as if it had been chosen in the bar."""
        self.model_bar.show_choice(choice)
        self.controller.choose_model(choice)

    def cancel_run(self) -> None:
        """Give up what runs, and what waits for it."""
        self.compare.comparing.give_up()
        self.controller.cancel()

    def current_canvas(self) -> Canvas | None:
        """Return the canvas that zooming is about: that of the pane in use, None if there is none."""
        canvas = getattr(self.tabs.currentWidget(), "zoomed", None)
        return canvas if isinstance(canvas, Canvas) else None

    def ask_image(self) -> None:
        """Ask for a photo and open it."""
        self.sources.ask_files()

    def show_sources(self, image: Path | None, choice: ModelChoice | None) -> None:
        """Say on the start page which model is chosen, or that one is missing."""
        if choice is None:
            text = self.tr("Choose a model in the bar above.")
        else:
            kind = self.model_bar.weights_text(choice)
            kind = kind if choice.checkpoint else kind[:1].lower() + kind[1:]
            text = self.tr("Model: {0}, {1}. Another can be chosen in the bar above.")
            text = text.format(choice.model_id, kind)
        self.start.say(text)

    def show_busy(self, message: str, fraction: float) -> None:
        """Say that a run is under way."""
        told = message[:1].upper() + message[1:] if message else self.tr("Starting")
        self.status.show_busy(told, fraction)
        self.start.say(told + "…")
        self.menus.cancel.setEnabled(True)

    def show_idle(self, message: str) -> None:
        """Say how the last run ended."""
        self.status.show_idle(message)
        self.menus.cancel.setEnabled(False)
        self.show_sources(self.controller.image, self.controller.choice)

    def show_done(self, result: Result) -> None:
        """Say that a run ended well and is shown."""
        seconds = result.analysis.timings.get("forward")
        told = self.tr("{0} analysed").format(result.image.name)
        told = told if seconds is None else told + self.tr(" in {0} s").format(f"{seconds:.2f}")
        self.show_idle(f"{told}; {result.fallback}" if result.fallback else told)

    def show_cancelled(self) -> None:
        """Say that the run was cancelled."""
        self.show_idle(self.tr("Cancelled"))

    def show_failed(self, sentence: str, details: str, is_bug: bool) -> None:
        """Say that something that was asked for failed."""
        self.show_idle("")
        self.status.tell(self.tr("Failed"), sentence)
        log = write_down(sentence, details) if is_bug else None
        dialog = ErrorDialog(sentence, details, is_bug, self, log)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_controls(self, result: Result, state: ViewState) -> None:
        """Set the controls to what is asked."""
        self.inspector.show_controls(result, state)

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show a view in every tab."""
        result = snapshot.result
        if new_result:
            untrained = result.info.weights == "untrained"
            self.banner.setVisible(untrained)
            name = f"{result.info.model_id} ({self.tr('untrained')})" if untrained else result.info.model_id
            self.setWindowTitle(f"{result.image.name} – {name} – vizstudio")
            self.centre.setCurrentWidget(self.studio)
            # The start page is wider, and until this is known the dock would make the window larger.
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
            self.dock.setVisible(True)
            self.sources.show_opened(result.image.path)
            self.models.note(result.choice)
            self.habits.show_memory()
        self.attention.show_snapshot(snapshot, new_result)
        self.position.show_snapshot(snapshot, new_result)
        self.linked.show_snapshot(snapshot, new_result)
        self.more.show_snapshot(snapshot)
        self.compare.comparing.look()
        self.inspector.show_snapshot(snapshot)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files, folders and pictures."""
        if holds_sources(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        event.acceptProposedAction()
        self.sources.take(event.mimeData())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel what runs and wait a moment; `ended` says whether the workers had ended by then.

        A training that goes on is asked about first, and so is a folder that is analysed.
        """
        if not (self.training.closing.may_close() and self.takeaway.folders.may_close()):
            event.ignore()
            return
        self.habits.save_layout()
        self.hide()
        ended = [bridge.close(CLOSE_TIMEOUT) for bridge in (self.jobs, self.maps, self.words)]
        ended += [
            desk.close(CLOSE_TIMEOUT) for desk in (self.sources, self.takeaway, self.more, self.compare)
        ]
        self.ended = all([*ended, self.training.close(CLOSE_TIMEOUT)])
        event.accept()

"""The window: what is open, how it is looked at, what runs."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QToolBar,
)

from vizstudio.gui.controller import Controller, ModelChoice, Snapshot
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.inspector import Inspector
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.model_bar import ModelBar
from vizstudio.gui.views.attention import AttentionView
from vizstudio.gui.views.position import PositionView
from vizstudio.plugins import PluginHost


class MainWindow(QMainWindow):
    """The studio's window; a `StudioView` for the controller."""

    def __init__(self, host: PluginHost, device: str = "auto") -> None:
        super().__init__()
        self._host = host
        self.setWindowTitle("vizstudio")
        self.setAcceptDrops(True)
        self.resize(1180, 760)
        self.jobs = JobBridge(self)
        self.controller = Controller(self, self.jobs, host)
        self.model_bar, self.inspector = ModelBar(device), Inspector()
        self.attention, self.position = AttentionView(), PositionView()
        self._make_actions()
        self._make_centre()
        self._make_status()
        self._connect()
        QTimer.singleShot(0, self._list_models)  # after the first frame

    def _make_actions(self) -> None:
        self.open_action = QAction(self.tr("&Open image…"), self)
        self.open_action.setShortcut(QKeySequence.StandardKey.Open)
        self.open_action.setStatusTip(self.tr("Open a photo to look at"))
        self.open_action.triggered.connect(self._ask_image)
        self.quit_action = QAction(self.tr("&Quit"), self)
        self.quit_action.setShortcut(QKeySequence.StandardKey.Quit)
        self.quit_action.setStatusTip(self.tr("Close vizstudio"))
        self.quit_action.triggered.connect(self.close)
        menu = self.menuBar().addMenu(self.tr("&File"))
        menu.addActions([self.open_action, self.quit_action])
        toolbar = QToolBar(self.tr("Source"))
        toolbar.setObjectName("source")
        toolbar.setMovable(False)
        toolbar.addAction(self.open_action)
        toolbar.addWidget(self.model_bar)
        self.addToolBar(toolbar)

    def _make_centre(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.addTab(self.attention, self.tr("Attention"))
        self.tabs.addTab(self.position, self.tr("Position"))
        self.empty = QLabel(self.tr("Open or drop a photo, and choose a model above."))
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.centre = QStackedWidget()
        self.centre.addWidget(self.empty)
        self.centre.addWidget(self.tabs)
        self.setCentralWidget(self.centre)
        dock = QDockWidget(self.tr("Inspector"))
        dock.setObjectName("inspector")
        dock.setWidget(self.inspector)
        dock.setMinimumWidth(280)
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetMovable)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)

    def _make_status(self) -> None:
        self.pointed = QLabel()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setMaximumWidth(180)
        self.progress.setTextVisible(False)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.message = QLabel()
        bar = self.statusBar()
        bar.addWidget(self.message, 1)
        bar.addPermanentWidget(self.pointed)
        bar.addPermanentWidget(self.progress)
        bar.addPermanentWidget(self.cancel_button)
        self.progress.setVisible(False)
        self.cancel_button.setVisible(False)

    def _connect(self) -> None:
        self.jobs.progressed.connect(self.controller.on_progress)
        self.jobs.finished.connect(self.controller.on_finished)
        self.jobs.failed.connect(self.controller.on_failed)
        self.jobs.stopped.connect(self.controller.on_stopped)
        self.cancel_button.clicked.connect(self.controller.cancel)
        self.model_bar.chosen.connect(self.controller.choose_model)
        self.inspector.changed.connect(lambda changes: self.controller.change(**changes))
        self.attention.patchClicked.connect(lambda row, col: self.controller.change(query=(row, col)))
        self.attention.hovered.connect(self.pointed.setText)
        self.position.hovered.connect(self.pointed.setText)

    def _list_models(self) -> None:
        self.model_bar.set_models(list(self._host.models.names()))

    def open_image(self, path: Path) -> None:
        """Open a photo."""
        if self.centre.currentWidget() is self.empty and self.controller.choice is None:
            self.empty.setText(self.tr("{0} is open: choose a model above.").format(path.name))
        self.controller.open_image(path)

    def choose_model(self, choice: ModelChoice) -> None:
        """Choose a model, as if it had been chosen in the bar."""
        self.model_bar.show_choice(choice)
        self.controller.choose_model(choice)

    def _ask_image(self) -> None:
        filters = self.tr("Images (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Open image"), "", filters)
        if name:
            self.open_image(Path(name))

    def show_busy(self, message: str, fraction: float) -> None:
        """A job is under way."""
        self.message.setText(message)
        self.progress.setValue(round(fraction * 1000))
        self.progress.setVisible(True)
        self.cancel_button.setVisible(True)

    def show_idle(self, message: str) -> None:
        """No job is under way."""
        self.message.setText(message)
        self.progress.setVisible(False)
        self.cancel_button.setVisible(False)

    def show_error(self, sentence: str, details: str) -> None:
        """Something that was asked for failed."""
        dialog = ErrorDialog(sentence, details, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show a view in every tab."""
        self.centre.setCurrentWidget(self.tabs)
        if new_result:
            self.setWindowTitle(
                f"{snapshot.result.image.name} – {snapshot.result.analysis.model_id} – vizstudio"
            )
        self.attention.show_snapshot(snapshot, new_result)
        self.position.show_snapshot(snapshot, new_result)
        self.inspector.show_snapshot(snapshot)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first file that was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.open_image(paths[0])

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel what runs; the window goes at once, the thread is waited for behind it."""
        self.hide()
        self.jobs.close()
        event.accept()

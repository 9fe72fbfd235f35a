"""The log: what the window told since it was opened, with the time, to be read again and copied."""

from collections import deque
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QPlainTextEdit

from vizstudio.gui import theme

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow

LINES = 500  # that are kept
HEIGHT = 170  # pixels of the dock when it is opened first


class Told(NamedTuple):
    """One thing that was told."""

    time: str
    text: str
    failed: bool


class LogView(QPlainTextEdit):
    """A line for each, the newest last."""

    def __init__(self, lines: "deque[Told]") -> None:
        super().__init__()
        self._lines = lines
        self.setReadOnly(True)
        self.setMaximumBlockCount(LINES)
        self.document().setDocumentMargin(10)
        self.setAccessibleName(self.tr("Log"))
        self.setPlaceholderText(
            self.tr("Runs, captions, exports and failures are written here as they happen.")
        )
        self.write_all()

    def changeEvent(self, event: QEvent) -> None:
        """Write again in the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.write_all()

    def write_all(self) -> None:
        """Write every line anew."""
        self.clear()
        for told in self._lines:
            self.write(told)

    def write(self, told: Told) -> None:
        """Add a line; what was scrolled to stays in view, and the end does if it is."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        colours = theme.colours(application)
        colour, text = colours.warning if told.failed else colours.text, escape(told.text).replace("\n", " ")
        self.appendHtml(
            f"<span style='color:{colours.muted}'>{told.time}&nbsp;&nbsp;</span>"
            f"<span style='color:{colour}'>{text}</span>"
        )


class LogDesk(QObject):
    """Keeps what is told from the start; the dock is made when it is first opened."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self.lines: deque[Told] = deque(maxlen=LINES)
        self.dock: QDockWidget | None = None
        window.status.told.connect(self.note)

    def note(self, text: str, failed: bool) -> None:
        """Keep what was told now."""
        told = Told(datetime.now().strftime("%H:%M:%S"), text, failed)
        self.lines.append(told)
        if self.dock is not None:
            self.view.write(told)

    def toggle(self) -> None:
        """Open the dock and go to it, or close it."""
        if self.dock is not None and self.dock.isVisible():
            self.dock.close()
            return
        if self.dock is None:
            self._make_dock()
        assert self.dock is not None
        self.dock.show()
        self.dock.raise_()
        self.view.setFocus()

    def _make_dock(self) -> None:
        self.view = LogView(self.lines)
        self.dock = QDockWidget(self.tr("Log"), self._window)
        self.dock.setObjectName("log")
        self.dock.setWidget(self.view)
        if not self._window.restoreDockWidget(self.dock):  # to where it was at the last start
            self._window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.dock)
            self._window.resizeDocks([self.dock], [HEIGHT], Qt.Orientation.Vertical)

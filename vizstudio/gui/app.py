"""Starts the window; torch is imported by the worker, after the first frame."""

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget

from vizstudio.core.errors import ImageError, UsageError
from vizstudio.core.session import SUFFIX, read_session
from vizstudio.gui import guard, theme
from vizstudio.gui.actions import saved_appearance
from vizstudio.gui.crash import CrashLog, write_down
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.heap import share_arenas
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.plugins import PluginHost


class FirstFrame(QObject):
    """Calls back once, as soon as a widget has been painted for the first time."""

    def __init__(self, widget: QWidget, then: Callable[[], None]) -> None:
        super().__init__(widget)
        self._then = then
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the first paint; what follows runs after it."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self, self._then)
        return False


class Uncaught(QObject):
    """Shows errors that nobody caught, of any thread, one at a time: one in painting comes again and again."""

    told = Signal(str, str, bool)  # (sentence, traceback, is a bug), in whichever thread it happened

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.told.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def _show(self, sentence: str, details: str, is_bug: bool) -> None:
        if self._window.findChildren(ErrorDialog):
            write_down(sentence, details)
        else:
            self._window.show_failed(sentence, details, is_bug)


def make_application() -> QApplication:
    """Return the one application, with its style and colours."""
    share_arenas()
    guard.install()
    running = QApplication.instance()
    application = running if isinstance(running, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("vizstudio")
    theme.start(application, saved_appearance())
    return application


def check_image(image: Path) -> None:
    """Check that there is a file.

    Raises
    ------
    ImageError
        If there is none.
    """
    if not image.is_file():
        what = "is a folder" if image.is_dir() else "does not exist"
        raise ImageError(f"{image} {what}: give a photo, or see `vizstudio --help` for the commands")


def check_choice(host: PluginHost, choice: ModelChoice) -> None:
    """Check that a plugin brings a model, and that its weights are there.

    Raises
    ------
    UsageError
        If not.
    """
    host.models.find(choice.model_id)
    if choice.checkpoint is not None and not choice.checkpoint.is_file():
        raise UsageError(f"no weights at {choice.checkpoint}: check the path")


def begin(window: MainWindow, image: Path | None, choice: ModelChoice | None) -> None:
    """Open what the window begins with, and what was left behind."""
    gc.enable()  # the command keeps it off until now
    window.models.list()
    window.inspector.looks.draw_swatches()
    window.training.find_again()
    if choice is not None:
        window.model_bar.precision = choice.precision
        window.choose_model(choice)
    else:
        window.show_sources(None, None)
    if image is not None and image.suffix.lower() == SUFFIX:
        window.takeaway.sessions.open(image)
    elif image is not None:
        window.controller.open_image(image)
    window.takeaway.sessions.offer()


def run_app(
    host: PluginHost,
    image: Path | None = None,
    choice: ModelChoice | None = None,
    device: str = "auto",
) -> int:
    """Show the window until it is closed; returns the exit code.

    Parameters
    ----------
    host : PluginHost
        Whose models are offered.
    image : Path, optional
        A photo to begin with, or a session file.
    choice : ModelChoice, optional
        The model to begin with.
    device : str
        Where models run that are chosen later.

    Raises
    ------
    ImageError, UsageError
        If the image is not there or no plugin brings the model, before any window is made.
    """
    if image is not None:
        check_image(image)
    if image is not None and image.suffix.lower() == SUFFIX:
        choice = read_session(image).place.choice
    if choice is not None:
        check_choice(host, choice)
    application = make_application()
    window = MainWindow(host, device)

    FirstFrame(window.centre, lambda: begin(window, image, choice))
    window.show()
    uncaught = Uncaught(window)
    log = CrashLog(uncaught.told.emit)
    log.install()
    code = application.exec()
    log.remove()
    if not window.ended:
        # A worker is inside an import or one long call, which nothing can interrupt. Waiting for it would keep
        # a closed program alive for seconds, and it has nothing to save.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code

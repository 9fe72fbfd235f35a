"""Starts the window; torch is imported by the worker, after the first frame."""

import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from vizstudio.core.errors import ImageError
from vizstudio.gui.controller import ModelChoice
from vizstudio.gui.main_window import MainWindow
from vizstudio.plugins import PluginHost


def run_app(
    host: PluginHost,
    image: Path | None = None,
    model: str | None = None,
    checkpoint: Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
) -> int:
    """Show the window until it is closed; returns the exit code.

    Raises
    ------
    ImageError, UsageError
        If the image is not there or no plugin brings the model, before any window is made.
    """
    if image is not None and not image.exists():
        raise ImageError(f"no image at {image}: check the path, or see `vizstudio --help` for the commands")
    if model is not None:
        host.models.find(model)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setApplicationName("vizstudio")
    window = MainWindow(host, device)
    window.show()

    def begin() -> None:
        if model is not None:
            window.choose_model(ModelChoice(model, checkpoint, pretrained, device))
        if image is not None:
            window.open_image(image)

    QTimer.singleShot(0, begin)
    return application.exec()

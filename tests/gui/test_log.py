"""The log: what was told, with the time, whether its dock is open or not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from gui_fakes import error_dialog
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from vizstudio.gui import theme
from vizstudio.gui.log_desk import LINES

Settle = Callable[[Any], None]
TIMEOUT = 30_000
CONTROL = Qt.KeyboardModifier.ControlModifier


def lines(window: Any) -> list[str]:
    """Return what is in the dock, without times."""
    return [line[len("12:34:56  ") :] for line in window.log.view.toPlainText().splitlines()]


def test_what_was_told_before_and_after_it_was_opened(
    studio: Any, qtbot: Any, settle: Settle, tmp_path: Path
) -> None:
    qtbot.keyClick(studio, Qt.Key.Key_L, CONTROL)
    assert studio.log.dock.isVisible() and studio.log.view.hasFocus()
    (first,) = lines(studio)
    assert first.startswith("photo.png analysed")
    (tmp_path / "torn <1>.png").write_bytes(b"no image")
    studio.controller.open_image(tmp_path / "torn <1>.png")
    settle(studio)
    error_dialog(studio, qtbot).close()
    with qtbot.waitActive(studio, timeout=TIMEOUT):  # shortcuts go to the active window
        studio.activateWindow()
    assert lines(studio)[0] == first and lines(studio)[1].startswith("torn <1>.png")
    assert studio.status.message.text() == "Failed"
    html = studio.log.view.document().toHtml()
    assert theme.LIGHT.warning in html and html.count(theme.LIGHT.warning) == 1
    qtbot.keyClick(studio.log.view, Qt.Key.Key_A, CONTROL)
    qtbot.keyClick(studio.log.view, Qt.Key.Key_C, CONTROL)
    assert "photo.png analysed" in QGuiApplication.clipboard().text()
    qtbot.keyClick(studio, Qt.Key.Key_L, CONTROL)
    assert not studio.log.dock.isVisible()
    studio.status.tell("while it was closed")
    qtbot.keyClick(studio, Qt.Key.Key_L, CONTROL)
    assert lines(studio)[-1] == "while it was closed"


def test_it_is_written_again_in_the_colours_of_another_theme(studio: Any) -> None:
    studio.log.toggle()
    studio.status.tell("Failed", "a sentence")
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    try:
        theme.apply(application, "dark")
        html = studio.log.view.document().toHtml()
        assert theme.DARK.warning in html and theme.LIGHT.warning not in html
    finally:
        theme.apply(application, "light")


def test_the_oldest_go(studio: Any) -> None:
    studio.log.toggle()
    for number in range(LINES + 7):
        studio.status.tell(f"number {number}")
    assert len(lines(studio)) == len(studio.log.lines) == LINES
    assert (lines(studio)[0], lines(studio)[-1]) == ("number 7", f"number {LINES + 6}")

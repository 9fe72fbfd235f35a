"""The window's requests through real mouse and key events, with models that need no torch."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
TIMEOUT = 30_000


def dialog_of(window: Any, qtbot: Any) -> ErrorDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)), timeout=TIMEOUT)
    dialog: ErrorDialog = window.findChildren(ErrorDialog)[0]
    return dialog


# The start page


def test_the_start_page_says_what_to_do(window: Any) -> None:
    assert window.centre.currentWidget() is window.start
    assert window.start.open_button.isVisible() and not window.dock.isVisible()
    assert [b.text() for b in window.start.samples] == ["Astronaut", "Chelsea", "Coffee", "Rocket"]
    assert all(not b.icon().isNull() for b in window.start.samples)


def test_a_click_on_a_sample_analyses_it(window: Any, qtbot: Any, settle: Settle, photos: Path) -> None:
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    assert "fake:small" in window.start.status.text()
    qtbot.mouseClick(window.start.samples[1], Qt.MouseButton.LeftButton)
    settle(window)
    assert window.centre.currentWidget() is window.studio
    assert window.controller._result.image.path == photos / "chelsea.jpg"
    assert window.windowTitle() == "chelsea.jpg – fake:small (untrained) – vizstudio"


def test_the_open_button_asks_for_a_photo(
    window: Any, qtbot: Any, settle: Settle, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(photo)], ""))
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    qtbot.mouseClick(window.start.open_button, Qt.MouseButton.LeftButton)
    settle(window)
    assert window.controller._result.image.path == photo


def test_a_closed_file_dialog_changes_nothing(
    window: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    qtbot.mouseClick(window.start.open_button, Qt.MouseButton.LeftButton)
    assert window.controller.image is None and window.controller.runs.number is None


# Choosing a model


def test_typing_a_name_and_enter(studio: Any, qtbot: Any, settle: Settle) -> None:
    line = studio.model_bar.line
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "other")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller._result.choice == ModelChoice("fake:other", device="cpu")
    assert line.text() == "fake:other"


def test_choosing_a_completion(studio: Any, qtbot: Any, settle: Settle) -> None:
    line = studio.model_bar.line
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "THE")
    popup = studio.model_bar.name.completer().popup()
    qtbot.waitUntil(popup.isVisible, timeout=TIMEOUT)
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller._result.choice.model_id == "fake:other"


def test_a_name_that_nobody_knows(studio: Any, qtbot: Any) -> None:
    line = studio.model_bar.line
    line.selectAll()
    qtbot.keyClicks(line, "nonsense")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    dialog = dialog_of(studio, qtbot)
    assert "nonsense" in dialog.sentence.text()
    dialog.close()
    assert studio.controller._result.choice.model_id == "fake:small"


def test_choosing_a_file_of_weights(
    studio: Any,
    qtbot: Any,
    settle: Settle,
    tmp_path: Path,
    fake: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "mine.safetensors"
    file.touch()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    studio.model_bar.weights.setFocus()
    qtbot.keyClick(studio.model_bar.weights, Qt.Key.Key_End)
    settle(studio)
    assert fake.loads[-1][1].checkpoint == file
    assert studio.model_bar.weights.currentText() == "mine.safetensors"
    assert not studio.banner.isVisible()


def test_giving_no_file_keeps_the_weights(studio: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    qtbot.keyClick(studio.model_bar.weights, Qt.Key.Key_End)
    assert studio.model_bar.weights.currentText() == "Untrained weights"
    assert studio.controller.runs.number is None


# Drag and drop


def drop(window: Any, path: Path) -> bool:
    """Drop a file on the middle of the window; return whether the window wanted it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, button, none = window.rect().center(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, Qt.DropAction.CopyAction, data, button, none)
    QGuiApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(place), Qt.DropAction.CopyAction, data, button, none)
    QGuiApplication.sendEvent(window, event)
    return enter.isAccepted()


def test_dropping_a_photo(window: Any, settle: Settle, photo: Path) -> None:
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    assert drop(window, photo)
    settle(window)
    assert window.controller._result.image.path == photo


def test_dropping_weights(studio: Any, settle: Settle, tmp_path: Path, fake: ModuleType) -> None:
    file = tmp_path / "dropped.PTH"
    file.touch()
    assert drop(studio, file)
    settle(studio)
    assert fake.loads[-1][1].checkpoint == file


def test_the_canvases_leave_drops_to_the_window(studio: Any) -> None:
    for canvas in (studio.attention.canvas, studio.position.canvas, studio.position.panel_canvas):
        assert not canvas.acceptDrops() and not canvas.viewport().acceptDrops()


# Runs


def test_cancelling_a_slow_run(studio: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    before = studio.controller._snapshot
    studio.choose_model(ModelChoice("fake:slow", device="cpu"))
    qtbot.waitUntil(lambda: studio.status.progress.value() >= 100, timeout=TIMEOUT)
    assert studio.status.message.text() == "Running slowly"
    qtbot.mouseClick(studio.status.cancel, Qt.MouseButton.LeftButton)
    settle(studio)
    assert studio.status.message.text() == "Cancelled" and not studio.status.isVisible()
    assert studio.controller._snapshot is before


def test_escape_cancels_too(studio: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    studio.choose_model(ModelChoice("fake:slow", device="cpu"))
    qtbot.waitUntil(fake.started.is_set, timeout=TIMEOUT)
    qtbot.keyClick(studio, Qt.Key.Key_Escape)
    settle(studio)
    assert studio.status.message.text() == "Cancelled"


def test_only_the_newest_of_many_runs_lands(
    studio: Any, qtbot: Any, settle: Settle, fake: ModuleType, photos: Path
) -> None:
    studio.choose_model(ModelChoice("fake:deaf", device="cpu"))
    qtbot.waitUntil(fake.started.is_set, timeout=TIMEOUT)
    landed: list[str] = []
    studio.position.panelChanged.connect(lambda *_: landed.append(studio.windowTitle()))
    for name in ("astronaut", "rocket", "coffee"):
        studio.controller.open_image(photos / f"{name}.jpg")
    studio.choose_model(ModelChoice("fake:small", device="cpu"))
    fake.release.set()
    settle(studio)
    assert set(landed) == {"coffee.jpg – fake:small (untrained) – vizstudio"}


def test_an_unreadable_image_shows_the_dialog(studio: Any, qtbot: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    studio.controller.open_image(bad)
    dialog = dialog_of(studio, qtbot)
    assert dialog.sentence.text().startswith("bad.png is not an image")
    assert not dialog.details.isVisible()
    qtbot.mouseClick(dialog.details_button, Qt.MouseButton.LeftButton)
    assert dialog.details.isVisible() and "Traceback" in dialog.details.toPlainText()
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == f"{dialog.sentence.text()}\n\n{dialog.details.toPlainText()}"
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert studio.status.message.text() == "Failed"


def test_a_bug_in_a_plugin_is_called_so(studio: Any, qtbot: Any) -> None:
    studio.choose_model(ModelChoice("fake:broken", device="cpu"))
    dialog = dialog_of(studio, qtbot)
    assert "bug" in dialog.heading.text() and "a fuse blew" in dialog.sentence.text()
    assert "analyze" in dialog.details.toPlainText()
    dialog.close()


def test_the_run_of_the_photo_stands_before_that_of_a_folder(studio: Any, qtbot: Any) -> None:
    folders = studio.takeaway.folders
    studio.show_busy("layer 1 of 3", 0.3)
    folders.strip.setVisible(True)
    qtbot.waitUntil(lambda: folders.strip.isVisible() and studio.status.isVisible(), timeout=TIMEOUT)
    assert studio.status.message.x() < studio.status.x() < folders.strip.x() < studio.habits.memory.x()
    folders.strip.setVisible(False)
    studio.show_idle("")

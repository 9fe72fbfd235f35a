"""The timeline taken along through the export dialog: the file is the one that the command writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_fakes import error_dialog

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

import vizstudio

TIMEOUT = 30_000
CTRL = Qt.KeyboardModifier.ControlModifier
MODELS = ["small", "other", "small"]


@pytest.fixture
def at_timeline(window: Any, qtbot: Any, write_snapshots: Callable[..., None], tmp_path: Path) -> Any:
    """The window with a run's timeline in front, and no photo open."""
    folder = tmp_path / "my run"
    write_snapshots(folder, MODELS)
    (folder / "events.jsonl").write_text('{"event": "epoch", "step": 3, "epoch": 1, "loss": 0.5}\n', "utf-8")
    window.training.open_run(folder)
    qtbot.waitUntil(lambda: window.training.timeline.frame is not None, timeout=TIMEOUT)
    window.training.show_timeline()
    return window


def dialog_of(window: Any, qtbot: Any) -> Any:
    qtbot.keyClick(window, Qt.Key.Key_E, CTRL)
    qtbot.waitUntil(lambda: window.takeaway.exports._dialog is not None, timeout=TIMEOUT)
    dialog = window.takeaway.exports._dialog
    qtbot.waitUntil(lambda: dialog._figure is not None, timeout=TIMEOUT)
    return dialog


def saved(
    window: Any, qtbot: Any, dialog: Any, format: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Choose a format and save, as a user would."""
    dialog.format.setCurrentIndex(dialog.format.findData(format))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.takeaway.exports._dialog is None, timeout=TIMEOUT)


@pytest.mark.parametrize("format", ["gif", "webp", "png", "npz"])
def test_the_file_is_what_the_command_writes(
    at_timeline: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    at_timeline.training.timeline.change(layer=1, head=1, probe=1, common=False)
    timeline = at_timeline.training.timeline
    qtbot.waitUntil(lambda: timeline.frame.probe == 1 and timeline.frames.number is None, timeout=TIMEOUT)
    dialog = dialog_of(at_timeline, qtbot)
    assert [dialog.view.itemText(i) for i in range(dialog.view.count())] == ["Timeline"]
    saved(at_timeline, qtbot, dialog, format, tmp_path / f"here.{format}", monkeypatch)
    vizstudio.write_timeline(
        timeline.folder, tmp_path / f"there.{format}", probe=1, layer=1, head=1, common=False
    )
    here, there = tmp_path / f"here.{format}", tmp_path / f"there.{format}"
    if format == "npz":  # the archive tells the time of day
        with np.load(here) as one, np.load(there) as other:
            assert one.files == other.files
            for name in one.files:
                np.testing.assert_array_equal(one[name], other[name])
        return
    assert here.read_bytes() == there.read_bytes()
    if format != "png":
        with Image.open(here) as film:
            assert film.n_frames == len(MODELS)


def test_copied_as_command_and_picture(at_timeline: Any, qtbot: Any) -> None:
    at_timeline.takeaway.exports.copy_command()
    folder = at_timeline.training.timeline.folder
    told = QGuiApplication.clipboard().text()
    assert told.startswith("vizstudio-train timeline ") and "--layer 2 --head mean" in told
    at_timeline.takeaway.exports.copy_python()
    script = QGuiApplication.clipboard().text()
    assert "vizstudio.write_timeline(" in script and repr(str(folder)) in script
    at_timeline.takeaway.exports.copy_picture()
    qtbot.waitUntil(
        lambda: (
            at_timeline.status.message.text() == "Picture copied"
            and not QGuiApplication.clipboard().image().isNull()
        ),
        timeout=TIMEOUT,
    )


def test_without_a_photo_another_tab_has_nothing_to_export(at_timeline: Any, qtbot: Any) -> None:
    at_timeline.tabs.setCurrentWidget(at_timeline.attention)
    qtbot.keyClick(at_timeline, Qt.Key.Key_E, CTRL)
    dialog = error_dialog(at_timeline, qtbot)
    assert dialog.sentence.text() == "Nothing is shown yet: open a photo first"
    dialog.close()

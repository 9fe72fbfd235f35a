"""The list of models by mouse and key."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget
from shiboken6 import isValid

from vizstudio.entries import ModelListing
from vizstudio.gui.dialogs.model_picker import ModelPicker
from vizstudio.gui.dialogs.model_table import STAR
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def listed(fake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake plugin tells which weights there are."""
    weights = {"small": "none", "other": "published", "flat": "named"}
    listings = [ModelListing(n, "fake", "", weights.get(n, "unknown")) for n in fake.NAMES]  # type: ignore[arg-type]
    monkeypatch.setattr(fake, "list_models", lambda: listings)


@pytest.fixture
def picker(listed: None, studio: Any, qtbot: Any) -> Any:
    """The list, opened by its key over a window that shows a photo."""
    qtbot.keyClick(studio, Qt.Key.Key_M, CONTROL)
    (picker,) = studio.findChildren(ModelPicker)
    qtbot.waitExposed(picker)
    yield picker
    if isValid(picker):  # else it was closed by the test
        picker.reject()


def test_it_opens_at_the_model_in_use(picker: ModelPicker) -> None:
    assert picker.table.current() == "fake:small" and picker.line.hasFocus()
    assert picker.count.text() == "10 of 10" and not picker.empty.isVisible()
    assert picker.untrained.isChecked() and "Untrained" in picker.note.text()


def test_typing_and_enter(picker: ModelPicker, studio: Any, qtbot: Any, settle: Settle) -> None:
    qtbot.keyClicks(picker.line, "OTH")
    assert picker.rows.names == ["fake:other"] and picker.count.text() == "1 of 10"
    qtbot.keyClick(picker.line, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller._result.choice == ModelChoice("fake:other", device="cpu")
    assert studio.model_bar.line.text() == "fake:other"
    assert studio.models.catalogue.recent[:2] == ["fake:other", "fake:small"]


def test_keys_move_the_selection_from_the_line(picker: ModelPicker, qtbot: Any) -> None:
    qtbot.keyClick(picker.line, Qt.Key.Key_Down)
    assert picker.table.current() == "fake:other" and picker.line.hasFocus()
    qtbot.keyClick(picker.line, Qt.Key.Key_PageDown)
    assert picker.table.current() == "fake:mute_writer"
    for _ in range(2):
        qtbot.keyClick(picker.line, Qt.Key.Key_PageUp)
    assert picker.table.current() == "fake:small"


def test_published_weights_are_offered_where_there_are_any(
    picker: ModelPicker, studio: Any, qtbot: Any, settle: Settle, fake: ModuleType
) -> None:
    assert not picker.published.isEnabled() and "No weights" in picker.note.text()
    qtbot.keyClicks(picker.line, "flat")
    assert picker.untrained.text() == "Those it comes with" and not picker.published.isEnabled()
    picker.line.clear()
    qtbot.keyClicks(picker.line, "other")
    qtbot.mouseClick(picker.published, Qt.MouseButton.LeftButton)
    assert picker.published.isChecked()
    qtbot.mouseClick(picker.use, Qt.MouseButton.LeftButton)
    settle(studio)
    assert fake.loads[-1][0] == "other" and fake.loads[-1][1].pretrained
    assert studio.model_bar.weights.currentText() == "Published weights"


def test_a_file_of_weights(
    picker: ModelPicker,
    studio: Any,
    qtbot: Any,
    settle: Settle,
    fake: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not picker.file.isEnabled()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    qtbot.mouseClick(picker.browse, Qt.MouseButton.LeftButton)
    assert picker.untrained.isChecked()
    file = tmp_path / "mine.pth"
    file.touch()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    qtbot.mouseClick(picker.browse, Qt.MouseButton.LeftButton)
    assert picker.file.isChecked() and picker.file.text() == "mine.pth"
    qtbot.keyClick(picker.line, Qt.Key.Key_Return)
    settle(studio)
    assert fake.loads[-1][1].checkpoint == file


def test_favourites_by_mouse_and_by_key(picker: ModelPicker, studio: Any, qtbot: Any) -> None:
    table = picker.table
    place = table.visualRect(picker.rows.index(3, STAR)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert studio.models.catalogue.favourites == ["fake:slow"] and table.current() == "fake:small"
    qtbot.keyClick(picker.line, Qt.Key.Key_D, CONTROL)
    assert studio.models.catalogue.favourites == ["fake:slow", "fake:small"]
    picker.which.setCurrentIndex(1)
    assert picker.rows.names == ["fake:small", "fake:slow"]
    qtbot.keyClick(picker.line, Qt.Key.Key_D, CONTROL)
    assert studio.models.catalogue.favourites == ["fake:slow"]


def test_nothing_found_says_what_to_do(picker: ModelPicker, studio: Any, qtbot: Any) -> None:
    qtbot.keyClicks(picker.line, "nonsense")
    assert picker.empty.isVisible() and "Fewer words" in picker.empty.text() and not picker.use.isEnabled()
    qtbot.keyClick(picker.line, Qt.Key.Key_Return)
    assert studio.controller.runs.number is None
    picker.line.clear()
    picker.which.setCurrentIndex(1)
    assert "star" in picker.empty.text()


def test_the_arrow_of_the_bar_opens_it(listed: None, studio: Any, qtbot: Any) -> None:
    qtbot.keyClick(studio.model_bar.name, Qt.Key.Key_F4)
    (picker,) = studio.findChildren(ModelPicker)
    picker.reject()
    assert studio.controller.choice.model_id == "fake:small"


def test_every_control_has_a_name(picker: ModelPicker) -> None:
    tabbed = Qt.FocusPolicy.TabFocus.value
    widgets = [w for w in picker.findChildren(QWidget) if w.focusPolicy().value & tabbed and w.isVisible()]
    assert [w for w in widgets if not w.accessibleName() and not getattr(w, "text", str)()] == []

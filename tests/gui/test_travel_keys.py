"""Undo, redo, back and forward, by key."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from vizstudio.gui.snapshot import ModelChoice

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs
Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Modifier.ControlModifier, Modifier.ShiftModifier


@pytest.fixture
def slow_clock(window: Any) -> None:
    """Every look at the history's clock is a minute later, so that nothing is a sweep."""
    now = iter(range(0, 10**9, 60))
    window.controller.travel.history._clock = lambda: float(next(now))


def test_undo_and_redo_by_key(slow_clock: None, studio: Any, qtbot: Any, settle: Any) -> None:
    actions = studio.takeaway.actions
    assert not actions["undo"].isEnabled()
    studio.inspector.layer.setFocus()
    for _ in range(2):
        qtbot.keyClick(studio.inspector.layer, Key.Key_Left)
        settle(studio)
    assert studio.inspector.layer.value() == 0 and actions["undo"].isEnabled()
    qtbot.keyClick(studio, Key.Key_Z, CTRL)
    settle(studio)
    assert studio.inspector.layer.value() == 1
    qtbot.keyClick(studio, Key.Key_Z, CTRL)
    settle(studio)
    assert studio.inspector.layer.value() == 2 and not actions["undo"].isEnabled()
    qtbot.keyClick(studio, Key.Key_Z, CTRL | SHIFT)
    settle(studio)
    assert studio.inspector.layer.value() == 1


def test_a_sweep_of_the_slider_is_one_step(studio: Any, qtbot: Any, settle: Any) -> None:
    studio.controller.travel.history._clock = lambda: 1000.0
    before = studio.inspector.opacity.value()
    for _ in range(8):
        qtbot.keyClick(studio.inspector.opacity, Key.Key_Left)
    settle(studio)
    assert studio.inspector.opacity.value() != before
    qtbot.keyClick(studio, Key.Key_Z, CTRL)
    settle(studio)
    assert studio.inspector.opacity.value() == before


def test_back_and_forward_by_key(
    slow_clock: None, studio: Any, qtbot: Any, settle: Any, photos: Path
) -> None:
    qtbot.keyClick(studio, Key.Key_2, CTRL)
    assert studio.tabs.currentWidget() is studio.position
    studio.controller.open_image(photos / "coffee.jpg")
    settle(studio)
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    for name in ("small", "small", "small"):
        qtbot.keyClick(studio, Key.Key_Left, Modifier.AltModifier)
        settle(studio)
        assert studio.model_bar.name.currentText() == f"fake:{name}"
    assert studio.tabs.currentWidget() is studio.attention
    assert studio.windowTitle().startswith("photo.png – fake:small")
    for _ in range(3):
        qtbot.keyClick(studio, Key.Key_Right, Modifier.AltModifier)
        settle(studio)
    assert studio.tabs.currentWidget() is studio.position
    assert studio.windowTitle().startswith("coffee.jpg – fake:other")


def test_back_to_a_caption_and_its_tab(
    slow_clock: None, writer: Any, qtbot: Any, settle: Any, photos: Path
) -> None:
    assert writer.tabs.currentWidget() is writer.caption
    length = len(writer.controller.travel.history)
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert writer.tabs.currentWidget() is not writer.caption
    assert len(writer.controller.travel.history) == length + 1
    qtbot.keyClick(writer, Key.Key_Left, Modifier.AltModifier)
    settle(writer)
    assert writer.tabs.currentWidget() is writer.caption and writer.takeaway.actions["redo"].isEnabled()

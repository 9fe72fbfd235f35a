"""The palette of commands and the list of shortcuts, by key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from shiboken6 import isValid

from vizstudio.gui.commands import plain
from vizstudio.gui.dialogs.command_palette import CommandPalette
from vizstudio.gui.dialogs.model_picker import ModelPicker
from vizstudio.gui.dialogs.shortcuts import ShortcutsDialog

Settle = Callable[[Any], None]
CONTROL = Qt.KeyboardModifier.ControlModifier
TIMEOUT = 30_000


@pytest.fixture
def palette(studio: Any, qtbot: Any) -> Any:
    """The palette, opened by its key over a window that shows a photo."""
    qtbot.keyClick(studio, Qt.Key.Key_K, CONTROL)
    (palette,) = studio.findChildren(CommandPalette)
    qtbot.waitExposed(palette)
    yield palette
    if isValid(palette):
        palette.reject()


def run(palette: CommandPalette, qtbot: Any, typed: str) -> None:
    """Type and press Enter."""
    palette.line.clear()
    qtbot.keyClicks(palette.line, typed)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)


def texts(palette: CommandPalette) -> list[str]:
    return [command.text for command in palette.rows.commands]


def test_it_begins_with_every_action_that_can_be_done(palette: CommandPalette, studio: Any) -> None:
    own = [a for a in studio.findChildren(QAction) if a.parent() is studio and a.statusTip()]
    wanted = {plain(a.text()) for a in own if a.isEnabled() and a.isVisible()}
    assert len(wanted) >= 15 and wanted <= set(texts(palette))
    assert "Cancel run" not in texts(palette)  # nothing runs
    shown = {command.text: command.shortcut for command in palette.rows.commands}
    assert shown["Choose model"] == "Ctrl+M" and shown["Fit"] == "Ctrl+0"
    assert all(command.tip for command in palette.rows.commands if command.place != "File › Open recent")


def test_a_layer_a_head_and_a_query(palette: CommandPalette, studio: Any, qtbot: Any, settle: Settle) -> None:
    run(palette, qtbot, "layer 1")
    qtbot.waitUntil(lambda: studio.controller.state.layer == 1, timeout=TIMEOUT)
    for typed, field, value in (
        ("head 1", "head", 1),
        ("magma", "colormap", "magma"),
        ("class tok", "query", "cls"),
    ):
        studio.habits.show_palette()
        run(studio.findChildren(CommandPalette)[-1], qtbot, typed)
        qtbot.waitUntil(lambda f=field, v=value: getattr(studio.controller.state, f) == v, timeout=TIMEOUT)
    settle(studio)


def test_a_model(palette: CommandPalette, studio: Any, qtbot: Any, settle: Settle) -> None:
    run(palette, qtbot, "fake:oth")
    qtbot.waitUntil(lambda: studio.controller.choice.model_id == "fake:other", timeout=TIMEOUT)
    settle(studio)


def test_an_image_that_ships(
    palette: CommandPalette, studio: Any, qtbot: Any, settle: Settle, photos: Path
) -> None:
    run(palette, qtbot, "coffee")
    qtbot.waitUntil(lambda: studio.controller.image == photos / "coffee.jpg", timeout=TIMEOUT)
    settle(studio)


def test_a_tab_and_a_dialog(palette: CommandPalette, studio: Any, qtbot: Any) -> None:
    run(palette, qtbot, "posit")
    qtbot.waitUntil(lambda: studio.tabs.currentWidget() is studio.position, timeout=TIMEOUT)
    studio.habits.show_palette()
    run(studio.findChildren(CommandPalette)[-1], qtbot, "choose mod")
    qtbot.waitUntil(lambda: bool(studio.findChildren(ModelPicker)), timeout=TIMEOUT)
    studio.findChildren(ModelPicker)[0].reject()


def test_keys_move_and_the_tip_follows(palette: CommandPalette, qtbot: Any) -> None:
    first = palette.tip.text()
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 1 and palette.tip.text() not in ("", first)
    qtbot.keyClick(palette.line, Qt.Key.Key_PageDown)
    qtbot.keyClick(palette.line, Qt.Key.Key_PageUp)
    qtbot.keyClick(palette.line, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == 0


def test_nothing_found_does_nothing(palette: CommandPalette, studio: Any, qtbot: Any) -> None:
    run(palette, qtbot, "qqqq")
    assert palette.isVisible() and "Nothing" in palette.tip.text()
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not studio.findChildren(CommandPalette), timeout=TIMEOUT)


def test_a_click_does_it_too(palette: CommandPalette, studio: Any, qtbot: Any) -> None:
    qtbot.keyClicks(palette.line, "position")
    place = palette.list.visualRect(palette.rows.index(0)).center()
    qtbot.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: studio.tabs.currentWidget() is studio.position, timeout=TIMEOUT)


@pytest.mark.parametrize(
    ("key", "modifier"), [(Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_Slash, CONTROL)]
)
def test_all_shortcuts_are_listed(
    studio: Any, qtbot: Any, key: Qt.Key, modifier: Qt.KeyboardModifier
) -> None:
    qtbot.keyClick(studio, key, modifier)
    (dialog,) = studio.findChildren(ShortcutsDialog)
    tree = dialog.tree
    groups = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    listed = [group.child(i) for group in groups for i in range(group.childCount())]
    keys = {part for item in listed for part in item.text(1).split(", ")}
    own = [a for a in studio.findChildren(QAction) if a.parent() is studio]
    wanted = {s.toString() for a in own for s in a.shortcuts() if a.isVisible()}
    assert wanted <= keys and len(wanted) >= 15
    qtbot.keyClicks(dialog.line, "ctrl+k")
    group = tree.topLevelItem(0)
    assert tree.topLevelItemCount() == 1 and group.childCount() == 1 and group.child(0).text(0) == "Commands"
    dialog.reject()

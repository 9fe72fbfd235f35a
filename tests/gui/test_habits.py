"""About, plugins, preferences, tour, what is remembered from one start to the next, and the crash log."""

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
import PySide6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialogButtonBox
from shiboken6 import isValid

from vizstudio.gui import theme
from vizstudio.gui.actions import saved_appearance
from vizstudio.gui.crash import CrashLog, write_down
from vizstudio.gui.dialogs.about import AboutDialog
from vizstudio.gui.dialogs.plugin_manager import PluginManager
from vizstudio.gui.dialogs.preferences import Preferences
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.tour import Tour
from vizstudio.plugins import PluginInfo
from vizstudio.settings import Settings, log_path, read_settings, write_settings

Settle = Callable[[Any], None]
TIMEOUT = 30_000
CONTROL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier


def action(window: Any, text: str) -> Any:
    from vizstudio.gui.commands import actions_of, plain

    return next(a for _, a in actions_of(window.menuBar()) if plain(a.text()) == text)


# About


def test_about_tells_versions_and_memory_and_copies_them(studio: Any, qtbot: Any) -> None:
    action(studio, "About vizstudio").trigger()
    (dialog,) = studio.findChildren(AboutDialog)
    told = dict(dialog.told)
    assert told["Python"].startswith(sys.version.split()[0]) and PySide6.__version__ in told["Qt"]
    assert told["Models kept"] == "one model, 5 MB of 2.0 GB" and told["Devices"] == "cpu"
    assert "free of" in told["Memory"] and told["Crash log"] == str(log_path())
    qtbot.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines == [f"{name}: {value}" for name, value in dialog.told]
    dialog.reject()


# Plugins


@pytest.fixture
def manager(qtbot: Any, host: Any) -> Any:
    """The list of four plugins, one of them broken."""
    about = PluginInfo("fake", "fake", "fakes", "1.0", True)
    broken = replace(
        about, name="bad", bundled=False, status="quarantined", reason="it raised", details="Traceback: x"
    )
    others = (replace(about, name="off", status="disabled"), replace(about, name="other", status="skipped"))
    write_settings(Settings(("off",), model="fake:small"))
    manager = PluginManager(replace(host, plugins=(about, broken, *others)))
    qtbot.addWidget(manager)
    manager.show()
    return manager


def test_plugins_are_listed_with_what_they_bring(manager: PluginManager) -> None:
    tree = manager.tree
    rows = [[tree.topLevelItem(i).text(c) for c in range(3)] for i in range(tree.topLevelItemCount())]
    assert rows[0] == ["fake", "fakes 1.0 (bundled)", "active"] and rows[1][2] == "broken, not loaded"
    checked = [tree.topLevelItem(i).checkState(0) == Qt.CheckState.Checked for i in range(4)]
    assert checked == [True, True, False, True]
    assert manager.about.text() == "models: fake" and not manager.details.isVisible()


def test_a_broken_plugin_says_why(manager: PluginManager, qtbot: Any) -> None:
    qtbot.keyClick(manager.tree, Qt.Key.Key_Down)
    assert manager.about.text() == "it raised" and manager.details.toPlainText() == "Traceback: x"
    qtbot.mouseClick(manager.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "Traceback: x"
    grey = manager.tree.topLevelItem(1).foreground(0).color()
    assert grey != manager.palette().text().color()


def test_plugins_are_switched_by_key(manager: PluginManager, qtbot: Any) -> None:
    manager.tree.setFocus()
    assert not manager.restart.isVisible()
    qtbot.keyClick(manager.tree, Qt.Key.Key_Space)
    assert read_settings() == Settings(("fake", "off"), model="fake:small") and manager.restart.isVisible()
    qtbot.keyClick(manager.tree, Qt.Key.Key_Space)
    assert read_settings().disabled_plugins == ("off",) and not manager.restart.isVisible()


def test_the_menu_opens_it(window: Any) -> None:
    action(window, "Plugins").trigger()
    (dialog,) = window.findChildren(PluginManager)
    assert "No plugin" in dialog.about.text()
    dialog.reject()


# Preferences


@pytest.fixture
def preferences(studio: Any, qtbot: Any) -> Any:
    """The preferences of a window that shows a photo."""
    action(studio, "Preferences").trigger()
    (dialog,) = studio.findChildren(Preferences)
    qtbot.waitExposed(dialog)
    yield dialog
    if isValid(dialog):
        dialog.reject()
    theme.apply(QApplication.instance(), "system")  # type: ignore[arg-type]


def press(dialog: Any, qtbot: Any, which: QDialogButtonBox.StandardButton) -> None:
    qtbot.mouseClick(dialog.findChild(QDialogButtonBox).button(which), Qt.MouseButton.LeftButton)


def test_preferences_are_kept_and_take_effect(
    preferences: Preferences, studio: Any, qtbot: Any, settle: Settle
) -> None:
    preferences.appearance.setCurrentIndex(2)
    qtbot.keyClicks(preferences.model, "fake:other")
    preferences.device.setCurrentIndex(preferences.device.findData("cpu"))
    preferences.memory.setValue(7)
    press(preferences, qtbot, QDialogButtonBox.StandardButton.Ok)
    assert read_settings() == Settings((), "fake:other", "cpu", 7)
    assert saved_appearance() == "dark" and theme.is_dark(QApplication.instance())  # type: ignore[arg-type]
    assert studio.menus.appearances["dark"].isChecked()
    assert studio.habits.memory.text() == "one model, 5 MB of 7 MB"
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    assert studio.controller.shelf.kept().models == 1  # two would be 9 MB


def test_a_smaller_memory_lets_models_go_at_once(
    preferences: Preferences, studio: Any, qtbot: Any, settle: Settle
) -> None:
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    assert studio.habits.memory.text().startswith("2 models")
    preferences.memory.setValue(7)
    press(preferences, qtbot, QDialogButtonBox.StandardButton.Ok)
    assert studio.habits.memory.text().startswith("one model")


def test_cancel_changes_nothing(preferences: Preferences, qtbot: Any) -> None:
    preferences.memory.setValue(7)
    preferences.appearance.setCurrentIndex(2)
    press(preferences, qtbot, QDialogButtonBox.StandardButton.Cancel)
    assert read_settings() == Settings() and saved_appearance() == "system"


def test_a_model_that_is_not_there_is_refused(preferences: Preferences, qtbot: Any) -> None:
    qtbot.keyClicks(preferences.model, "fake:nothing")
    press(preferences, qtbot, QDialogButtonBox.StandardButton.Ok)
    assert preferences.isVisible() and "fake:nothing" in preferences.problem.text()
    assert read_settings() == Settings()


def test_the_window_begins_with_the_preferred_model(host: Any) -> None:
    from vizstudio.commands.opening import _first_model

    assert _first_model(host, "fake:other") == "fake:other"
    assert _first_model(host, "gone:model") is None  # nor is vizstudio's own there


def test_models_used_are_there_at_once(studio: Any, settle: Settle, fake: Any) -> None:
    for name in ("other", "small", "other"):
        studio.choose_model(ModelChoice(f"fake:{name}", device="cpu"))
        settle(studio)
    assert [name for name, _ in fake.loads] == ["small", "other"]
    assert studio.habits.memory.text().startswith("2 models")


# Where things are


def test_window_and_docks_are_where_they_were(qtbot: Any, host: Any, look: Callable[[Any], Any]) -> None:
    first = look(host)
    first.resize(1010, 710)
    first.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, first.sources.dock)
    first.close()
    second = MainWindow(host, "cpu")
    qtbot.addWidget(second)
    assert second.height() == 710  # the width is cut to that of the screen
    assert not second.dock.isVisibleTo(second)  # until there is a photo
    assert second.dockWidgetArea(second.sources.dock) == Qt.DockWidgetArea.RightDockWidgetArea
    second.close()


def test_damaged_memories_are_left_alone(qtbot: Any, host: Any) -> None:
    from vizstudio.gui.kept import KeptTexts, settings

    kept = settings()
    for key in ("window/geometry", "window/state", "sources/recent", "models/favourites"):
        kept.setValue(key, "nonsense")
    kept.sync()
    window = MainWindow(host, "cpu")
    qtbot.addWidget(window)
    assert window.sources.gallery.recent == () and KeptTexts("models").load("favourites") == []
    window.close()


# The tour


def test_the_tour_has_three_steps_and_comes_once(window: Any, qtbot: Any) -> None:
    window.habits.offer_tour()
    (tour,) = window.findChildren(Tour)
    titles = []
    for _ in range(3):
        assert window.rect().contains(tour.geometry()) and tour.next.hasFocus()
        titles.append(f"{tour.count.text()} {tour.title.text()}")
        qtbot.mouseClick(tour.next, Qt.MouseButton.LeftButton)
    assert titles == ["1 of 3 Open a photo", "2 of 3 Choose a model", "3 of 3 Look, and ask"]
    qtbot.waitUntil(lambda: not window.findChildren(Tour), timeout=TIMEOUT)
    window.habits.offer_tour()
    assert window.findChildren(Tour) == []


def test_the_tour_ends_by_key_and_can_be_taken_again(window: Any, qtbot: Any) -> None:
    window.habits.offer_tour()
    qtbot.keyClick(window.findChildren(Tour)[0].next, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(Tour), timeout=TIMEOUT)
    action(window, "Take the tour").trigger()
    (tour,) = window.findChildren(Tour)
    qtbot.keyClick(tour.next, Qt.Key.Key_Return)
    assert tour.count.text() == "2 of 3"
    window.resize(800, 600)
    assert window.rect().contains(tour.geometry())
    qtbot.mouseClick(tour.skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.findChildren(Tour), timeout=TIMEOUT)


# The crash log


def test_a_bug_is_written_down_and_the_dialog_says_where(studio: Any, qtbot: Any) -> None:
    from vizstudio.gui.dialogs.error import ErrorDialog

    studio.choose_model(ModelChoice("fake:broken", device="cpu"))
    qtbot.waitUntil(lambda: bool(studio.findChildren(ErrorDialog)), timeout=TIMEOUT)
    (dialog,) = studio.findChildren(ErrorDialog)
    assert str(log_path()) in dialog.log.text() and dialog.log.isVisible()
    written = log_path().read_text(encoding="utf-8")
    assert "a fuse blew" in written and "Traceback" in written
    dialog.close()


def test_errors_that_nobody_caught_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[tuple[str, bool]] = []
    before = sys.excepthook, threading.excepthook
    log = CrashLog(lambda sentence, details, is_bug: shown.append((sentence, is_bug)))
    log.install()
    try:
        sys.excepthook(ValueError, ValueError("in a slot"), None)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
    finally:
        log.remove()
    assert shown == [("ValueError: in a slot", True), ("ZeroDivisionError: division by zero", True)]
    assert (sys.excepthook, threading.excepthook) == before
    assert "in a slot" in capsys.readouterr().err


def test_a_crash_of_a_library_is_written_down() -> None:
    code = (
        "import faulthandler; from vizstudio.gui.crash import CrashLog;"
        "CrashLog(print).install(); faulthandler._sigabrt()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode != 0 and "Abort" in log_path().read_text(encoding="utf-8")


def test_the_log_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vizstudio.gui.crash.LARGEST", 200)
    for i in range(20):
        assert write_down(f"error {i}", "x" * 50) == log_path()
    assert log_path().stat().st_size < 400 and "error 19" in log_path().read_text(encoding="utf-8")
    assert len(list(log_path().parent.glob("*.log"))) == 2


def test_a_log_that_cannot_be_written_is_no_second_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIZSTUDIO_CONFIG_DIR", str(tmp_path / "file" / "below"))
    assert write_down("error", "…") is None

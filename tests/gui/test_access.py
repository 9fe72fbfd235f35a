"""Keyboard, names for assistive technology, shortcuts, and tabs that plugins bring."""

from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QWidget

from vizstudio.gui.dialogs.error import ErrorDialog

TIMEOUT = 30_000


def dialog_of(window: Any, qtbot: Any) -> ErrorDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)), timeout=TIMEOUT)
    dialog: ErrorDialog = window.findChildren(ErrorDialog)[0]
    return dialog


def _focusable(window: QWidget) -> list[QWidget]:
    tabbed = Qt.FocusPolicy.TabFocus.value
    widgets = [w for w in window.findChildren(QWidget) if w.focusPolicy().value & tabbed]
    return [w for w in widgets if w.isVisibleTo(window) and w.focusProxy() is None]


def test_every_focusable_widget_has_a_name(studio: Any) -> None:
    unnamed = [w for w in _focusable(studio) if not w.accessibleName() and not getattr(w, "text", str)()]
    assert unnamed == []


def test_tab_reaches_every_control(studio: Any, qtbot: Any) -> None:
    studio.activateWindow()
    studio.model_bar.line.setFocus()
    reached: list[QWidget] = []
    while (widget := QGuiApplication.focusObject()) not in reached:
        assert widget is not None
        reached.append(widget)  # type: ignore[arg-type]
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    inspector = studio.inspector
    controls = [inspector.layer, inspector.head, inspector.query, inspector.colormap, inspector.opacity]
    for widget in (studio.attention.canvas, *controls, inspector.smooth, studio.banner.published):
        assert widget in reached


def test_the_captions_tab_has_names_and_is_reached(writer: Any, qtbot: Any) -> None:
    unnamed = [w for w in _focusable(writer) if not w.accessibleName() and not getattr(w, "text", str)()]
    assert unnamed == []
    view, form = writer.caption, writer.caption.form
    view.strip.setFocus()
    reached: list[QWidget] = []
    while (widget := QGuiApplication.focusObject()) not in reached:
        assert widget is not None
        reached.append(widget)  # type: ignore[arg-type]
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    wanted = [view.canvas, view.strip, view.player.button, view.player.interval, view.player.pieces]
    wanted += [view.alternatives.list, view.branches.tree, form.prefix, form.beams, form.tokens, form.button]
    wanted += [writer.inspector.decoder.layer, writer.inspector.decoder.head]
    assert [w.accessibleName() for w in wanted if w not in reached] == []
    controls = wanted[2:5] + wanted[7:]
    assert [w.accessibleName() for w in controls if not w.toolTip()] == []


def test_every_action_has_a_status_tip_and_no_shortcut_is_used_twice(window: Any) -> None:
    actions = [a for a in window.findChildren(QAction) if a.text() and not a.menu() and not a.isSeparator()]
    own = [a for a in actions if a.parent() is window]
    assert len(own) >= 8
    assert [a.text() for a in own if not a.statusTip()] == []
    shortcuts = [s.toString() for a in own for s in a.shortcuts()]
    assert len(shortcuts) == len(set(shortcuts)) >= 7


def test_a_plugins_view_opens_in_a_tab(qtbot: Any, host: Any, fake: ModuleType) -> None:
    from PySide6.QtWidgets import QLabel

    from vizstudio.entries import ViewEntry
    from vizstudio.gui.main_window import MainWindow

    fake.make_view = lambda: QLabel("from a plugin")  # type: ignore[attr-defined]
    fake.no_view = lambda: "nothing"  # type: ignore[attr-defined]
    host.views.add(ViewEntry("extra", "Extra view", f"{fake.__name__}:make_view"), "fake")
    host.views.add(ViewEntry("odd", "Odd view", f"{fake.__name__}:no_view"), "fake")
    window = MainWindow(host, "cpu")
    qtbot.addWidget(window)
    actions = {a.text(): a for a in window.findChildren(QAction)}
    actions["Extra view"].trigger()
    actions["Extra view"].trigger()
    assert window.tabs.count() == 8 and window.tabs.currentWidget().text() == "from a plugin"
    actions["Odd view"].trigger()
    dialog = dialog_of(window, qtbot)
    assert "must return a QWidget" in dialog.sentence.text()
    dialog.close()
    assert window.tabs.count() == 8

"""Tabs in several panes: moved by key, by the menu of a tab, by dragging; kept from one start to the next."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget

from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.pane import Pane
from vizstudio.gui.pane_layout import lay_out, layout_text

Settle = Callable[[Any], None]
TIMEOUT = 30_000
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
ACROSS, DOWN = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


def action(window: Any, text: str) -> QAction:
    return next(a for a in window.findChildren(QAction) if a.text().replace("&", "") == text)


def titles(window: Any) -> list[list[str]]:
    """Return the titles of the tabs that are offered, pane by pane; of those that these tests are about."""
    tabs, row = window.tabs, window.tabs.row
    found = [[tabs.tabText(tabs.indexOf(page)) for page in pane.shown_tabs()] for pane in row.seen()]
    return [[title for title in pane if title != "Compare"] for pane in found]


def pane_of(window: Any, page: QWidget) -> Pane:
    pane: Pane = window.tabs.row.place_of(page)[0]
    return pane


def tab_place(window: Any, page: QWidget) -> QPoint:
    """Return the middle of a page's tab, in its bar."""
    pane, place = window.tabs.row.place_of(page)
    middle: QPoint = pane.bar.tabRect(place).center()
    return middle


def drag(qtbot: Any, window: Any, page: QWidget, target: QWidget, place: QPoint, drop: bool = True) -> None:
    """Drag a page's tab to a place in another widget with the mouse."""
    bar = pane_of(window, page).bar
    start = tab_place(window, page)
    end = bar.mapFromGlobal(target.mapToGlobal(place))
    qtbot.mousePress(bar, LEFT, NONE, start)
    for step in (0.3, 0.7, 1.0):
        qtbot.mouseMove(bar, start + (end - start) * step)
    if drop:
        qtbot.mouseRelease(bar, LEFT, NONE, end)


def attend(studio: Any, qtbot: Any) -> None:
    """Give the keyboard to the photo."""
    studio.attention.canvas.setFocus()
    qtbot.waitUntil(lambda: studio.attention.canvas.hasFocus(), timeout=TIMEOUT)


def test_a_key_moves_the_tab_to_a_pane_of_its_own_and_back(studio: Any, qtbot: Any) -> None:
    tabs = studio.tabs
    tabs.setCurrentWidget(studio.position)
    assert titles(studio) == [["Attention", "Position", "Heads", "Predictions"]]
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    assert titles(studio) == [["Attention", "Heads", "Predictions"], ["Position"]]
    assert tabs.is_shown(studio.attention) and tabs.is_shown(studio.position)
    assert studio.attention.isVisible() and studio.position.isVisible()
    assert tabs.currentWidget() is studio.position and studio.position.isAncestorOf(
        QApplication.focusWidget()
    )
    qtbot.keyClick(studio, Qt.Key.Key_Backslash, Qt.KeyboardModifier.ControlModifier)
    assert titles(studio) == [["Attention", "Position", "Heads", "Predictions"]]
    assert len(tabs.row.panes()) == 1 and tabs.currentWidget() is studio.position


def test_the_panes_lie_beside_or_below_each_other(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    first, second = studio.tabs.row.seen()
    assert first.geometry().right() < second.geometry().left()
    assert abs(first.width() - second.width()) <= 2
    qtbot.keyClick(studio, Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: first.geometry().bottom() < second.geometry().top(), timeout=TIMEOUT)
    assert action(studio, "Panes one above the other").isChecked()


def test_a_view_of_two_pictures_turns_so_that_the_window_need_not_grow(studio: Any, qtbot: Any) -> None:
    size, splitter = studio.size(), studio.position.splitter
    studio.tabs.setCurrentWidget(studio.position)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    qtbot.waitUntil(lambda: splitter.orientation() == DOWN, timeout=TIMEOUT)
    grid, panel = studio.position.left, studio.position.panel_frame
    qtbot.waitUntil(lambda: grid.geometry().bottom() < panel.geometry().top(), timeout=TIMEOUT)
    assert studio.size() == size
    qtbot.keyClick(studio, Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: splitter.orientation() == ACROSS, timeout=TIMEOUT)
    assert studio.size() == size


def test_plots_stand_side_by_side_in_a_low_pane_only(studio: Any, qtbot: Any) -> None:
    size, heads = studio.size(), studio.more.heads
    studio.tabs.setCurrentWidget(heads)
    qtbot.waitUntil(lambda: bool(heads.plots["entropy"].dots), timeout=TIMEOUT)
    assert heads.splitter.orientation() == DOWN
    qtbot.keyClick(studio, Qt.Key.Key_F8)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    qtbot.waitUntil(lambda: heads.splitter.orientation() == ACROSS, timeout=TIMEOUT)
    assert studio.size() == size and heads.plots["norms"].width() >= 190


def test_the_tab_that_was_in_front_before_comes_back_when_one_leaves(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.more.predictions)
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    assert studio.tabs.shown() == [studio.more.predictions, studio.more.heads]


def test_up_to_four_panes_and_one_again(studio: Any, qtbot: Any) -> None:
    for page in (studio.position, studio.more.heads, studio.more.predictions):
        studio.tabs.setCurrentWidget(page)
        qtbot.keyClick(studio, Qt.Key.Key_F7, Qt.KeyboardModifier.ShiftModifier)
        studio.tabs.setCurrentWidget(studio.attention)
    assert titles(studio) == [["Attention"], ["Predictions"], ["Heads"], ["Position"]]
    assert not action(studio, "Move tab to a new pane").isEnabled()
    qtbot.keyClick(studio, Qt.Key.Key_F8, Qt.KeyboardModifier.ShiftModifier)
    assert titles(studio) == [["Attention", "Position", "Heads", "Predictions"]]
    assert studio.tabs.currentWidget() is studio.attention and not action(studio, "One pane").isEnabled()


def test_a_tab_is_dragged_to_the_edge_and_to_the_other_bar(studio: Any, qtbot: Any) -> None:
    tabs, pane = studio.tabs, studio.tabs.active
    drag(qtbot, studio, studio.more.heads, pane, QPoint(pane.width() // 2, pane.height() - 20))
    assert titles(studio) == [["Attention", "Position", "Predictions"], ["Heads"]]
    assert tabs.row.orientation() == DOWN
    other = pane_of(studio, studio.more.heads)
    drag(qtbot, studio, studio.position, other.bar, other.bar.rect().center())
    assert titles(studio) == [["Attention", "Predictions"], ["Position", "Heads"]]
    assert tabs.currentWidget() is studio.position and not studio.panes.drag.isVisible()


@pytest.mark.parametrize(("x", "first"), [(10, True), (-10, False)])
def test_a_tab_that_is_dragged_shows_where_it_would_go(studio: Any, qtbot: Any, x: int, first: bool) -> None:
    pane, shade = studio.tabs.active, studio.panes.drag
    place = QPoint(x % pane.width(), pane.height() // 2)
    drag(qtbot, studio, studio.position, pane, place, drop=False)
    assert shade.isVisible() and shade.width() == pane.width() // 2
    assert (shade.x() == 0) == first
    qtbot.mouseRelease(pane.bar, LEFT, NONE, pane.bar.mapFromGlobal(pane.mapToGlobal(place)))
    assert titles(studio)[0 if first else 1] == ["Position"]
    assert studio.tabs.row.orientation() == ACROSS and not shade.isVisible()


def test_escape_gives_up_a_drag(studio: Any, qtbot: Any) -> None:
    pane = studio.tabs.active
    drag(qtbot, studio, studio.position, pane, QPoint(10, pane.height() // 2), drop=False)
    qtbot.keyClick(pane.bar, Qt.Key.Key_Escape)
    assert not studio.panes.drag.isVisible()
    qtbot.mouseRelease(pane.bar, LEFT, NONE, QPoint(10, 300))
    assert len(titles(studio)) == 1 and QWidget.keyboardGrabber() is None


def test_a_drag_that_ends_in_the_same_pane_changes_nothing(studio: Any, qtbot: Any) -> None:
    pane = studio.tabs.active
    drag(qtbot, studio, studio.position, pane, pane.rect().center())
    drag(qtbot, studio, studio.position, pane.bar, pane.bar.rect().center())
    drag(qtbot, studio, studio.position, studio.inspector, QPoint(20, 20))
    assert len(titles(studio)) == 1


def test_the_menu_of_a_tab(studio: Any, qtbot: Any) -> None:
    def ask(page: QWidget) -> dict[str, QAction]:
        bar = pane_of(studio, page).bar
        bar.customContextMenuRequested.emit(tab_place(studio, page))
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        return {a.text(): a for a in menu.actions() if a.text()}

    def choose(found: dict[str, QAction], text: str) -> None:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(found[text]).center())
        qtbot.waitUntil(lambda: QApplication.activePopupWidget() is None, timeout=TIMEOUT)

    choose(ask(studio.position), "Move to a new pane below")
    assert titles(studio) == [["Attention", "Heads", "Predictions"], ["Position"]]
    assert studio.tabs.row.orientation() == DOWN
    found = ask(studio.position)
    assert not found["Move to a new pane below"].isEnabled()  # it would be the same
    choose(
        found,
        next(text for text in found if text.startswith("Move to pane 1 (Attention, Heads, Predictions")),
    )
    assert len(titles(studio)) == 1


def test_f6_goes_through_the_parts_of_the_window(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    attend(studio, qtbot)
    first, second = studio.tabs.row.seen()
    for part in (second, studio.dock, studio.sources.dock, first):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
        assert part.isAncestorOf(QApplication.focusWidget())
    assert studio.attention.canvas.hasFocus()  # what had the keyboard last has it again
    qtbot.keyClick(studio, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert studio.sources.dock.isAncestorOf(QApplication.focusWidget())


def test_keys_go_through_the_tabs_of_the_pane_in_use(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    attend(studio, qtbot)
    seen = []
    for _ in pane_of(studio, studio.attention).shown_tabs():
        qtbot.keyClick(studio, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
        seen.append(studio.tabs.currentWidget())
    assert seen[:2] == [studio.more.heads, studio.more.predictions] and seen[-1] is studio.attention
    assert studio.tabs.is_shown(studio.position)


def test_a_number_key_goes_to_a_tab_in_another_pane_with_the_keyboard(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    attend(studio, qtbot)
    before = studio.position.shown
    qtbot.keyClick(studio, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up)
    assert studio.position.shown == (before[0] - 1, before[1]) and studio.attention.isVisible()


def test_zooming_is_about_the_pane_in_use(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    qtbot.keyClick(studio, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert studio.position.canvas._zoom > 1 and studio.attention.canvas._zoom == 1
    qtbot.mouseClick(studio.attention.canvas.viewport(), LEFT, pos=QPoint(3, 3))
    qtbot.keyClick(studio, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(studio, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert studio.position.canvas._zoom > 1 and studio.attention.canvas._zoom > 1
    studio.tabs.setCurrentWidget(studio.more.predictions)
    assert studio.current_canvas() is None
    qtbot.keyClick(studio, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)  # nothing to zoom: nothing


def test_both_panes_follow_what_is_asked(studio: Any, qtbot: Any, settle: Settle) -> None:
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    plot = studio.more.heads.plots["entropy"]
    qtbot.waitUntil(lambda: bool(plot.dots), timeout=TIMEOUT)
    dot = next(dot for dot in plot.dots if dot.key == {"layer": 1, "head": 0})
    qtbot.mouseClick(plot, LEFT, pos=plot.place_of(dot).toPoint())
    settle(studio)
    assert studio.controller.shown.state.layer == 1 and studio.attention.frame.heading.text().count("layer 1")
    studio.inspector.layer.setFocus()
    qtbot.keyClick(studio.inspector.layer, Qt.Key.Key_Right)
    settle(studio)
    assert plot._content.chosen == {"layer": 2, "head": 0}


def shows(what: Any, result: Any) -> bool:
    """Return whether something is there and of a result."""
    return what is not None and what.result is result


def test_what_two_panes_compute_does_not_stop_each_other(
    studio: Any, qtbot: Any, settle: Settle, photos: Path
) -> None:
    studio.controller.change(view="wall")
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    studio.tabs.setCurrentWidget(studio.attention)
    assert studio.attention.isVisible() and studio.more.heads.isVisible()
    for name in ("coffee.jpg", "chelsea.jpg", "coffee.jpg"):
        studio.controller.open_image(photos / name)
        settle(studio)
        result = studio.controller.shown.result
        assert result.image.name == name
        qtbot.waitUntil(lambda of=result: shows(studio.more.heads._numbers, of), timeout=TIMEOUT)
        qtbot.waitUntil(lambda of=result: shows(studio.attention.grid._grid, of), timeout=TIMEOUT)


def test_going_to_the_other_pane_is_no_other_place(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    travel = studio.controller.travel
    before = len(travel.history)
    qtbot.mouseClick(studio.attention.canvas.viewport(), LEFT, pos=QPoint(3, 3))
    assert travel.tab == "attention" and len(travel.history) == before
    assert travel.history.current.tab == "attention"


def test_the_inspector_is_about_the_caption_while_its_pane_is_in_use(writer: Any, qtbot: Any) -> None:
    qtbot.keyClick(writer, Qt.Key.Key_F7)
    assert writer.inspector.decoder.layer.isVisible() and writer.attention.isVisible()
    qtbot.mouseClick(writer.attention.canvas.viewport(), LEFT, pos=QPoint(3, 3))
    assert not writer.inspector.decoder.layer.isVisible() and writer.inspector.layer.isVisible()
    qtbot.mouseClick(writer.caption.strip.viewport(), LEFT, pos=QPoint(3, 3))
    assert writer.inspector.decoder.layer.isVisible() and not writer.inspector.layer.isVisible()


def test_a_pane_whose_tabs_are_hidden_is_not_seen(writer: Any, qtbot: Any, settle: Settle) -> None:
    from vizstudio.gui.snapshot import ModelChoice

    qtbot.keyClick(writer, Qt.Key.Key_F7)
    assert titles(writer)[1] == ["Caption"]
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert titles(writer) == [["Attention", "Position", "Heads", "Predictions"]]
    assert writer.tabs.currentWidget() is writer.attention
    writer.choose_model(ModelChoice("fake:writer", device="cpu"))
    settle(writer)
    qtbot.waitUntil(lambda: titles(writer)[-1] == ["Caption"], timeout=TIMEOUT)
    assert min(writer.tabs.row.sizes()) > 100


def test_the_layout_is_kept(studio: Any, qtbot: Any, host: Any, look: Callable[[Any], Any]) -> None:
    tabs = studio.tabs
    qtbot.keyClick(studio, Qt.Key.Key_F8)
    tabs.setCurrentWidget(studio.more.predictions)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    tabs.setCurrentWidget(studio.position)
    handle, (upper, lower) = tabs.row.handle(1), tabs.row.seen()
    place = handle.rect().center()
    qtbot.mousePress(handle, LEFT, NONE, place)
    qtbot.mouseMove(handle, place + QPoint(0, 60))
    qtbot.mouseRelease(handle, LEFT, NONE, place + QPoint(0, 60))
    share = upper.height() / (upper.height() + lower.height())
    assert share > 0.55
    wanted = titles(studio)
    studio.close()
    other = look(host)
    assert titles(other) == wanted and other.tabs.row.orientation() == DOWN
    assert other.tabs.shown() == [other.position, other.more.predictions]
    assert other.tabs.currentWidget() is other.position
    upper, lower = other.tabs.row.seen()
    assert upper.height() / (upper.height() + lower.height()) == pytest.approx(share, abs=0.02)


def test_a_plugins_tab_comes_to_its_pane_again(qtbot: Any, host: Any, fake: ModuleType) -> None:
    from vizstudio.entries import ViewEntry

    fake.make_view = lambda: QLabel("from a plugin")  # type: ignore[attr-defined]
    host.views.add(ViewEntry("extra", "Extra view", f"{fake.__name__}:make_view"), "fake")

    def opened() -> Any:
        window = MainWindow(host, "cpu")
        qtbot.addWidget(window)
        window.show()
        action(window, "Extra view").trigger()
        return window

    first = opened()
    with qtbot.waitActive(first, timeout=TIMEOUT):
        first.activateWindow()
    qtbot.keyClick(first, Qt.Key.Key_F7)
    assert titles(first)[1] == ["Extra view"]
    first.close()
    second = opened()
    assert titles(second)[1] == ["Extra view"] and len(second.tabs.row.panes()) == 2
    assert second.tabs.currentWidget().text() == "from a plugin"
    second.close()


def layout(*panes: object, direction: str = "down", used: int = 0) -> str:
    return json.dumps({"direction": direction, "panes": panes, "used": used})


def one(tabs: object, front: object = "", share: object = 1) -> dict[str, object]:
    return {"tabs": tabs, "front": front, "share": share}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", layout(), layout(1), layout(one("heads")), layout(one([1])), layout(one(["heads"], 1))]
    + [layout(one(["heads"], "heads", share)) for share in (0, -1, 1e999, "x")]
    + [layout(one(["heads"]), used=1), layout(one(["heads"]), direction="up"), layout(*[one(["heads"])] * 5)],
)
def test_a_layout_that_is_none_changes_nothing(window: Any, text: str) -> None:
    before = layout_text(window.tabs)
    assert not lay_out(window.tabs, text)
    assert layout_text(window.tabs) == before


def test_every_tab_is_in_one_pane_whatever_a_layout_says(window: Any, qtbot: Any) -> None:
    panes = [
        {"tabs": ["heads", "nobody", "attention"], "front": "nobody", "share": 2},
        {"tabs": ["attention", "position"], "front": "position", "share": 1},
        {"tabs": [], "front": "", "share": 1},
    ]
    assert lay_out(window.tabs, json.dumps({"direction": "across", "panes": panes, "used": 2}))
    placed = [page for pane in window.tabs.row.panes() for page in pane.pages()]
    assert sorted(map(window.tabs.indexOf, placed)) == list(range(window.tabs.count()))
    assert len(window.tabs.row.panes()) == 2 and window.tabs.active in window.tabs.row.seen()

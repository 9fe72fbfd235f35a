"""What the user does with panes: menu, keys, the menu of a tab, the way of the keyboard from part to part."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from vizstudio.gui.pane import Pane, first_focus
from vizstudio.gui.pane_drag import TabDrag
from vizstudio.gui.panes import MOST

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class PaneDesk(QObject):
    """Moves tabs between panes, and the keyboard between the parts of the window."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window, self._panes, self._row = window, window.tabs, window.tabs.row
        self.drag = TabDrag(self._panes)
        self._row.menuWanted.connect(self._ask)

    def fill_menu(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Fill the menu of panes."""
        tip = self.tr("Move the tab to the next pane; where there is one pane only, to a new one")
        self.move = add(menu, self.tr("&Move tab to the next pane"), tip, self.move_on)
        self.move.setShortcuts([QKeySequence("F7"), QKeySequence("Ctrl+\\")])
        tip = self.tr("Open another pane with the tab in it")
        self.split = add(menu, self.tr("Move tab to a &new pane"), tip, self.move_out, "Shift+F7")
        tip = self.tr("Lay the panes one above the other, or side by side again")
        self.turn = add(menu, self.tr("Panes one &above the other"), tip, self._turn, "F8")
        self.turn.setCheckable(True)
        tip = self.tr("Put all tabs into one pane again")
        self.join = add(menu, self.tr("&One pane"), tip, self.join_all, "Shift+F8")
        menu.addSeparator()
        standard = QKeySequence.StandardKey
        ways = (
            (self.tr("Next &tab"), self.tr("Show the next tab of the pane in use"), 1, standard.NextChild),
            (self.tr("&Previous tab"), self.tr("Show the tab before"), -1, standard.PreviousChild),
        )
        for text, tip, step, usual in ways:
            own = QKeySequence("Ctrl+PgDown" if step > 0 else "Ctrl+PgUp")
            action = add(menu, text, tip, partial(self._step_tab, step))
            action.setShortcuts(list(dict.fromkeys([*QKeySequence.keyBindings(usual)[:1], own])))
        tip = self.tr("Give the keyboard to the next part of the window: panes, inspector, other docks")
        add(menu, self.tr("Next pa&rt of the window"), tip, partial(self._step_part, 1), "F6")
        tip = self.tr("Give the keyboard to the part of the window before")
        add(menu, self.tr("Part of the window &before"), tip, partial(self._step_part, -1), "Shift+F6")
        for signal in (self._panes.shownChanged, self._panes.currentChanged, self._panes.moved):
            signal.connect(self._offer)
        self._offer()

    def _offer(self) -> None:
        """Enable what is possible now."""
        several, more = len(self._row.seen()) > 1, len(self._panes.active.shown_tabs()) > 1
        self.move.setEnabled(several or more)
        self.split.setEnabled(more and len(self._row.panes()) < MOST)
        self.join.setEnabled(several)
        self.turn.setChecked(self._row.orientation() == Qt.Orientation.Vertical)

    def move_on(self) -> None:
        """Move the current tab to the next pane, or to a new one if there is no other."""
        page, seen = self._panes.currentWidget(), self._row.seen()
        if page is None:
            return
        if len(seen) == 1:
            self.move_out()
        else:
            self._panes.move_tab(page, seen[(seen.index(self._panes.active) + 1) % len(seen)])

    def move_out(self) -> None:
        """Move the current tab to a new pane, after its own."""
        page = self._panes.currentWidget()
        if page is not None:
            self._move_beside(page, self._row.orientation())

    def _move_beside(self, page: QWidget, direction: Qt.Orientation) -> None:
        source, _ = self._row.place_of(page)
        if len(source.shown_tabs()) > 1 and len(self._row.panes()) < MOST:
            self._row.setOrientation(direction)
            self._panes.move_tab(page, self._row.open(self._row.indexOf(source) + 1))

    def join_all(self) -> None:
        """Put all tabs into the first pane that is seen; the current one stays in front."""
        panes, front, first = self._panes, self._panes.currentWidget(), self._row.seen()[0]
        with panes.changes():
            panes.homes.clear()
            for i in range(panes.count()):
                if first.indexOf(panes.widget(i)) < 0:
                    panes.put(panes.widget(i), panes.tabText(i), first)
            if front is not None:
                first.setCurrentWidget(front)
            panes.active = first
        first.take_keys()
        panes.moved.emit()

    def _turn(self) -> None:
        self._row.setOrientation(
            Qt.Orientation.Vertical if self.turn.isChecked() else Qt.Orientation.Horizontal
        )

    def _step_tab(self, step: int) -> None:
        pages, front = self._panes.active.shown_tabs(), self._panes.currentWidget()
        if front is not None:
            self._panes.setCurrentWidget(pages[(pages.index(front) + step) % len(pages)])

    def parts(self) -> list[QWidget]:
        """Return the parts of the window that the keyboard goes through, from left to right."""
        window = self._window
        shows_tabs = window.centre.currentWidget() is window.studio
        middle: list[QWidget] = [*self._row.seen()] if shows_tabs else [window.start]
        docks = [dock for dock in (window.dock, window.training.dock, window.log.dock) if dock is not None]
        return [part for part in (window.sources.dock, *middle, *docks) if part.isVisible()]

    def _step_part(self, step: int) -> None:
        """Give the keyboard to the next part; from outside of all to the pane in use."""
        parts, focus = self.parts(), QApplication.focusWidget()
        within = [i for i, part in enumerate(parts) if focus is not None and part.isAncestorOf(focus)]
        if within:
            part = parts[(within[0] + step) % len(parts)]
        else:
            part = self._panes.active if self._panes.active in parts else parts[0]
        if isinstance(part, Pane):
            part.take_keys()
            return
        target = first_focus(part)
        if target is not None:
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _ask(self, page: QWidget, place: QPoint) -> None:
        """Ask where a tab is to be."""
        menu = QMenu(self._panes)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        seen, (source, _) = self._row.seen(), self._row.place_of(page)
        for number, pane in enumerate(seen, 1):
            if pane is not source:
                titles = ", ".join(self._panes.tabText(self._panes.indexOf(p)) for p in pane.shown_tabs())
                text = self.tr("Move to pane {0} ({1})").format(number, titles)
                menu.addAction(text, partial(self._panes.move_tab, page, pane))
        beside, below = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        ways = {
            beside: self.tr("Move to a new pane at the right"),
            below: self.tr("Move to a new pane below"),
        }
        for direction in [self._row.orientation()] if len(seen) > 1 else ways:
            action = menu.addAction(ways[direction], partial(self._move_beside, page, direction))
            action.setEnabled(len(source.shown_tabs()) > 1 and len(self._row.panes()) < MOST)
        menu.addSeparator()
        menu.addAction(self.join)
        menu.addAction(self.turn)
        menu.popup(place)

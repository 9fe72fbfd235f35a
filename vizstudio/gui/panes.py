"""The window's middle: tabs in one pane or several, side by side or one above the other."""

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from vizstudio.gui.pane import Pane, PaneRow

MOST = 4
"""Panes at a time."""


def tab_name(widget: QWidget | None) -> str:
    """Return what a tab is called in a session and in the layout that is kept."""
    if widget is None:
        return ""
    return widget.objectName() or type(widget).__name__.removesuffix("View").lower()


class Panes(QWidget):
    """Tabs by number, the order in which they were added, in whichever pane they lie.

    One pane is in use, the one that had the keyboard or was clicked last; its tab in front is the current one.
    A tab `is_shown` while it is in front of any pane. A pane whose tabs are all hidden is not seen, one that the
    last tab was moved out of closes.
    """

    currentChanged = Signal(int)  # the number of the tab in front of the pane in use, after another was
    shownChanged = Signal()  # other tabs than before are in front of their panes
    moved = Signal()  # a tab lies in another pane
    tabBarClicked = Signal(int)  # the number of the tab

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._tabs: list[QWidget] = []
        self._quiet = False
        self._told: tuple[QWidget | None, list[QWidget]] = (None, [])
        self.was_shown = (
            False  # whether the current tab was in front of its pane already before it was current
        )
        self.homes: dict[str, Pane] = {}  # of tabs that were in a layout and are not made yet, by `tab_name`
        self.row = PaneRow()
        self.active = self.row.open(0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.row)
        self.row.changed.connect(self._refresh)
        self.row.used.connect(self._use)
        self.row.tabClicked.connect(lambda page: self.tabBarClicked.emit(self.indexOf(page)))
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr]

    def addTab(self, page: QWidget, title: str) -> int:
        """Add a tab, to the pane that it lay in when the layout was kept, else to the one in use."""
        self._tabs.append(page)
        with self.changes():
            self.put(page, title, self.homes.pop(tab_name(page), self.active))
        return len(self._tabs) - 1

    def count(self) -> int:
        """Return how many tabs there are, hidden ones too."""
        return len(self._tabs)

    def widget(self, index: int) -> QWidget:
        """Return the page of a tab."""
        return self._tabs[index]

    def indexOf(self, page: QWidget) -> int:
        """Return the number of a page's tab, -1 if it has none."""
        return self._tabs.index(page) if page in self._tabs else -1

    def tabText(self, index: int) -> str:
        """Return the title of a tab."""
        pane, place = self.row.place_of(self._tabs[index])
        return pane.tabText(place)

    def isTabVisible(self, index: int) -> bool:
        """Return whether a tab is offered."""
        pane, place = self.row.place_of(self._tabs[index])
        return pane.isTabVisible(place)

    def setTabVisible(self, index: int, visible: bool) -> None:
        """Offer a tab, or hide it; the pane's first comes to the front then, where it was there."""
        pane, place = self.row.place_of(self._tabs[index])
        with self.changes():
            was_front = pane.front is self._tabs[index]
            pane.setTabVisible(place, visible)
            if not visible and was_front and pane.shown_tabs():
                pane.setCurrentWidget(pane.shown_tabs()[0])

    def currentWidget(self) -> QWidget | None:
        """Return the page in front of the pane in use."""
        return self.active.front

    def setCurrentIndex(self, index: int) -> None:
        """Bring a tab to the front of its pane, and use that pane."""
        self.setCurrentWidget(self._tabs[index])

    def setCurrentWidget(self, page: QWidget) -> None:
        """Bring a page to the front of its pane, and use that pane; the keyboard follows from another pane."""
        pane, place = self.row.place_of(page)
        focus = QApplication.focusWidget()
        elsewhere = focus is not None and self.isAncestorOf(focus) and not pane.isAncestorOf(focus)
        with self.changes():
            pane.setCurrentIndex(place)
            self.active = pane
        if elsewhere:
            pane.take_keys()

    def shown(self) -> list[QWidget]:
        """Return the pages in front of the panes, in order."""
        return [pane.front for pane in self.row.seen() if pane.front is not None]

    def is_shown(self, page: QWidget) -> bool:
        """Return whether a page is in front of a pane."""
        return page in self.shown()

    def move_tab(self, page: QWidget, target: Pane) -> None:
        """Move a page to another pane, in front, with the keyboard."""
        source, place = self.row.place_of(page)
        if source is target:
            return
        with self.changes():
            self.put(page, source.tabText(place), target)
            target.setCurrentWidget(page)
            self.active = target
        target.take_keys()
        self.moved.emit()

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Change several things and tell of them once, at the end."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before
            self._refresh()

    def put(self, page: QWidget, title: str, pane: Pane) -> None:
        """Put a page into a pane, out of the one it is in; tabs stay in the order of their numbers."""
        number, offered = self._tabs.index(page), True
        for other in self.row.panes():
            place = other.indexOf(page)
            if place >= 0:
                offered = other.isTabVisible(place)
                other.removeTab(place)
        lower = sum(self.indexOf(other) < number for other in pane.pages())
        pane.setTabVisible(pane.insertTab(lower, page, title), offered)

    def _refresh(self) -> None:
        """Close empty panes, show those that have something to show; tell what has changed."""
        if self._quiet:
            return
        self._quiet = True
        for pane in self.row.panes():
            pane.mend_front()
            if not pane.count() and len(self.row.panes()) > 1 and pane not in self.homes.values():
                self.row.close_pane(pane)
        self._quiet = False
        self.row.show_seen()
        seen = self.row.seen()
        if self.active not in seen:
            self.active = (seen or self.row.panes())[0]
        for number, pane in enumerate(seen, 1):
            pane.bar.mark(pane is self.active and len(seen) > 1)
            pane.name(self._name if len(seen) == 1 else f"{self._name} {number}")
        before, self._told = self._told, (self.active.front, self.shown())
        self.was_shown = self._told[0] in before[1]
        if self._told[1] != before[1]:
            self.shownChanged.emit()
        if self._told[0] is not before[0]:
            self.currentChanged.emit(self.indexOf(self._told[0]) if self._told[0] is not None else -1)

    def _use(self, pane: Pane) -> None:
        if pane is not self.active:
            self.active = pane
            self._refresh()

    def _focus_moved(self, before: QWidget | None, now: QWidget | None) -> None:
        for pane in self.row.panes():
            if now is not None and pane.isAncestorOf(now):
                self._use(pane)

"""One pane of the window's middle: tabs, whose bar lets them be dragged to another pane."""

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QSplitter, QTabBar, QTabWidget, QWidget

LINE = 2  # pixels: the line over the tab in front of the pane in use
HANDLE = 9  # pixels between panes


def first_focus(widget: QWidget) -> QWidget | None:
    """Return what within a widget had the keyboard last, else its picture, else the first that Tab reaches."""
    for known in (widget.focusWidget(), getattr(widget, "zoomed", None)):  # the last, or a view's picture
        if known is not None and known.isVisible() and known.isEnabled():
            return known
    tabbed, found = Qt.FocusPolicy.TabFocus.value, widget.nextInFocusChain()
    while found is not None and found is not widget:
        takes_keys = found.isVisible() and found.isEnabled() and found.focusPolicy().value & tabbed
        if takes_keys and widget.isAncestorOf(found):
            return found
        found = found.nextInFocusChain()
    return None


class PaneBar(QTabBar):
    """A bar of tabs; a tab that is dragged off it is told of until it is dropped, or Escape gives it up."""

    carried = Signal(QWidget, QPoint)  # the tab that is dragged, and where the pointer is on the screen
    dropped = Signal(QWidget, QPoint)  # it was let go there
    givenUp = Signal()  # Escape was pressed

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionBehaviorOnRemove(QTabBar.SelectionBehavior.SelectPreviousTab)
        self._pressed: QPoint | None = None
        self._carries: QWidget | None = None  # the page whose tab is dragged
        self._marked = False

    def mark(self, on: bool) -> None:
        """Draw a line over the tab in front, or none."""
        self._marked = on
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the tabs, and the line."""
        super().paintEvent(event)
        if self._marked:
            tab = self.tabRect(self.currentIndex())
            painter = QPainter(self)
            line = QRect(tab.left() + 1, tab.top(), tab.width() - 2, LINE)
            painter.fillRect(line, self.palette().color(QPalette.ColorRole.Highlight))
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring a tab to the front; it may be dragged from here."""
        super().mousePressEvent(event)
        place = event.position().toPoint()
        on_tab = event.button() == Qt.MouseButton.LeftButton and self.tabAt(place) >= 0
        self._pressed = place if on_tab else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the tab in front as soon as the pointer is off the bar's height."""
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        moved = event.position().toPoint() - self._pressed
        if self._carries is None and moved.manhattanLength() >= 2 * QApplication.startDragDistance():
            pane = self.parent()
            self._carries = pane.currentWidget() if isinstance(pane, QTabWidget) else None
            self.grabKeyboard()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._carries is not None:
            self.carried.emit(self._carries, event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the tab."""
        super().mouseReleaseEvent(event)
        carried = self._carries
        self._let_go()
        if carried is not None:
            self.dropped.emit(carried, event.globalPosition().toPoint())

    def event(self, event: QEvent) -> bool:
        """Have Escape for itself while a tab is dragged, though it is an action's shortcut."""
        if event.type() == QEvent.Type.ShortcutOverride and self._carries is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Give up the drag."""
        if self._carries is None:
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape:
            self._let_go()
            self.givenUp.emit()

    def _let_go(self) -> None:
        if self._carries is not None:
            self.releaseKeyboard()
            self.unsetCursor()
        self._pressed = self._carries = None


class Pane(QTabWidget):
    """Tabs of which one is in front, and alone decides how narrow the pane may be."""

    used = Signal()  # a press of the mouse that nothing within took
    menuWanted = Signal(
        QWidget, QPoint
    )  # the page of a tab, and where on the screen a menu on it is asked for

    def __init__(self) -> None:
        super().__init__()
        self.bar, self.share = PaneBar(), 1.0  # of the room, in proportion to the other panes
        self.setTabBar(self.bar)
        self.setDocumentMode(True)
        self.bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.bar.customContextMenuRequested.connect(self._menu)
        self.currentChanged.connect(self._fit)

    @property
    def front(self) -> QWidget | None:
        """The page in front, None where all tabs are hidden."""
        return self.currentWidget() if self.shown_tabs() else None

    def shown_tabs(self) -> list[QWidget]:
        """Return the pages whose tabs can be seen, in order."""
        return [page for i, page in enumerate(self.pages()) if self.isTabVisible(i)]

    def pages(self) -> list[QWidget]:
        """Return the pages of all tabs, in order."""
        return [page for i in range(self.count()) if (page := self.widget(i)) is not None]

    def mend_front(self) -> None:
        """Bring a tab to the front that can be seen: Qt may choose a hidden one where the tab in front is gone."""
        seen = self.shown_tabs()
        if seen and self.currentWidget() not in seen:
            self.setCurrentWidget(seen[0])

    def name(self, text: str) -> None:
        """Name the pane for assistive technology."""
        self.setAccessibleName(text)
        self.bar.setAccessibleName(text)

    def take_keys(self) -> None:
        """Give the keyboard to the page in front, or to its tab where nothing in it takes keys."""
        front = self.front
        target = first_focus(front) if front is not None else None
        (target or self.bar).setFocus(Qt.FocusReason.OtherFocusReason)

    def tabInserted(self, index: int) -> None:
        """Let the new page count only when it comes to the front."""
        super().tabInserted(index)
        self._fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell that the pane is used."""
        self.used.emit()
        super().mousePressEvent(event)

    def _fit(self) -> None:
        policies = QSizePolicy.Policy
        for i, page in enumerate(self.pages()):
            chosen = policies.Preferred if i == self.currentIndex() else policies.Ignored
            page.setSizePolicy(chosen, chosen)

    def _menu(self, place: QPoint) -> None:
        index = self.bar.tabAt(place)
        if index < 0:  # asked for by key
            index = self.currentIndex()
        if index >= 0:
            self.menuWanted.emit(self.widget(index), self.bar.mapToGlobal(place))


class PaneRow(QSplitter):
    """Panes side by side or one above the other; their shares of the room stay as they are when it changes."""

    changed = Signal()  # another tab came to the front of a pane
    used = Signal(Pane)  # a pane was clicked
    tabClicked = Signal(QWidget)  # the page of a tab that was clicked
    menuWanted = Signal(QWidget, QPoint)  # see `Pane`
    carried = Signal(QWidget, QPoint)  # see `PaneBar`
    dropped = Signal(QWidget, QPoint)
    givenUp = Signal()

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(HANDLE)
        self.splitterMoved.connect(self._note_shares)

    def panes(self) -> list[Pane]:
        """Return the panes, those that are not seen too."""
        every = [self.widget(i) for i in range(self.count())]
        return [pane for pane in every if isinstance(pane, Pane)]

    def seen(self) -> list[Pane]:
        """Return the panes that have a tab to show."""
        return [pane for pane in self.panes() if pane.front is not None]

    def place_of(self, page: QWidget) -> tuple[Pane, int]:
        """Return the pane of a page, and its place in there."""
        return next((pane, pane.indexOf(page)) for pane in self.panes() if pane.indexOf(page) >= 0)

    def open(self, at: int) -> Pane:
        """Open an empty pane, which is seen as soon as it has something to show."""
        pane = Pane()
        self.insertWidget(at, pane)
        pane.setVisible(False)
        pane.currentChanged.connect(self.changed)
        pane.used.connect(lambda: self.used.emit(pane))
        pane.tabBarClicked.connect(lambda place: self._clicked(pane, place))
        pane.menuWanted.connect(self.menuWanted)
        pane.bar.carried.connect(self.carried)
        pane.bar.dropped.connect(self.dropped)
        pane.bar.givenUp.connect(self.givenUp)
        return pane

    def close_pane(self, pane: Pane) -> None:
        """Take an empty pane away."""
        pane.setParent(None)
        pane.deleteLater()

    def show_seen(self) -> None:
        """Show the panes that have something to show; give all the same room when one opens."""
        seen, opened = self.seen(), False
        for pane in self.panes():
            opened = opened or (pane in seen and pane.isHidden())
            pane.setVisible(pane in seen)
        if opened:
            for pane in self.panes():
                pane.share = 1.0
        self.share_out()

    def share_out(self) -> None:
        """Give each pane its share of the room."""
        room = self.width() if self.orientation() == Qt.Orientation.Horizontal else self.height()
        whole = sum(pane.share for pane in self.seen()) or 1.0
        self.setSizes([round(room * pane.share / whole) for pane in self.panes()])

    def _note_shares(self) -> None:
        for pane, size in zip(self.panes(), self.sizes(), strict=True):
            if pane.isVisible():
                pane.share = float(size)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the shares."""
        super().resizeEvent(event)
        self.share_out()

    def _clicked(self, pane: Pane, place: int) -> None:
        self.used.emit(pane)
        if place >= 0:
            self.tabClicked.emit(pane.widget(place))

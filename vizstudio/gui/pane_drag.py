"""Where a tab that is dragged would go, shown while it is dragged: another pane, or a new one at an edge."""

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget

from vizstudio.gui.pane import Pane
from vizstudio.gui.panes import MOST, Panes

EDGE = 0.25  # of a pane's width or height: near enough to an edge for a new pane there


@dataclass(frozen=True)
class Drop:
    """What letting go of a tab would do: where it would lie, and the pane, or the place of a new one."""

    rect: QRect
    pane: Pane | None = None
    at: int = 0
    direction: Qt.Orientation = Qt.Orientation.Horizontal


def _edge(rect: QRect, point: QPoint, direction: Qt.Orientation) -> int:
    """Return -1 near the left or upper edge, 1 near the right or lower edge, else 0."""
    across = direction == Qt.Orientation.Horizontal
    share = (
        (point.x() - rect.left()) / max(rect.width(), 1)
        if across
        else (point.y() - rect.top()) / max(rect.height(), 1)
    )
    return -1 if share < EDGE else 1 if share > 1 - EDGE else 0


def _half(rect: QRect, edge: int, direction: Qt.Orientation) -> QRect:
    """Return the half of a rectangle at an edge."""
    if direction == Qt.Orientation.Horizontal:
        wide = rect.width() // 2
        return QRect(rect.left() if edge < 0 else rect.right() + 1 - wide, rect.top(), wide, rect.height())
    high = rect.height() // 2
    return QRect(rect.left(), rect.top() if edge < 0 else rect.bottom() + 1 - high, rect.width(), high)


class TabDrag(QWidget):
    """A shade over the place that a tab would go to."""

    def __init__(self, panes: Panes) -> None:
        super().__init__(panes)
        self._panes, self._title = panes, ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        panes.row.carried.connect(self._carry)
        panes.row.dropped.connect(self._drop)
        panes.row.givenUp.connect(self.hide)

    def target(self, page: QWidget, place: QPoint) -> Drop | None:
        """Return what letting go of a tab at a place of the screen would do, None for nothing."""
        panes = self._panes
        seen, (source, _) = panes.row.seen(), panes.row.place_of(page)
        for pane in seen:
            rect = QRect(pane.mapTo(panes, QPoint(0, 0)), pane.size())
            point = panes.mapFromGlobal(place)
            if not rect.contains(point):
                continue
            if pane.bar.geometry().contains(pane.mapFromGlobal(place)):
                return None if pane is source else Drop(rect, pane)
            leaves_something = pane is not source or len(pane.shown_tabs()) > 1
            if leaves_something and len(panes.row.panes()) < MOST:
                known = [panes.row.orientation()] if len(seen) > 1 else list(Qt.Orientation)
                for direction in sorted(known, key=lambda d: d.value):
                    edge = _edge(rect, point, direction)
                    if edge:
                        at = panes.row.indexOf(pane) + (edge > 0)
                        return Drop(_half(rect, edge, direction), None, at, direction)
            return None if pane is source else Drop(rect, pane)
        return None

    def _carry(self, page: QWidget, place: QPoint) -> None:
        drop = self.target(page, place)
        self.setVisible(drop is not None)
        if drop is not None:
            self._title = self._panes.tabText(self._panes.indexOf(page))
            self.setGeometry(drop.rect)
            self.raise_()
            self.update()

    def _drop(self, page: QWidget, place: QPoint) -> None:
        self.hide()
        drop, row = self.target(page, place), self._panes.row
        if drop is None:
            return
        if drop.pane is None:
            row.setOrientation(drop.direction)
        self._panes.move_tab(page, drop.pane or row.open(drop.at))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the shade and the tab's title."""
        painter = QPainter(self)
        colour = self.palette().color(QPalette.ColorRole.Highlight)
        shade = QColor(colour)
        shade.setAlpha(70)
        painter.fillRect(self.rect(), shade)
        painter.setPen(QPen(colour, 2))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        box = self.fontMetrics().boundingRect(self._title).adjusted(-14, -8, 14, 8)
        box.moveCenter(self.rect().center())
        painter.fillRect(box, colour)
        painter.setPen(self.palette().color(QPalette.ColorRole.HighlightedText))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), self._title)
        painter.end()

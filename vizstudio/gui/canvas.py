"""A canvas for pictures: fits, zooms and pans; tells clicks, the pointer and arrow keys in picture coordinates."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsItem, QGraphicsScene, QGraphicsView

MARGIN = 8  # screen pixels around a picture that fits
MAX_ZOOM = 40.0  # times the size that fits
STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


def tell_arrow(event: QKeyEvent, tell: Callable[[int, int], None]) -> None:
    """Tell an arrow key as cells (down, across); leave other keys to the window."""
    step = STEPS.get(Qt.Key(event.key()))
    event.setAccepted(step is not None)
    if step is not None:
        tell(*step)


class Canvas(QGraphicsView):
    """Shows items of a picture; the wheel zooms at the pointer, dragging pans."""

    clicked = Signal(QPointF)  # a left click without a drag, in picture coordinates
    pinned = Signal(QPointF)  # the same with the Shift key held
    pointed = Signal(QPointF)  # the pointer moved, in picture coordinates
    dragged = Signal(
        QPointF
    )  # the pointer moved with the button down, on what `may_drag` allows to be dragged
    left = Signal()  # the pointer left the canvas
    viewed = Signal()  # the user zoomed or panned
    stepped = Signal(int, int)  # an arrow key: cells (down, across)
    entered = Signal()  # the Enter key

    def __init__(self, name: str, description: str) -> None:
        super().__init__()
        self.setScene(QGraphicsScene(self))
        self.setAccessibleName(name)
        self.setAccessibleDescription(description)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptDrops(False)  # a file dropped here is the window's
        self.setMouseTracking(True)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(160, 120)
        self.viewport().setCursor(Qt.CursorShape.CrossCursor)
        self.viewport().setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._area = QRectF(0, 0, 1, 1)
        self._zoom = 1.0
        self._pressed: QPoint | None = None
        self._dragged: QPoint | None = None
        self.may_drag: Callable[[QPointF], bool] = lambda _: False
        self._carries = False  # whether what is under the pointer is dragged, rather than the whole picture

    def add(self, *items: QGraphicsItem) -> None:
        """Add items, each above the one before."""
        for item in items:
            self.scene().addItem(item)

    def show_area(self, width: float, height: float) -> None:
        """Take a picture of another size into view."""
        self._area = QRectF(0, 0, width, height)
        self.setSceneRect(self._area.adjusted(-width, -height, width, height))
        self.fit()

    def fit(self) -> None:
        """Show the whole picture."""
        self._zoom = 1.0
        self._apply_zoom()
        self.centerOn(self._area.center())

    def zoom(self, factor: float) -> None:
        """Zoom in (over 1) or out, between the whole picture and `MAX_ZOOM` times that."""
        self._zoom = min(max(self._zoom * factor, 1.0), MAX_ZOOM)
        if self._zoom == 1.0:
            self.fit()
        else:
            self._apply_zoom()
        self.viewed.emit()

    def sight(self) -> tuple[float, float, float]:
        """Return (zoom, x, y): how many times the size that fits, and the middle as shares of the picture."""
        middle = self.mapToScene(self.viewport().rect().center())
        return self._zoom, middle.x() / self._area.width(), middle.y() / self._area.height()

    def show_sight(self, zoom: float, x: float, y: float) -> None:
        """Bring into view what `sight` told of another canvas."""
        self._zoom = zoom
        self._apply_zoom()
        self.centerOn(self._area.width() * x, self._area.height() * y)

    def _apply_zoom(self) -> None:
        room = self.viewport().size()
        scale = min(
            max(room.width() - 2 * MARGIN, 1) / self._area.width(),
            max(room.height() - 2 * MARGIN, 1) / self._area.height(),
        )
        target = scale * self._zoom / self.transform().m11()
        self.scale(target, target)

    def position_of(self, x: float, y: float) -> QPoint:
        """Return where a point of the picture lies in the viewport."""
        return self.mapFromScene(QPointF(x, y))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole picture in view unless it was zoomed."""
        super().resizeEvent(event)
        if self._zoom == 1.0:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        self.zoom(1.0015 ** event.angleDelta().y())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a click or a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self._dragged = event.position().toPoint()
            self._carries = self.may_drag(self.mapToScene(self._pressed))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan while the button is down, else tell where the pointer is."""
        place = event.position().toPoint()
        if self._pressed is not None and self._dragged is not None:
            if (place - self._pressed).manhattanLength() >= QApplication.startDragDistance():
                self._pressed = None
        elif self._dragged is None:
            self.pointed.emit(self.mapToScene(place))
        if self._carries and self._pressed is None:
            self.dragged.emit(self.mapToScene(place))
        elif self._pressed is None and self._dragged is not None and self._zoom > 1.0:
            move = self._dragged - place
            across, down = self.horizontalScrollBar(), self.verticalScrollBar()
            across.setValue(across.value() + move.x())
            down.setValue(down.value() + move.y())
            self._dragged = place
            self.viewed.emit()
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a click or a drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            if self._pressed is not None:
                held = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                (self.pinned if held else self.clicked).emit(self.mapToScene(self._pressed))
            self._pressed = self._dragged = None
            self._carries = False
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take a double click for two clicks."""
        self.mousePressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the pointer left."""
        super().leaveEvent(event)
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell arrow keys and Enter; leave other keys to the window."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        else:
            tell_arrow(event, self.stepped.emit)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the frame."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the frame."""
        super().focusOutEvent(event)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture, and a frame around it while the keyboard is here."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self.viewport())
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(QRect(QPoint(1, 1), self.viewport().size() - QSize(2, 2)))
            painter.end()

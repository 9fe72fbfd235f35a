"""A pointer's move that has arrived: on X the server tells a window of it some time after it was asked for."""

from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtGui import QCursor, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs


class _Places(QObject):
    """Keeps the places in a widget at which it heard the pointer move."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.heard: list[QPoint] = []
        widget.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self.heard.append(event.position().toPoint())
        return False


def move_pointer(qtbot: Any, widget: QWidget, pos: QPoint) -> None:
    """Move the pointer to a place in a widget, and wait until the widget has heard of it there."""
    if widget.mapToGlobal(pos) == QCursor.pos():  # else there is no move to hear of
        QTest.mouseMove(widget, pos + QPoint(0, 1))
    places = _Places(widget)

    def arrived() -> bool:
        QTest.mouseMove(widget, pos)
        return pos in places.heard

    qtbot.waitUntil(arrived, timeout=TIMEOUT)
    widget.removeEventFilter(places)

"""What all charts share: axes with round numbers, rules behind the values, a box for what is under the pointer."""

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from vizstudio.core.page import number, ticks

GAP = 8  # pixels between what is beside each other
RULES = 4


@dataclass(frozen=True)
class Axes:
    """Where values lie in a widget.

    Parameters
    ----------
    area : QRectF
        Between the axes, in pixels.
    span, values : (float, float)
        The ends of the horizontal and of the vertical axis; the second is above the first.
    """

    area: QRectF
    span: tuple[float, float]
    values: tuple[float, float]

    def x(self, along: float) -> float:
        """Return where a value of the horizontal axis lies."""
        low, high = self.span
        return self.area.left() + self.area.width() * (along - low) / (high - low)

    def y(self, value: float) -> float:
        """Return where a value of the vertical axis lies."""
        low, high = self.values
        return self.area.bottom() - self.area.height() * (value - low) / (high - low)

    def along(self, x: float) -> float:
        """Return the value of the horizontal axis at a place; the opposite of `x`."""
        low, high = self.span
        return low + (high - low) * (x - self.area.left()) / max(self.area.width(), 1.0)


class ChartBase(QWidget):
    """A widget that draws values over an axis and tells what is under the pointer."""

    rules = RULES
    """How many round values of the vertical axis are marked at most."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def leaveEvent(self, event: QEvent) -> None:
        """Tell nothing."""
        super().leaveEvent(event)
        self.forget_pointer()
        self.update()

    def forget_pointer(self) -> None:
        """Take it that the pointer is nowhere."""
        raise NotImplementedError

    def is_dark(self) -> bool:
        """Return whether values are drawn on a dark ground."""
        return self.palette().color(QPalette.ColorRole.Window).lightness() < 128

    def room_for_numbers(self, values: tuple[float, float], others: Iterable[str] = ()) -> int:
        """Return how many pixels the numbers of a vertical axis take, `others` being written there too."""
        marks, decimals = ticks(*values, self.rules)
        texts = [*others, *(number(mark, decimals) for mark in marks)]
        return max(map(self.fontMetrics().horizontalAdvance, texts)) + GAP

    def paint_rules(self, painter: QPainter, axes: Axes) -> None:
        """Draw the round values of the vertical axis; leaves a pen for what is written below."""
        rule = self.palette().color(QPalette.ColorRole.Mid)
        muted = self.palette().color(QPalette.ColorRole.PlaceholderText)
        line, area = self.fontMetrics().height(), axes.area
        marks, decimals = ticks(*axes.values, self.rules)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for mark in marks:
            y = round(axes.y(mark)) + 0.5
            painter.setPen(QPen(rule, 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(muted)
            where = QRectF(0, y - line / 2, area.left() - GAP + 2, line)
            painter.drawText(where, right, number(mark, decimals))
        painter.setPen(muted)

    def paint_empty(self, painter: QPainter, why: str) -> None:
        """Say why nothing is drawn."""
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        painter.drawText(self.rect().adjusted(20, 0, -20, 0), flags, why)

    def paint_box(self, painter: QPainter, place: QPointF, wide: float, lines: int, apart: float) -> QRectF:
        """Draw a box for `lines` of text, `wide` pixels at most, beside a place; its top is kept inside.

        Returns
        -------
        QRectF
            The box: at the right of the place, or at its left where there is no room.
        """
        wide, high = wide + 2 * GAP, self.fontMetrics().height() * lines + GAP
        right = place.x() + apart
        left = right if right + wide < self.width() else max(place.x() - apart - wide, 0.0)
        box = QRectF(left, max(min(place.y(), self.height() - high - 1.0), 0.0), wide, high)
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.setBrush(self.palette().color(QPalette.ColorRole.ToolTipBase))
        painter.drawRoundedRect(box, 4, 4)
        return box

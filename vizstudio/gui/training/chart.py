"""A chart of curves over the steps of a run: axes with round numbers, a legend, the values under the pointer."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from vizstudio.core.overlay import value_range
from vizstudio.core.page import number, ticks
from vizstudio.gui.training.run_log import Curve

ON_LIGHT = ("#2f66b0", "#b4530a", "#1a7a43", "#8a3ea8", "#5b6470")
ON_DARK = ("#6aa5ea", "#f0a35e", "#6fcf97", "#cf93e6", "#9ca5b1")
GAP, SWATCH = 8, 14  # pixels
DOTS = 40  # points up to which each is marked


@dataclass(frozen=True)
class Axes:
    """Where steps and values lie in the widget."""

    area: QRectF
    steps: tuple[float, float]
    values: tuple[float, float]

    def x(self, step: float) -> float:
        """Return where a step lies."""
        low, high = self.steps
        return self.area.left() + self.area.width() * (step - low) / (high - low)

    def y(self, value: float) -> float:
        """Return where a value lies."""
        low, high = self.values
        return self.area.bottom() - self.area.height() * (value - low) / (high - low)

    def step_at(self, x: float) -> float:
        """Return the step at a place."""
        low, high = self.steps
        return low + (high - low) * (x - self.area.left()) / max(self.area.width(), 1.0)


class Chart(QWidget):
    """Shows named curves in one colour each; setters never write back."""

    def __init__(self, title: str, unit: str, from_zero: bool = False) -> None:
        super().__init__()
        self._title, self._unit, self._from_zero = title, unit, from_zero
        self._curves: dict[str, Curve] = {}
        self._last = 1
        self._at: float | None = None  # where the pointer is, in pixels across
        self.setMouseTracking(True)
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_curves(self, curves: Mapping[str, Curve], last: int) -> None:
        """Show other curves, or the same grown; the axis ends at step `last`."""
        self._curves = {name: curve for name, curve in curves.items() if curve.steps}
        self._last = max(last, 1)
        now = [f"{name} {curve.values[-1]:.4g}" for name, curve in self._curves.items()]
        self.setAccessibleDescription(", ".join(now))
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which the axes can be read."""
        return QSize(260, 170)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest such size."""
        return QSize(150, 96)

    def readout(self) -> list[tuple[str, int, float]]:
        """Return (curve, step, value) under the pointer: of each curve the point that is nearest in steps."""
        if self._at is None or not self._curves:
            return []
        wanted = self._axes().step_at(self._at)
        found = []
        for name, curve in self._curves.items():
            i = int(np.abs(np.array(curve.steps) - wanted).argmin())
            found.append((name, curve.steps[i], curve.values[i]))
        return found

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the values under the pointer."""
        self._at = event.position().x()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Tell nothing."""
        super().leaveEvent(event)
        self._at = None
        self.update()

    def _range(self) -> tuple[float, float]:
        values = np.array([v for curve in self._curves.values() for v in curve.values])
        low, high = value_range(values, self._from_zero and bool((values >= 0).all()))
        room = 0.06 * (high - low)
        return (low if self._from_zero else low - room), high + room

    def _axes(self) -> Axes:
        metrics, span = self.fontMetrics(), self._range()
        marks, decimals = ticks(*span, 4)
        left = max(metrics.horizontalAdvance(number(mark, decimals)) for mark in marks) + GAP
        top, below = metrics.height() + GAP, metrics.height() + 4
        area = QRectF(left, top, max(self.width() - left - 6, 1), max(self.height() - top - below, 1))
        return Axes(area, (0.0, float(self._last)), span)

    def _colour(self, place: int) -> QColor:
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < 128
        colours = ON_DARK if dark else ON_LIGHT
        return QColor(colours[place % len(colours)])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw title, legend or values, axes and curves."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        told = {name: (step, value) for name, step, value in self.readout()}
        x = self._paint_title(painter, told)
        for i, name in enumerate(self._curves):
            x = self._paint_name(painter, x, i, name, told.get(name))
        if not self._curves:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.tr("nothing told yet"))
            painter.end()
            return
        axes = self._axes()
        self._paint_axes(painter, axes)
        for i, curve in enumerate(self._curves.values()):
            self._paint_curve(painter, axes, curve, self._colour(i))
        for i, (step, value) in enumerate(told.values()):
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 1.5))
            painter.setBrush(self._colour(i))
            painter.drawEllipse(QPointF(axes.x(step), axes.y(value)), 4, 4)
        painter.end()

    def _paint_title(self, painter: QPainter, told: Mapping[str, tuple[int, float]]) -> float:
        """Write the title, or the step under the pointer; returns where the legend begins."""
        font, plain = QFont(self.font()), self.font()
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        steps = {step for step, _ in told.values()}
        text = self.tr("Step {0}").format("–".join(str(s) for s in sorted(steps))) if steps else self._title
        painter.drawText(QPointF(0, painter.fontMetrics().ascent()), text)
        across = painter.fontMetrics().horizontalAdvance(text)
        painter.setFont(plain)
        if not steps and self._unit:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(QPointF(across + 6, painter.fontMetrics().ascent()), self._unit)
            across += 6 + painter.fontMetrics().horizontalAdvance(self._unit)
        return across + 2 * GAP

    def _paint_name(
        self, painter: QPainter, x: float, place: int, name: str, told: tuple[int, float] | None
    ) -> float:
        """Write a curve's name with its colour, and its value under the pointer; returns where the next begins."""
        if len(self._curves) == 1 and told is None:
            return x
        text = name.replace("_", " ") + (f" {told[1]:.4g}" if told else "")
        metrics = painter.fontMetrics()
        painter.setPen(QPen(self._colour(place), 2))
        painter.drawLine(QPointF(x, metrics.height() / 2), QPointF(x + SWATCH, metrics.height() / 2))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(QPointF(x + SWATCH + 5, metrics.ascent()), text)
        return x + SWATCH + 5 + metrics.horizontalAdvance(text) + 12

    def _paint_axes(self, painter: QPainter, axes: Axes) -> None:
        rule = self.palette().color(QPalette.ColorRole.Mid)
        muted = self.palette().color(QPalette.ColorRole.PlaceholderText)
        line, area = self.fontMetrics().height(), axes.area
        marks, decimals = ticks(*axes.values, 4)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for mark in marks:
            y = round(axes.y(mark)) + 0.5
            painter.setPen(QPen(rule, 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(muted)
            where = QRectF(0, y - line / 2, area.left() - GAP + 2, line)
            painter.drawText(where, right, number(mark, decimals))
        steps, _ = ticks(*axes.steps, max(2, min(6, int(area.width() / 60))))
        for mark in [step for step in steps if step == int(step)]:
            text = str(int(mark)) + (self.tr(" steps") if mark == steps[-1] and mark else "")
            width = self.fontMetrics().horizontalAdvance(text)
            x = min(max(axes.x(mark) - width / 2, 0.0), self.width() - width)
            painter.drawText(QPointF(x, area.bottom() + 3 + self.fontMetrics().ascent()), text)
        if self._at is not None and area.left() <= self._at <= area.right():
            painter.setPen(QPen(muted, 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(self._at, area.top()), QPointF(self._at, area.bottom()))

    def _paint_curve(self, painter: QPainter, axes: Axes, curve: Curve, colour: QColor) -> None:
        steps, values = thin_out(np.array(curve.steps), np.array(curve.values), int(axes.area.width()))
        points = [QPointF(axes.x(s), axes.y(v)) for s, v in zip(steps, values, strict=True)]
        painter.setPen(QPen(colour, 1.6))
        painter.drawPolyline(QPolygonF(points))
        if len(points) <= DOTS:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            for point in points:
                painter.drawEllipse(point, 2.2, 2.2)


def thin_out(steps: np.ndarray, values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most two points for each pixel of a width, the lowest and the highest, so that no peak is lost."""
    columns = max(width, 1)
    if len(steps) <= 2 * columns:
        return steps, values
    kept = []
    for part in np.array_split(np.arange(len(steps)), columns):
        inside = values[part]
        kept += sorted({int(part[inside.argmin()]), int(part[inside.argmax()])})
    return steps[kept], values[kept]

"""A chart of curves over the steps of a run: axes with round numbers, a legend, the values under the pointer."""

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)

from vizstudio.core.overlay import value_range
from vizstudio.core.page import ticks
from vizstudio.core.run_events import metric_name
from vizstudio.gui.axes import GAP, Axes, ChartBase
from vizstudio.gui.training.run_log import Curve

ON_LIGHT = ("#2f66b0", "#b4530a", "#1a7a43", "#8a3ea8", "#0b7a86", "#b01d5b", "#6b5900", "#5b6470")
ON_DARK = ("#6aa5ea", "#f0a35e", "#6fcf97", "#cf93e6", "#4fc4d0", "#f27aa8", "#cdbb4a", "#9ca5b1")
SWATCH = 14  # pixels
DOTS = 40  # points up to which each is marked


class Chart(ChartBase):
    """Shows named curves in one colour each; setters never write back."""

    def __init__(self, title: str, from_zero: bool = False) -> None:
        super().__init__(title)
        self._title, self._from_zero = title, from_zero
        self._curves: dict[str, Curve] = {}
        self._last = 1
        self._at: float | None = None  # where the pointer is, in pixels across

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
        wanted = self._axes().along(self._at)
        found = []
        for name, curve in self._curves.items():
            i = int(np.abs(np.array(curve.steps) - wanted).argmin())
            found.append((name, curve.steps[i], curve.values[i]))
        return found

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the values under the pointer."""
        self._at = event.position().x()
        self.update()

    def forget_pointer(self) -> None:
        """Tell of no step."""
        self._at = None

    def _range(self) -> tuple[float, float]:
        values = np.array([v for curve in self._curves.values() for v in curve.values])
        low, high = value_range(values, self._from_zero and bool((values >= 0).all()))
        room = 0.06 * (high - low)
        return (low if self._from_zero else low - room), high + room

    def _axes(self) -> Axes:
        metrics, span = self.fontMetrics(), self._range()
        left = self.room_for_numbers(span)
        lines = 1 + max((line for _, line in self._places()), default=0)
        top, below = lines * metrics.height() + GAP, metrics.height() + 4
        area = QRectF(left, top, max(self.width() - left - 6, 1), max(self.height() - top - below, 1))
        return Axes(area, (0.0, float(self._last)), span)

    def _colour(self, place: int) -> QColor:
        colours = ON_DARK if self.is_dark() else ON_LIGHT
        return QColor(colours[place % len(colours)])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw title, legend, axes and curves, and the values under the pointer."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_legend(painter)
        if not self._curves:
            self.paint_empty(painter, self.tr("nothing told yet"))
            painter.end()
            return
        axes = self._axes()
        self._paint_axes(painter, axes)
        for i, curve in enumerate(self._curves.values()):
            self._paint_curve(painter, axes, curve, self._colour(i))
        if self._at is not None:
            self._paint_values(painter, axes, self._at)
        painter.end()

    def _heading_font(self) -> QFont:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _places(self) -> list[tuple[float, int]]:
        """Return where each curve's name stands: how far across, and in which line; none for a single curve."""
        if len(self._curves) < 2:
            return []
        x, line, found = QFontMetrics(self._heading_font()).horizontalAdvance(self._title) + 16.0, 0, []
        for name in self._curves:
            wide = SWATCH + 5 + self.fontMetrics().horizontalAdvance(metric_name(name))
            if x + wide > self.width() and x > 0:
                x, line = 0.0, line + 1
            found.append((x, line))
            x += wide + 12
        return found

    def _paint_legend(self, painter: QPainter) -> None:
        """Write the title and the names of the curves with their colours."""
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.setFont(self._heading_font())
        painter.drawText(QPointF(0, painter.fontMetrics().ascent()), self._title)
        painter.setFont(self.font())
        for i, ((x, line), name) in enumerate(zip(self._places(), self._curves, strict=False)):
            self._paint_name(painter, QPointF(x, line * self.fontMetrics().height()), i, metric_name(name))

    def _paint_name(self, painter: QPainter, place: QPointF, which: int, text: str) -> None:
        metrics = painter.fontMetrics()
        middle = place.y() + metrics.height() / 2
        painter.setPen(QPen(self._colour(which), 2))
        painter.drawLine(QPointF(place.x(), middle), QPointF(place.x() + SWATCH, middle))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(QPointF(place.x() + SWATCH + 5, place.y() + metrics.ascent()), text)

    def _paint_values(self, painter: QPainter, axes: Axes, at: float) -> None:
        """Mark the points under the pointer and write their values in a box beside it."""
        told, line = self.readout(), self.fontMetrics().height()
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.PlaceholderText), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(at, axes.area.top()), QPointF(at, axes.area.bottom()))
        for i, (_, step, value) in enumerate(told):
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 1.5))
            painter.setBrush(self._colour(i))
            painter.drawEllipse(QPointF(axes.x(step), axes.y(value)), 4, 4)
        texts = [
            self.tr("{0} {1} at step {2}").format(metric_name(name), f"{value:.4g}", step)
            for name, step, value in told
        ]
        wide = max(map(self.fontMetrics().horizontalAdvance, texts)) + SWATCH + 5
        box = self.paint_box(painter, QPointF(at, axes.area.top()), wide, len(texts), apart=12)
        for i, text in enumerate(texts):
            self._paint_name(painter, box.topLeft() + QPointF(GAP, GAP / 2 + i * line), i, text)

    def _paint_axes(self, painter: QPainter, axes: Axes) -> None:
        area = axes.area
        self.paint_rules(painter, axes)
        steps, _ = ticks(*axes.span, max(2, min(6, int(area.width() / 60))))
        for mark in [step for step in steps if step == int(step)]:
            text = str(int(mark)) + (self.tr(" steps") if mark == steps[-1] and mark else "")
            width = self.fontMetrics().horizontalAdvance(text)
            x = min(max(axes.x(mark) - width / 2, 0.0), self.width() - width)
            painter.drawText(QPointF(x, area.bottom() + 3 + self.fontMetrics().ascent()), text)

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

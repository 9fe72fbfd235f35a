"""Position similarity over distance: the mean of all pairs with its quartiles, and along rows and columns."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from vizstudio.core.distance_chart import span_of
from vizstudio.core.page import number, ticks
from vizstudio.core.positions import DistanceCurve
from vizstudio.gui.axes import GAP, Axes, ChartBase
from vizstudio.gui.canvas import tell_arrow
from vizstudio.gui.line import Line

ON_LIGHT, ON_DARK = ("#2f66b0", "#b4530a", "#1a7a43"), ("#6aa5ea", "#f0a35e", "#6fcf97")
BAND = 52  # of 255: how much of the first colour the band has
SWATCH = 14  # pixels


class DistanceChart(ChartBase):
    """The curves and the values at one distance, chosen by the pointer or by key."""

    rules = 7

    def __init__(self, name: str, measure: str) -> None:
        super().__init__(name)
        self._curve: DistanceCurve | None = None
        self._empty = ""
        self.at: int | None = None  # which of the distances is told
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleDescription(measure)
        self.setToolTip(measure)

    def show_curve(self, curve: DistanceCurve | None, empty: str = "") -> None:
        """Show another curve, or none and why."""
        self._curve, self._empty, self.at = curve, empty, None
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which the axes can be read."""
        return QSize(480, 320)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest such size."""
        return QSize(280, 160)

    def lines(self) -> list[tuple[str, np.ndarray, QColor]]:
        """Return the name, values and colour of each line; none for a direction in which there is a single patch."""
        if self._curve is None:
            return []
        named = (
            (self.tr("all pairs"), self._curve.mean),
            (self.tr("same row"), self._curve.horizontal),
            (self.tr("same column"), self._curve.vertical),
        )
        colours = map(QColor, ON_DARK if self.is_dark() else ON_LIGHT)
        found = [(name, values, colour) for (name, values), colour in zip(named, colours, strict=True)]
        return [one for one in found if np.isfinite(one[1]).any()]

    def told(self) -> list[str]:
        """Return what is told of the distance that is chosen, line by line."""
        curve, at = self._curve, self.at
        if curve is None or at is None:
            return []
        pairs = self.tr("distance {0}: {1} pairs").format(curve.distance[at], f"{curve.pairs[at]:,}")
        quartiles = self.tr("quartiles {0} to {1}").format(_number(curve.lower[at]), _number(curve.upper[at]))
        values = [f"{name} {_number(line[at])}" for name, line, _ in self.lines() if np.isfinite(line[at])]
        return [pairs, values[0], quartiles, *values[1:]]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the values at the nearest distance."""
        if self._curve is not None:
            along = self._axes(self._curve).along(event.position().x())
            self.at = int(np.abs(self._curve.distance - along).argmin())
            self.update()

    def forget_pointer(self) -> None:
        """Tell of no distance."""
        self.at = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to another distance by arrow keys; leave other keys to the window."""
        tell_arrow(event, self._step)

    def _step(self, down: int, across: int) -> None:
        if self._curve is not None:
            last = len(self._curve.distance) - 1
            self.at = 0 if self.at is None else min(max(self.at + (across or -down), 0), last)
            self.setAccessibleDescription(", ".join(self.told()))
            self.update()

    def _axes(self, curve: DistanceCurve) -> Axes:
        metrics, span = self.fontMetrics(), span_of(curve)
        left = self.room_for_numbers(span)
        top, below = metrics.height() + 2 * GAP, 2 * metrics.height() + 8
        area = QRectF(left, top, max(self.width() - left - GAP, 1), max(self.height() - top - below, 1))
        return Axes(area, (0.0, float(curve.distance[-1]) * 1.02), span)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axes, band, lines and legend, and the values at the distance that is chosen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._curve is None:
            self.paint_empty(painter, self._empty)
        else:
            axes = self._axes(self._curve)
            self._paint_band(painter, axes, self._curve)
            self._paint_axes(painter, axes)
            for i, (_, values, colour) in reversed([*enumerate(self.lines())]):
                self._paint_line(painter, axes, values, colour, strong=i == 0)
            self._paint_legend(painter)
            if self.at is not None:
                self._paint_told(painter, axes, self._curve, self.at)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _points(self, axes: Axes, values: np.ndarray) -> list[QPointF]:
        assert self._curve is not None
        pairs = zip(self._curve.distance, values, strict=True)
        return [QPointF(axes.x(float(d)), axes.y(float(v))) for d, v in pairs if np.isfinite(v)]

    def _band_colour(self) -> QColor:
        colour = QColor(self.lines()[0][2])
        colour.setAlpha(BAND)
        return colour

    def _paint_band(self, painter: QPainter, axes: Axes, curve: DistanceCurve) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._band_colour())
        corners = [*self._points(axes, curve.upper), *reversed(self._points(axes, curve.lower))]
        painter.drawPolygon(QPolygonF(corners))

    def _paint_axes(self, painter: QPainter, axes: Axes) -> None:
        self.paint_rules(painter, axes)
        metrics, area = self.fontMetrics(), axes.area
        painter.drawText(QPointF(GAP, GAP / 2 + metrics.ascent()), self.tr("cosine similarity"))
        marks, _ = ticks(*axes.span, max(2, min(10, int(area.width() / 50))))
        for mark in marks:
            if mark == int(mark):
                wide = metrics.horizontalAdvance(str(int(mark)))
                x = min(axes.x(mark) - wide / 2, self.width() - wide - 2.0)
                painter.drawText(QPointF(x, area.bottom() + 4 + metrics.ascent()), str(int(mark)))
        title = self.tr("distance between two patches, in patches")
        x = area.center().x() - metrics.horizontalAdvance(title) / 2
        painter.drawText(QPointF(x, area.bottom() + 4 + metrics.height() + metrics.ascent()), title)

    def _paint_line(
        self, painter: QPainter, axes: Axes, values: np.ndarray, colour: QColor, strong: bool
    ) -> None:
        points = self._points(axes, values)
        painter.setPen(QPen(colour, 2.2 if strong else 1.4))
        painter.drawPolyline(QPolygonF(points))
        if strong or len(points) == 1:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            for point in points:
                painter.drawEllipse(point, 2.8, 2.8)

    def _paint_legend(self, painter: QPainter) -> None:
        """Write the names of lines and band in the upper right corner, as far as there is room."""
        metrics = self.fontMetrics()
        right, middle = float(self.width() - GAP), GAP / 2 + metrics.height() / 2
        named = [(name, colour, 2.5) for name, _, colour in self.lines()]
        for name, colour, thick in reversed([*named, (self.tr("quartiles"), self._band_colour(), 11.0)]):
            right -= metrics.horizontalAdvance(name)
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            painter.drawText(QPointF(right, GAP / 2 + metrics.ascent()), name)
            right -= SWATCH + 5
            painter.fillRect(QRectF(right, middle - thick / 2, SWATCH, thick), colour)
            right -= 14

    def _paint_told(self, painter: QPainter, axes: Axes, curve: DistanceCurve, at: int) -> None:
        """Mark the values at a distance and write them in a box beside it."""
        x, texts, line = axes.x(float(curve.distance[at])), self.told(), self.fontMetrics().height()
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.PlaceholderText), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, axes.area.top()), QPointF(x, axes.area.bottom()))
        for _, values, colour in self.lines():
            if np.isfinite(values[at]):
                painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Base), 1.5))
                painter.setBrush(colour)
                painter.drawEllipse(QPointF(x, axes.y(float(values[at]))), 4.5, 4.5)
        wide = max(map(self.fontMetrics().horizontalAdvance, texts))
        box = self.paint_box(painter, QPointF(x, axes.area.top()), wide, len(texts), apart=12)
        painter.setPen(self.palette().color(QPalette.ColorRole.ToolTipText))
        for i, text in enumerate(texts):
            place = box.topLeft() + QPointF(GAP, GAP / 2 + i * line + self.fontMetrics().ascent())
            painter.drawText(place, text)


class PositionCurve(QWidget):
    """The chart with its heading above and what it is below."""

    def __init__(self) -> None:
        super().__init__()
        measure = self.tr(
            "Mean cosine similarity of the positions of all pairs of patches that are so far apart, to the nearest "
            "whole patch; the band is between the first and the third quartile of the pairs."
        )
        self.heading = Line(self.tr("Similarity over distance"), heading=True)
        self.heading.setToolTip(measure)
        self.chart = DistanceChart(self.heading.text(), measure)
        self.about = QLabel(measure)
        self.about.setProperty("muted", True)
        self.about.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.heading)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.about)


def _number(value: float) -> str:
    return number(float(value), 3)

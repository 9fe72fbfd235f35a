"""A plot of dots and lines over a numbered axis: the nearest dot is told, and chosen by a click or by key."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)

from vizstudio.core.overlay import lookup_table
from vizstudio.gui.axes import GAP, Axes, ChartBase
from vizstudio.gui.canvas import tell_arrow

RADIUS, NEAR = 3.6, 12.0  # pixels
RAMP = 64  # pixels of the legend's colours
USUAL = "0000"  # room for such a number is left, so that plots above each other are aligned
ON_LIGHT, ON_DARK = (0, 205), (80, 255)  # levels of a colormap that stand out of the ground


@dataclass(frozen=True)
class Dot:
    """A point: where it lies, its place in the colours from 0 to 1, what it is called, and what it stands for."""

    x: float
    y: float
    shade: float
    name: str
    key: object


@dataclass(frozen=True, eq=False)
class Line:
    """A curve and its name; a `dashed` one is a limit rather than a value, a `strong` one stands out of others."""

    xs: Sequence[float]
    ys: Sequence[float]
    name: str = ""
    dashed: bool = False
    strong: bool = False


@dataclass(frozen=True, eq=False)
class Content:
    """What a plot shows.

    Parameters
    ----------
    dots, lines
        Values that are not finite are to be left out.
    span : (float, float)
        The ends of the horizontal axis.
    marks : sequence of (float, str)
        What is written below it.
    x_title, y_title : str
        What the axes are, with their units.
    band : float or None
        Where on the horizontal axis to mark a whole number's place.
    chosen : object
        The key of the dot to mark.
    from_zero : bool
        Begin the vertical axis at 0.
    colormap : str
        Of the dots.
    ends : (str, str) or None
        What the first and the last of its colours stand for.
    """

    dots: tuple[Dot, ...]
    lines: tuple[Line, ...]
    span: tuple[float, float]
    marks: tuple[tuple[float, str], ...]
    x_title: str
    y_title: str
    band: float | None = None
    chosen: object = None
    from_zero: bool = True
    colormap: str = "viridis"
    ends: tuple[str, str] | None = None
    values: tuple[float, float] = field(default=(0.0, 1.0), init=False)

    def __post_init__(self) -> None:
        found = [dot.y for dot in self.dots] + [y for line in self.lines for y in line.ys]
        low, high = (min(found), max(found)) if found else (0.0, 1.0)
        low = min(0.0, low) if self.from_zero else low
        room = 0.06 * ((high - low) or abs(high) or 1.0)
        object.__setattr__(self, "values", (low if self.from_zero else low - room, high + room))


def free_place(left: float, y: float, size: QSize, taken: Sequence[QRectF]) -> QRectF:
    """Return where a name stands: above the end of its line, or below it and all names that stand there."""
    box = QRectF(left, y - 2 - size.height(), size.width(), size.height())
    if any(box.intersects(other) for other in taken):
        box.moveTop(max([y, *(other.bottom() for other in taken if other.bottom() > y)]) + 3)
    return box


def marks_with_room(content: Content, width: float, metrics: QFontMetrics) -> list[tuple[float, str]]:
    """Return those of the marks that have room beside each other on an axis of a width in pixels."""
    widest = max((metrics.horizontalAdvance(text) for _, text in content.marks), default=0)
    every = max(1, int(np.ceil((widest + 6) * len(content.marks) / width)))
    return list(content.marks[::every])


def dot_colour(colormap: str, shade: float, is_dark: bool) -> QColor:
    """Return a colour that can be seen on the window's ground, for a shade from 0 to 1."""
    low, high = ON_DARK if is_dark else ON_LIGHT
    return QColor(*map(int, lookup_table(colormap)[round(low + shade * (high - low))]))


class Plot(ChartBase):
    """Setters never write back."""

    chosen = Signal(object)  # the key of the dot that was clicked
    pointed = Signal(object)  # the Dot that the pointer came to, None where it left one
    stepped = Signal(int, int)  # an arrow key: (down, across)

    def __init__(self, name: str, measure: str) -> None:
        super().__init__(name)
        self._content: Content | None = None
        self._empty = ""
        self.hovered: Dot | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleDescription(measure)
        self.setToolTip(measure)

    def show_content(self, content: Content) -> None:
        """Show something else."""
        self._content, self._empty, self.hovered = content, "", None
        self.update()

    def show_empty(self, why: str) -> None:
        """Show nothing, and say why."""
        self._content, self._empty, self.hovered = None, why, None
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which the axes can be read."""
        return QSize(420, 180)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest such size."""
        return QSize(200, 110)

    def place_of(self, dot: Dot) -> QPointF:
        """Return where a dot lies in the widget."""
        assert self._content is not None
        axes = self._axes(self._content)
        return QPointF(axes.x(dot.x), axes.y(dot.y))

    @property
    def dots(self) -> tuple[Dot, ...]:
        """The dots that are shown."""
        return self._content.dots if self._content else ()

    def _nearest(self, place: QPointF) -> Dot | None:
        if not self.dots:
            return None
        apart = [(self.place_of(dot) - place).manhattanLength() for dot in self.dots]
        best = int(np.argmin(apart))
        return self.dots[best] if apart[best] <= NEAR else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the dot under the pointer."""
        found = self._nearest(event.position())
        if found is not self.hovered:
            shape = Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
            self.point_at(found)
            self.pointed.emit(found)

    def point_at(self, dot: Dot | None) -> None:
        """Tell of a dot as if the pointer were there, None for no more."""
        if dot is not self.hovered:
            self.hovered = dot
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the dot under the pointer."""
        found = self._nearest(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self.chosen.emit(found.key)

    def forget_pointer(self) -> None:
        """Tell of no dot."""
        if self.hovered is not None:
            self.hovered = None
            self.pointed.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell arrow keys; leave other keys to the window."""
        tell_arrow(event, self.stepped.emit)

    def _axes(self, content: Content) -> Axes:
        metrics = self.fontMetrics()
        left = self.room_for_numbers(content.values, (USUAL,))
        top, below = metrics.height() + GAP, 2 * metrics.height() + 6
        area = QRectF(left, top, max(self.width() - left - 8, 1), max(self.height() - top - below, 1))
        return Axes(area, content.span, content.values)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axes, lines, dots, and what is under the pointer."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        content = self._content
        if content is None:
            self.paint_empty(painter, self._empty)
        else:
            axes = self._axes(content)
            self._paint_axes(painter, axes, content)
            named: list[QRectF] = []
            for line in content.lines:
                self._paint_line(painter, axes, line, named)
            for dot in content.dots:
                self._paint_dot(painter, dot, content)
            if self.hovered is not None:
                self._paint_told(painter, self.hovered)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_axes(self, painter: QPainter, axes: Axes, content: Content) -> None:
        area, metrics = axes.area, self.fontMetrics()
        if content.band is not None:
            left, right = axes.x(content.band - 0.5), axes.x(content.band + 0.5)
            band = QRectF(left, area.top(), right - left, area.height())
            painter.fillRect(band, self.palette().color(QPalette.ColorRole.Midlight))
        self.paint_rules(painter, axes)
        painter.drawText(QPointF(0, metrics.ascent()), content.y_title)
        if content.ends is not None:
            self._paint_legend(painter, content, content.ends)
        for mark, text in marks_with_room(content, area.width(), metrics):
            wide = metrics.horizontalAdvance(text)
            painter.drawText(QPointF(axes.x(mark) - wide / 2, area.bottom() + 4 + metrics.ascent()), text)
        wide = metrics.horizontalAdvance(content.x_title)
        below = area.bottom() + 4 + metrics.height() + metrics.ascent()
        painter.drawText(QPointF(area.center().x() - wide / 2, below), content.x_title)

    def _paint_line(self, painter: QPainter, axes: Axes, line: Line, named: list[QRectF]) -> None:
        """Draw a curve, and its name at its end: above it, or below where another's name stands."""
        roles = QPalette.ColorRole
        plain = roles.WindowText if line.strong else roles.PlaceholderText
        colour = self.palette().color(roles.Highlight if line.dashed else plain)
        style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(colour, 1.4, style))
        points = [QPointF(axes.x(x), axes.y(y)) for x, y in zip(line.xs, line.ys, strict=True)]
        painter.drawPolyline(QPolygonF(points))
        if line.name:
            metrics, end = self.fontMetrics(), points[-1]
            wide = metrics.horizontalAdvance(line.name)
            left = min(end.x(), axes.area.right()) - wide
            box = free_place(left, end.y(), QSize(wide, metrics.height()), named)
            named.append(box)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), line.name)

    def _paint_legend(self, painter: QPainter, content: Content, ends: tuple[str, str]) -> None:
        """Say in the upper right corner what the colours of dots stand for."""
        metrics = self.fontMetrics()
        last = self.width() - 8 - metrics.horizontalAdvance(ends[1])
        ramp = QRectF(last - 6 - RAMP, metrics.height() / 2 - 4, RAMP, 8)
        gradient = QLinearGradient(ramp.topLeft(), ramp.topRight())
        for i in range(9):
            gradient.setColorAt(i / 8, dot_colour(content.colormap, i / 8, self.is_dark()))
        painter.fillRect(ramp, gradient)
        first = ramp.left() - 6 - metrics.horizontalAdvance(ends[0])
        for x, text in ((first, ends[0]), (last, ends[1])):
            painter.drawText(QPointF(x, metrics.ascent()), text)

    def _paint_dot(self, painter: QPainter, dot: Dot, content: Content) -> None:
        place, text = self.place_of(dot), self.palette().color(QPalette.ColorRole.WindowText)
        chosen = dot.key == content.chosen
        painter.setPen(QPen(text, 1.6) if chosen or dot is self.hovered else Qt.PenStyle.NoPen)
        painter.setBrush(dot_colour(content.colormap, dot.shade, self.is_dark()))
        radius = RADIUS + (2.4 if chosen or dot is self.hovered else 0)
        painter.drawEllipse(place, radius, radius)

    def _paint_told(self, painter: QPainter, dot: Dot) -> None:
        """Write what is under the pointer in a box beside it."""
        metrics, place = self.fontMetrics(), self.place_of(dot)
        beside = QPointF(place.x(), max(place.y() - (metrics.height() + GAP) / 2, 1.0))
        box = self.paint_box(painter, beside, metrics.horizontalAdvance(dot.name), 1, apart=10)
        painter.setPen(self.palette().color(QPalette.ColorRole.ToolTipText))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), dot.name)

"""The colour bar beside a map: what its colours mean, and where the value under the pointer lies."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPalette, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from vizstudio.core.overlay import lookup_table
from vizstudio.core.page import number, ticks
from vizstudio.gui.items import to_qimage

BAR, TICK, GAP = 14, 4, 4


class ColourBar(QWidget):
    """A vertical bar with its range, its unit above and a sign below where some cells have no value."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit
        self.low, self.high = 0.0, 1.0
        self.value: float | None = None
        self._has_gaps = False
        self._ramp = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_range(self, colormap: str, low: float, high: float, has_gaps: bool = False) -> None:
        """Show another scale."""
        before = self.sizeHint()
        self.low, self.high, self._has_gaps = low, high, has_gaps
        self._ramp = to_qimage(lookup_table(colormap)[::-1, None])
        if self.sizeHint() != before:  # else nothing has to be laid out anew
            self.updateGeometry()
        self.update()

    def point_at(self, value: float | None) -> None:
        """Mark a value, or none."""
        self.value = None if value is None or np.isnan(value) else value
        self.update()

    def ticks(self) -> list[tuple[float, str]]:
        """Return round values on the scale with their labels, lowest first."""
        values, decimals = ticks(self.low, self.high)
        return [(value, number(value, decimals)) for value in values]

    def sizeHint(self) -> QSize:
        """Return a size that fits the widest text."""
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(text) for _, text in self.ticks()), default=0)
        width = max(
            TICK + BAR + 2 * GAP + TICK + widest,
            TICK + 2 * GAP + BAR + metrics.horizontalAdvance(self._gap_text()),
        )
        return QSize(max(width, TICK + GAP + metrics.horizontalAdvance(self.unit)) + 4, 160)

    def _gap_text(self) -> str:
        return self.tr("no value") + " " if self._has_gaps else ""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw unit, ramp, ticks and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().height()
        bar = QRectF(TICK + GAP, line + 8, BAR, self.height() - line - 16)
        if self._has_gaps:
            bar.setHeight(bar.height() - line - 8)
            self._paint_gap(painter, bar.bottom() + 8, line)
        muted = self.palette().color(QPalette.ColorRole.PlaceholderText)
        painter.setPen(muted)
        painter.drawText(QPointF(TICK + GAP, line - 4), self.unit)
        if not self._ramp.isNull():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(bar, self._ramp)
        for value, text in self.ticks():
            y = round(self._place(value, bar)) + 0.5
            painter.drawLine(QPointF(bar.right() + 1, y), QPointF(bar.right() + 1 + TICK, y))
            where = QRectF(bar.right() + TICK + GAP + 1, y - line / 2, self.width(), line)
            painter.drawText(where, int(Qt.AlignmentFlag.AlignVCenter), text)
        if self.value is not None:
            self._paint_mark(painter, bar)
        painter.end()

    def _place(self, value: float, bar: QRectF) -> float:
        share = (value - self.low) / (self.high - self.low)
        return bar.bottom() - bar.height() * min(max(share, 0.0), 1.0)

    def _paint_gap(self, painter: QPainter, top: float, line: int) -> None:
        swatch = QRectF(TICK + GAP, top + (line - BAR) / 2, BAR, BAR)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawRect(swatch)
        painter.drawLine(swatch.bottomLeft(), swatch.topRight())
        where = QRectF(swatch.right() + GAP + 2, top, self.width(), line)
        painter.drawText(where, int(Qt.AlignmentFlag.AlignVCenter), self.tr("no value"))

    def _paint_mark(self, painter: QPainter, bar: QRectF) -> None:
        assert self.value is not None
        y = self._place(self.value, bar)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.WindowText))
        side = TICK + GAP - 1
        tip = QPointF(bar.left() - 1, y)
        painter.drawPolygon(
            QPolygonF([tip, tip + QPointF(-side, -side * 0.7), tip + QPointF(-side, side * 0.7)])
        )

"""A curtain over a map: on its left side the photo as it is, to be drawn aside with the mouse or a slider."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsRectItem,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QWidget,
)

from vizstudio.core.images import ImageSource
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.items import ImageItem, Mark, to_qimage
from vizstudio.gui.snapshot import shown_size

NEAR = 6  # screen pixels at which the edge can be taken hold of


class Wipe(QWidget):
    """A slider from the map alone to the photo alone; the edge between them can be dragged too."""

    moved = Signal(int)  # the percentage of the photo's width that is shown without the map

    def __init__(self, canvas: Canvas) -> None:
        super().__init__()
        self._canvas = canvas
        self._image: ImageSource | None = None  # until it is painted
        self._size = (1, 1)
        self.curtain, self.photo, self.edge = QGraphicsRectItem(), ImageItem(), Mark(1.5)
        self.curtain.setFlag(QGraphicsItem.GraphicsItemFlag.ItemClipsChildrenToShape)
        self.curtain.setPen(QPen(Qt.PenStyle.NoPen))
        self.curtain.setVisible(False)
        self.photo.setParentItem(self.curtain)
        self.edge.setZValue(8)
        canvas.add(self.curtain, self.edge)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(10)
        self.slider.setMinimumWidth(50)
        self.slider.setMaximumWidth(120)
        name = self.tr("Photo without the map")
        tip = self.tr("How much of the photo, from the left, is shown without the map")
        self.slider.setAccessibleName(name)
        for widget in (self.slider, self):
            widget.setToolTip(tip)
            widget.setStatusTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(QLabel(self.tr("Photo")))
        row.addWidget(self.slider)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.slider.valueChanged.connect(self._move)

    def show_image(self, image: ImageSource) -> None:
        """Draw the curtain over another photo."""
        self._image, self._size = image, image.size
        self._paint_photo()
        self._move(self.slider.value())

    def _paint_photo(self) -> None:
        """Paint the photo in colour, the first time that it is to be seen."""
        if self._image is not None and self.slider.value():
            pixels = np.asarray(self._image.pil().resize(shown_size(self._image)))
            self.photo.set_image(to_qimage(pixels), (0, 0, *self._size), smooth=True)
            self._image = None

    def _move(self, percent: int) -> None:
        self._paint_photo()
        width, height = self._size
        self.curtain.setRect(QRectF(0, 0, width * percent / 100, height))
        self.curtain.setVisible(percent > 0)
        inside = 0 < percent < 100
        self.edge.place((width * percent / 100, 0, 0, height) if inside else None)
        self.moved.emit(percent)

    def holds(self, point: QPointF) -> bool:
        """Return whether a point of the picture is on the edge."""
        if not self.edge.isVisible():
            return False
        apart = abs(point.x() - self.edge.rect().x()) * self._canvas.transform().m11()
        return apart <= NEAR and 0 <= point.y() <= self._size[1]

    def drag(self, point: QPointF) -> None:
        """Draw the edge to a point; it stays within the photo, so that it can be taken hold of again."""
        self.slider.setValue(min(max(round(100 * point.x() / self._size[0]), 1), 99))

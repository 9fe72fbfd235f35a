"""What a canvas shows: images at any zoom, and marks that can be seen on them."""

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from vizstudio.core.geometry import Rect


def to_qimage(pixels: np.ndarray) -> QImage:
    """Return (height, width, 3 or 4) uint8 pixels as an image that owns its memory, ready to be painted."""
    height, width, channels = pixels.shape
    pixels = np.ascontiguousarray(pixels)
    kind = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_RGBA8888
    painted = QImage.Format.Format_RGB32 if channels == 3 else QImage.Format.Format_ARGB32_Premultiplied
    return QImage(pixels.data, width, height, width * channels, kind).convertToFormat(painted)


def indexed_qimage(levels: np.ndarray, table: list[int]) -> QImage:
    """Return (height, width) uint8 levels as an image coloured by a table of up to 256 ARGB numbers."""
    height, width = levels.shape
    image = QImage(np.ascontiguousarray(levels).data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable(table)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


class ImageItem(QGraphicsItem):
    """An image stretched over a rectangle: averaged where it is made smaller, flat cells where it is enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self._image, self._rect = QImage(), QRectF()
        self._smooth = False
        self._reduced: QImage | None = None

    def set_image(self, image: QImage, rect: Rect, smooth: bool = False) -> None:
        """Show an image over `rect`, in picture coordinates; `smooth` blends its pixels when it is enlarged."""
        self.prepareGeometryChange()
        self._image, self._rect, self._smooth, self._reduced = image, QRectF(*rect), smooth, None
        self.update()

    def boundingRect(self) -> QRectF:
        """Return the rectangle."""
        return self._rect

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw it; a reduced copy is kept until the zoom changes."""
        if self._image.isNull():
            return
        size = painter.deviceTransform().mapRect(self._rect).size().toSize().expandedTo(QSize(1, 1))
        if size.width() >= self._image.width() or size.height() >= self._image.height():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
            painter.drawImage(self._rect, self._image)
            return
        if self._reduced is None or self._reduced.size() != size:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._reduced = self._image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        painter.drawImage(self._rect, self._reduced)


class Mark(QGraphicsRectItem):
    """A light outline with a dark rim, to be seen on any picture; its lines keep their width at any zoom."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self._width = width
        self.setVisible(False)
        self.setZValue(10)

    def place(self, rect: Rect | None) -> None:
        """Move it, or hide it for None."""
        self.setVisible(rect is not None)
        if rect is not None:
            self.setRect(QRectF(*rect))

    def boundingRect(self) -> QRectF:
        """Return the rectangle with room for the lines at any zoom that shows a cell at all."""
        side = max(self.rect().width(), self.rect().height())
        return self.rect().adjusted(-side, -side, side, side)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the rim, then the line."""
        ratio = painter.device().devicePixelRatio()  # a cosmetic pen counts the device's pixels
        for colour, width in ((QColor(0, 0, 0, 200), self._width + 2.5), (QColor("#ffffff"), self._width)):
            pen = QPen(colour, width * ratio)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawRect(self.rect())

"""Image items and boxes that the views share."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsRectItem, QWidget

from vizstudio.core.geometry import Rect


class PixelItem(pg.ImageItem):  # type: ignore[misc]
    """RGB(A) pixels in a rectangle, row-major, flat or smoothed as they are painted."""

    def __init__(self) -> None:
        super().__init__(axisOrder="row-major")
        self._smooth = False

    def set_pixels(self, pixels: np.ndarray, rect: Rect, smooth: bool = False) -> None:
        """Show (height, width, 3 or 4) uint8 pixels over `rect`, in the view's coordinates."""
        self._smooth = smooth
        self.setImage(pixels, levels=(0, 255), autoLevels=False)
        self.setRect(QRectF(*rect))

    def paint(self, painter: QPainter, *args: object) -> None:
        """Paint with or without interpolation between cells."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
        super().paint(painter, *args)


def outline(colour: str, width: float) -> QGraphicsRectItem:
    """Return an invisible rectangle to be placed with `place`; its line keeps its width at any zoom."""
    item = QGraphicsRectItem()
    item.setPen(pg.mkPen(colour, width=width, cosmetic=True))
    item.setVisible(False)
    item.setZValue(10)
    return item


def place(item: QGraphicsRectItem, rect: Rect | None) -> None:
    """Move an outline, or hide it for None."""
    item.setVisible(rect is not None)
    if rect is not None:
        item.setRect(QRectF(*rect))


def image_box(parent: QWidget | None, name: str) -> tuple[pg.GraphicsView, pg.ViewBox]:
    """Return a view and its box with square pixels and y downwards."""
    view = pg.GraphicsView(parent, background=None)
    view.setAccessibleName(name)
    box = pg.ViewBox(invertY=True, lockAspect=True, enableMenu=False, defaultPadding=0.01)
    view.setCentralItem(box)
    return view, box

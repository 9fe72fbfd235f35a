"""A map on the photo, with its colour bar and the value under the pointer: shared by all views of attention."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem

from vizstudio.core.overlay import UNSEEN_LIGHT, colorize, sample_map
from vizstudio.core.state import ViewState
from vizstudio.core.types import Heatmap
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.items import ImageItem, Mark, to_qimage
from vizstudio.gui.views.frame import PictureFrame

SMOOTH_SIDE = 256  # pixels of the longest side of a smoothed map, before it is painted


class MapPicture(PictureFrame):
    """The photo in grey with the map in colour; what the model never saw is dark.

    Without its `own_bar` it shares the colours of another picture.
    """

    def __init__(self, canvas: Canvas, own_bar: bool = True) -> None:
        self.colours = ColourBar("")
        super().__init__(canvas, "", self.colours if own_bar else None)
        if not own_bar:
            self.colours.setParent(self)
            self.colours.setVisible(False)
        self.colours.unit = self.tr("attention")
        self._heatmap: Heatmap | None = None
        self._partly = False  # whether cells were left out of it
        self._at: QPointF | None = None  # where the pointer is
        self.photo, self.map = ImageItem(), ImageItem()
        self.shade = QGraphicsPathItem()
        self.shade.setPen(Qt.PenStyle.NoPen)
        self.shade.setBrush(QColor(0, 0, 0, round(255 * (1 - UNSEEN_LIGHT))))
        self.pointer = Mark(1.0)
        canvas.add(self.photo, self.map, self.shade, self.pointer)
        canvas.pointed.connect(self.point_at)
        canvas.left.connect(self._left)

    def show_photo(self, photo: np.ndarray, size: tuple[int, int]) -> None:
        """Show another photo, the whole of it; `size` is the original's, in whose pixels maps lie."""
        width, height = size
        self.photo.set_image(to_qimage(photo), (0, 0, width, height), smooth=True)
        self.canvas.show_area(width, height)

    def show_map(self, heatmap: Heatmap | None, looks: ViewState, low: float, high: float) -> None:
        """Show another map, or the photo alone."""
        self._heatmap, self._partly = heatmap, looks.mass < 1
        for item in (self.map, self.shade):
            item.setVisible(heatmap is not None)
        self.colours.setVisible(heatmap is not None and self.bar is not None)
        if heatmap is not None:
            self._name_unit(heatmap.unit)
            values = _smoothed(heatmap.values) if looks.smooth else heatmap.values
            pixels = colorize(values, looks.colormap, low, high)
            missing = pixels[..., 3] == 0  # those cells show the photo alone
            pixels[..., 3] = np.where(missing, 0, round(255 * looks.opacity))
            self.map.set_image(to_qimage(pixels), heatmap.grid.rect, looks.smooth)
            self.colours.show_range(looks.colormap, low, high, bool(missing.any()))
            whole, seen = QPainterPath(), QPainterPath()
            whole.addRect(QRectF(0, 0, *heatmap.grid.fit.original_size))
            seen.addRect(QRectF(*heatmap.grid.rect))
            self.shade.setPath(whole.subtracted(seen))
        self._tell()

    def _name_unit(self, unit: str) -> None:
        shown = self.tr("attention") if unit == "attention" else unit
        if shown != self.colours.unit:
            self.colours.unit = shown
            self.colours.updateGeometry()

    def point_at(self, point: QPointF | None) -> None:
        """Mark the cell at a point of the picture and tell its value, as if the pointer were there."""
        self._at = point
        self._tell()

    def _left(self) -> None:
        self.point_at(None)

    def _tell(self) -> None:
        """Say what is under the pointer, which may have changed without it."""
        heatmap = self._heatmap
        cell = heatmap.grid.cell_at(self._at.x(), self._at.y()) if heatmap and self._at else None
        if heatmap is None or cell is None:
            self.pointer.place(None)
            self.tell("")
            return
        value = float(heatmap.values[cell])
        told = self.tr("left out, or no value") if self._partly else self.tr("no value")
        if not np.isnan(value):
            told = f"{self.colours.unit} {value:.5f}"
        self.pointer.place(heatmap.grid.cell_rect(*cell))
        self.tell(self.tr("patch {0},{1}: {2}").format(*cell, told), value)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return a map interpolated between cell centres, as figures are; about `SMOOTH_SIDE` pixels long."""
    rows, cols = values.shape
    zoom = max(1, SMOOTH_SIDE // max(rows, cols))
    size = (cols * zoom, rows * zoom)
    return sample_map(values, (0, 0, cols, rows), size, (cols, rows), True)

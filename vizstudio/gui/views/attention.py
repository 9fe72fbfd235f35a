"""Attention on the photo: click a patch to make it the query."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem, QLabel, QVBoxLayout, QWidget

from vizstudio.core.overlay import UNSEEN_LIGHT, colorize
from vizstudio.gui.controller import Snapshot
from vizstudio.gui.views.images import PixelItem, image_box, outline, place

GREY = np.array([0.299, 0.587, 0.114], np.float32)


class AttentionView(QWidget):
    """The photo in grey with the map in colour; what the model never saw is dark."""

    patchClicked = Signal(int, int)  # (row, col) of the patch under a left click
    hovered = Signal(str)  # the value under the pointer as text, empty when it leaves the photo

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._snapshot: Snapshot | None = None
        self.view, self.box = image_box(self, self.tr("Attention on the photo"))
        self.photo, self.map = PixelItem(), PixelItem()
        self.shade = QGraphicsPathItem()
        self.shade.setPen(pg.mkPen(None))
        self.shade.setBrush(QColor(0, 0, 0, round(255 * (1 - UNSEEN_LIGHT))))
        self.query, self.pointer = outline("#ffffff", 2.5), outline("#ffffff", 1)
        for item in (self.photo, self.map, self.shade, self.pointer, self.query):
            self.box.addItem(item)
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.problem.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.problem)
        layout.addWidget(self.view)
        self.view.scene().sigMouseClicked.connect(self._clicked)
        self.view.scene().sigMouseMoved.connect(self._moved)

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another view; the zoom is kept unless the image or model is new."""
        self._snapshot = snapshot
        image, heatmap = snapshot.result.image, snapshot.heatmap
        width, height = image.size
        if new_result:
            grey = np.round(image.pixels @ GREY).astype(np.uint8)
            self.photo.set_pixels(np.repeat(grey[..., None], 3, axis=2), (0, 0, width, height), smooth=True)
            self.box.setRange(QRectF(0, 0, width, height), padding=0.01)
        self.problem.setText(snapshot.problem)
        self.problem.setVisible(bool(snapshot.problem))
        self.map.setVisible(heatmap is not None)
        self.shade.setVisible(heatmap is not None)
        place(self.query, None)
        if heatmap is None:
            return
        pixels = colorize(heatmap.values, snapshot.state.colormap, snapshot.low, snapshot.high)
        self.map.set_pixels(pixels, heatmap.grid.rect, snapshot.state.smooth)
        self.map.setOpacity(snapshot.state.opacity)
        seen = QPainterPath()
        seen.addRect(QRectF(*heatmap.grid.rect))
        whole = QPainterPath()
        whole.addRect(QRectF(0, 0, width, height))
        self.shade.setPath(whole.subtracted(seen))
        if isinstance(snapshot.state.query, tuple):
            place(self.query, snapshot.result.analysis.grid.cell_rect(*snapshot.state.query))

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Return the patch under a position of the scene."""
        if self._snapshot is None:
            return None
        point = self.box.mapSceneToView(position)
        return self._snapshot.result.analysis.grid.cell_at(point.x(), point.y())

    def _clicked(self, event: object) -> None:
        if event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        cell = self.cell_at(event.scenePos())  # type: ignore[attr-defined]
        if cell is not None:
            self.patchClicked.emit(*cell)

    def _moved(self, position: QPointF) -> None:
        cell = self.cell_at(position)
        snapshot = self._snapshot
        if cell is None or snapshot is None or snapshot.heatmap is None:
            place(self.pointer, None)
            self.hovered.emit("")
            return
        place(self.pointer, snapshot.result.analysis.grid.cell_rect(*cell))
        point = self.box.mapSceneToView(position)
        own = snapshot.heatmap.grid.cell_at(point.x(), point.y())
        value = float("nan") if own is None else snapshot.heatmap.values[own]
        told = self.tr("no value") if np.isnan(value) else f"{value:.5f}"
        self.hovered.emit(self.tr("patch {0},{1}: attention {2}").format(cell[0], cell[1], told))

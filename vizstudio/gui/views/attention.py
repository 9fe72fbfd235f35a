"""Attention on the photo: click a patch to make it the query."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem, QLabel, QVBoxLayout, QWidget

from vizstudio.core.geometry import PatchGrid
from vizstudio.core.overlay import UNSEEN_LIGHT, colorize, sample_map
from vizstudio.core.types import Heatmap
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.items import ImageItem, Mark, to_qimage
from vizstudio.gui.snapshot import Snapshot
from vizstudio.gui.views.frame import PictureFrame
from vizstudio.gui.wording import attention_title

SMOOTH_SIDE = 256  # pixels of the longest side of a smoothed map, before it is painted


class AttentionView(QWidget):
    """The photo in grey with the map in colour; what the model never saw is dark."""

    patchClicked = Signal(int, int)  # (row, col) of the query's grid, under a left click
    queryMoved = Signal(int, int)  # an arrow key: patches (down, across)

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._at: QPointF | None = None  # where the pointer is
        self.canvas = Canvas(
            self.tr("Attention on the photo"),
            self.tr("Click a patch to make it the query, or move the query with the arrow keys."),
        )
        self.bar = ColourBar(self.tr("attention"))
        self.frame = PictureFrame(self.canvas, "", self.bar)
        self.photo, self.map = ImageItem(), ImageItem()
        self.shade = QGraphicsPathItem()
        self.shade.setPen(Qt.PenStyle.NoPen)
        self.shade.setBrush(QColor(0, 0, 0, round(255 * (1 - UNSEEN_LIGHT))))
        self.query, self.pointer = Mark(2.5), Mark(1.0)
        self.canvas.add(self.photo, self.map, self.shade, self.pointer, self.query)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.addWidget(self.problem)
        layout.addWidget(self.frame, 1)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.pointed.connect(self._pointed)
        self.canvas.left.connect(self._left)
        self.canvas.stepped.connect(self.queryMoved)

    @property
    def query_grid(self) -> PatchGrid | None:
        """The patches that may be asked in the layer that is shown."""
        if self._snapshot is None:
            return None
        state, analysis = self._snapshot.state, self._snapshot.result.analysis
        return analysis.attention.layers[state.layer].queries.grid

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another view; the zoom is kept unless the image or model is new."""
        self._snapshot = snapshot
        result, state, heatmap = snapshot.result, snapshot.state, snapshot.heatmap
        width, height = result.image.size
        if new_result:
            self.photo.set_image(to_qimage(result.photo), (0, 0, width, height), smooth=True)
            self.canvas.show_area(width, height)
        about = result.analysis.attention.layers[state.layer]
        self.frame.heading.setText(attention_title(about, state))
        self.problem.setText(snapshot.problem)
        self.problem.setVisible(bool(snapshot.problem))
        for item in (self.map, self.shade):
            item.setVisible(heatmap is not None)
        self.bar.setVisible(heatmap is not None)
        grid = self.query_grid
        on_patch = isinstance(state.query, tuple) and grid is not None
        self.query.place(grid.cell_rect(*state.query) if on_patch else None)  # type: ignore[union-attr,misc]
        self.frame.hint(
            self.tr("Click a patch to make it the query; arrow keys move it, the wheel zooms.")
            if grid is not None
            else self.tr("The queries of this layer are not patches of the image.")
        )
        if heatmap is not None:
            self._show_map(snapshot, heatmap)
        self._tell()

    def _show_map(self, snapshot: Snapshot, heatmap: Heatmap) -> None:
        state = snapshot.state
        values = _smoothed(heatmap.values) if state.smooth else heatmap.values
        pixels = colorize(values, state.colormap, snapshot.low, snapshot.high)
        missing = pixels[..., 3] == 0  # those cells show the photo alone
        pixels[..., 3] = np.where(missing, 0, round(255 * state.opacity))
        self.map.set_image(to_qimage(pixels), heatmap.grid.rect, state.smooth)
        self.bar.show_range(state.colormap, snapshot.low, snapshot.high, bool(missing.any()))
        whole, seen = QPainterPath(), QPainterPath()
        whole.addRect(QRectF(0, 0, *snapshot.result.image.size))
        seen.addRect(QRectF(*heatmap.grid.rect))
        self.shade.setPath(whole.subtracted(seen))

    def _clicked(self, point: QPointF) -> None:
        grid = self.query_grid
        cell = grid.cell_at(point.x(), point.y()) if grid else None
        if cell is not None:
            self.patchClicked.emit(*cell)

    def _pointed(self, point: QPointF) -> None:
        self._at = point
        self._tell()

    def _left(self) -> None:
        self._at = None
        self._tell()

    def _tell(self) -> None:
        """Say what is under the pointer, which may have changed without it."""
        heatmap = self._snapshot.heatmap if self._snapshot else None
        cell = heatmap.grid.cell_at(self._at.x(), self._at.y()) if heatmap and self._at else None
        if heatmap is None or cell is None:
            self.pointer.place(None)
            self.frame.tell("")
            return
        value = float(heatmap.values[cell])
        told = self.tr("no value") if np.isnan(value) else self.tr("attention {0}").format(f"{value:.5f}")
        self.pointer.place(heatmap.grid.cell_rect(*cell))
        self.frame.tell(self.tr("patch {0},{1}: {2}").format(*cell, told), value)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return a map interpolated between cell centres, as figures are; about `SMOOTH_SIDE` pixels long."""
    rows, cols = values.shape
    zoom = max(1, SMOOTH_SIDE // max(rows, cols))
    size = (cols * zoom, rows * zoom)
    return sample_map(values, (0, 0, cols, rows), size, (cols, rows), True)

"""The grid of position panels as one picture; hovering a panel enlarges it beside."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from vizstudio.core.overlay import colorize, mosaic, value_range
from vizstudio.gui.controller import Snapshot
from vizstudio.gui.views.images import PixelItem, image_box, outline, place

GAP = 1


class PositionView(QWidget):
    """All panels on the left, the one under the pointer (or pinned by a click) on the right."""

    panelChanged = Signal(int, int)  # (row, col) of the panel that is enlarged
    hovered = Signal(str)  # what is under the pointer as text, empty when it leaves the panels

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._similarity: np.ndarray | None = None
        self._colormap, self._range = "viridis", (0.0, 1.0)
        self._shown: tuple[int, int] | None = None
        self._pinned = False
        self.view, self.box = image_box(self, self.tr("Position similarity of all patches"))
        self.panel_view, self.panel_box = image_box(self, self.tr("Position similarity of one patch"))
        self.grid, self.panel = PixelItem(), PixelItem()
        self.current, self.own = outline("#ffffff", 2), outline("#d1495b", 2)
        self.box.addItem(self.grid)
        self.box.addItem(self.current)
        self.panel_box.addItem(self.panel)
        self.panel_box.addItem(self.own)
        self.caption = QLabel(self.tr("Hover a panel to enlarge it, click to pin it."))
        self.caption.setWordWrap(True)
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.problem.setVisible(False)
        self._lay_out()
        self.view.scene().sigMouseMoved.connect(self._moved)
        self.view.scene().sigMouseClicked.connect(self._clicked)
        self.panel_view.scene().sigMouseMoved.connect(self._moved_in_panel)

    def _lay_out(self) -> None:
        side = QVBoxLayout()
        side.addWidget(self.panel_view, 1)
        side.addWidget(self.caption)
        row = QHBoxLayout()
        row.addWidget(self.view, 3)
        row.addLayout(side, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.problem)
        layout.addLayout(row, 1)

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another embedding, or the same with another colormap."""
        similarity, colormap = snapshot.result.similarity, snapshot.state.colormap
        self.problem.setText(snapshot.result.position_note)
        self.problem.setVisible(similarity is None)
        if similarity is self._similarity and colormap == self._colormap:
            return
        changed = similarity is not self._similarity
        self._similarity, self._colormap = similarity, colormap
        for item in (self.grid, self.panel):
            item.setVisible(similarity is not None)
        if similarity is None:
            place(self.current, None)
            place(self.own, None)
            return
        self._range = value_range(similarity)
        pixels = colorize(mosaic(similarity, GAP), colormap, *self._range)
        height, width = pixels.shape[:2]
        self.grid.set_pixels(pixels, (0, 0, width, height))
        if changed:
            rows, cols = similarity.shape[:2]
            self._pinned = False
            self.box.setRange(QRectF(0, 0, width, height), padding=0.01)
            self.panel_box.setRange(QRectF(0, 0, cols, rows), padding=0.01)
            self._shown = (rows // 2, cols // 2)
        if self._shown is not None:
            self.show_panel(*self._shown)

    def show_panel(self, row: int, col: int) -> None:
        """Enlarge a panel."""
        assert self._similarity is not None
        self._shown = (row, col)
        rows, cols = self._similarity.shape[:2]
        pixels = colorize(self._similarity[row, col], self._colormap, *self._range)
        self.panel.set_pixels(pixels, (0, 0, cols, rows))
        place(self.own, (col, row, 1, 1))
        place(self.current, (col * (cols + GAP), row * (rows + GAP), cols, rows))
        pinned = self.tr(" · pinned, click again to release") if self._pinned else ""
        self.caption.setText(self.tr("Patch {0},{1}: similarity of its position").format(row, col) + pinned)
        self.panelChanged.emit(row, col)

    def _locate(self, position: QPointF) -> tuple[int, int, int, int] | None:
        """Return (row, col) of the panel under a position and (row, col) of the cell in it."""
        if self._similarity is None:
            return None
        point = self.box.mapSceneToView(position)
        rows, cols = self._similarity.shape[:2]
        col, inner_col = divmod(int(np.floor(point.x())), cols + GAP)
        row, inner_row = divmod(int(np.floor(point.y())), rows + GAP)
        inside = 0 <= row < rows and 0 <= col < cols and inner_row < rows and inner_col < cols
        return (row, col, inner_row, inner_col) if inside else None

    def _moved(self, position: QPointF) -> None:
        found = self._locate(position)
        if found is None:
            self.hovered.emit("")
            return
        if not self._pinned and found[:2] != self._shown:
            self.show_panel(*found[:2])
        self._tell(*found)

    def _moved_in_panel(self, position: QPointF) -> None:
        if self._similarity is None or self._shown is None:
            return
        point = self.panel_box.mapSceneToView(position)
        row, col = int(np.floor(point.y())), int(np.floor(point.x()))
        rows, cols = self._similarity.shape[:2]
        if 0 <= row < rows and 0 <= col < cols:
            self._tell(*self._shown, row, col)

    def _tell(self, row: int, col: int, other_row: int, other_col: int) -> None:
        assert self._similarity is not None
        value = self._similarity[row, col, other_row, other_col]
        text = self.tr("patch {0},{1} with {2},{3}: similarity {4}")
        self.hovered.emit(text.format(row, col, other_row, other_col, f"{value:.4f}"))

    def _clicked(self, event: object) -> None:
        if event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        found = self._locate(event.scenePos())  # type: ignore[attr-defined]
        if found is not None:
            self._pinned = not (self._pinned and found[:2] == self._shown)
            self.show_panel(*found[:2])

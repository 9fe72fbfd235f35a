"""The grid of position panels as one picture; hovering a panel enlarges it beside."""

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from vizstudio.core.overlay import colorize, lookup_table
from vizstudio.core.state import ViewState
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.items import ImageItem, Mark, indexed_qimage, to_qimage
from vizstudio.gui.snapshot import GAP, GAP_LEVEL, Positions, Snapshot
from vizstudio.gui.views.frame import PictureFrame

Cell = tuple[int, int]


def colour_table(colormap: str) -> list[int]:
    """Return ARGB numbers for the levels of `Positions.levels`; the gap between panels is transparent."""
    chosen = lookup_table(colormap)[np.linspace(0, 255, GAP_LEVEL).round().astype(int)].astype(int)
    opaque = 0xFF000000 | chosen[:, 0] << 16 | chosen[:, 1] << 8 | chosen[:, 2]
    return [*(int(colour) for colour in opaque), 0]


class PositionView(QWidget):
    """All panels on the left, the one under the pointer (or pinned by a click) on the right."""

    panelChanged = Signal(int, int)  # (row, col) of the panel that is enlarged
    panelPinned = Signal(object)  # (row, col) of the panel to keep, None to follow the pointer again

    def __init__(self) -> None:
        super().__init__()
        self._positions: Positions | None = None
        self._colormap = ""
        self._pinned: Cell | None = None
        self.shown: Cell = (0, 0)
        self.canvas = Canvas(
            self.tr("Position similarity of all patches"),
            self.tr("Hover a panel to enlarge it, click to pin it; arrow keys choose a panel."),
        )
        self.panel_canvas = Canvas(
            self.tr("Position similarity of one patch"),
            self.tr("The panel under the pointer or pinned; arrow keys choose another."),
        )
        self.bar = ColourBar(self.tr("similarity"))
        hint = self.tr("Hover a panel to enlarge it, click to pin it.")
        self.grid_frame = PictureFrame(self.canvas, hint)
        self.panel_frame = PictureFrame(self.panel_canvas, "")
        self.grid, self.panel = ImageItem(), ImageItem()
        self.current, self.own = Mark(1.5), Mark(1.5)
        self.canvas.add(self.grid, self.current)
        self.panel_canvas.add(self.panel, self.own)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(14)
        self.splitter.addWidget(self.grid_frame)
        self.splitter.addWidget(self.panel_frame)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([560, 440])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.addWidget(self.problem)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.splitter, 1)
        beside = QVBoxLayout()  # as high as the canvases, which stand between a heading and a readout
        line = self.fontMetrics().height() + 8
        beside.setContentsMargins(0, line, 0, line)
        beside.addWidget(self.bar)
        row.addLayout(beside)
        layout.addLayout(row, 1)

    def _connect(self) -> None:
        self.canvas.pointed.connect(self._pointed)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.left.connect(self._left)
        self.panel_canvas.pointed.connect(self._pointed_in_panel)
        self.panel_canvas.left.connect(self._left)
        for canvas in (self.canvas, self.panel_canvas):
            canvas.stepped.connect(self._stepped)

    @property
    def zoomed(self) -> Canvas:
        """The canvas that zooming is about."""
        return self.panel_canvas if self.panel_canvas.hasFocus() else self.canvas

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another result's embedding, or the same with another colormap or panel."""
        self.show_positions(snapshot.result.positions, snapshot.result.position_problem, snapshot.state)

    def show_positions(self, positions: Positions | None, problem: str, state: ViewState) -> None:
        """Show another embedding, or why there is none, or the same with another colormap or panel."""
        self.problem.setText(problem)
        self.problem.setVisible(positions is None)
        self.splitter.setVisible(positions is not None)
        self.bar.setVisible(positions is not None)
        is_new, before = positions is not self._positions, self._positions
        recoloured = is_new or state.colormap != self._colormap
        pinned_before = self._pinned
        self._positions, self._colormap, self._pinned = positions, state.colormap, state.panel
        if positions is None:
            return
        rows, cols = positions.similarity.shape[:2]
        if is_new:
            self.grid_frame.heading.setText(
                self.tr("Cosine similarity of {0}×{1} positions").format(rows, cols)
            )
        if before is None or before.similarity.shape != positions.similarity.shape:
            height, width = positions.levels.shape
            self.canvas.show_area(width, height)
            self.panel_canvas.show_area(cols, rows)
            self.shown = (rows // 2, cols // 2)
        if recoloured:
            image = indexed_qimage(positions.levels, colour_table(state.colormap))
            self.grid.set_image(image, (0, 0, image.width(), image.height()))
            self.bar.show_range(state.colormap, positions.low, positions.high)
        if recoloured or state.panel != pinned_before:
            self.show_panel(*(state.panel or self.shown))

    def show_panel(self, row: int, col: int) -> None:
        """Enlarge a panel."""
        assert self._positions is not None
        self.shown = (row, col)
        similarity = self._positions.similarity
        rows, cols = similarity.shape[:2]
        pixels = colorize(similarity[row, col], self._colormap, self._positions.low, self._positions.high)
        self.panel.set_image(to_qimage(pixels), (0, 0, cols, rows))
        self.own.place((col, row, 1, 1))
        self.current.place((col * (cols + GAP), row * (rows + GAP), cols, rows))
        pinned = self.tr(" · pinned") if self._pinned == self.shown else ""
        self.panel_frame.heading.setText(self.tr("Patch {0},{1}").format(row, col) + pinned)
        self.panel_frame.hint(
            self.tr("Click the panel again to release it.")
            if pinned
            else self.tr("The outlined cell is itself.")
        )
        self.panelChanged.emit(row, col)

    def _locate(self, point: QPointF) -> tuple[Cell, Cell] | None:
        """Return the panel under a point and the cell in it, None in the gap between panels."""
        if self._positions is None:
            return None
        rows, cols = self._positions.similarity.shape[:2]
        col, inner_col = divmod(int(np.floor(point.x())), cols + GAP)
        row, inner_row = divmod(int(np.floor(point.y())), rows + GAP)
        inside = 0 <= row < rows and 0 <= col < cols and inner_row < rows and inner_col < cols
        return ((row, col), (inner_row, inner_col)) if inside else None

    def _pointed(self, point: QPointF) -> None:
        found = self._locate(point)
        if found is None:
            self._left()
            return
        if self._pinned is None and found[0] != self.shown:
            self.show_panel(*found[0])
        self._tell(self.grid_frame, *found)

    def _pointed_in_panel(self, point: QPointF) -> None:
        if self._positions is None:
            return
        row, col = int(np.floor(point.y())), int(np.floor(point.x()))
        rows, cols = self._positions.similarity.shape[:2]
        if 0 <= row < rows and 0 <= col < cols:
            self._tell(self.panel_frame, self.shown, (row, col))
        else:
            self._left()

    def _tell(self, frame: PictureFrame, patch: Cell, other: Cell) -> None:
        assert self._positions is not None
        value = float(self._positions.similarity[(*patch, *other)])
        text = self.tr("patch {0},{1} with {2},{3}: similarity {4}")
        frame.tell(text.format(*patch, *other, f"{value:.4f}"))
        self.bar.point_at(value)

    def _left(self) -> None:
        self.grid_frame.tell("")
        self.panel_frame.tell("")
        self.bar.point_at(None)

    def _clicked(self, point: QPointF) -> None:
        found = self._locate(point)
        if found is not None:
            self.panelPinned.emit(None if found[0] == self._pinned else found[0])

    def _stepped(self, down: int, across: int) -> None:
        if self._positions is None:
            return
        rows, cols = self._positions.similarity.shape[:2]
        row = min(max(self.shown[0] + down, 0), rows - 1)
        col = min(max(self.shown[1] + across, 0), cols - 1)
        self.panelPinned.emit((row, col))

"""Positions: the grid of panels, norms or principal components, the panel of a patch beside; or a curve."""

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.overlay import colorize, lookup_table
from vizstudio.core.state import OF_POSITION, ViewState
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.items import ImageItem, Mark, indexed_qimage, to_qimage
from vizstudio.gui.position_measures import Measure
from vizstudio.gui.snapshot import GAP, GAP_LEVEL, Positions, Result, Snapshot
from vizstudio.gui.turning import TurningSplitter
from vizstudio.gui.views.frame import PictureFrame
from vizstudio.gui.views.position_choice import PositionChoice
from vizstudio.gui.views.position_curve import PositionCurve
from vizstudio.gui.views.position_map import PatchMap

Cell = tuple[int, int]


def colour_table(colormap: str) -> list[int]:
    """Return ARGB numbers for the levels of `Positions.levels`; the gap between panels is transparent."""
    chosen = lookup_table(colormap)[np.linspace(0, 255, GAP_LEVEL).round().astype(int)].astype(int)
    opaque = 0xFF000000 | chosen[:, 0] << 16 | chosen[:, 1] << 8 | chosen[:, 2]
    return [*(int(colour) for colour in opaque), 0]


def locate(positions: Positions | None, point: QPointF) -> tuple[Cell, Cell] | None:
    """Return the panel under a point of the grid and the cell in it, None in the gap between panels."""
    if positions is None:
        return None
    rows, cols = positions.similarity.shape[:2]
    col, inner_col = divmod(int(np.floor(point.x())), cols + GAP)
    row, inner_row = divmod(int(np.floor(point.y())), rows + GAP)
    inside = 0 <= row < rows and 0 <= col < cols and inner_row < rows and inner_col < cols
    return ((row, col), (inner_row, inner_col)) if inside else None


class PositionView(QWidget):
    """All panels or a map on the left, the panel under the pointer (or pinned by a click) on the right."""

    panelChanged = Signal(int, int)  # (row, col) of the panel that is enlarged
    panelPinned = Signal(object)  # (row, col) of the panel to keep, None to follow the pointer again
    viewChosen = Signal(str)  # the user wants to see another of `OF_POSITION`
    viewShown = Signal()  # another of them is in view, so that it has to be computed

    def __init__(self) -> None:
        super().__init__()
        self._positions: Positions | None = None
        self._colormap = ""
        self._pinned: Cell | None = None
        self._result: Result | None = None
        self._measure: Measure | None = None
        self.view = OF_POSITION[0]
        self.shown: Cell = (0, 0)
        self.canvas = Canvas(
            self.tr("Position similarity of all patches"),
            self.tr(
                "Hover a panel to enlarge it, click to pin it; arrow keys choose a panel, Enter pins or releases it."
            ),
        )
        self.panel_canvas = Canvas(
            self.tr("Position similarity of one patch"),
            self.tr("The panel under the pointer or pinned; arrow keys choose another."),
        )
        self.bar = ColourBar(self.tr("similarity"))
        hint = self.tr("Hover a panel to enlarge it, click to pin it.")
        self.grid_frame = PictureFrame(self.canvas, hint)
        self.panel_frame = PictureFrame(self.panel_canvas, "")
        self.map, self.curve, self.which = PatchMap(), PositionCurve(), PositionChoice()
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
        self.splitter = TurningSplitter()
        self.splitter.setHandleWidth(14)
        self.left = QStackedWidget()
        self.left.addWidget(self.grid_frame)
        self.left.addWidget(self.map)
        self.splitter.addWidget(self.left)
        self.splitter.addWidget(self.panel_frame)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([560, 440])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(8)
        self.choice = QWidget()
        choice = QHBoxLayout(self.choice)
        choice.setContentsMargins(0, 0, 0, 0)
        choice.addWidget(self.which)
        choice.addStretch()
        layout.addWidget(self.choice)
        layout.addWidget(self.problem)
        panels = QWidget()
        row = QHBoxLayout(panels)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.splitter, 1)
        beside = QVBoxLayout()  # as high as the canvases, which stand between a heading and a readout
        line = self.fontMetrics().height() + 8
        beside.setContentsMargins(0, line, 0, line)
        beside.addWidget(self.bar)
        row.addLayout(beside)
        self.pages = QStackedWidget()
        self.pages.addWidget(panels)
        self.pages.addWidget(self.curve)
        layout.addWidget(self.pages, 1)

    def _connect(self) -> None:
        self.canvas.pointed.connect(self._pointed)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.left.connect(self._left)
        self.panel_canvas.pointed.connect(self._pointed_in_panel)
        self.panel_canvas.left.connect(self._left)
        for canvas in (self.canvas, self.panel_canvas, self.map.canvas):
            canvas.stepped.connect(self._stepped)
            canvas.entered.connect(lambda: self._pin(self.shown))
        self.map.pointed.connect(self._pointed_on_map)
        self.map.clicked.connect(lambda row, col: self._pin((row, col)))
        self.which.activated.connect(lambda _: self.viewChosen.emit(self.which.chosen))

    @property
    def zoomed(self) -> Canvas:
        """The canvas that zooming is about."""
        if self.panel_canvas.hasFocus():
            return self.panel_canvas
        return self.canvas if self.view == OF_POSITION[0] else self.map.canvas

    def show_view(self, view: str) -> None:
        """Show another of the views of positions."""
        self.which.show_view(view)
        if view == self.view:
            return
        self.view = view
        self.pages.setCurrentIndex(int(view == "position-distance"))
        self.left.setCurrentIndex(int(view != OF_POSITION[0]))
        self._show_measure()
        self.viewShown.emit()

    def show_measure(self, measure: Measure) -> None:
        """Show what was computed for a view; that of another result or view is dropped."""
        if measure.result is self._result:
            self._measure = measure
            self._show_measure()

    def _show_measure(self) -> None:
        """Show the norms, components or curve if they are there, else that they are computed."""
        found = self._measure
        if found is None or (found.result, found.view) != (self._result, self.view):
            self._show_no_measure(self.tr("Computing…"))
        elif found.problem:
            self._show_no_measure(found.problem)
        elif found.norms is not None:
            self.map.show_norms(found.norms, self._colormap)
        elif found.colours is not None and found.shares is not None:
            self.map.show_components(found.colours, found.shares)
        elif found.curve is not None:
            self.curve.chart.show_curve(found.curve)
        self.map.mark(self.shown)

    def _show_no_measure(self, why: str) -> None:
        self.map.show_nothing(why)
        self.curve.chart.show_curve(None, why)

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another result's embedding, or the same with another colormap or panel."""
        recoloured = snapshot.state.colormap != self._colormap
        is_new, self._result = self._result is not snapshot.result, snapshot.result
        self.show_positions(snapshot.result.positions, snapshot.result.position_problem, snapshot.state)
        if is_new:
            self._measure = None  # it holds the result before
        if is_new or (recoloured and self.view == "position-norm"):
            self._show_measure()

    def show_positions(self, positions: Positions | None, problem: str, state: ViewState) -> None:
        """Show another embedding, or why there is none, or the same with another colormap or panel."""
        self.problem.setText(problem)
        self.problem.setVisible(positions is None)
        for widget in (self.which, self.pages):
            widget.setVisible(positions is not None)
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
        self.map.mark(self.shown)
        pinned = self.tr(" · pinned") if self._pinned == self.shown else ""
        self.panel_frame.heading.setText(self.tr("Patch {0},{1}").format(row, col) + pinned)
        self.panel_frame.hint(
            self.tr("Click the panel again to release it.")
            if pinned
            else self.tr("The outlined cell is itself.")
        )
        self.panelChanged.emit(row, col)

    def _pointed(self, point: QPointF) -> None:
        found = locate(self._positions, point)
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

    def show_pair(self, other: Cell | None) -> None:
        """Tell the similarity of the enlarged patch with another that is pointed at in another view."""
        self.map.point_at(other)
        if other is None or other == self.shown:
            self._left()
        else:
            self._tell(self.panel_frame, self.shown, other)

    def _left(self) -> None:
        self.grid_frame.tell("")
        self.panel_frame.tell("")
        self.bar.point_at(None)

    def _clicked(self, point: QPointF) -> None:
        found = locate(self._positions, point)
        if found is not None:
            self._pin(found[0])

    def _pin(self, patch: Cell) -> None:
        if self._positions is not None:
            self.panelPinned.emit(None if patch == self._pinned else patch)

    def _pointed_on_map(self, patch: Cell | None) -> None:
        if patch is not None and self._pinned is None and patch != self.shown:
            self.show_panel(*patch)

    def _stepped(self, down: int, across: int) -> None:
        if self._positions is None:
            return
        rows, cols = self._positions.similarity.shape[:2]
        row = min(max(self.shown[0] + down, 0), rows - 1)
        col = min(max(self.shown[1] + across, 0), cols - 1)
        self.panelPinned.emit((row, col))

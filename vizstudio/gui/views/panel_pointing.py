"""Where the pointer is among the positions, told as a place on the photo, and the other way round."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF

from vizstudio.core.geometry import PatchGrid
from vizstudio.core.types import Query
from vizstudio.gui.items import Mark
from vizstudio.gui.snapshot import GAP, Snapshot
from vizstudio.gui.views.position import Cell, PositionView, locate


class PanelPointing(QObject):
    """A `PointedView` of positions: a panel stands for its patch, a cell of the enlarged panel for its own.

    While no panel is pinned, the one of the patch pointed at is enlarged; else its cell in the pinned one is marked.
    `tell` is called with the place on the photo under the pointer, None for none.
    """

    def __init__(self, view: PositionView, tell: Callable[["PanelPointing", QPointF | None], None]) -> None:
        super().__init__(view)
        self._view, self._tell = view, tell
        self._snapshot: Snapshot | None = None
        self._query: Query | None = None
        self.panel, self.cell = Mark(1.0), Mark(1.0)  # among all panels, in the enlarged one
        view.canvas.add(self.panel)
        view.panel_canvas.add(self.cell)
        view.canvas.pointed.connect(self._on_grid)
        view.panel_canvas.pointed.connect(self._in_panel)
        view.map.pointed.connect(self._found)
        for canvas in (view.canvas, view.panel_canvas):
            canvas.left.connect(lambda: self._found(None))

    @property
    def _grid(self) -> PatchGrid | None:
        """The patches that have positions."""
        if self._snapshot is None or self._snapshot.result.positions is None:
            return None
        return self._snapshot.result.analysis.position().grid

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Enlarge the panel of a new query, unless another is pinned."""
        self._snapshot = snapshot
        state, before = snapshot.state, self._query
        self._query, grid = state.query, self._grid
        asked = snapshot.result.analysis.attention.layers[state.layer].queries.grid
        if state.query == before or state.panel is not None or not isinstance(state.query, tuple):
            return
        if grid is not None and asked is not None:
            cell = _cell_at(grid, _middle(asked, state.query))
            if cell is not None:
                self._view.show_panel(*cell)

    def point_at(self, place: QPointF | None) -> None:
        """Mark the patch at a place of the photo: its panel, and its cell in the enlarged one."""
        grid, view, snapshot = self._grid, self._view, self._snapshot
        cell = _cell_at(grid, place) if grid is not None else None
        if cell is None or grid is None or snapshot is None:
            if self.panel.isVisible():
                view.show_pair(None)
            self.panel.place(None)
            self.cell.place(None)
            return
        row, col = cell
        if snapshot.state.panel is None and cell != view.shown:
            view.show_panel(row, col)
        rows, cols = grid.shape
        self.panel.place((col * (cols + GAP), row * (rows + GAP), cols, rows))
        self.cell.place((col, row, 1, 1))
        view.show_pair(cell)

    def isVisible(self) -> bool:
        """Return whether the positions are on screen."""
        return self._view.isVisible()

    def _on_grid(self, point: QPointF) -> None:
        snapshot = self._snapshot
        found = locate(snapshot.result.positions, point) if snapshot is not None else None
        self._found(found[0] if found else None)

    def _in_panel(self, point: QPointF) -> None:
        grid, cell = self._grid, (int(np.floor(point.y())), int(np.floor(point.x())))
        inside = grid is not None and 0 <= cell[0] < grid.rows and 0 <= cell[1] < grid.cols
        self._found(cell if inside else None)

    def _found(self, cell: Cell | None) -> None:
        grid = self._grid
        self._tell(self, _middle(grid, cell) if grid is not None and cell is not None else None)


def _middle(grid: PatchGrid, cell: Cell) -> QPointF:
    """Return the middle of a patch on the photo."""
    return QRectF(*grid.cell_rect(*cell)).center()


def _cell_at(grid: PatchGrid, place: QPointF | None) -> Cell | None:
    return grid.cell_at(place.x(), place.y()) if place is not None else None

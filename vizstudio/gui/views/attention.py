"""Attention on the photo: click a patch to make it the query, or drag it; one map, all heads, all layers."""

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from vizstudio.core.geometry import PatchGrid
from vizstudio.core.state import toggled
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.items import Mark
from vizstudio.gui.map_grid import MapGrid, Tile
from vizstudio.gui.snapshot import Snapshot
from vizstudio.gui.views.map_grid import MapGridView
from vizstudio.gui.views.map_picture import MapPicture
from vizstudio.gui.views.wipe import Wipe
from vizstudio.gui.wording import attention_title

GRIDS = ("heads", "pins", "wall")
"""The views that show many maps."""


class AttentionView(QWidget):
    """The photo in grey with the map in colour; what the model never saw is dark."""

    patchClicked = Signal(int, int)  # (row, col) of the query's grid, under a left click or dragged to
    queryMoved = Signal(int, int)  # an arrow key: patches (down, across)
    changed = Signal(dict)  # other fields of ViewState that the user changed

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._drags_edge = False
        self.canvas = Canvas(
            self.tr("Attention on the photo"),
            self.tr("Click a patch to make it the query, or move the query with the arrow keys."),
        )
        self.frame, self.grid = MapPicture(self.canvas), MapGridView()
        self.wipe = Wipe(self.canvas)
        self.query = Mark(2.5)
        self.canvas.add(self.query)
        self.canvas.may_drag = self._may_drag
        self.which = QComboBox()
        self.which.setMinimumWidth(110)  # its longest entry does not decide how narrow a pane may be
        tip = self.tr("One map, the maps of all heads, or a way to bring all layers into one map")
        self.which.setAccessibleName(self.tr("What is shown of attention"))
        self.which.setToolTip(tip)
        self.which.setStatusTip(tip)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setVisible(False)
        self._lay_out()
        self.offer_reductions({})
        self.which.activated.connect(lambda _: self.changed.emit({"view": self.which.currentData()}))
        self.canvas.clicked.connect(self._clicked)
        self.canvas.pinned.connect(self._pinned)
        self.grid.pinned.connect(self._pin)
        self.canvas.stepped.connect(self.queryMoved)
        self.canvas.dragged.connect(self._dragged)
        self.grid.chosen.connect(self._open)
        self.grid.stepped.connect(self._step)

    def _lay_out(self) -> None:
        self.pages = QStackedWidget()
        for page in (self.frame, self.grid):
            self.pages.addWidget(page)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.which)
        row.addStretch()
        row.addWidget(self.wipe)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addWidget(self.problem)
        layout.addWidget(self.pages, 1)

    def offer_reductions(self, titles: Mapping[str, str]) -> None:
        """Offer the views of attention, and the reductions of these names and titles."""
        self.which.clear()
        self.which.addItem(self.tr("One map"), "attention")
        self.which.addItem(self.tr("Every head of the layer"), "heads")
        self.which.addItem(self.tr("Every head of every layer"), "wall")
        self.which.addItem(self.tr("Pinned queries"), "pins")
        if titles:
            self.which.insertSeparator(self.which.count())
        for name, title in titles.items():
            self.which.addItem(title, name)

    @property
    def query_grid(self) -> PatchGrid | None:
        """The patches that may be asked in the layer that is shown."""
        if self._snapshot is None:
            return None
        state, analysis = self._snapshot.state, self._snapshot.result.analysis
        return analysis.attention.layers[state.layer].queries.grid

    @property
    def shows_grid(self) -> bool:
        """Whether many maps are asked for."""
        return self._snapshot is not None and self._snapshot.state.view in GRIDS

    @property
    def zoomed(self) -> Canvas:
        """The canvas that zooming is about."""
        return self.grid.canvas if self.shows_grid else self.canvas

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another view; the zoom is kept unless the image or model is new."""
        self._snapshot = snapshot
        result, state = snapshot.result, snapshot.state
        with QSignalBlocker(self.which):
            self.which.setCurrentIndex(max(self.which.findData(state.view), 0))
        self.pages.setCurrentWidget(self.grid if self.shows_grid else self.frame)
        self.wipe.setVisible(not self.shows_grid)
        self.grid.mark(state.layer, state.head)
        if new_result:
            self.frame.show_photo(result.photo, result.image.size)
            self.wipe.show_image(result.image)
        about = result.analysis.attention.layers[state.layer]
        self.frame.heading.setText(attention_title(about, state, snapshot.title))
        self.problem.setText(snapshot.problem)
        self.problem.setVisible(bool(snapshot.problem) and not self.shows_grid)
        grid = self.query_grid
        on_patch = isinstance(state.query, tuple) and grid is not None
        self.query.place(grid.cell_rect(*state.query) if on_patch else None)  # type: ignore[union-attr,misc]
        self.frame.hint(
            self.tr("Click a patch to query it, Shift+click to pin it; the wheel zooms.")
            if grid is not None
            else self.tr("The queries of this layer are not patches of the image.")
        )
        self.frame.show_map(snapshot.heatmap, state, snapshot.low, snapshot.high)

    def show_grid(self, grid: MapGrid) -> None:
        """Show the maps of all heads; those of another result than the one in view are dropped."""
        snapshot = self._snapshot
        if snapshot is None or grid.result is not snapshot.result or grid.state.view != snapshot.state.view:
            return
        about = grid.result.analysis.attention.layers[grid.state.layer]
        self.grid.show_grid(grid, attention_title(about, grid.state))
        self.grid.mark(snapshot.state.layer, snapshot.state.head)

    def _cell_at(self, point: QPointF) -> tuple[int, int] | None:
        grid = self.query_grid
        return grid.cell_at(point.x(), point.y()) if grid else None

    def _clicked(self, point: QPointF) -> None:
        cell = self._cell_at(point)
        if cell is not None:
            self.patchClicked.emit(*cell)

    def _pinned(self, point: QPointF) -> None:
        cell = self._cell_at(point)
        if cell is not None:
            self._pin(*cell)

    def _pin(self, row: int, col: int) -> None:
        """Show the map of a patch beside the others, or no more."""
        assert self._snapshot is not None
        self.changed.emit({"view": "pins", "pins": toggled(self._snapshot.state.pins, (row, col))})

    def _may_drag(self, point: QPointF) -> bool:
        """Return whether the edge of the photo or the query's patch is there."""
        self._drags_edge = self.wipe.holds(point)
        cell = self._cell_at(point)
        return self._drags_edge or (
            cell is not None and self._snapshot is not None and cell == self._snapshot.state.query
        )

    def _dragged(self, point: QPointF) -> None:
        if self._drags_edge:
            self.wipe.drag(point)
            return
        cell = self._cell_at(point)
        if cell is not None and self._snapshot is not None and cell != self._snapshot.state.query:
            self.patchClicked.emit(*cell)

    def _open(self, tile: Tile) -> None:
        changes = {"view": "attention", "layer": tile.layer, "head": tile.head}
        self.changed.emit({**changes, "query": tile.query} if tile.query is not None else changes)

    def _step(self, down: int, across: int) -> None:
        """Mark the map of another layer or head."""
        if self._snapshot is None or not self.grid.tiles:
            return
        state = self._snapshot.state
        places = [(tile.layer, tile.head) for tile in self.grid.tiles]
        here = (state.layer, state.head)
        if here not in places:
            self.changed.emit(
                {"layer": places[0][0], "head": places[0][1]} if state.view == "heads" else {"head": 0}
            )
            return
        rects = [(tile.rect[1], tile.rect[0]) for tile in self.grid.tiles]
        rows, columns = sorted({y for y, _ in rects}), sorted({x for _, x in rects})
        y, x = rects[places.index(here)]
        row = min(max(rows.index(y) + down, 0), len(rows) - 1)
        col = min(max(columns.index(x) + across, 0), len(columns) - 1)
        if (rows[row], columns[col]) in rects:
            layer, head = places[rects.index((rows[row], columns[col]))]
            self.changed.emit({"layer": layer, "head": head})

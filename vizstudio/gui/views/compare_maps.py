"""Two maps on their photos and their difference; what is under the pointer is marked and told in all three."""

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vizstudio.core.comparison_figure import DIVERGING
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.looks import shown_cells
from vizstudio.core.types import Heatmap
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.items import Mark
from vizstudio.gui.snapshot import Compared
from vizstudio.gui.views.compare_row import CompareRow
from vizstudio.gui.views.map_picture import MapPicture

PLAIN = np.full((1, 1, 3), 150, np.uint8)  # under a difference of two images, which lies on neither


class CompareMaps(QWidget):
    """The same cells in all three: a patch that is clicked in any is the query of both."""

    patchClicked = Signal(int, int)  # (row, col) of the first's queries
    queryMoved = Signal(int, int)  # an arrow key: patches (down, across)
    pointed = Signal(
        object
    )  # the place on the first's photo, a QPointF, of the cell under the pointer; or None

    def __init__(self) -> None:
        super().__init__()
        self._compared: Compared | None = None
        self._heatmaps: list[Heatmap] = []
        tip = self.tr("Click a patch to make it the query of both, or move the query with the arrow keys.")
        names = (self.tr("First"), self.tr("Second"), self.tr("First minus second"))
        self.pictures = [MapPicture(Canvas(name, tip), own_bar=False) for name in names]
        self.queries = [Mark(2.5) for _ in names]
        self.row = CompareRow(self.pictures, self.tr("attention"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.row)
        for i, (picture, mark) in enumerate(zip(self.pictures, self.queries, strict=True)):
            picture.canvas.add(mark)
            picture.canvas.pointed.connect(lambda point, i=i: self._pointed(i, point))
            picture.canvas.left.connect(lambda: self._found(None, 0))
            picture.canvas.clicked.connect(lambda point, i=i: self._clicked(i, point))
            picture.canvas.stepped.connect(self.queryMoved)
        self.pictures[0].hint(self.tr("Click a patch to make it the query."))
        self.pictures[1].hint(self.tr("The wheel zooms all three."))

    def show_compared(self, compared: Compared) -> None:
        """Show a comparison; the zoom is kept unless an image is new."""
        found, before = compared.maps, self._compared
        assert found is not None
        pair, state = found.pair, compared.state
        self._compared, self._heatmaps = compared, [pair.first, pair.second, pair.difference]
        if before is None or (before.first, before.second) != (compared.first, compared.second):
            self._show_photos(compared)
        shown = [shown_cells(heatmap, state) for heatmap in self._heatmaps[:2]]
        for picture, heatmap in zip(self.pictures, shown, strict=False):
            picture.show_map(heatmap, state, *found.span)
        opacity = 1.0 if pair.how == "other image" else state.opacity
        looks = replace(state, colormap=DIVERGING, opacity=opacity, mass=1.0)
        self.pictures[2].show_map(pair.difference, looks, -found.reach, found.reach)
        gaps = [bool(np.isnan(heatmap.values).any()) for heatmap in (*shown, pair.difference)]
        self.row.name_unit(self.tr("attention") if pair.first.unit == "attention" else pair.first.unit)
        self.row.show_scales(state.colormap, found.span, found.reach, (gaps[0] or gaps[1], gaps[2]))
        self._mark_queries()

    def forget(self) -> None:
        """Hold no comparison: both results may be large."""
        self._compared, self._heatmaps = None, []

    def _show_photos(self, compared: Compared) -> None:
        assert compared.maps is not None
        self.row.fit_pictures(*compared.first.image.size)
        for i, result in enumerate((compared.first, compared.second, compared.first)):
            lies_nowhere = i == 2 and compared.maps.pair.how == "other image"
            self.pictures[i].show_photo(PLAIN if lies_nowhere else result.photo, result.image.size)

    def _query_grid(self, side: int) -> PatchGrid | None:
        """Return the patches that may be asked for in the layer of a side."""
        assert self._compared is not None and self._compared.maps is not None
        found = self._compared.maps
        layers = found.sides[side].analysis.attention.layers
        return layers[found.states[side].layer].queries.grid

    def _mark_queries(self) -> None:
        assert self._compared is not None and self._compared.maps is not None
        for i, mark in enumerate(self.queries):
            grid, query = self._query_grid(i % 2), self._compared.maps.states[i % 2].query
            on_patch = isinstance(query, tuple) and grid is not None
            mark.place(grid.cell_rect(*query) if on_patch else None)  # type: ignore[union-attr,misc]

    def _pointed(self, at: int, point: QPointF) -> None:
        if self._heatmaps:
            self._found(self._heatmaps[at].grid.cell_at(point.x(), point.y()), at)

    def _found(self, cell: tuple[int, int] | None, at: int) -> None:
        self._point_at(cell, at)
        place = None
        if cell is not None and self._heatmaps:
            place = QRectF(*self._heatmaps[0].grid.cell_rect(*cell)).center()
        self.pointed.emit(place)

    def point_at(self, place: QPointF | None) -> None:
        """Mark the cell at a place of the first's photo in all three, as if the pointer were there."""
        cell = None
        if place is not None and self._heatmaps:
            cell = self._heatmaps[0].grid.cell_at(place.x(), place.y())
        self._point_at(cell, 0)

    def _point_at(self, cell: tuple[int, int] | None, at: int) -> None:
        """Mark a cell in all three pictures, and its values on the bars."""
        if not self._heatmaps:
            return
        for picture, heatmap in zip(self.pictures, self._heatmaps, strict=True):
            if cell is None:
                picture.point_at(None)
                continue
            left, top, width, height = heatmap.grid.cell_rect(*cell)
            picture.point_at(QPointF(left + width / 2, top + height / 2))
        values = None if cell is None else [float(heatmap.values[cell]) for heatmap in self._heatmaps]
        self.row.point_at(values, at)

    def _clicked(self, at: int, point: QPointF) -> None:
        if self._compared is None or self._compared.maps is None:
            return
        one_image = self._compared.maps.pair.how != "other image"
        own, grid = self._query_grid(0), self._query_grid(0 if one_image else at % 2)
        cell = grid.cell_at(point.x(), point.y()) if grid is not None else None
        if cell is not None and own is not None and cell[0] < own.rows and cell[1] < own.cols:
            self.patchClicked.emit(*cell)

"""All heads of a layer, or of all layers, as one picture: a click goes to a map."""

from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsPathItem,
    QGraphicsSimpleTextItem,
    QLabel,
    QStyleOptionGraphicsItem,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.geometry import Rect
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.items import ImageItem, Mark, to_qimage
from vizstudio.gui.map_grid import MapGrid, Tile
from vizstudio.gui.snapshot import Result
from vizstudio.gui.views.frame import PictureFrame
from vizstudio.gui.wording import query_name

MARGIN = 0.05  # of the picture's longer side, for the numbers beside it


class Marks(QGraphicsPathItem):
    """Outlines of many rectangles, to be seen on any picture."""

    def __init__(self) -> None:
        super().__init__()
        self.setZValue(9)

    def place(self, rects: Iterable[Rect]) -> None:
        """Move them."""
        path = QPainterPath()
        for rect in rects:
            path.addRect(QRectF(*rect))
        self.setPath(path)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the rims, then the lines."""
        ratio = painter.device().devicePixelRatio()
        for colour, width in ((QColor(0, 0, 0, 200), 2.5), (QColor("#ffffff"), 1.0)):
            pen = QPen(colour, width * ratio)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(self.path())


class MapGridView(QWidget):
    """Shows a `MapGrid`; the layer and head that are asked for are outlined."""

    chosen = Signal(object)  # the Tile that was clicked, or marked when Enter was pressed
    pinned = Signal(int, int)  # (row, column) of a patch that was clicked with Shift held, in any map
    pointed = Signal(
        object
    )  # the place on the photo, a QPointF, of what is under the pointer; None for nothing
    stepped = Signal(int, int)  # an arrow key: maps (down, across)

    def __init__(self) -> None:
        super().__init__()
        self._grid: MapGrid | None = None
        self._asked: tuple[int, object] = (0, "mean")  # the layer and head that are outlined
        self.canvas = Canvas(
            self.tr("Attention of all heads"),
            self.tr("Click a map to see it by itself; arrow keys mark another, Enter opens it."),
        )
        self.bar = ColourBar(self.tr("attention"))
        self.bar.setVisible(False)
        self.frame = PictureFrame(
            self.canvas, self.tr("Each map has its own scale. Click one to see it by itself."), self.bar
        )
        self.picture, self.current, self.pointer = ImageItem(), Mark(2.5), Marks()
        self.queries = Marks()
        self._numbers: list[QGraphicsSimpleTextItem] = []
        self.canvas.add(self.picture, self.queries, self.current, self.pointer)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.problem)
        layout.addWidget(self.frame, 1)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.pinned.connect(self._pinned)
        self.canvas.pointed.connect(self._pointed)
        self.canvas.left.connect(self._left)
        self.canvas.stepped.connect(self.stepped)
        self.canvas.entered.connect(self._open_marked)

    def show_grid(self, grid: MapGrid, heading: str) -> None:
        """Show another picture; the zoom is kept unless it is of another shape."""
        before, self._grid = self._grid, grid
        self.frame.setVisible(True)
        high, wide = grid.pixels.shape[:2]
        left, top = self._edges()
        self.picture.set_image(to_qimage(grid.pixels), (left, top, wide, high))
        if before is None or (before.pixels.shape, before.state.view) != (grid.pixels.shape, grid.state.view):
            self.canvas.show_area(wide + left, high + top)
        self.frame.heading.setText(heading)
        self.frame.hint(self._hint(grid))
        self.bar.setVisible(grid.span is not None)
        if grid.span is not None:
            self.bar.show_range(grid.state.colormap, *grid.span)
        self.problem.setText(
            "\n".join(self.tr("layer {0}: {1}").format(*told) for told in grid.problems.items())
        )
        self.problem.setVisible(bool(grid.problems))
        self.pointer.place(())
        self._mark_queries(grid)
        self._write_numbers(grid)

    def _hint(self, grid: MapGrid) -> str:
        if grid.state.view == "pins":
            return self.tr(
                "All maps have the same colours. Shift+click pins a patch, or releases it; click a map to open it."
            )
        scale = (
            self.tr("Each map has its own scale from 0. Click one to see it by itself.")
            if grid.span is None
            else self.tr("All maps have the range of the inspector. Click one to see it by itself.")
        )
        return self.tr("Rows are layers, columns heads. ") + scale if grid.state.view == "wall" else scale

    def show_problem(self, why: str) -> None:
        """Say why there is no picture; that of another view, or of another photo, does not stay."""
        self._grid = None
        self.frame.setVisible(False)
        self.problem.setText(why)
        self.problem.setVisible(True)

    def keep_only(self, result: Result) -> None:
        """Hold nothing of another result, whose maps are not in view: it may be large, and holds its model."""
        if self._grid is not None and self._grid.result is not result:
            self.show_problem(self.tr("Computing the maps…"))
            self.mark(*self._asked)
            self.pointer.place(())

    def mark(self, layer: int, head: object) -> None:
        """Outline the map of a layer and head, if it is among them."""
        self._asked = layer, head
        tiles = self._grid.tiles if self._grid and self._grid.state.view != "pins" else ()
        found = [tile for tile in tiles if (tile.layer, tile.head) == (layer, head)]
        self.current.place(self._shifted(found[0].rect) if found else None)

    def place_of(self, tile: Tile, cell: tuple[int, int] = (0, 0)) -> QPointF:
        """Return the middle of a cell in the canvas's picture."""
        return QRectF(*self._shifted(tile.cell_rect(*cell))).center()

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The maps that are shown."""
        return self._grid.tiles if self._grid else ()

    def _edges(self) -> tuple[float, float]:
        """Return the room at the left, which a wall alone needs, and above."""
        edge = MARGIN * max(self._grid.pixels.shape[:2]) if self._grid else 0.0
        return (edge if self._grid and self._grid.state.view == "wall" else 0.0), edge

    def _shifted(self, rect: Rect) -> Rect:
        left, top = self._edges()
        return rect[0] + left, rect[1] + top, rect[2], rect[3]

    def _write_numbers(self, grid: MapGrid) -> None:
        """Number the layers on the left and the heads above; of a single layer name each head's map."""
        for item in self._numbers:
            self.canvas.scene().removeItem(item)
        self._numbers = []
        left, top = self._edges()
        if grid.state.view == "wall":
            rows = {tile.layer: tile for tile in reversed(grid.tiles)}
            columns = {tile.head: tile for tile in reversed(grid.tiles)}
            for layer, tile in rows.items():
                self._number(str(layer), left * 0.5, top + tile.rect[1] + tile.rect[3] / 2)
            for head, tile in columns.items():
                self._number(str(head), left + tile.rect[0] + tile.rect[2] / 2, top * 0.5)
        else:
            for tile in grid.tiles:
                middle = left + tile.rect[0] + tile.rect[2] / 2
                axis = grid.result.analysis.attention.layers[tile.layer].queries
                pins = grid.state.view == "pins"
                name = query_name(tile.query, axis) if pins else self.tr("head {0}").format(tile.head)
                self._number(name, middle, top * 0.5 + tile.rect[1])

    def _mark_queries(self, grid: MapGrid) -> None:
        """Outline the query's patch in its map, where maps have queries of their own."""
        own = [tile for tile in grid.tiles if grid.state.view == "pins" and isinstance(tile.query, tuple)]
        layers = grid.result.analysis.attention.layers
        same = [tile for tile in own if layers[tile.layer].queries.grid == layers[tile.layer].keys.grid]
        self.queries.place(self._shifted(tile.cell_rect(*tile.query)) for tile in same)  # type: ignore[misc]

    def _number(self, text: str, x: float, y: float) -> None:
        item = QGraphicsSimpleTextItem(text)
        item.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        item.setBrush(self.palette().color(QPalette.ColorRole.PlaceholderText))
        box = item.boundingRect()
        item.setTransform(item.transform().translate(-box.width() / 2, -box.height() / 2))
        item.setPos(x, y)
        self.canvas.scene().addItem(item)
        self._numbers.append(item)

    def _tile_at(self, point: QPointF) -> Tile | None:
        left, top = self._edges()
        return self._grid.tile_at(point.x() - left, point.y() - top) if self._grid else None

    def _open_marked(self) -> None:
        if self.current.isVisible():
            self._clicked(self.current.rect().center())

    def _clicked(self, point: QPointF) -> None:
        tile = self._tile_at(point)
        if tile is not None:
            self.chosen.emit(tile)

    def _pinned(self, point: QPointF) -> None:
        tile, (left, top) = self._tile_at(point), self._edges()
        cell = tile.cell_at(point.x() - left, point.y() - top) if tile else None
        if cell is not None:
            self.pinned.emit(*cell)

    def point_at(self, place: QPointF | None) -> None:
        """Outline the patch at a place of the photo in every map, and tell its value."""
        at = (
            [(tile, tile.grid.cell_at(place.x(), place.y())) for tile in self.tiles]
            if place is not None
            else []
        )
        found = [(tile, cell) for tile, cell in at if cell is not None]
        self.pointer.place(self._shifted(tile.cell_rect(*cell)) for tile, cell in found)
        if not found:
            self.frame.tell("")
            return
        asked = [(tile, cell) for tile, cell in found if (tile.layer, tile.head) == self._asked]
        self._tell(*(asked or found)[0])

    def _pointed(self, point: QPointF) -> None:
        """Tell the value under the pointer, and show the same patch in every map."""
        tile, (left, top) = self._tile_at(point), self._edges()
        cell = tile.cell_at(point.x() - left, point.y() - top) if tile else None
        if tile is None or cell is None:
            self._left()
            return
        place = QRectF(*tile.grid.cell_rect(*cell)).center()
        same = [
            (other, cell if other.grid == tile.grid else other.grid.cell_at(place.x(), place.y()))
            for other in self.tiles
        ]
        self.pointer.place(self._shifted(other.cell_rect(*found)) for other, found in same if found)
        self._tell(tile, cell)
        self.pointed.emit(place)

    def _tell(self, tile: Tile, cell: tuple[int, int]) -> None:
        value = float(tile.values[cell])
        told = self.tr("no value") if np.isnan(value) else self.tr("attention {0}").format(f"{value:.5f}")
        text = self.tr("layer {0}, head {1} · patch {2},{3}: {4}")
        self.frame.tell(text.format(tile.layer, tile.head, *cell, told), None if np.isnan(value) else value)

    def _left(self) -> None:
        self.point_at(None)
        self.pointed.emit(None)

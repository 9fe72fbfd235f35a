"""Position similarities of two models and their difference: all panels, or one that was clicked."""

import numpy as np
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from vizstudio.core.comparison_figure import DIVERGING
from vizstudio.core.overlay import colorize
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.items import ImageItem, Mark, indexed_qimage, to_qimage
from vizstudio.gui.snapshot import GAP, Compared
from vizstudio.gui.views.compare_row import CompareRow
from vizstudio.gui.views.frame import PictureFrame
from vizstudio.gui.views.position import colour_table

Cell = tuple[int, int]


class ComparePanels(QWidget):
    """A click on a panel enlarges it, one more shows all again."""

    panelPinned = Signal(object)  # (row, col) of the panel to enlarge, None for all

    def __init__(self) -> None:
        super().__init__()
        self._compared: Compared | None = None
        tip = self.tr(
            "Click a panel to enlarge it in all three, and again to see all; arrow keys choose one, Enter shows all."
        )
        names = (self.tr("First"), self.tr("Second"), self.tr("First minus second"))
        self.frames = [PictureFrame(Canvas(name, tip), "") for name in names]
        self.frames[1].hint(self.tr("The wheel zooms all three."))
        self.items, self.marks = [ImageItem() for _ in names], [Mark(1.5) for _ in names]
        self.own = [Mark(1.5) for _ in names]
        self.row = CompareRow(self.frames, self.tr("similarity"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.row)
        for i, frame in enumerate(self.frames):
            frame.canvas.add(self.items[i], self.own[i], self.marks[i])
            frame.canvas.pointed.connect(lambda point, i=i: self._pointed(i, point))
            frame.canvas.left.connect(lambda: self._point_at(None, 0))
            frame.canvas.clicked.connect(self._clicked)
            frame.canvas.stepped.connect(self._stepped)
            frame.canvas.entered.connect(lambda: self.panelPinned.emit(None))

    @property
    def _panel(self) -> Cell | None:
        """The panel that is enlarged."""
        return None if self._compared is None else self._compared.state.panel

    def show_compared(self, compared: Compared) -> None:
        """Show all panels, or one; the zoom is kept while only colours change."""
        before, self._compared = self._compared, compared
        table = colour_table(compared.state.colormap), colour_table(DIVERGING)
        images = [indexed_qimage(panels.levels, table[i // 2]) for i, panels in enumerate(compared.panels)]
        found = compared.positions or compared.maps
        assert found is not None
        if compared.maps is not None:
            pair = compared.maps.pair
            for i, heatmap in enumerate((pair.first, pair.second, pair.difference)):
                scale = (
                    (compared.state.colormap, *found.span)
                    if i < 2
                    else (DIVERGING, -found.reach, found.reach)
                )
                images.append(to_qimage(colorize(heatmap.values, *scale)))
        for item, image in zip(self.items, images, strict=True):
            item.set_image(image, (0, 0, image.width(), image.height()))
        shape = (images[0].width(), images[0].height())
        if before is None or before.first is not compared.first or before.state.panel != compared.state.panel:
            self.row.fit_pictures(*shape)
            for frame in self.frames:
                frame.canvas.show_area(*shape)
        self.row.show_scales(compared.state.colormap, found.span, found.reach)
        for mark in self.own:
            mark.place((self._panel[1], self._panel[0], 1, 1) if self._panel else None)
        self.frames[0].hint(
            self.tr("Click to see all panels again.")
            if self._panel
            else self.tr("Click a panel to enlarge it.")
        )
        self._point_at(None, 0)

    def forget(self) -> None:
        """Hold no comparison: both results may be large."""
        self._compared = None

    def _shape(self) -> Cell:
        assert self._compared is not None
        grid = self._compared.first.analysis.position().grid
        return grid.shape

    def _locate(self, point: QPointF) -> tuple[Cell, Cell] | None:
        """Return the panel under a point and the cell in it, None between panels and outside."""
        if self._compared is None:
            return None
        (rows, cols), panel = self._shape(), self._panel
        x, y = int(np.floor(point.x())), int(np.floor(point.y()))
        if panel is None:
            (row, y), (col, x) = divmod(y, rows + GAP), divmod(x, cols + GAP)
            panel = row, col
        inside = 0 <= panel[0] < rows and 0 <= panel[1] < cols and 0 <= y < rows and 0 <= x < cols
        return (panel, (y, x)) if inside else None

    def _pointed(self, at: int, point: QPointF) -> None:
        self._point_at(self._locate(point), at)

    def _values(self, panel: Cell, cell: Cell) -> list[float]:
        assert self._compared is not None
        if self._compared.positions is not None:
            found = self._compared.positions
            return [float(s[(*panel, *cell)]) for s in (found.first, found.second, found.difference)]
        assert self._compared.maps is not None
        pair = self._compared.maps.pair
        return [float(heatmap.values[cell]) for heatmap in (pair.first, pair.second, pair.difference)]

    def _point_at(self, found: tuple[Cell, Cell] | None, at: int) -> None:
        """Mark a pair of patches in all three pictures, and tell its values."""
        if found is None:
            for frame, mark in zip(self.frames, self.marks, strict=True):
                mark.place(None)
                frame.tell("")
            self.row.point_at(None)
            return
        panel, cell = found
        rows, cols = self._shape()
        corner = (panel[1] * (cols + GAP), panel[0] * (rows + GAP)) if self._panel is None else (0, 0)
        values = self._values(panel, cell)
        texts = (
            self.tr("patch {0},{1} with {2},{3}: similarity {4}"),
            self.tr("patch {0},{1} with {2},{3}: similarity {4}"),
            self.tr("patch {0},{1} with {2},{3}: difference {4}"),
        )
        for i, frame in enumerate(self.frames):
            rect = (corner[0] + cell[1], corner[1] + cell[0], 1, 1) if self._panel else (*corner, cols, rows)
            self.marks[i].place(rect)
            frame.tell(texts[i].format(*panel, *cell, f"{values[i]:.4f}"))
        self.row.point_at(values, at)

    def _clicked(self, point: QPointF) -> None:
        found = self._locate(point)
        if self._panel is not None:
            self.panelPinned.emit(None)
        elif found is not None:
            self.panelPinned.emit(found[0])

    def _stepped(self, down: int, across: int) -> None:
        if self._compared is None:
            return
        rows, cols = self._shape()
        row, col = self._panel or (rows // 2, cols // 2)
        self.panelPinned.emit((min(max(row + down, 0), rows - 1), min(max(col + across, 0), cols - 1)))

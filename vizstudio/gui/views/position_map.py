"""A cell per patch: the norm of its position, or its principal components as a colour."""

import numpy as np
from PySide6.QtCore import QPointF, Signal

from vizstudio.core.overlay import EVEN, colorize, value_range
from vizstudio.core.types import Heatmap
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.items import ImageItem, Mark, to_qimage
from vizstudio.gui.views.frame import PictureFrame

Cell = tuple[int, int]


class PatchMap(PictureFrame):
    """One of the two maps; tells which patch is under the pointer, and its value."""

    pointed = Signal(object)  # the (row, col) under the pointer; None if there is none
    clicked = Signal(int, int)  # (row, col)

    def __init__(self) -> None:
        canvas = Canvas(
            self.tr("Map of positions"),
            self.tr("Hover a patch to see its panel, click to pin it; arrow keys choose a patch."),
        )
        self.colours = ColourBar(self.tr("norm"))
        super().__init__(canvas, "", self.colours)
        self._norms: Heatmap | None = None
        self._components: np.ndarray | None = None
        self._size = (0, 0)
        self._at: QPointF | None = None
        self.image, self.pointer, self.current = ImageItem(), Mark(1.0), Mark(2.0)
        canvas.add(self.image, self.current, self.pointer)
        canvas.pointed.connect(self._pointed)
        canvas.clicked.connect(self._clicked)
        canvas.left.connect(self._left)

    def show_nothing(self, why: str) -> None:
        """Show no map, and say why in its place."""
        self._norms = self._components = None
        self.image.setVisible(False)
        self.current.place(None)
        self.colours.setVisible(False)
        self.heading.setText(why)
        self.hint("")
        self._tell()

    def show_norms(self, norms: Heatmap, colormap: str) -> None:
        """Show the length of every patch's position vector."""
        self._norms, self._components = norms, None
        low, high = value_range(norms.values)
        even = bool(np.ptp(norms.values) <= EVEN * norms.values.max())
        self.heading.setText(self.tr("Norm of each position"))
        self.heading.setToolTip(self.tr("The length of each patch's position vector."))
        self.hint(
            self.tr("The length of each patch's position vector; all are equal.")
            if even
            else self.tr("The length of each position vector. Hover a patch, click to pin it.")
        )
        self.colours.show_range(colormap, low, high)
        self._show(colorize(norms.values, colormap, low, high))

    def show_components(self, colours: np.ndarray, shares: np.ndarray) -> None:
        """Show principal components as (rows, cols, 3) colours, and which shares (3,) of the variance they have."""
        self._norms, self._components = None, colours
        told = self.tr("Principal components · {0} of variance")
        self.heading.setText(told.format(f"{100 * shares.sum():.0f} %"))
        self.heading.setToolTip(
            self.tr(
                "Patches of like colour have like positions; each component spans the whole range of its colour."
            )
        )
        each = self.tr("Red {0}, green {1}, blue {2} of the variance.")
        self.hint(each.format(*(f"{100 * share:.0f} %" for share in shares)))
        self._show(np.round(colours * 255).astype(np.uint8))

    def _show(self, pixels: np.ndarray) -> None:
        rows, cols = pixels.shape[:2]
        self.image.set_image(to_qimage(pixels), (0, 0, cols, rows))
        self.image.setVisible(True)
        self.colours.setVisible(self._norms is not None)
        if self._size != (rows, cols):
            self._size = rows, cols
            self.canvas.show_area(cols, rows)
        self._tell()

    def mark(self, cell: Cell) -> None:
        """Outline the patch whose panel is enlarged."""
        self.current.place((cell[1], cell[0], 1, 1) if self.image.isVisible() else None)

    def point_at(self, cell: Cell | None) -> None:
        """Mark a patch and tell its value, as if the pointer were there."""
        self._at = QPointF(cell[1] + 0.5, cell[0] + 0.5) if cell is not None else None
        self._tell()

    def _cell(self) -> Cell | None:
        """Return the patch under the pointer."""
        if self._at is None or not self.image.isVisible():
            return None
        row, col = int(np.floor(self._at.y())), int(np.floor(self._at.x()))
        return (row, col) if 0 <= row < self._size[0] and 0 <= col < self._size[1] else None

    def _pointed(self, point: QPointF) -> None:
        self._at = point
        self._tell()
        self.pointed.emit(self._cell())

    def _left(self) -> None:
        self._at = None
        self._tell()
        self.pointed.emit(None)

    def _clicked(self, point: QPointF) -> None:
        self._at = point
        cell = self._cell()
        if cell is not None:
            self.clicked.emit(*cell)

    def _tell(self) -> None:
        """Say what is under the pointer."""
        cell = self._cell()
        self.pointer.place((cell[1], cell[0], 1, 1) if cell else None)
        if cell is None:
            self.tell("")
        elif self._norms is not None:
            value = float(self._norms.values[cell])
            self.tell(self.tr("patch {0},{1}: norm {2}").format(*cell, f"{value:.4f}"), value)
        elif self._components is not None:
            parts = [f"{part:.2f}" for part in self._components[cell]]
            self.tell(self.tr("patch {0},{1}: red {2}, green {3}, blue {4}").format(*cell, *parts))

"""Three pictures, first, second and difference: one bar for both, one for the difference, and what to know."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from vizstudio.core.comparison_figure import DIVERGING
from vizstudio.gui.canvas_link import CanvasLink
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.views.frame import PictureFrame

LINE = 8  # pixels that a frame leaves above and below its canvas beside a line of text
WIDE = 2.3  # times as wide as high: then all three stand in a row, else the difference below the first


class CompareRow(QWidget):
    """The frames that its owner filled, linked in zoom and place, laid out so that they are large."""

    def __init__(self, frames: Sequence[PictureFrame], unit: str) -> None:
        super().__init__()
        self.frames = list(frames)
        self.bar, self.difference_bar = ColourBar(unit), ColourBar(self.tr("difference"))
        self.link = CanvasLink([frame.canvas for frame in self.frames], self)
        self.facts = QLabel()
        self.facts.setProperty("muted", True)
        self.facts.setWordWrap(True)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._lines: list[str] = []
        self._bars = [self._beside(bar) for bar in (self.bar, self.difference_bar)]
        self._corner = QWidget()
        self._corner_row = QHBoxLayout(self._corner)
        self._corner_row.setContentsMargins(0, 0, 0, 0)
        self._corner_row.setSpacing(14)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(8)
        self._wide: bool | None = None
        self._lay_out(False)

    def _beside(self, bar: ColourBar) -> QWidget:
        """Return a bar as high as the canvases, which stand between a heading and a readout."""
        box, line = QWidget(), self.fontMetrics().height() + LINE
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, line, 0, line)
        layout.addWidget(bar)
        return box

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the pictures out as there is room."""
        super().resizeEvent(event)
        self._lay_out(self.width() > WIDE * self.height())

    def _lay_out(self, wide: bool) -> None:
        """Put all three in a row, or the difference below the first."""
        if wide == self._wide:
            return
        self._wide = wide
        first, second, difference = self.frames
        bar, difference_bar = self._bars
        for widget in (first, second, bar, difference, difference_bar, self._corner, self.facts):
            self._grid.removeWidget(widget)
        self._corner.setVisible(not wide)
        for column, widget in enumerate((first, second, bar)):
            self._grid.addWidget(widget, 0, column)
        if wide:
            self._grid.addWidget(difference, 0, 3)
            self._grid.addWidget(difference_bar, 0, 4)
            self._grid.addWidget(self.facts, 1, 0, 1, 5)
        else:
            self._grid.addWidget(difference, 1, 0)
            self._grid.addWidget(self._corner, 1, 1)
            self._corner_row.addWidget(difference_bar)
            self._corner_row.addWidget(self.facts, 1)
        for column in range(4):
            self._grid.setColumnStretch(column, int(column in ((0, 1, 3) if wide else (0, 1))))
        self._grid.setRowStretch(0, 1)
        self._grid.setRowStretch(1, int(not wide))
        self._show_facts()

    def show_facts(self, lines: Sequence[str]) -> None:
        """Say what to know of the comparison."""
        self._lines = list(lines)
        self._show_facts()

    def _show_facts(self) -> None:
        self.facts.setText(("  ·  " if self._wide else "\n\n").join(self._lines))

    def show_scales(
        self, colormap: str, span: tuple[float, float], reach: float, gaps: tuple[bool, bool] = (False, False)
    ) -> None:
        """Show the scale of both, and that of the difference; `gaps` says whether some cells have no value."""
        self.bar.show_range(colormap, *span, gaps[0])
        self.difference_bar.show_range(DIVERGING, -reach, reach, gaps[1])

    def name_unit(self, unit: str) -> None:
        """Say what the values of both are."""
        if unit != self.bar.unit:
            self.bar.unit = unit
            self.bar.updateGeometry()

    def point_at(self, values: Sequence[float] | None, at: int = 0) -> None:
        """Mark the values under the pointer, which is on the picture numbered `at`; None for no value."""
        self.bar.point_at(None if values is None else values[min(at, 1)])
        self.difference_bar.point_at(None if values is None else values[2])

    def show_headings(self, headings: Sequence[str]) -> None:
        """Say what each picture is of."""
        for frame, heading in zip(self.frames, headings, strict=True):
            frame.heading.setText(heading)
            frame.heading.setToolTip(heading)

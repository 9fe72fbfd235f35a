"""Three pictures, first, second and difference: one bar for both, one for the difference, and what to know."""

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from vizstudio.core.comparison_figure import DIVERGING
from vizstudio.gui.canvas_link import CanvasLink
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.views.frame import PictureFrame

LINE = 8  # pixels that a frame leaves above and below its canvas beside a line of text


class Facts(QLabel):
    """Sentences, as many as there is room for; the tool tip has all."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._between = "\n\n"
        self.setProperty("muted", True)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def take_room(self, wide: bool) -> None:
        """Take a line below all pictures, or what room is left beside one."""
        policies = QSizePolicy.Policy
        self.setSizePolicy(policies.Preferred, policies.Fixed if wide else policies.Ignored)
        self._between = "  ·  " if wide else "\n\n"
        self._fit()

    def show_lines(self, lines: Sequence[str]) -> None:
        """Show other sentences."""
        self._lines = list(lines)
        self.setToolTip("\n".join(lines))
        self._fit()

    def sizeHint(self) -> QSize:
        """Return a line's height, whatever the text."""
        return QSize(120, self.fontMetrics().height() + 2)

    def minimumSizeHint(self) -> QSize:
        """Return the same height."""
        return QSize(1, self.fontMetrics().height() + 2)

    def hasHeightForWidth(self) -> bool:
        """Return False: the height does not follow the text, the text follows the height."""
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show what there is room for now."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = list(self._lines)
        flags = int(Qt.TextFlag.TextWordWrap | self.alignment())
        while shown:
            room = QRect(0, 0, self.width(), 10_000)
            if (
                self.fontMetrics().boundingRect(room, flags, self._between.join(shown)).height()
                <= self.height()
            ):
                break
            shown.pop()
        self.setText(self._between.join(shown))


class CompareRow(QWidget):
    """The frames that its owner filled, linked in zoom and place, laid out so that they are large."""

    def __init__(self, frames: Sequence[PictureFrame], unit: str) -> None:
        super().__init__()
        self.frames = list(frames)
        self.bar, self.difference_bar = ColourBar(unit), ColourBar(self.tr("difference"))
        self.link = CanvasLink([frame.canvas for frame in self.frames], self)
        self.facts = Facts()
        self._picture: tuple[float, float] = (3, 2)
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
        self._lay_out(self._is_wide())

    def fit_pictures(self, width: float, height: float) -> None:
        """Lay out pictures of another size so that they are as large as can be."""
        self._picture = (width, height)
        self._lay_out(self._is_wide())

    def _is_wide(self) -> bool:
        """Return whether pictures are larger in a row than with the difference below the first."""
        bar, lines = self.bar.sizeHint().width() + 10, 2 * (self.fontMetrics().height() + LINE)
        across, down = self._picture
        in_row = min((self.width() - 2 * bar) / 3 / across, (self.height() - 1.5 * lines) / down)
        below = min((self.width() - bar) / 2 / across, (self.height() / 2 - lines) / down)
        return in_row > below

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
        self.facts.take_room(wide)

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

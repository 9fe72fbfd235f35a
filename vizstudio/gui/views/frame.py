"""A canvas with its heading above, its colour bar beside and what is under the pointer below."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vizstudio.gui.canvas import Canvas
from vizstudio.gui.colour_bar import ColourBar
from vizstudio.gui.line import Line


class PictureFrame(QWidget):
    """The parts that every picture has; `bar` is None for a picture that shares another's colours."""

    def __init__(self, canvas: Canvas, hint: str, bar: ColourBar | None = None) -> None:
        super().__init__()
        self.canvas, self.bar, self._hint = canvas, bar, hint
        self.heading, self.readout = Line(heading=True), Line(hint)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(canvas, 1)
        if bar is not None:
            row.addWidget(bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.heading)
        layout.addLayout(row, 1)
        layout.addWidget(self.readout)

    def tell(self, text: str, value: float | None = None) -> None:
        """Say what is under the pointer, or with an empty text what can be done here."""
        self.readout.setText(text or self._hint)
        if self.bar is not None:
            self.bar.point_at(value)

    def hint(self, text: str) -> None:
        """Say something else while nothing is under the pointer."""
        self._hint = text
        self.readout.setText(text)

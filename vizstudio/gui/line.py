"""A line of text that changes often: a label's change lays out the whole window anew, this one's does not."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget


class Line(QWidget):
    """Shows as much of its text as there is room for, with an ellipsis where it was cut.

    Parameters
    ----------
    text : str
        To begin with.
    heading : bool
        Whether it heads what is below; else it is muted.
    align : Qt.AlignmentFlag
        Where the text stands in its width.
    """

    def __init__(
        self, text: str = "", heading: bool = False, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft
    ) -> None:
        super().__init__()
        self._text, self._align = "", align
        self._role = QPalette.ColorRole.WindowText if heading else QPalette.ColorRole.PlaceholderText
        if heading:
            font = self.font()
            font.setWeight(QFont.Weight.DemiBold)
            self.setFont(font)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def text(self) -> str:
        """Return the whole text."""
        return self._text

    def setText(self, text: str) -> None:  # as a label's
        """Show another text."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size that does not depend on the text."""
        return QSize(1, self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self._role))
        cut = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), int(self._align | Qt.AlignmentFlag.AlignVCenter), cut)
        painter.end()

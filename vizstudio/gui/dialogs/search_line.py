"""A line to search with, above a list: the keys of the list work from the line."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit


class SearchLine(QLineEdit):
    """The keyboard stays here while something in the list below is selected and taken."""

    moved = Signal(int)  # a key that moves the selection: by so many rows down, negative for up
    taken = Signal()  # Enter

    def __init__(self, page: int) -> None:
        super().__init__()
        self._moves = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_PageUp: -page,
        }

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell the keys of the list; edit with the rest."""
        key = Qt.Key(event.key())
        if key in self._moves:
            self.moved.emit(self._moves[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.taken.emit()
        else:
            super().keyPressEvent(event)

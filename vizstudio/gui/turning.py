"""A splitter that lays its parts side by side where there is the width for it, else one above the other."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter


class TurningSplitter(QSplitter):
    """Turns by itself, so that a view of several pictures fits into a pane of any shape.

    Parameters
    ----------
    wide_parts : bool
        The parts are best wide: they lie one above the other wherever there is the height for it.
    """

    def __init__(self, wide_parts: bool = False) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._wide_parts = wide_parts
        self.setChildrenCollapsible(False)

    def _parts(self) -> list[QSize]:
        """Return the smallest sizes of the parts that are seen."""
        every = [self.widget(i) for i in range(self.count())]
        seen = [part for part in every if part is not None and not part.isHidden()]
        return [part.minimumSizeHint().expandedTo(part.minimumSize()) for part in seen]

    def minimumSizeHint(self) -> QSize:
        """Return room for each part by itself: one direction always gives way to the other."""
        return QSize(
            max((size.width() for size in self._parts()), default=0),
            max((size.height() for size in self._parts()), default=0),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Turn to the direction in which the parts have more room."""
        parts, size = self._parts(), event.size()
        handles = self.handleWidth() * max(len(parts) - 1, 0)
        wide = size.width() >= sum(part.width() for part in parts) + handles
        high = size.height() >= sum(part.height() for part in parts) + handles
        across = wide and (not high or (size.width() >= size.height() and not self._wide_parts))
        direction = Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical
        if direction != self.orientation():
            self.setOrientation(direction)
        super().resizeEvent(event)

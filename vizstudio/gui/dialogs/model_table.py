"""The models that match, as a table with a star for favourites."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPalette
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView

from vizstudio.gui.catalogue import Catalogue

Index = QModelIndex | QPersistentModelIndex
STAR, NAME, FAMILY, WEIGHTS = range(4)


class ModelRows(QAbstractTableModel):
    """One row a model; only the rows in sight are asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        self._catalogue = catalogue
        self.names: list[str] = []

    def set_names(self, names: Sequence[str]) -> None:
        """Show these models."""
        self.beginResetModel()
        self.names = list(names)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Count models."""
        return 0 if parent is not None and parent.isValid() else len(self.names)

    def columnCount(self, parent: Index | None = None) -> int:
        """Star, name, family, weights."""
        return 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Return the columns' names."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return ("", self.tr("Model"), self.tr("Family"), self.tr("Weights"))[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the table shows of a model."""
        name, column = self.names[index.row()], index.column()
        about, liked = self._catalogue.about(name), name in self._catalogue.favourites
        match role:
            case Qt.ItemDataRole.DisplayRole:
                family = about.family if about else ""
                return ("★" if liked else "☆", name, family, self._weights(name))[column]
            case Qt.ItemDataRole.ToolTipRole if column == STAR:
                return self.tr("No favourite any more") if liked else self.tr("Make it a favourite")
            case Qt.ItemDataRole.ToolTipRole:
                return f"{name}\n{about.summary}" if about and about.summary else name
            case Qt.ItemDataRole.TextAlignmentRole if column == STAR:
                return Qt.AlignmentFlag.AlignCenter
            case Qt.ItemDataRole.ForegroundRole if column in (FAMILY, WEIGHTS) or (
                column == STAR and not liked
            ):
                return QApplication.palette().color(QPalette.ColorRole.PlaceholderText)
        return None

    def _weights(self, name: str) -> str:
        about = self._catalogue.about(name)
        return {
            "published": self.tr("published"),
            "named": self.tr("come with it"),
            "none": self.tr("none, untrained"),
            "unknown": self.tr("not known"),
        }.get(about.weights if about else "", "")


class ModelTable(QTableView):
    """The table; the line of the search keeps the keyboard."""

    likeRequested = Signal(str)  # the star of a model was clicked

    def __init__(self, rows: ModelRows) -> None:
        super().__init__()
        self._rows = rows
        self.setModel(rows)
        self.setAccessibleName(self.tr("Models that match"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 11)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in ((STAR, 34), (FAMILY, 178), (WEIGHTS, 128)):
            header.resizeSection(column, width)

    def current(self) -> str | None:
        """Return the model that is selected."""
        row = self.currentIndex().row()
        return self._rows.names[row] if 0 <= row < len(self._rows.names) else None

    def go(self, row: int) -> None:
        """Select a row, or the nearest there is."""
        if self._rows.names:
            self.setCurrentIndex(self._rows.index(min(max(row, 0), len(self._rows.names) - 1), NAME))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on a star changes it; anywhere else it selects."""
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.column() == STAR and event.button() == Qt.MouseButton.LeftButton:
            self.likeRequested.emit(self._rows.names[index.row()])
        else:
            super().mousePressEvent(event)

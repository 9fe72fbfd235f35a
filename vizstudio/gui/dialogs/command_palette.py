"""Finds and does anything by a few letters of its name."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from vizstudio.gui.commands import Command
from vizstudio.gui.dialogs.search_line import SearchLine
from vizstudio.gui.search import find

SIZE = (620, 420)
EDGE, GAP = 12, 16  # pixels beside and between the texts of a row
PAGE = 10  # rows that Page Down moves
Index = QModelIndex | QPersistentModelIndex


class Rows(QAbstractListModel):
    """The commands that match."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []

    def set_commands(self, commands: list[Command]) -> None:
        """Show these commands."""
        self.beginResetModel()
        self.commands = commands
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Count commands."""
        return 0 if parent is not None and parent.isValid() else len(self.commands)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a command's text; `Row` paints the rest."""
        command = self.commands[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return command.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return " ".join(filter(None, (command.text, command.place, command.shortcut)))
        return command if role == Qt.ItemDataRole.UserRole else None


class Row(QStyledItemDelegate):
    """Paints what a command does, where it is found, and its shortcut at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are equally high."""
        return QSize(100, option.fontMetrics.height() + 12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        command: Command = index.data(Qt.ItemDataRole.UserRole)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        palette: QPalette = option.palette
        area: QRect = option.rect
        painter.save()
        if chosen:
            painter.fillRect(area, palette.color(QPalette.ColorRole.Highlight))
        strong = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        faint = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.PlaceholderText
        inside = area.adjusted(EDGE, 0, -EDGE, 0)
        inside = _write(painter, palette, faint, inside, command.shortcut, Qt.AlignmentFlag.AlignRight)
        inside = _write(painter, palette, strong, inside, command.text, Qt.AlignmentFlag.AlignLeft)
        _write(painter, palette, faint, inside, command.place, Qt.AlignmentFlag.AlignLeft)
        painter.restore()


def _write(
    painter: QPainter,
    palette: QPalette,
    role: QPalette.ColorRole,
    area: QRect,
    text: str,
    side: Qt.AlignmentFlag,
) -> QRect:
    """Write a text at one side of an area, shortened if it must be; returns what is left of the area."""
    if not text or area.width() <= 0:
        return area
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.setPen(palette.color(role))
    painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), shown)
    used = painter.fontMetrics().horizontalAdvance(shown) + GAP
    return (
        area.adjusted(used, 0, 0, 0) if side == Qt.AlignmentFlag.AlignLeft else area.adjusted(0, 0, -used, 0)
    )


class CommandPalette(QDialog):
    """A line to type into, and what matches; Enter does the first or the one that is selected."""

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self._commands = list(commands)
        self._texts = [command.searched for command in commands]
        self.setObjectName("palette")
        self.setWindowTitle(self.tr("Commands"))
        self.resize(*SIZE)
        self.line, self.list, self.tip = SearchLine(PAGE), QListView(), QLabel()
        self.line.setPlaceholderText(
            self.tr("What to do? Type a part of its name: an action, a layer, a model")
        )
        self.line.setAccessibleName(self.tr("Search commands"))
        self.line.setTextMargins(4, 4, 4, 4)
        self.rows = Rows()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(Row(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setAccessibleName(self.tr("Commands that match"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.tip.setProperty("muted", True)
        self.tip.setContentsMargins(EDGE, 0, EDGE, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(9, 9, 9, 9)
        layout.setSpacing(7)
        for widget in (self.line, self.list, self.tip):
            layout.addWidget(widget)
        self.line.moved.connect(self._move)
        self.line.taken.connect(self._run)
        self.line.textChanged.connect(self._search)
        self.list.clicked.connect(lambda _: self._run())
        self.list.selectionModel().currentChanged.connect(self._tell)
        self._search()
        self.line.setFocus()

    def _move(self, rows: int) -> None:
        self._go(self.list.currentIndex().row() + rows)

    def _search(self) -> None:
        """Show what matches; before anything is typed, the actions alone."""
        if self.line.text().strip():
            found = [self._commands[i] for i in find(self.line.text(), self._texts, scattered=True)]
        else:
            found = [command for command in self._commands if command.is_action]
        self.rows.set_commands(found)
        self._go(0)
        self._tell()

    def _go(self, row: int) -> None:
        if self.rows.commands:
            self.list.setCurrentIndex(self.rows.index(min(max(row, 0), len(self.rows.commands) - 1)))

    def _tell(self) -> None:
        if not self.rows.commands:
            self.tip.setText(self.tr("Nothing has all these letters."))
            return
        row = self.list.currentIndex().row()
        self.tip.setText(self.rows.commands[row].tip if row >= 0 else "")

    def _run(self) -> None:
        """Close, then do what is selected: it may open a dialog of its own."""
        row = self.list.currentIndex().row()
        if 0 <= row < len(self.rows.commands):
            command = self.rows.commands[row]
            self.accept()
            QTimer.singleShot(0, self.parent() or self, command.do)

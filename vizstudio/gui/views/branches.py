"""The tree of all captions of a photo; a click returns to one."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.caption import CaptionRequest
from vizstudio.core.page import number as told
from vizstudio.gui.caption_tree import CaptionTree, text_from
from vizstudio.gui.wording import step_name

Index = QModelIndex | QPersistentModelIndex
NUMBER, HOW = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
TEXT, LOG_PROB = 0, 1  # columns
MARGIN = 4


class TwoLines(QStyledItemDelegate):
    """Paints how a caption came to be, small, and its text below."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of both lines."""
        return QSize(
            40, QFontMetrics(_small(option.font)).height() + option.fontMetrics.height() + 2 * MARGIN
        )

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw both lines, cut where they are too long."""
        inner = option.rect.adjusted(4, MARGIN, -4, -MARGIN)
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        bottom = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        role = QPalette.ColorRole
        lines = (
            (str(index.data(HOW)), _small(option.font), role.PlaceholderText, top),
            (str(index.data()), option.font, role.Text, bottom),
        )
        painter.save()
        for text, font, colour, align in lines:
            painter.setFont(font)
            painter.setPen(option.palette.color(colour))
            cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
            painter.drawText(inner, int(align), cut)
        painter.restore()


class CaptionTreeWidget(QTreeWidget):
    """Marks the row that is shown, and frames the row where the keyboard is."""

    shown: QTreeWidgetItem | None = None

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setColumnCount(2)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.setIndentation(14)
        self.setUniformRowHeights(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.viewport().setAutoFillBackground(False)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(LOG_PROB, QHeaderView.ResizeMode.ResizeToContents)
        self.setItemDelegateForColumn(TEXT, TwoLines(self))

    def drawRow(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the marks below the row."""
        item, row = self.itemFromIndex(index), QRectF(option.rect)
        row.setWidth(self.viewport().width())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if item is self.shown:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.palette().color(QPalette.ColorRole.Midlight))
            painter.drawRoundedRect(row.adjusted(0, 1, 0, -1), 4, 4)
            painter.setBrush(self.palette().color(QPalette.ColorRole.Highlight))
            painter.drawRoundedRect(QRectF(row.left(), row.top() + 1, 3, row.height() - 2), 1.5, 1.5)
        if item is self.currentItem() and self.hasFocus():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(row.adjusted(0.5, 1.5, -0.5, -1.5), 4, 4)
        painter.restore()
        super().drawRow(painter, option, index)


class Branches(QWidget):
    """Every caption that was written, each below the one that it left."""

    chosen = Signal(int)  # the number of a caption to show

    def __init__(self) -> None:
        super().__init__()
        self._items: list[QTreeWidgetItem] = []
        self._tree: CaptionTree | None = None
        heading, unit = QLabel(self.tr("Captions of this photo")), QLabel(self.tr("log p"))
        heading.setProperty("heading", True)
        unit.setProperty("muted", True)
        unit.setToolTip(self._meaning())
        self.tree = CaptionTreeWidget()
        self.tree.setAccessibleName(heading.text())
        self.tree.setAccessibleDescription(self.tr("Up and down choose a caption, Enter shows it."))
        row = QHBoxLayout()
        row.addWidget(heading, 1)
        row.addWidget(unit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addWidget(self.tree, 1)
        self.tree.itemClicked.connect(self._choose)
        self.tree.itemActivated.connect(self._choose)

    def _meaning(self) -> str:
        return self.tr(
            "Log-probability of the whole caption in nats: the sum over its tokens; "
            "nearer to 0 is more probable."
        )

    def _choose(self, item: QTreeWidgetItem) -> None:
        number = item.data(TEXT, NUMBER)
        if self._tree is not None and number != self._tree.shown:  # a click may be an activation too
            self.chosen.emit(number)

    def show_tree(self, tree: CaptionTree) -> None:
        """Show another tree, or this one with more in it or another caption shown."""
        if self._tree is None or self._tree.branches[0] is not tree.branches[0]:
            self.forget()
        self._tree = tree
        blocker = QSignalBlocker(self.tree)
        for number in range(len(self._items), len(tree.branches)):
            self._add(tree, number)
        self.tree.shown = self._items[tree.shown]
        self.tree.setCurrentItem(self.tree.shown)
        self.tree.scrollToItem(self.tree.shown)
        blocker.unblock()
        self.tree.viewport().update()

    def forget(self) -> None:
        """Hold no tree."""
        self._items.clear()
        self._tree = self.tree.shown = None
        self.tree.clear()

    def _add(self, tree: CaptionTree, number: int) -> None:
        branch, left = tree.branches[number], tree.left_at(number)
        how, text = self._asked(branch.request, branch.beam), branch.caption.text
        if left is not None and branch.parent is not None:
            before, now = left
            parent = tree.branches[branch.parent].caption
            how = self.tr("{0} → {1}").format(step_name(before, parent), step_name(now, branch.caption))
            text = text_from(branch.caption, now.index)
        log_prob = told(branch.caption.log_prob, 2)
        item = QTreeWidgetItem([text, log_prob])
        item.setData(TEXT, NUMBER, number)
        item.setData(TEXT, HOW, how)
        item.setData(TEXT, Qt.ItemDataRole.AccessibleTextRole, f"{how}: {branch.caption.text}, {log_prob}")
        item.setTextAlignment(LOG_PROB, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(TEXT, f"{how}\n{branch.caption.text}")
        item.setToolTip(LOG_PROB, self._meaning())
        if branch.parent is None:
            self.tree.addTopLevelItem(item)
        else:
            self._items[branch.parent].addChild(item)
            self._items[branch.parent].setExpanded(True)
        self._items.append(item)

    def _asked(self, request: CaptionRequest | None, beam: int) -> str:
        if request is None:
            return self.tr("beam {0}").format(beam + 1)
        parts = [
            self.tr("best of {0} beams").format(request.beams) if request.beams > 1 else self.tr("greedy")
        ]
        if request.prefix:
            parts.append(self.tr("begun with “{0}”").format(request.prefix))
        if request.max_tokens is not None:
            parts.append(self.tr("at most {0} tokens").format(request.max_tokens))
        return " · ".join(parts)


def _small(font: QFont) -> QFont:
    small = QFont(font)
    small.setPointSizeF(small.pointSizeF() * 0.88)
    return small

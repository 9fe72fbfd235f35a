"""What a step might have written instead: tokens with bars of probability; choosing one branches there."""

from math import exp

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.caption import Alternative
from vizstudio.core.page import number
from vizstudio.gui.caption_snapshot import CaptionSnapshot
from vizstudio.gui.line import Line
from vizstudio.gui.probability import fill, percent
from vizstudio.gui.wording import step_name

Index = QModelIndex | QPersistentModelIndex
PROBABILITY, WRITTEN = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
ROOM = 8


class BarDelegate(QStyledItemDelegate):
    """Paints a token, the bar of its probability below it, and the percentage."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the size of a line."""
        return QSize(120, option.fontMetrics.height() + 13)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the line; the token that was written is bold and ticked."""
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        probability, written = float(index.data(PROBABILITY)), bool(index.data(WRITTEN))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
            painter.setBrush(palette.color(QPalette.ColorRole.Midlight))
            painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 4, 4)
        inner = rect.adjusted(ROOM, 3, -ROOM, -9)
        bar = QRectF(inner.left(), rect.bottom() - 7, inner.width(), 4)
        painter.setBrush(palette.color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(bar, 2, 2)
        if probability > 0:
            painter.setBrush(fill(1.0, palette))
            painter.drawRoundedRect(bar.adjusted(0, 0, bar.width() * (min(probability, 1) - 1), 0), 2, 2)
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        font = option.font
        font.setBold(written)
        painter.setFont(font)
        told = percent(probability)
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), told)
        room = inner.width() - painter.fontMetrics().horizontalAdvance(told) - ROOM
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, room)
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()


class TokenList(QListWidget):
    """Tells a click or Enter; leaves the keys that step through the caption to the view around."""

    taken = Signal(int)  # the row that was clicked, or current when Enter was pressed

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        self.setItemDelegate(BarDelegate(self))
        self.clicked.connect(lambda index: self.taken.emit(index.row()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the current row, or step."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentRow() >= 0:
            self.taken.emit(self.currentRow())
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Space):
            event.ignore()
        else:
            super().keyPressEvent(event)


class Alternatives(QWidget):
    """The most probable tokens of one step, under a heading that says of which."""

    chosen = Signal(int, int)  # (step, alternative) to branch at

    def __init__(self) -> None:
        super().__init__()
        self._step = 0
        self.heading = Line(heading=True)
        self.heading.setToolTip(
            self.tr(
                "The tokens that were most probable here, given the photo and all words before; "
                "together with all others they add up to 100 %."
            )
        )
        self.list = TokenList()
        self.list.setAccessibleName(self.tr("Alternatives"))
        self.list.setAccessibleDescription(
            self.tr("Up and down choose a token, Enter continues the caption with it.")
        )
        self.hint = QLabel()
        self.hint.setProperty("muted", True)
        self.hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.heading)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.hint)
        self.list.taken.connect(lambda row: self.chosen.emit(self._step, row))

    def show_step(self, snapshot: CaptionSnapshot) -> None:
        """Offer the alternatives of the step in view."""
        step, caption = snapshot.step, snapshot.caption
        self._step = step.index
        end = caption.ending.token_id if caption.ending else None
        self.heading.setText(self.tr("Instead of “{0}”").format(step_name(step, caption)))
        several = len(snapshot.unit.steps) > 1
        first = self.tr("The first piece of “{0}”. ").format(snapshot.unit.text) if several else ""
        self.hint.setText(first + self.tr("Click one to continue the caption with it."))
        self.list.clear()
        for alternative in step.alternatives:
            text = self.tr("end") if alternative.token_id == end else alternative.text
            self.list.addItem(self._item(alternative, text, alternative.token_id == step.token_id))

    def _item(self, alternative: Alternative, text: str, written: bool) -> QListWidgetItem:
        probability = exp(alternative.log_prob)
        item = QListWidgetItem(("✓ " if written else "") + text)
        item.setData(PROBABILITY, probability)
        item.setData(WRITTEN, written)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{text}, {percent(probability)}")
        told = self.tr("“{0}”: probability {1}, log-probability {2}")
        tip = told.format(text, f"{probability:.3g}", number(alternative.log_prob, 3))
        what = (
            self.tr("This is what was written.")
            if written
            else self.tr("Click to continue the caption with it.")
        )
        item.setToolTip(f"{tip}\n{what}")
        return item

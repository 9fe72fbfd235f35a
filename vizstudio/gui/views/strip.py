"""The caption as chips: a word each, coloured by its probability, the one in view marked."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPalette,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from vizstudio.core.caption import Caption, Word
from vizstudio.core.page import number
from vizstudio.gui.probability import fill, ink, percent
from vizstudio.gui.wording import step_name

ROOM = 9  # pixels between a word and the end of its chip
EDGE = 4  # pixels around a chip
MAX_LINES = 3
WORD, ENDS = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1  # a `Word`; whether it ends the caption
Index = QModelIndex | QPersistentModelIndex


class ChipDelegate(QStyledItemDelegate):
    """Paints a word on its colour and the probability below."""

    def __init__(self, strip: "ChipStrip") -> None:
        super().__init__(strip)
        self._strip = strip

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the size of word and probability."""
        text = QFontMetrics(self._strip.word_font(bool(index.data(ENDS)))).horizontalAdvance(
            str(index.data())
        )
        below = QFontMetrics(self._strip.small_font()).horizontalAdvance(self._below(index))
        return QSize(max(text + 2 * ROOM, below + 4) + 2 * EDGE, self._strip.line_height())

    def _below(self, index: Index) -> str:
        return percent(index.data(WORD).probability)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the chip; the current one has a frame and a pointer to its probability."""
        rect: QRect = option.rect
        palette: QPalette = option.palette
        unit, current = index.data(WORD), index.row() == self._strip.at
        word_height = QFontMetrics(self._strip.word_font()).height() + 10
        chip = QRectF(rect.left() + EDGE, rect.top() + EDGE, rect.width() - 2 * EDGE, word_height)
        ground = fill(unit.probability, palette)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(chip, 5, 5)
        painter.setPen(ink(ground))
        painter.setFont(self._strip.word_font(bool(index.data(ENDS))))
        painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), str(index.data()))
        if unit.steps[0].forced:
            painter.setPen(QPen(ink(ground), 1, Qt.PenStyle.DotLine))
            y = chip.bottom() - 3
            painter.drawLine(QPointF(chip.left() + ROOM, y), QPointF(chip.right() - ROOM, y))
        if current:
            here = QPalette.ColorRole.Highlight if self._strip.hasFocus() else QPalette.ColorRole.WindowText
            self._mark(painter, chip, palette.color(here))
        role = QPalette.ColorRole.Text if current else QPalette.ColorRole.PlaceholderText
        painter.setPen(palette.color(role))
        painter.setFont(self._strip.small_font())
        below = QRectF(rect.left(), chip.bottom() + 4, rect.width(), rect.bottom() - chip.bottom() - 3)
        align = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        painter.drawText(below, int(align), self._below(index))
        painter.restore()

    @staticmethod
    def _mark(painter: QPainter, chip: QRectF, colour: QColor) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 2))
        painter.drawRoundedRect(chip.adjusted(-2.5, -2.5, 2.5, 2.5), 7.5, 7.5)
        tip = QPointF(chip.center().x(), chip.bottom() + 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([tip, tip + QPointF(-5, -4), tip + QPointF(5, -4)]))


class ChipStrip(QListWidget):
    """Words in reading order; a click or a key asks for another one, which `show_unit` then marks."""

    chosen = Signal(int)  # a word was clicked, or Home or End was pressed
    moved = Signal(int)  # an arrow key: words later, or earlier if negative

    def __init__(self) -> None:
        super().__init__()
        self.at = 0
        self.setAccessibleName(self.tr("Caption"))
        self.setAccessibleDescription(
            self.tr("Left and right step through the words, Home and End go to the ends, Space plays.")
        )
        self.setFlow(QListWidget.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.setItemDelegate(ChipDelegate(self))
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))

    def word_font(self, ends: bool = False) -> QFont:
        """Return the font of a word; the end of the caption is no word and stands in italics."""
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.2)
        font.setItalic(ends)
        return font

    def small_font(self) -> QFont:
        """Return the font of a probability."""
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.88)
        return font

    def line_height(self) -> int:
        """Return the height of a line of chips."""
        large, small = QFontMetrics(self.word_font()), QFontMetrics(self.small_font())
        return large.height() + small.height() + 2 * EDGE + 18

    def show_caption(self, caption: Caption, units: Sequence[Word]) -> None:
        """Show other words."""
        self.clear()
        for unit in units:
            ends = unit.steps[-1] is caption.ending
            item = QListWidgetItem(step_name(unit.steps[-1], caption) if ends else unit.text)
            item.setData(WORD, unit)
            item.setData(ENDS, ends)
            item.setToolTip(self._explain(unit, item.text()))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{item.text()}, {percent(unit.probability)}")
            self.addItem(item)
        self._fit()

    def _explain(self, unit: Word, text: str) -> str:
        lines = [
            self.tr("“{0}”: probability {1}, log-probability {2}").format(
                text, f"{unit.probability:.3g}", number(unit.log_prob, 3)
            ),
            self.tr("How sure the model was of it, given the photo and all words before."),
        ]
        if len(unit.steps) > 1:
            pieces = " · ".join(f"{step.text} {percent(step.probability)}" for step in unit.steps)
            lines.append(self.tr("The product over its pieces: {0}").format(pieces))
        lines.append(
            self.tr("Entropy {0} nats: how undecided it was among all words; 0 is certain.").format(
                f"{unit.steps[0].entropy:.2f}"
            )
        )
        if unit.steps[0].forced:
            taken = self.tr("Taken by you from the alternatives: the caption branches here.")
            lines.append(taken if unit.steps[0].taken else self.tr("Given, not chosen by the model."))
        return "\n".join(lines)

    def show_unit(self, at: int) -> None:
        """Mark another word."""
        before, self.at = self.at, at
        self.setCurrentRow(at)  # for assistive technology; the mark does not depend on it
        self.scrollToItem(self.item(at))
        for row in (before, at):
            if row < self.count():
                self.update(self.indexFromItem(self.item(row)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step; leave other keys to the view around."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.count() - 1}
        key = Qt.Key(event.key())
        if key in steps:
            self.moved.emit(steps[key])
        elif key in ends:
            self.chosen.emit(ends[key])
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many lines as the width needs."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.doItemsLayout()
        last = self.visualItemRect(self.item(self.count() - 1)) if self.count() else QRect()
        needed = last.bottom() + 1 + self.verticalScrollBar().value()
        self.setFixedHeight(min(max(needed, self.line_height()), MAX_LINES * self.line_height()))

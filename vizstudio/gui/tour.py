"""Three bubbles that say what is where, for who starts vizstudio for the first time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from vizstudio.gui.wording import translate

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow

WIDTH, MARGIN = 340, 12


@dataclass(frozen=True)
class Step:
    """What is said beside which widget; below its right end if `right`, else below its left end."""

    beside: QWidget
    title: str
    text: str
    right: bool = False


def steps(window: "MainWindow") -> list[Step]:
    """Return the three steps."""
    return [
        Step(
            window.centre,
            translate("tour", "Open a photo"),
            translate(
                "tour",
                "Drop photos or folders here, paste one, or press Ctrl+O. Some ship with vizstudio. The list of "
                "sources at the left opens and closes by Ctrl+B.",
            ),
        ),
        Step(
            window.model_bar,
            translate("tour", "Choose a model"),
            translate(
                "tour",
                "Type a name, or press Ctrl+M to search all of them. Untrained models show their architecture "
                "only; take published weights or a file of your own to see what was learned.",
            ),
            right=True,
        ),
        Step(
            window.menuBar(),
            translate("tour", "Look, and ask"),
            translate(
                "tour",
                "Click a patch of the photo to see where it looks; layers, heads and colours are at the right. "
                "Ctrl+K finds everything that can be done, and F1 lists all keys.",
            ),
        ),
    ]


class Tour(QFrame):
    """A bubble beside a widget; Next goes on, Escape or Skip ends it."""

    def __init__(self, window: "MainWindow", told: Sequence[Step]) -> None:
        super().__init__(window)
        self._steps, self._at = list(told), 0
        self.setObjectName("tour")
        self.setAccessibleName(self.tr("Tour"))
        self.setFixedWidth(WIDTH)
        self.setAutoFillBackground(True)
        self.title, self.text, self.count = QLabel(), QLabel(), QLabel()
        self.title.setProperty("heading", True)
        self.text.setWordWrap(True)
        self.count.setProperty("muted", True)
        self.skip, self.next = QPushButton(self.tr("Skip")), QPushButton()
        self.next.setDefault(True)
        self.skip.clicked.connect(self.end)
        self.next.clicked.connect(self.go_on)
        row = QHBoxLayout()
        row.addWidget(self.count, 1)
        row.addWidget(self.skip)
        row.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self.title)
        layout.addWidget(self.text)
        layout.addLayout(row)

    def begin(self) -> None:
        """Show the first step."""
        self.window().installEventFilter(self)
        self.show()
        self._show_step()

    def go_on(self) -> None:
        """Show the next step, or end after the last."""
        self._at += 1
        if self._at == len(self._steps):
            self.end()
        else:
            self._show_step()

    def end(self) -> None:
        """Take the bubble away."""
        self.window().removeEventFilter(self)
        self.hide()
        self.deleteLater()

    def _show_step(self) -> None:
        step, last = self._steps[self._at], len(self._steps)
        self.title.setText(step.title)
        self.text.setText(step.text)
        self.count.setText(self.tr("{0} of {1}").format(self._at + 1, last))
        self.next.setText(self.tr("Done") if self._at + 1 == last else self.tr("Next"))
        self.skip.setVisible(self._at + 1 < last)
        self.adjustSize()
        self._place()
        self.raise_()
        self.next.setFocus()

    def _place(self) -> None:
        """Stand below the widget, or low in its inside if it is large; never outside of the window."""
        step, window = self._steps[self._at], self.window()
        corner = step.beside.mapTo(window, QPoint(0, 0))
        spare = step.beside.width() - self.width()
        if step.beside.height() > 2 * self.height():
            left = corner.x() + spare // 2
            top = corner.y() + step.beside.height() - self.height() - 4 * MARGIN
        else:
            left = corner.x() + (spare if step.right else MARGIN)
            top = corner.y() + step.beside.height() + MARGIN
        self.move(
            max(min(left, window.width() - self.width() - MARGIN), MARGIN),
            max(min(top, window.height() - self.height() - MARGIN), MARGIN),
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside the widget when the window changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape ends the tour, Enter goes on."""
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.go_on()
        else:
            super().keyPressEvent(event)

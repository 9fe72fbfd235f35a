"""Plays a caption word by word: the button, the interval, and whether pieces are played one by one."""

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QPushButton, QWidget

from vizstudio.gui.kept import settings
from vizstudio.gui.line import Line

KEY = "caption/interval"
DEFAULT, SHORTEST, LONGEST = 0.8, 0.1, 5.0  # seconds


class Player(QWidget):
    """Asks for the next word again and again; the time of a word begins when it is shown."""

    moved = Signal(int)  # words to go on
    restarted = Signal()  # play from the beginning
    piecesToggled = Signal(bool)  # show pieces one by one

    def __init__(self) -> None:
        super().__init__()
        self._at_end = True
        self.playing = False
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(lambda: self.moved.emit(1))
        self.button = QPushButton()
        self.button.setAccessibleName(self.tr("Play"))
        self.button.setToolTip(self.tr("Step through the caption by itself; Space plays and pauses"))
        self.button.setMinimumWidth(72)
        self.interval = QDoubleSpinBox()
        self.interval.setRange(SHORTEST, LONGEST)
        self.interval.setSingleStep(0.1)
        self.interval.setDecimals(1)
        self.interval.setSuffix(self.tr(" s per word"))
        self.interval.setAccessibleName(self.tr("Interval"))
        self.interval.setToolTip(self.tr("How long each word is shown while the caption plays"))
        self.interval.setValue(float(settings().value(KEY, DEFAULT, type=float)))  # type: ignore[arg-type]
        self.pieces = QCheckBox(self.tr("Pieces one by one"))
        self.pieces.setAccessibleName(self.pieces.text())
        self.pieces.setToolTip(
            self.tr(
                "A rare word is written in several pieces; unticked, its map is the mean of theirs "
                "and its probability their product."
            )
        )
        self.place = Line(align=Qt.AlignmentFlag.AlignRight)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        for widget in (self.button, self.interval, self.pieces):
            layout.addWidget(widget)
        layout.addWidget(self.place, 1)
        self.button.clicked.connect(self.toggle)
        self.interval.valueChanged.connect(lambda value: settings().setValue(KEY, value))
        self.pieces.toggled.connect(self.piecesToggled)
        self._show()

    def toggle(self) -> None:
        """Play, from the beginning if the end is shown, or pause."""
        if self.playing:
            self.pause()
            return
        self.playing = True
        if self._at_end:
            self.restarted.emit()
        else:
            self._begin()
        self._show()

    def pause(self) -> None:
        """Stay at the word that is shown."""
        self.playing = False
        self.timer.stop()
        self._show()

    def show_place(self, at: int, count: int, pieces: bool) -> None:
        """Note which word is shown; at the last one, stop."""
        blocker = QSignalBlocker(self.pieces)
        self.pieces.setChecked(pieces)
        blocker.unblock()
        told = self.tr("piece {0} of {1}") if pieces else self.tr("word {0} of {1}")
        self.place.setText(told.format(at + 1, count))
        self._at_end = at == count - 1
        if self.playing and self._at_end:
            self.pause()
        elif self.playing:
            self._begin()

    def _begin(self) -> None:
        self.timer.start(round(1000 * self.interval.value()))

    def _show(self) -> None:
        self.button.setText(self.tr("Pause") if self.playing else self.tr("Play"))

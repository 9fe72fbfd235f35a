"""A caption step by step: the photo with the map of a word, the words, what might have stood instead."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from vizstudio.gui.canvas import Canvas
from vizstudio.gui.caption_snapshot import CaptionSnapshot
from vizstudio.gui.turning import TurningSplitter
from vizstudio.gui.views.alternatives import Alternatives
from vizstudio.gui.views.branches import Branches
from vizstudio.gui.views.caption_form import CaptionForm
from vizstudio.gui.views.map_picture import MapPicture
from vizstudio.gui.views.player import Player
from vizstudio.gui.views.strip import ChipStrip
from vizstudio.gui.wording import head_name

SIDE = 270  # pixels


class CaptionView(QWidget):
    """The words are stepped through by click, arrow keys or play; another token branches."""

    moved = Signal(int)  # words later, or earlier if negative
    chosen = Signal(int)  # a word, by its number
    piecesToggled = Signal(bool)  # show pieces one by one
    alternativeChosen = Signal(int, int)  # (step, alternative) to branch at
    branchChosen = Signal(int)  # a caption of the tree
    requested = Signal(object)  # a CaptionRequest to write the caption anew

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: CaptionSnapshot | None = None
        self.canvas = Canvas(
            self.tr("Attention of a word on the photo"),
            self.tr("Left and right step through the words, the wheel zooms."),
        )
        self.frame = MapPicture(self.canvas)
        self.frame.heading.setToolTip(
            self.tr(
                "Where the decoder looked on the photo in the very step that wrote this word; "
                "of a word of several pieces, the mean over the steps that wrote them."
            )
        )
        self.strip, self.player = ChipStrip(), Player()
        self.alternatives, self.branches, self.form = Alternatives(), Branches(), CaptionForm()
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setVisible(False)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.problem)
        column.addWidget(self.frame, 1)
        column.addWidget(self.strip)
        column.addWidget(self.player)
        self.side = TurningSplitter()
        self.side.setHandleWidth(12)
        self.side.addWidget(self.alternatives)
        self.side.addWidget(self.branches)
        self.side.setSizes([330, 220])
        self.splitter = TurningSplitter()
        self.splitter.setHandleWidth(14)
        self.splitter.addWidget(main)
        self.splitter.addWidget(self.side)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([600, SIDE])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.setSpacing(10)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.form)

    def _connect(self) -> None:
        self.canvas.stepped.connect(self._stepped)
        for widget in (self.strip, self.player):
            widget.moved.connect(self.moved)
        self.strip.chosen.connect(self.chosen)
        self.player.restarted.connect(lambda: self.chosen.emit(0))
        self.player.piecesToggled.connect(self.piecesToggled)
        self.alternatives.chosen.connect(self.alternativeChosen)
        self.branches.chosen.connect(self.branchChosen)
        self.form.requested.connect(self.requested)

    @property
    def zoomed(self) -> Canvas:
        """The canvas that zooming is about."""
        return self.canvas

    def show_snapshot(self, snapshot: CaptionSnapshot, new_result: bool) -> None:
        """Show another word, caption, or the same in other colours; only what differs is made anew."""
        before, self._snapshot = self._snapshot, snapshot
        if new_result:
            self.player.pause()
            self.frame.show_photo(snapshot.result.photo, snapshot.result.image.size)
        if before is None or before.tree is not snapshot.tree:
            self.branches.show_tree(snapshot.tree)
        if before is None or before.units is not snapshot.units:
            self.strip.show_caption(snapshot.caption, snapshot.units)
        if before is None or before.step is not snapshot.step or before.unit is not snapshot.unit:
            self.strip.show_unit(snapshot.at)
            self.alternatives.show_step(snapshot)
        self.player.show_place(snapshot.at, len(snapshot.units), snapshot.state.pieces)
        self.frame.heading.setText(self._title(snapshot))
        self.frame.hint(self.tr("Left and right step through the words, Space plays; the wheel zooms."))
        self.problem.setText(snapshot.words.problem)
        self.problem.setVisible(bool(snapshot.words.problem))
        self.frame.show_map(snapshot.heatmap, snapshot.looks, *snapshot.range)

    def forget(self) -> None:
        """Hold no caption, as none is shown: its words hold what they attended to, and the model."""
        self._snapshot = None
        self.player.pause()
        self.strip.clear()
        self.alternatives.list.clear()
        self.branches.forget()

    def _title(self, snapshot: CaptionSnapshot) -> str:
        """Name what the map is of: the step that wrote the word, or the mean over its pieces."""
        unit, pieces = snapshot.unit, len(snapshot.unit.steps)
        ends = unit.steps[-1] is snapshot.caption.ending
        told = self.tr("Attention that ended the caption") if ends else self.tr("Attention that wrote “{0}”")
        parts = [told.format(unit.text)]
        if pieces > 1:
            parts.append(self.tr("mean of its {0} pieces").format(pieces))
        parts.append(self.tr("decoder layer {0}").format(snapshot.state.layer))
        return " · ".join([*parts, head_name(snapshot.state.head)])

    def _stepped(self, down: int, across: int) -> None:
        if across:
            self.moved.emit(across)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the keys that nothing within took: steps and play, wherever the keyboard is."""
        if event.key() == Qt.Key.Key_Space:
            self.player.toggle()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
            self.strip.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop to play where nobody looks."""
        super().hideEvent(event)
        self.player.pause()

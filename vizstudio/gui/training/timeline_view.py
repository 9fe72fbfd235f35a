"""The timeline: attention, positions and caption of a probe image at any epoch of a run."""

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.state import CAPTION, layers_of
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.layer_controls import LayerControls, fill
from vizstudio.gui.line import Line
from vizstudio.gui.probability import percent
from vizstudio.gui.training.snapshots import Frame
from vizstudio.gui.views.map_picture import MapPicture
from vizstudio.gui.views.position import PositionView
from vizstudio.gui.views.strip import ChipStrip
from vizstudio.gui.wording import head_name, query_name

INTERVAL = 500  # milliseconds that an epoch is shown while it plays
GUESSES = 3


class TimelineView(QWidget):
    """A slider over the epochs; a `TimelineView` for the controller."""

    jumped = Signal(int)  # to an epoch, by its place among those there are
    moved = Signal(int)  # epochs later, or earlier if negative
    changed = Signal(dict)  # what else is asked to be seen: layer, head, word, view, panel, probe, common

    def __init__(self) -> None:
        super().__init__()
        self._frame: Frame | None = None
        self._facts: dict[int, str] = {}
        self.canvas = Canvas(
            self.tr("Attention on the probe image"),
            self.tr("Left and right go through the epochs, the wheel zooms."),
        )
        self.picture, self.position, self.strip = MapPicture(self.canvas), PositionView(), ChipStrip()
        self.guesses, self.place = Line(), Line(heading=True)
        self.position.choice.setVisible(False)
        self.probe, self.subject = QComboBox(), QComboBox()
        self.layers = LayerControls(self.tr("Layer"))
        self.common = QCheckBox(self.tr("Same colours in all epochs"))
        self.common.setChecked(True)
        self.play, self.slider = QPushButton(self.tr("Play")), QSlider(Qt.Orientation.Horizontal)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.playing = False
        self._name()
        self._lay_out()
        self._connect()

    def _name(self) -> None:
        named: dict[QWidget, tuple[str, str]] = {
            self.probe: (
                self.tr("Probe image"),
                self.tr("An image that the run looked at after every epoch"),
            ),
            self.subject: (self.tr("Attention of"), self.tr("Whose attention is drawn on the image")),
            self.common: (
                self.common.text(),
                self.tr("Compare epochs: one scale for all; else each epoch's colours span its own values"),
            ),
            self.play: (self.tr("Play"), self.tr("Go through the epochs; Space plays and pauses")),
            self.slider: (self.tr("Epoch"), self.tr("Epoch of the run; 0 is before the first")),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)
        self.play.setMinimumWidth(92)

    def _lay_out(self) -> None:
        bottom = QHBoxLayout()
        bottom.setSpacing(12)
        bottom.addWidget(self.play)
        bottom.addWidget(self.slider, 1)
        foot = QWidget()
        below = QVBoxLayout(foot)
        below.setContentsMargins(14, 0, 14, 8)
        below.addWidget(self.guesses)
        below.addWidget(self.strip)
        below.addLayout(bottom)
        below.addWidget(self.place)
        self.inside = QWidget()
        layout = QVBoxLayout(self.inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._make_head())
        layout.addWidget(self._make_pictures(), 1)
        layout.addWidget(foot)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.problem)
        outer.addWidget(self.inside, 1)

    def _make_head(self) -> QWidget:
        head = QWidget()
        controls = QHBoxLayout(head)
        controls.setContentsMargins(14, 8, 14, 0)
        controls.setSpacing(10)
        self.subject_name = QLabel(self.tr("Attention of"))
        for widget, stretch in (
            (QLabel(self.tr("Image")), 0),
            (self.probe, 2),
            (self.subject_name, 0),
            (self.subject, 1),
            (QLabel(self.tr("Layer")), 0),
            (self.layers.layer_row, 2),
            (self.layers.head, 1),
            (self.common, 0),
        ):
            controls.addWidget(widget, stretch)
        self.layers.head.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        return head

    def _make_pictures(self) -> QSplitter:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(14, 10, 0, 10)
        column.setSpacing(6)
        column.addWidget(self.picture, 1)
        self.pictures = QSplitter(Qt.Orientation.Horizontal)
        self.pictures.setChildrenCollapsible(False)
        self.pictures.setHandleWidth(14)
        self.pictures.addWidget(left)
        self.pictures.addWidget(self.position)
        self.pictures.setSizes([420, 760])
        return self.pictures

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self.jumped)
        self.play.clicked.connect(self.toggle)
        self.timer.timeout.connect(lambda: self.moved.emit(1))
        self.layers.changed.connect(self.changed)
        self.probe.activated.connect(lambda at: self.changed.emit({"probe": at}))
        self.common.toggled.connect(lambda on: self.changed.emit({"common": on}))
        self.subject.activated.connect(
            lambda _: self.changed.emit({"view": self.subject.currentData(), "layer": -1, "head": "mean"})
        )
        self.position.panelPinned.connect(lambda panel: self.changed.emit({"panel": panel}))
        self.strip.chosen.connect(self._choose_word)
        self.strip.moved.connect(self.moved)
        self.canvas.stepped.connect(lambda down, across: self.moved.emit(across) if across else None)

    @property
    def zoomed(self) -> Canvas:
        """The canvas that zooming is about."""
        focused = self.position.focusWidget()
        return self.position.zoomed if focused is not None and focused.hasFocus() else self.canvas

    def show_facts(self, facts: dict[int, str]) -> None:
        """Note what was told after each epoch."""
        if facts != self._facts:
            self._facts = facts
            if self._frame is not None:
                self._show_place(self._frame)

    def show_nothing(self, why: str) -> None:
        """Show that there is nothing to see, and why."""
        self.pause()
        self._frame = None
        self.problem.setText(why or self.tr("No epoch to show yet."))
        self.problem.setVisible(True)
        self.inside.setVisible(False)

    def show_frame(self, frame: Frame) -> None:
        """Show an epoch."""
        before, self._frame = self._frame, frame
        self.problem.setVisible(False)
        self.inside.setVisible(True)
        self._show_controls(frame)
        if before is None or before.image.sha256 != frame.image.sha256:
            self.picture.show_photo(frame.photo, frame.image.size)
        self.picture.heading.setText(frame.problem or self._title(frame))
        self.picture.hint(self.tr("Left and right go through the epochs; the wheel zooms."))
        self.picture.show_map(frame.heatmap, frame.state, *frame.span)
        self.position.show_positions(frame.positions, frame.position_problem, frame.state)
        best = frame.analysis.predictions[:GUESSES]
        self.guesses.setText(" · ".join(f"{p.label} {percent(p.probability)}" for p in best))
        self.guesses.setVisible(bool(best))
        self._show_caption(frame)
        self._show_place(frame)
        if self.playing:
            self._go_on(frame)

    def _show_controls(self, frame: Frame) -> None:
        widgets = (self.slider, self.probe, self.subject)
        blockers = [QSignalBlocker(widget) for widget in widgets]
        self.slider.setRange(0, len(frame.epochs) - 1)
        self.slider.setValue(frame.epochs.index(frame.epoch))
        names = [
            (self.tr("{0} of {1}: {2}").format(i + 1, len(frame.names), name), i)
            for i, name in enumerate(frame.names)
        ]
        fill(self.probe, names, frame.probe)
        subjects: list[tuple[str, Any]] = []
        if frame.analysis.attention.layers:
            subjects.append((self.tr("image tokens"), "attention"))
        if frame.analysis.caption is not None or frame.state.view in CAPTION:
            subjects.append((self.tr("a word"), "step"))
        if frame.state.view in [data for _, data in subjects]:
            fill(self.subject, subjects, frame.state.view)
        for widget in (self.subject, self.subject_name):
            widget.setVisible(len(subjects) > 1)
        if frame.heatmap is not None:
            layers = layers_of(frame.analysis, frame.state.view)
            self.layers.show_layer(layers, frame.state.layer, frame.state.head)
        for blocker in blockers:
            blocker.unblock()

    def _title(self, frame: Frame) -> str:
        state, about = frame.state, layers_of(frame.analysis, frame.state.view)[frame.state.layer]
        if state.view in CAPTION:
            assert frame.analysis.caption is not None
            whose = self.tr("Attention that wrote “{0}”").format(
                frame.analysis.caption.words[state.word].text
            )
        else:
            whose = self.tr("Attention of the {0}").format(query_name(None, about.queries))
        return " · ".join((whose, about.name, head_name(state.head)))

    def _show_caption(self, frame: Frame) -> None:
        caption = frame.analysis.caption
        self.strip.setVisible(caption is not None)
        if caption is not None:
            self.strip.show_caption(caption, caption.words)
            self.strip.show_unit(min(frame.state.word, len(caption.words) - 1))

    def _choose_word(self, word: int) -> None:
        view = self._frame.state.view if self._frame else "step"
        more = {} if view in CAPTION else {"layer": -1, "head": "mean"}
        self.changed.emit({"view": "step", "word": word, **more})

    def _show_place(self, frame: Frame) -> None:
        told = self.tr("Before training") if frame.epoch == 0 else self.tr("Epoch {0}").format(frame.epoch)
        facts = self._facts.get(frame.epoch, "")
        self.place.setText(f"{told} · {facts}" if facts else told)

    def toggle(self) -> None:
        """Play, from the beginning if the end is shown, or pause."""
        if self.playing or self._frame is None:
            self.pause()
            return
        self.playing = True
        self.play.setText(self.tr("Pause"))
        if self._frame.epoch == self._frame.epochs[-1]:
            self.jumped.emit(0)
        else:
            self._go_on(self._frame)

    def pause(self) -> None:
        """Stay at the epoch that is shown."""
        self.playing = False
        self.timer.stop()
        self.play.setText(self.tr("Play"))

    def _go_on(self, frame: Frame) -> None:
        if frame.epoch == frame.epochs[-1]:
            self.pause()
        else:
            self.timer.start(INTERVAL)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step and play, wherever the keyboard is."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.slider.maximum()}
        key = Qt.Key(event.key())
        if key in steps:
            self.moved.emit(steps[key])
        elif key in ends:
            self.jumped.emit(ends[key])
        elif key == Qt.Key.Key_Space:
            self.toggle()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop to play where nobody looks."""
        super().hideEvent(event)
        self.pause()

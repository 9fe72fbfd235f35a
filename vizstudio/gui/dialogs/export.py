"""Asks which view to take away, in which format and size; shows how it will look."""

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QPixmap, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.output import SMALLEST_WIDTH, PictureOptions
from vizstudio.core.scene import Scene
from vizstudio.core.view import Figure, View
from vizstudio.entries import ExporterEntry
from vizstudio.gui.items import to_qimage
from vizstudio.gui.taken import MOVING

PREVIEW = QSize(440, 430)
WIDEST, LARGEST_SCALE = 20_000, 20.0
SIZED, CLEAR = ("png", "svg", *MOVING), ("png", "svg")


class ExportDialog(QDialog):
    """The choices on the right, a preview on the left; what is asked is done by its owner."""

    changed = Signal()  # another view was chosen: a preview is wanted
    saveRequested = Signal()
    copyRequested = Signal()  # the picture
    pythonRequested = Signal()
    commandRequested = Signal()

    def __init__(
        self, views: Mapping[str, View], view: str, formats: Sequence[ExporterEntry], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export"))
        self._figure: Figure | None = None
        self._first_frame: Scene | None = None
        self.view, self.format = QComboBox(), QComboBox()
        self.by_scale, self.by_width = QRadioButton(self.tr("Scale")), QRadioButton(self.tr("Width"))
        self.scale, self.width_box = QDoubleSpinBox(), QSpinBox()
        self.transparent = QCheckBox(self.tr("Transparent background"))
        self.size_label, self.preview, self.about, self.said = QLabel(), QLabel(), QLabel(), QLabel()
        for name, about in views.items():
            self.view.addItem(about.title, name)
            self.view.setItemData(self.view.count() - 1, about.measure, Qt.ItemDataRole.ToolTipRole)
        for entry in formats:
            self.format.addItem(format_title(entry), entry.id)
            self.format.setItemData(self.format.count() - 1, entry.title, Qt.ItemDataRole.ToolTipRole)
        self.view.setCurrentIndex(max(self.view.findData(view), 0))
        self._set_up()
        self._name()
        self._lay_out()
        self._connect()
        self._tell()

    @property
    def chosen_view(self) -> str:
        """The view to draw."""
        return str(self.view.currentData())

    @property
    def chosen_format(self) -> str:
        """The format's name."""
        return str(self.format.currentData())

    @property
    def options(self) -> PictureOptions:
        """Size and background; those that the format has no use for are left out."""
        clear = self.transparent.isChecked() and self.chosen_format in CLEAR
        if self.chosen_format not in SIZED:
            return PictureOptions()
        if self.by_width.isChecked():
            return PictureOptions(None, self.width_box.value(), clear)
        scale = self.scale.value()
        return PictureOptions(None if scale == 1 else scale, None, clear)

    def _set_up(self) -> None:
        self.scale.setRange(0.1, LARGEST_SCALE)
        self.scale.setSingleStep(0.5)
        self.scale.setValue(1.0)
        self.scale.setSuffix(" ×")
        self.width_box.setRange(SMALLEST_WIDTH, WIDEST)
        self.width_box.setSingleStep(100)
        self.width_box.setSuffix(self.tr(" px"))
        self.width_box.setValue(1200)
        self.by_scale.setChecked(True)
        self.width_box.setEnabled(False)
        self.preview.setFixedSize(PREVIEW)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.preview.setFrameShape(QFrame.Shape.StyledPanel)
        self.preview.setWordWrap(True)
        self.about.setWordWrap(True)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # so that nothing below it jumps
        for widget in (self.scale, self.width_box, self.by_scale, self.by_width):
            widget.setMinimumHeight(self.format.sizeHint().height())
        self.about.setProperty("muted", True)
        self.size_label.setProperty("muted", True)
        self.size_label.setWordWrap(True)
        self.said.setWordWrap(True)

    def _name(self) -> None:
        named: dict[QWidget, tuple[str, str]] = {
            self.view: (self.tr("View"), self.tr("What the file shows")),
            self.format: (self.tr("Format"), self.tr("Pictures, or the numbers behind them")),
            self.by_scale: (self.tr("Size by scale"), self.tr("Say how many times larger than usual")),
            self.by_width: (self.tr("Size by width"), self.tr("Say how many pixels wide, exactly")),
            self.scale: (self.tr("Scale"), self.tr("How many times larger than usual")),
            self.width_box: (self.tr("Width in pixels"), self.tr("The height follows")),
            self.transparent: (
                self.transparent.text(),
                self.tr("Leave out the white page, in PNG and SVG; the text stays dark"),
            ),
            self.preview: (self.tr("Preview"), self.tr("How the picture will look")),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)

    def _make_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(10)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("View"), self.view)
        form.addRow("", self.about)
        form.addRow(self.tr("Format"), self.format)
        form.addRow(self.by_scale, self.scale)
        form.addRow(self.by_width, self.width_box)
        form.addRow("", self.size_label)
        form.addRow("", self.transparent)
        self.view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.format.setMinimumContentsLength(30)
        popup = self.format.view()
        popup.setMinimumWidth(popup.sizeHintForColumn(0) + 24)
        self.format.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        return form

    def _lay_out(self) -> None:
        self.save = QPushButton(self.tr("Save…"))
        self.save.setDefault(True)
        self.copy = QPushButton(self.tr("Copy picture"))
        self.python, self.command = (
            QPushButton(self.tr("Copy as Python")),
            QPushButton(self.tr("Copy as command")),
        )
        again = QHBoxLayout()
        for button in (self.python, self.command):
            button.setAutoDefault(False)
            again.addWidget(button, 1)
        self.python.setToolTip(self.tr("A script that makes this very file"))
        self.command.setToolTip(self.tr("A line for the terminal that makes this very file"))
        side = QVBoxLayout()
        side.setSpacing(12)
        side.addLayout(self._make_form())
        side.addStretch()
        side.addWidget(self.said)
        side.addLayout(again)
        middle = QHBoxLayout()
        middle.setSpacing(20)
        middle.addWidget(self.preview)
        middle.addLayout(side, 1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setAutoDefault(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(18)
        layout.addLayout(middle)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        self.view.currentIndexChanged.connect(self._view_chosen)
        for signal in (
            self.format.currentIndexChanged,
            self.scale.valueChanged,
            self.width_box.valueChanged,
            self.by_width.toggled,
            self.transparent.toggled,
        ):
            signal.connect(self._tell)
        self.save.clicked.connect(self.saveRequested)
        self.copy.clicked.connect(self.copyRequested)
        self.python.clicked.connect(self.pythonRequested)
        self.command.clicked.connect(self.commandRequested)
        self.buttons.rejected.connect(self.reject)

    def _view_chosen(self) -> None:
        self._figure = None
        self._tell()
        self.changed.emit()

    def show_figure(self, figure: Figure) -> None:
        """Show how the view looks, and offer the formats that can hold it."""
        self._figure, self._first_frame = figure, None
        blocker = QSignalBlocker(self.format)
        model = self.format.model()
        assert isinstance(model, QStandardItemModel)
        for row in range(self.format.count()):
            moves = figure.frames is not None or self.format.itemData(row) not in MOVING
            model.item(row).setEnabled(moves)
        if not model.item(self.format.currentIndex()).isEnabled():
            self.format.setCurrentIndex(0)
        blocker.unblock()
        self._tell()

    def show_problem(self, sentence: str) -> None:
        """Say why the view cannot be drawn, or the file not be made."""
        if self._figure is None:
            self.preview.setText(sentence)
        else:
            self.say(sentence)

    def say(self, text: str) -> None:
        """Say what came of a button, until something else is chosen."""
        self.said.setText(text)

    def _tell(self) -> None:
        """Show the preview and the size that come of the choices."""
        self.about.setText(str(self.view.currentData(Qt.ItemDataRole.ToolTipRole)))
        self.said.setText("")
        sized = self.chosen_format in SIZED
        for radio, box in ((self.by_scale, self.scale), (self.by_width, self.width_box)):
            radio.setEnabled(sized)
            box.setEnabled(sized and radio.isChecked())
        self.transparent.setEnabled(self.chosen_format in CLEAR)
        for button in (self.save, self.copy):
            button.setEnabled(self._figure is not None)
        if self._figure is None:
            self.preview.setText(self.tr("Drawing…"))
            self.size_label.setText("")
            return
        self.size_label.setText(self._size_text(self._figure))
        self.preview.setPixmap(self._pixmap(self._figure))

    def _size_text(self, figure: Figure) -> str:
        if self.chosen_format not in SIZED:
            return self.tr("Numbers: they have no size in pixels.")
        options, scene = self.options, self._scene(figure)
        scale = options.width / scene.width if options.width else options.scale or 1.0
        across, down = round(scene.width * scale), round(scene.height * scale)
        return self.tr("{0} × {1} pixels").format(across, down)

    def _scene(self, figure: Figure) -> Scene:
        """Return what is drawn: of an animation its first frame."""
        if figure.frames is None or self.chosen_format not in MOVING:
            return figure.scene
        if self._first_frame is None:
            self._first_frame = figure.frames()[0].scene
        return self._first_frame

    def _pixmap(self, figure: Figure) -> QPixmap:
        """Draw the figure to fit, on a checkerboard where it is transparent."""
        ratio = self.devicePixelRatioF()
        room = (round((PREVIEW.width() - 12) * ratio), round((PREVIEW.height() - 12) * ratio))
        scene = self._scene(figure)
        scale = min(room[0] / scene.width, room[1] / scene.height, ratio)
        pixels = scene.rasterize(scale, self.options.transparent)
        height, width = pixels.shape[:2]
        across, down = np.indices((width, height)) // round(8 * ratio)
        board = np.where((across[:, :1] + down[:1]).T % 2, 205, 245)[..., None]
        alpha = pixels[..., 3:] / 255
        laid = pixels[..., :3] * alpha + board * (1 - alpha)
        shown = QPixmap.fromImage(to_qimage(np.round(laid).astype(np.uint8)))
        shown.setDevicePixelRatio(ratio)
        return shown


def format_title(entry: ExporterEntry) -> str:
    """Return what a format is called in the list: its name first, its title up to a semicolon."""
    title = entry.title.partition(";")[0]
    return title if title.lower().startswith(entry.id) else f"{entry.id.upper()}: {title}"

"""How maps look: colours and their range, opacity, interpolation, and which cells are shown."""

from PySide6.QtCore import QObject, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QWidget,
)

from vizstudio.core.overlay import COLORMAPS, lookup_table
from vizstudio.core.state import ViewState
from vizstudio.gui.items import to_qimage
from vizstudio.gui.layer_controls import with_value

SWATCH = QSize(44, 12)
DECIMALS = 6  # of the ends of a range
FARTHEST = 1000.0


class PlainNumber(QDoubleSpinBox):
    """A number without the zeros at its end."""

    def textFromValue(self, value: float) -> str:
        """Return such as "0.05"."""
        text, point = super().textFromValue(value), self.locale().decimalPoint()
        return text.rstrip(self.locale().zeroDigit()).removesuffix(point) if point in text else text


class LooksControls(QObject):
    """Controls to be laid out by their owner; setters never write back."""

    changed = Signal(dict)  # fields of ViewState that the user changed

    def __init__(self) -> None:
        super().__init__()
        self.colormap = QComboBox()
        self.opacity, self.opacity_value = QSlider(Qt.Orientation.Horizontal), QLabel("–")
        self.mass, self.mass_value = QSlider(Qt.Orientation.Horizontal), QLabel("–")
        self.smooth = QCheckBox(self.tr("Smooth between cells"))
        self.locked = QCheckBox(self.tr("The same for all maps"))
        self.low, self.high = PlainNumber(), PlainNumber()
        self._span = (0.0, 1.0)  # of the map that is shown
        self._written: tuple[float, float] | None = None  # what the two boxes say
        self.opacity.setRange(0, 100)
        self.mass.setRange(1, 100)
        for slider in (self.opacity, self.mass):
            slider.setPageStep(10)
        self._name()
        self.colormap.addItems(COLORMAPS)
        self.colormap.setIconSize(SWATCH)
        self._make_range()
        self._connect()

    def _name(self) -> None:
        named = {
            self.colormap: (self.tr("Colours"), self.tr("Colours of maps and position panels")),
            self.locked: (
                self.tr("The same range of colours for all maps"),
                self.tr("Keep the values at the ends of the colours, so that maps can be compared"),
            ),
            self.low: (self.tr("Lower end of the colours"), self.tr("The value with the first colour")),
            self.high: (self.tr("Upper end of the colours"), self.tr("The value with the last colour")),
            self.opacity: (self.tr("Opacity"), self.tr("How much of the photo the map covers")),
            self.mass: (
                self.tr("Mass"),
                self.tr("Show only the fewest cells that together hold this share of the map"),
            ),
            self.smooth: (self.smooth.text(), self.tr("Blend the values of neighbouring cells")),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)

    def draw_swatches(self) -> None:
        """Show the colours beside their names, one by one; reading them takes too long for the first frame."""
        bare = (i for i in range(self.colormap.count()) if self.colormap.itemIcon(i).isNull())
        place = next(bare, None)
        if place is not None:
            ramp = to_qimage(lookup_table(self.colormap.itemText(place))[None])
            self.colormap.setItemIcon(place, QIcon(QPixmap.fromImage(ramp.scaled(SWATCH))))
            QTimer.singleShot(0, self.colormap, self.draw_swatches)  # ends with the window

    def _make_range(self) -> None:
        self.range_row = QWidget()
        row = QHBoxLayout(self.range_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for box in (self.low, self.high):
            box.setDecimals(DECIMALS)
            box.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
            box.setKeyboardTracking(False)
            box.setMinimumWidth(60)
        row.addWidget(self.low, 1)
        row.addWidget(QLabel(self.tr("to")))
        row.addWidget(self.high, 1)

    def lay_out(self, form: QFormLayout) -> None:
        """Add a row for each."""
        self._form = form
        form.addRow(self.tr("Colours"), self.colormap)
        form.addRow(self.tr("Range"), self.locked)
        form.addRow("", self.range_row)
        form.addRow(self.tr("Opacity"), with_value(self.opacity, self.opacity_value))
        form.addRow(self.tr("Mass"), with_value(self.mass, self.mass_value))
        form.addRow("", self.smooth)
        form.setRowVisible(self.range_row, False)

    def _connect(self) -> None:
        self.colormap.textActivated.connect(lambda name: self.changed.emit({"colormap": name}))
        self.opacity.valueChanged.connect(lambda value: self.changed.emit({"opacity": value / 100}))
        self.mass.valueChanged.connect(lambda value: self.changed.emit({"mass": value / 100}))
        self.smooth.toggled.connect(lambda on: self.changed.emit({"smooth": on}))
        self.locked.toggled.connect(lambda on: self.changed.emit({"range": self._span if on else None}))
        self.low.valueChanged.connect(lambda value: self._type(value, self._span[1]))
        self.high.valueChanged.connect(lambda value: self._type(self._span[0], value))

    def _type(self, low: float, high: float) -> None:
        self._written = None  # until it is shown what was made of it
        self.changed.emit({"range": (low, high)})

    def show_state(self, state: ViewState) -> None:
        """Set the controls to what is asked."""
        widgets = (self.colormap, self.opacity, self.mass, self.smooth, self.locked)
        blockers = [QSignalBlocker(widget) for widget in widgets]
        if self.colormap.findText(state.colormap) < 0:  # any that the cmap library knows may be asked for
            self.colormap.addItem(state.colormap)
        self.draw_swatches()
        self.colormap.setCurrentText(state.colormap)
        for slider, label, value in (
            (self.opacity, self.opacity_value, state.opacity),
            (self.mass, self.mass_value, state.mass),
        ):
            slider.setValue(round(value * 100))
            label.setText(self.tr("{0} %").format(round(value * 100)))
        self.smooth.setChecked(state.smooth)
        self.locked.setChecked(state.range is not None)
        self._form.setRowVisible(self.range_row, state.range is not None)
        for blocker in blockers:
            blocker.unblock()
        if state.range is not None:
            self.show_span(*state.range)

    def show_span(self, low: float, high: float) -> None:
        """Tell the range of the map that is shown, which is what can be kept."""
        self._span = (low, high)
        if not self.locked.isChecked() or self._written == self._span:
            return  # another range would lay out the window anew, for each word of a caption
        self._written, least = self._span, 10.0**-DECIMALS
        blockers = [QSignalBlocker(box) for box in (self.low, self.high)]
        self.low.setRange(min(-FARTHEST, low), max(high - least, low))
        self.high.setRange(min(low + least, high), max(FARTHEST, high))
        self.low.setValue(low)
        self.high.setValue(high)
        for blocker in blockers:
            blocker.unblock()

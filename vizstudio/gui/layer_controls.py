"""Which layer and which head: of the image's encoder, or of a caption's decoder."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QWidget

from vizstudio.core.maps import REDUCTIONS
from vizstudio.core.state import parse_head
from vizstudio.core.types import AttentionLayer, Head
from vizstudio.gui.wording import head_name


class LayerControls(QObject):
    """A slider and a box, to be laid out by their owner; setters never write back."""

    changed = Signal(dict)  # "layer" or "head", when the user changed it

    def __init__(self, name: str) -> None:
        super().__init__()
        self.layer, self.layer_value, self.head = QSlider(Qt.Orientation.Horizontal), QLabel("–"), QComboBox()
        self.layer.setPageStep(1)
        self.layer_row = with_value(self.layer, self.layer_value)
        tips = {
            self.layer: (name, self.tr("Layer of the model, from first to last")),
            self.head: (self.tr("Head"), self.tr("One attention head, or all of them fused")),
        }
        for widget, (named, tip) in tips.items():
            widget.setAccessibleName(named)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)
        self.layer.valueChanged.connect(lambda value: self.changed.emit({"layer": value}))
        self.head.activated.connect(
            lambda _: self.changed.emit({"head": parse_head(self.head.currentData())})
        )

    def show_layer(self, layers: Sequence[AttentionLayer], layer: int, head: Head) -> None:
        """Show which layer and head are asked for, and what else there is."""
        blockers = [QSignalBlocker(widget) for widget in (self.layer, self.head)]
        last = len(layers) - 1
        self.layer.setRange(0, last)
        self.layer.setValue(layer)
        self.layer.setEnabled(last > 0)
        self.layer_value.setText(self.tr("{0} of 0–{1}").format(layer, last) if last else self.tr("0 only"))
        fused: list[tuple[str, Any]] = [(head_name(name), name) for name in REDUCTIONS]  # type: ignore[arg-type]
        fill(self.head, fused + [(head_name(i), str(i)) for i in range(layers[layer].heads)], str(head))
        for blocker in blockers:
            blocker.unblock()


def with_value(slider: QSlider, value: QLabel) -> QWidget:
    """Put a slider and its value into a row."""
    value.setProperty("muted", True)
    value.setMinimumWidth(value.fontMetrics().horizontalAdvance("00 of 0–00"))
    widget = QWidget()
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(10)
    row.addWidget(slider, 1)
    row.addWidget(value)
    return widget


def fill(box: QComboBox, entries: list[tuple[str, Any]], current: Any) -> None:
    """Offer these entries, unless they are offered already, and choose one."""
    if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != entries:
        box.clear()
        for text, data in entries:
            box.addItem(text, data)
    box.setCurrentIndex([data for _, data in entries].index(current))

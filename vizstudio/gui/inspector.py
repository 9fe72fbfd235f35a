"""The controls of what is shown, and the facts on it."""

from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.maps import REDUCTIONS
from vizstudio.core.overlay import COLORMAPS, lookup_table
from vizstudio.core.state import ViewState, parse_head
from vizstudio.core.types import AttentionLayer
from vizstudio.gui.facts import FactsPanel
from vizstudio.gui.items import to_qimage
from vizstudio.gui.snapshot import Result, Snapshot
from vizstudio.gui.wording import default_query, head_name, query_name

SWATCH = QSize(44, 12)
MAX_PREFIX = 16  # prefix tokens offered as queries


class Inspector(QWidget):
    """Layer, head, query, colours; setters never write back."""

    changed = Signal(dict)  # fields of ViewState that the user changed

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.opacity = QSlider(Qt.Orientation.Horizontal), QSlider(Qt.Orientation.Horizontal)
        self.layer_value, self.opacity_value = QLabel("–"), QLabel("–")
        self.head, self.query, self.colormap = QComboBox(), QComboBox(), QComboBox()
        self.smooth = QCheckBox(self.tr("Smooth between cells"))
        self.outliers = QCheckBox(self.tr("Hide high-norm tokens"))
        self.facts = FactsPanel()
        self.layer.setPageStep(1)
        self.opacity.setRange(0, 100)
        self.opacity.setPageStep(10)
        self._name()
        self._offer_colormaps()
        self._lay_out()
        self._connect()
        self.setEnabled(False)

    def _name(self) -> None:
        named = {
            self.layer: (self.tr("Layer"), self.tr("Layer of the model, from first to last")),
            self.head: (self.tr("Head"), self.tr("One attention head, or all of them fused")),
            self.query: (self.tr("Query"), self.tr("The token whose attention is shown")),
            self.colormap: (self.tr("Colours"), self.tr("Colours of maps and position panels")),
            self.opacity: (self.tr("Opacity"), self.tr("How much of the photo the map covers")),
            self.smooth: (self.smooth.text(), self.tr("Blend the values of neighbouring cells")),
            self.outliers: (
                self.outliers.text(),
                self.tr("Leave out patches whose norm is over 3 times the median of all patches"),
            ),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)

    def _offer_colormaps(self) -> None:
        self.colormap.setIconSize(SWATCH)
        for name in COLORMAPS:
            ramp = to_qimage(lookup_table(name)[None])
            self.colormap.addItem(QIcon(QPixmap.fromImage(ramp.scaled(SWATCH))), name)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("Layer"), _with_value(self.layer, self.layer_value))
        form.addRow(self.tr("Head"), self.head)
        form.addRow(self.tr("Query"), self.query)
        form.addRow(self.tr("Colours"), self.colormap)
        form.addRow(self.tr("Opacity"), _with_value(self.opacity, self.opacity_value))
        form.addRow("", self.smooth)
        form.addRow("", self.outliers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 14)
        layout.addLayout(form)
        layout.addSpacing(4)
        layout.addWidget(self.facts)
        layout.addStretch()

    def _connect(self) -> None:
        self.layer.valueChanged.connect(lambda value: self.changed.emit({"layer": value}))
        self.head.activated.connect(
            lambda _: self.changed.emit({"head": parse_head(self.head.currentData())})
        )
        self.query.activated.connect(lambda _: self.changed.emit({"query": self.query.currentData()}))
        self.colormap.textActivated.connect(lambda name: self.changed.emit({"colormap": name}))
        self.opacity.valueChanged.connect(lambda value: self.changed.emit({"opacity": value / 100}))
        self.smooth.toggled.connect(lambda on: self.changed.emit({"smooth": on}))
        self.outliers.toggled.connect(lambda on: self.changed.emit({"hide_outliers": on}))

    def show_controls(self, result: Result, state: ViewState) -> None:
        """Set the controls to what is asked; none of them tells that it changed."""
        analysis = result.analysis
        about = analysis.attention.layers[state.layer]
        controls = (
            self.layer,
            self.head,
            self.query,
            self.colormap,
            self.opacity,
            self.smooth,
            self.outliers,
        )
        blockers = [QSignalBlocker(widget) for widget in controls]
        self.setEnabled(True)
        last = len(analysis.attention.layers) - 1
        self.layer.setRange(0, last)
        self.layer.setValue(state.layer)
        self.layer_value.setText(self.tr("{0} of 0–{1}").format(state.layer, last))
        _fill(self.head, self._heads(about), str(state.head))
        _fill(self.query, self._queries(about, state), _chosen_query(about, state))
        self.colormap.setCurrentText(state.colormap)
        self.opacity.setValue(round(state.opacity * 100))
        self.opacity_value.setText(self.tr("{0} %").format(round(state.opacity * 100)))
        self.smooth.setChecked(state.smooth)
        self.outliers.setChecked(state.hide_outliers)
        self.outliers.setEnabled(analysis.token_norms is not None)
        for blocker in blockers:
            blocker.unblock()

    @staticmethod
    def _heads(about: AttentionLayer) -> list[tuple[str, Any]]:
        fused = [(head_name(name), name) for name in REDUCTIONS]  # type: ignore[arg-type]
        return fused + [(head_name(i), str(i)) for i in range(about.heads)]

    @staticmethod
    def _queries(about: AttentionLayer, state: ViewState) -> list[tuple[str, Any]]:
        axis = about.queries
        offered: list[Any] = list(axis.labels[:MAX_PREFIX])
        offered += ["mean"] if axis.grid else []
        chosen = _chosen_query(about, state)
        offered += [chosen] if chosen not in offered else []
        return [(query_name(query, axis), query) for query in offered]

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Tell the facts of another picture."""
        self.facts.show_snapshot(snapshot)


def _with_value(slider: QSlider, value: QLabel) -> QHBoxLayout:
    value.setProperty("muted", True)
    value.setMinimumWidth(value.fontMetrics().horizontalAdvance("00 of 0–00"))
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(slider, 1)
    row.addWidget(value)
    return row


def _chosen_query(about: AttentionLayer, state: ViewState) -> Any:
    return default_query(about.queries) if state.query is None else state.query


def _fill(box: QComboBox, entries: list[tuple[str, Any]], current: Any) -> None:
    """Offer these entries, unless they are offered already, and choose one."""
    if [(box.itemText(i), box.itemData(i)) for i in range(box.count())] != entries:
        box.clear()
        for text, data in entries:
            box.addItem(text, data)
    box.setCurrentIndex([data for _, data in entries].index(current))

"""The controls of what is shown, and the facts on it."""

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.maps import REDUCTIONS
from vizstudio.core.overlay import COLORMAPS
from vizstudio.core.state import parse_head
from vizstudio.gui.controller import Snapshot


class Inspector(QWidget):
    """Layer, head, query, colours; setters never write back."""

    changed = Signal(dict)  # fields of ViewState that the user changed

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer = QSlider(Qt.Orientation.Horizontal)
        self.layer.setAccessibleName(self.tr("Layer"))
        self.layer.setPageStep(1)
        self.layer_label = QLabel("–")
        self.head, self.query, self.colormap = QComboBox(), QComboBox(), QComboBox()
        self.head.setAccessibleName(self.tr("Head"))
        self.query.setAccessibleName(self.tr("Query"))
        self.colormap.setAccessibleName(self.tr("Colormap"))
        self.colormap.addItems(COLORMAPS)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setAccessibleName(self.tr("Opacity"))
        self.opacity.setRange(0, 100)
        self.smooth = QCheckBox(self.tr("Smooth between cells"))
        self.outliers = QCheckBox(self.tr("Hide high-norm tokens"))
        self.outliers.setToolTip(
            self.tr("Leaves out patches whose norm is over 3 times the median of all patches.")
        )
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()
        self._connect()
        self.setEnabled(False)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(self.tr("Layer"), self.layer)
        form.addRow("", self.layer_label)
        form.addRow(self.tr("Head"), self.head)
        form.addRow(self.tr("Query"), self.query)
        form.addRow(self.tr("Colours"), self.colormap)
        form.addRow(self.tr("Opacity"), self.opacity)
        form.addRow("", self.smooth)
        form.addRow("", self.outliers)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addSpacing(12)
        layout.addWidget(self.facts, 1)

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

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what is shown; none of the controls tells that it changed."""
        state, analysis = snapshot.state, snapshot.result.analysis
        about = analysis.attention.layers[state.layer]
        blocked = [self.layer, self.head, self.query, self.colormap, self.opacity, self.smooth, self.outliers]
        blockers = [QSignalBlocker(widget) for widget in blocked]
        self.setEnabled(True)
        self.layer.setRange(0, len(analysis.attention.layers) - 1)
        self.layer.setValue(state.layer)
        self.layer_label.setText(f"{state.layer} · {about.name}")
        heads = [(self.tr(name), name) for name in REDUCTIONS]
        heads += [(self.tr("head {0}").format(i), str(i)) for i in range(about.heads)]
        _fill(self.head, heads, str(state.head))
        queries: list[tuple[str, Any]] = [(_token_name(label), label) for label in about.queries.labels[:16]]
        queries += [(self.tr("mean of patches"), "mean")] if about.queries.grid else []
        if isinstance(state.query, tuple):
            queries.append((self.tr("patch {0},{1}").format(*state.query), state.query))
        _fill(self.query, queries, state.query if state.query is not None else queries[0][1])
        self.colormap.setCurrentText(state.colormap)
        self.opacity.setValue(round(state.opacity * 100))
        self.smooth.setChecked(state.smooth)
        self.outliers.setChecked(state.hide_outliers)
        self.outliers.setEnabled(analysis.token_norms is not None)
        self.facts.setText(_facts(snapshot))
        del blockers


def _fill(box: QComboBox, entries: list[tuple[str, Any]], current: Any) -> None:
    box.clear()
    for i, (text, data) in enumerate(entries):
        box.addItem(text, data)
        if data == current:
            box.setCurrentIndex(i)


def _token_name(label: str) -> str:
    return {"cls": "class token"}.get(label, label.replace("reg", "register "))


def _facts(snapshot: Snapshot) -> str:
    """Return what a reader should know of the picture, as rich text."""
    analysis = snapshot.result.analysis
    about = analysis.attention.layers[snapshot.state.layer]
    error = "not checked" if about.max_error is None else f"weights @ value differs by {about.max_error:.1e}"
    lines = [
        f"<b>{analysis.model_id}</b>",
        f"{snapshot.result.image.name}, {'×'.join(map(str, snapshot.result.image.size))} px",
        f"{about.queries.num_tokens} queries, {about.keys.num_tokens} keys, {about.heads} heads",
        f"grid {analysis.grid.rows}×{analysis.grid.cols}, {analysis.grid.fit.mode} to "
        f"{'×'.join(map(str, analysis.grid.fit.input_size))}",
        f"✓ verified: {error}",
    ]
    if snapshot.heatmap is not None and snapshot.heatmap.prefix_mass:
        lines.append(f"{snapshot.heatmap.prefix_mass:.1%} of the row is on tokens outside the image")
    if analysis.predictions:
        top = analysis.predictions[0]
        lines.append(f"{top.label}: {top.probability:.1%}")
    notes = [f"<span style='color:#d1495b'>{note}</span>" for note in (*analysis.notes, about.note) if note]
    return "<br>".join([*lines, *notes])

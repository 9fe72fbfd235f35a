"""The controls of what is shown, and the facts on it."""

from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.state import ViewState
from vizstudio.core.types import AttentionLayer
from vizstudio.gui.caption_snapshot import CaptionSnapshot
from vizstudio.gui.facts import FactsPanel
from vizstudio.gui.layer_controls import LayerControls, fill
from vizstudio.gui.looks_controls import LooksControls
from vizstudio.gui.snapshot import Result, Snapshot
from vizstudio.gui.wording import default_query, query_name

MAX_PREFIX = 16  # prefix tokens offered as queries


class Inspector(QWidget):
    """Layer, head, query, colours; setters never write back.

    The layers and heads of a caption's decoder are controls of their own, which take the place of the others
    while the caption is in view.
    """

    changed = Signal(dict)  # fields of ViewState that the user changed
    captionChanged = Signal(dict)  # fields of CaptionState that the user changed

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = LayerControls(self.tr("Layer")), LayerControls(self.tr("Decoder layer"))
        self.layer, self.head = self.encoder.layer, self.encoder.head
        self.query, self.looks = QComboBox(), LooksControls()
        self.colormap, self.opacity, self.smooth = self.looks.colormap, self.looks.opacity, self.looks.smooth
        self.outliers = QCheckBox(self.tr("Hide high-norm tokens"))
        self.facts = FactsPanel()
        self._of_caption = False
        self._spans = {False: (0.0, 1.0), True: (0.0, 1.0)}  # of the map shown, by whether it is a caption's
        self._name()
        self._lay_out()
        self._connect()
        self.setEnabled(False)

    def _name(self) -> None:
        named = {
            self.query: (self.tr("Query"), self.tr("The token whose attention is shown")),
            self.outliers: (
                self.outliers.text(),
                self.tr("Leave out patches whose norm is over 3 times the median of all patches"),
            ),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)

    def _lay_out(self) -> None:
        self._form = form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for controls in (self.encoder, self.decoder):
            form.addRow(self.tr("Layer"), controls.layer_row)  # short: nothing moves when the tab changes
            form.addRow(self.tr("Head"), controls.head)
        form.addRow(self.tr("Query"), self.query)
        self.looks.lay_out(form)
        form.addRow("", self.outliers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 6, 14, 14)
        layout.addLayout(form)
        layout.addSpacing(4)
        layout.addWidget(self.facts)
        layout.addStretch()

    def _connect(self) -> None:
        self.encoder.changed.connect(self.changed)
        self.decoder.changed.connect(self.captionChanged)
        self.query.activated.connect(lambda _: self.changed.emit({"query": self.query.currentData()}))
        self.looks.changed.connect(self.changed)
        self.outliers.toggled.connect(lambda on: self.changed.emit({"hide_outliers": on}))

    def show_controls(self, result: Result, state: ViewState) -> None:
        """Set the controls to what is asked; none of them tells that it changed."""
        analysis = result.analysis
        about = analysis.attention.layers[state.layer]
        blockers = [QSignalBlocker(widget) for widget in (self.query, self.outliers)]
        self.setEnabled(True)
        self.encoder.show_layer(analysis.attention.layers, state.layer, state.head)
        fill(self.query, self._queries(about, state), _chosen_query(about, state))
        self.looks.show_state(state)
        self.outliers.setChecked(state.hide_outliers)
        self.outliers.setEnabled(analysis.token_norms is not None)
        for blocker in blockers:
            blocker.unblock()

    def show_subject(self, caption: bool) -> None:
        """Show the controls and facts of the caption, or of the model's attention to patches."""
        for widget in (self.decoder.layer_row, self.decoder.head):
            self._form.setRowVisible(widget, caption)
        for widget in (self.encoder.layer_row, self.encoder.head, self.query, self.outliers):
            self._form.setRowVisible(widget, not caption)
        self._of_caption = caption
        self.looks.show_span(*self._spans[caption])
        self.facts.show_subject(caption)

    def show_caption(self, snapshot: CaptionSnapshot | None) -> None:
        """Set the controls to a word that is shown, and tell its facts."""
        if snapshot is not None:
            layers, state = snapshot.step.cross.layers, snapshot.state
            self.decoder.show_layer(layers, state.layer, state.head)
            self._spans[True] = snapshot.range
            self.looks.show_span(*self._spans[self._of_caption])
        self.facts.show_caption(snapshot)

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
        self._spans[False] = snapshot.low, snapshot.high
        self.looks.show_span(*self._spans[self._of_caption])
        self.facts.show_snapshot(snapshot)


def _chosen_query(about: AttentionLayer, state: ViewState) -> Any:
    return default_query(about.queries) if state.query is None else state.query

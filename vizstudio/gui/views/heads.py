"""Entropy and attention distance of every head, and norms of tokens: plots whose points are clickable."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from vizstudio.core.page import short_number
from vizstudio.gui.head_numbers import HeadNumbers
from vizstudio.gui.line import Line as TextLine
from vizstudio.gui.plot import Content, Dot, Line, Plot
from vizstudio.gui.snapshot import Result, Snapshot
from vizstudio.gui.turning import TurningSplitter
from vizstudio.gui.wording import query_name

APART, WIDEST = 0.07, 0.7  # of a layer's place: between two heads, and of all of them


class HeadsView(QWidget):
    """Three plots over the layers; the layer and head that are shown in other tabs are marked."""

    chosen = Signal(dict)  # fields of ViewState: the layer, head or query of a dot that was clicked
    pointed = Signal(
        object
    )  # the place on the photo, a QPointF, of the dot of a patch under the pointer, or None

    def __init__(self) -> None:
        super().__init__()
        self._numbers: HeadNumbers | None = None
        self._snapshot: Snapshot | None = None
        told = {
            "entropy": (
                self.tr("Attention entropy"),
                self.tr(
                    "How spread out a head's attention is, the mean over all queries: 0 is a single token."
                ),
            ),
            "distance": (
                self.tr("Attention distance"),
                self.tr("Mean pixel distance on the photo between query and keys, weighted by attention."),
            ),
            "norms": (
                self.tr("Token norms"),
                self.tr(
                    "Length of the tokens after each block; a dot is a patch of over 3 times the median, an outlier."
                ),
            ),
        }
        self.plots = {key: Plot(name, measure) for key, (name, measure) in told.items()}
        self._headed = {
            key: (TextLine(name, heading=True), TextLine(measure)) for key, (name, measure) in told.items()
        }
        self._lay_out()
        for plot in self.plots.values():
            plot.chosen.connect(self.chosen.emit)
            plot.stepped.connect(self._stepped)
        self.plots["norms"].pointed.connect(self._pointed)

    def _lay_out(self) -> None:
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.problem.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.setSpacing(2)
        layout.addWidget(self.problem)
        self.splitter = TurningSplitter(wide_parts=True)
        self.splitter.setHandleWidth(12)
        for key, plot in self.plots.items():
            part = QWidget()
            column = QVBoxLayout(part)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            for line in self._headed[key]:
                column.addWidget(line)
            column.addSpacing(4)
            column.addWidget(plot, 1)
            self.splitter.addWidget(part)
        layout.addWidget(self.splitter, 1)
        self.hint = TextLine(self.tr("Click a dot to go to its layer and head; arrow keys go to others."))
        layout.addWidget(self.hint)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Mark the layer and head that are shown; the numbers of another result come later."""
        self._snapshot = snapshot
        if self._numbers is not None and self._numbers.result is snapshot.result:
            self._show()
        else:
            self._numbers = None
            self._say(self.tr("Computing the attention of all heads…"))

    def keep_only(self, result: Result) -> None:
        """Hold nothing of another result: it may be large, and holds its model."""
        if self._snapshot is not None and self._snapshot.result is not result:
            self._snapshot = self._numbers = None

    def show_numbers(self, numbers: HeadNumbers) -> None:
        """Show the numbers of a result."""
        self._numbers = numbers
        if self._snapshot is not None and self._snapshot.result is numbers.result:
            self._show()

    def show_problem(self, why: str) -> None:
        """Say why there are no numbers."""
        self._numbers = None
        self._say(why)

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        for widget in (self.splitter, self.hint):
            widget.setVisible(not text)

    def _show(self) -> None:
        assert self._numbers is not None
        self._say("")
        uniform = self._numbers.uniform
        layers = len(self._numbers.entropies)
        limit = (
            [Line((-0.5, layers - 0.5), (uniform, uniform), self.tr("uniform attention"), True)]
            if uniform
            else []
        )
        self._show_heads("entropy", self._numbers.entropies, self.tr("nats"), limit)
        self._show_heads("distance", self._numbers.distances, self.tr("px"), [])
        self._show_norms()

    def _show_heads(self, which: str, values: Sequence[np.ndarray], unit: str, lines: list[Line]) -> None:
        dots = []
        for layer, heads in enumerate(values):
            apart = min(APART, WIDEST / len(heads))
            for head, value in enumerate(heads):
                if np.isfinite(value):
                    x = layer + (head - (len(heads) - 1) / 2) * apart
                    name = self.tr("layer {0}, head {1}: {2} {3}")
                    text = name.format(layer, head, short_number(float(value)), unit)
                    key = {"layer": layer, "head": head}
                    dots.append(Dot(x, float(value), head / max(len(heads) - 1, 1), text, key))
        if not dots:
            self.plots[which].show_empty(
                self.tr("The tokens of this model lie nowhere on the photo that is known.")
            )
            return
        assert self._snapshot is not None
        state, most = self._snapshot.state, max(len(heads) for heads in values)
        chosen = {"layer": state.layer, "head": state.head}
        content = self._content(dots, lines, unit, len(values), state.layer, chosen)
        ends = (self.tr("head 0"), str(most - 1)) if most > 1 else None
        self.plots[which].show_content(replace(content, ends=ends))

    def _content(
        self, dots: list[Dot], lines: list[Line], unit: str, layers: int, band: int, chosen: object
    ) -> Content:
        assert self._snapshot is not None
        marks = tuple((float(layer), str(layer)) for layer in range(layers))
        span = (-0.5, layers - 0.5)
        return Content(
            tuple(dots),
            tuple(lines),
            span,
            marks,
            self.tr("layer"),
            unit,
            float(band),
            chosen,
            colormap=self._snapshot.state.colormap,
        )

    def _show_norms(self) -> None:
        assert self._numbers is not None and self._snapshot is not None
        norms, state = self._numbers.norms, self._snapshot.state
        if not norms:
            self.plots["norms"].show_empty(self.tr("This model's blocks do not keep one token per patch."))
            return
        dots = []
        for block, told in enumerate(norms):
            for (row, col), norm in told.outliers:
                text = self.tr("patch {0},{1} after block {2}: norm {3}").format(
                    row, col, block, short_number(norm)
                )
                layer = min(block, len(self._numbers.entropies) - 1)
                dots.append(Dot(block, norm, 0.6, text, {"layer": layer, "query": (row, col)}))
        xs = range(len(norms))
        lines = [Line(xs, [told.median for told in norms], self.tr("median of patches"))]
        axis = self._numbers.result.analysis.attention.layers[0].queries
        if "cls" in norms[0].prefix:
            lines.append(
                Line(xs, [told.prefix["cls"] for told in norms], query_name("cls", axis), strong=True)
            )
        band = min(state.layer, len(norms) - 1)
        chosen = {"layer": state.layer, "query": state.query}
        count = len(norms[band].outliers)
        heading = self.tr("Token norms · outliers after block {0}: {1}").format(band, count)
        self._headed["norms"][0].setText(heading)
        content = self._content(dots, lines, self.tr("norm"), len(norms), band, chosen)
        self.plots["norms"].show_content(content)

    def point_at(self, place: QPointF | None) -> None:
        """Tell of the dot of the patch at a place of the photo: of the layer in view, else of the last block."""
        numbers, plot = self._numbers, self.plots["norms"]
        cell = None
        if place is not None and numbers is not None and self._snapshot is not None:
            cell = numbers.result.analysis.grid.cell_at(place.x(), place.y())
        if cell is None or self._snapshot is None:
            plot.point_at(None)
            return
        asked = {"layer": self._snapshot.state.layer, "query": cell}
        found = [dot for dot in plot.dots if isinstance(dot.key, dict) and dot.key["query"] == cell]
        plot.point_at(next((dot for dot in found if dot.key == asked), found[-1] if found else None))

    def _pointed(self, dot: Dot | None) -> None:
        if dot is None or self._numbers is None or not isinstance(dot.key, dict):
            self.pointed.emit(None)
            return
        rect = self._numbers.result.analysis.grid.cell_rect(*dot.key["query"])
        self.pointed.emit(QRectF(*rect).center())

    def _stepped(self, down: int, across: int) -> None:
        """Go to another layer, or up and down to another head of the same."""
        if self._numbers is None or self._snapshot is None:
            return
        state, layers = self._snapshot.state, self._numbers.entropies
        layer = min(max(state.layer + across, 0), len(layers) - 1)
        changes: dict[str, object] = {"layer": layer}
        if down:
            head = state.head + down if isinstance(state.head, int) else 0
            changes["head"] = min(max(head, 0), len(layers[layer]) - 1)
        self.chosen.emit(changes)

"""The tab of comparisons: two models, checkpoints or images side by side, and the first minus the second."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.session import Beside
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.line import Line
from vizstudio.gui.probability import exact_percent
from vizstudio.gui.snapshot import Compared
from vizstudio.gui.views.compare_maps import CompareMaps
from vizstudio.gui.views.compare_panels import ComparePanels
from vizstudio.gui.wording import attention_title, side_headings


class CompareView(QWidget):
    """Says what to do as long as there is nothing to compare with."""

    positionsWanted = Signal(bool)  # whether positions are compared rather than attention

    def __init__(self) -> None:
        super().__init__()
        self.maps, self.panels = CompareMaps(), ComparePanels()
        self.which, self.title = QComboBox(), Line(heading=True)
        self.which.addItem(self.tr("Attention"), False)
        self.which.addItem(self.tr("Position"), True)
        tip = self.tr("Compare where a query looks, or how alike the positions of patches are")
        self.which.setAccessibleName(self.tr("What is compared"))
        self.which.setToolTip(tip)
        self.which.setStatusTip(tip)
        self.which.activated.connect(lambda _: self.positionsWanted.emit(self.which.currentData()))
        self.choose = QPushButton(self.tr("Compare with"))
        self.choose.setToolTip(self.tr("Choose another model, other weights or another image for the second"))
        self.menu = QMenu(self.choose)
        self.choose.setMenu(self.menu)
        self.buttons: list[QPushButton] = []
        self._make_message()
        self._lay_out()
        self.show_beside(None)

    def _make_message(self) -> None:
        self.message_title, self.message = QLabel(), QLabel()
        font = self.message_title.font()
        font.setPointSizeF(font.pointSizeF() * 1.35)
        font.setWeight(font.Weight.DemiBold)
        self.message_title.setFont(font)
        self.message.setProperty("muted", True)
        for label in (self.message_title, self.message):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button_row = QHBoxLayout()
        self.button_row.setSpacing(10)

    def _lay_out(self) -> None:
        self.top = QWidget()
        row = QHBoxLayout(self.top)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.which)
        row.addWidget(self.title, 1)
        row.addWidget(self.choose)
        said = QWidget()
        inside = QVBoxLayout(said)
        inside.setSpacing(10)
        inside.addStretch(2)
        inside.addWidget(self.message_title)
        inside.addWidget(self.message)
        inside.addSpacing(8)
        inside.addLayout(self.button_row)
        inside.addStretch(3)
        self.pages = QStackedWidget()
        for page in (said, self.maps, self.panels):
            self.pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(8)
        layout.addWidget(self.top)
        layout.addWidget(self.pages, 1)

    def offer(self, actions: Sequence[QAction], stop: QAction) -> None:
        """Offer ways to choose the second, as buttons while there is none and in the menu."""
        self.button_row.addStretch()
        for action in actions:
            button = QPushButton(action.text().replace("&", ""))
            button.setToolTip(action.statusTip())
            button.setAccessibleName(button.text())
            button.clicked.connect(action.trigger)
            self.button_row.addWidget(button)
            self.buttons.append(button)
            self.menu.addAction(action)
        self.button_row.addStretch()
        self.menu.addSeparator()
        self.menu.addAction(stop)

    @property
    def zoomed(self) -> Canvas | None:
        """The canvas that zooming is about; the others follow it."""
        shown = self.pages.currentWidget()
        if shown is self.maps:
            return self.maps.pictures[0].canvas
        return self.panels.frames[0].canvas if shown is self.panels else None

    def show_beside(self, beside: Beside | None) -> None:
        """Show what is compared; without a second, say how to choose one."""
        self.top.setVisible(beside is not None)
        with QSignalBlocker(self.which):
            self.which.setCurrentIndex(int(beside is not None and beside.position))
        if beside is None:
            self.say(
                self.tr("Compare two models, two checkpoints or two images"),
                self.tr(
                    "What is shown now is the first. Choose the second: both get the same layer, head, query and "
                    "colours, and the first minus the second stands beside them."
                ),
            )

    def forget(self) -> None:
        """Hold no comparison: both results may be large."""
        self.maps.forget()
        self.panels.forget()

    def say(self, title: str, text: str, offer: bool = True) -> None:
        """Say something in place of the pictures; `offer` shows the ways to choose the second below."""
        self.message_title.setText(title)
        self.message.setText(text)
        for button in self.buttons:
            button.setVisible(offer)
        self.title.setText("")
        self.pages.setCurrentIndex(0)

    def show_compared(self, compared: Compared) -> None:
        """Show a comparison."""
        headings = [
            *side_headings(compared.first, compared.second, compared.maps),
            self.tr("First minus second"),
        ]
        if compared.state.view in ("position", "panel"):
            self.panels.show_compared(compared)
            self.panels.row.show_headings(headings)
            self.title.setText(
                self.tr("Position similarity of all patches")
                if compared.state.panel is None
                else self.tr("Position similarity of patch {0},{1}").format(*compared.state.panel)
            )
            self.panels.row.facts.show_lines(
                [self.tr("Red: more similar in the first. Blue: in the second.")]
            )
            self.pages.setCurrentWidget(self.panels)
            return
        found = compared.maps
        assert found is not None
        self.maps.show_compared(compared)
        self.maps.row.show_headings(headings)
        state = found.states[0]
        about = compared.first.analysis.attention.layers[state.layer]
        self.title.setText(attention_title(about, state, found.title))
        self.maps.row.facts.show_lines(self._facts(compared))
        self.pages.setCurrentWidget(self.maps)

    def _facts(self, compared: Compared) -> list[str]:
        assert compared.maps is not None
        pair = compared.maps.pair
        how = {
            "cells": self.tr("Subtracted cell by cell."),
            "overlap": self.tr(
                "Brought to the finer of both grids by overlap of cells, where both models saw the photo."
            ),
            "other image": self.tr("Cells of the same row and column of two images are subtracted."),
        }[pair.how]
        told = [self.tr("Red: the first has more. Blue: the second."), how]
        if pair.first.unit.startswith("attention") and compared.state.head not in ("max", "min"):
            sums = [
                float(np.nansum(heatmap.values.astype(np.float64))) for heatmap in (pair.first, pair.second)
            ]
            on_cells = self.tr("On these cells lie {0} of the attention of the first, {1} of the second.")
            told.append(on_cells.format(*map(exact_percent, sums)))
            told.append(
                self.tr("Half the sum of all absolute differences: {0}.").format(exact_percent(pair.moved))
            )
        return told

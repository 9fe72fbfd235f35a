"""All classes of a classifier with their probabilities as bars, most probable first, and a search."""

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from vizstudio.core.page import percent as exact
from vizstudio.core.types import Prediction
from vizstudio.gui.line import Line
from vizstudio.gui.search import find
from vizstudio.gui.snapshot import Snapshot
from vizstudio.gui.views.alternatives import PROBABILITY, WRITTEN, BarDelegate

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()
FIGURE = "\u2007"  # a space as wide as a digit


class ClassModel(QAbstractListModel):
    """The classes that match what was typed; in the order of their probability."""

    def __init__(self) -> None:
        super().__init__()
        self._all: tuple[Prediction, ...] = ()
        self._texts: list[str] = []
        self._shown: list[int] = []
        self._digits = 1

    def show_classes(self, predictions: tuple[Prediction, ...], typed: str) -> None:
        """Offer other classes."""
        self._all = predictions
        self._digits = len(str(len(predictions)))
        self._texts = [f"{p.label} {p.index}".lower() for p in predictions]
        self.search(typed)

    def search(self, typed: str) -> None:
        """Offer those alone whose name or number has all words that were typed."""
        self.beginResetModel()
        self._shown = sorted(find(typed, self._texts))
        self.endResetModel()

    def prediction(self, row: int) -> Prediction:
        """Return the class in a row."""
        return self._all[self._shown[row]]

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return how many match."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return rank and name, and what the delegate paints."""
        if not index.isValid():
            return None
        found, rank = self.prediction(index.row()), self._shown[index.row()] + 1
        told = {
            int(Qt.ItemDataRole.DisplayRole): f"{rank:>{self._digits}}".replace(" ", FIGURE)
            + f"  {found.label}",
            int(Qt.ItemDataRole.AccessibleTextRole): f"{rank}, {found.label}, {exact(found.probability)}",
            int(Qt.ItemDataRole.ToolTipRole): self.tr("{0}: class {1}, probability {2}").format(
                found.label, found.index, f"{found.probability:.3g}"
            ),
            int(PROBABILITY): found.probability,
            int(WRITTEN): rank == 1,
        }
        return told.get(int(role))


class PredictionsView(QWidget):
    """Says so where the model has no classifier."""

    def __init__(self) -> None:
        super().__init__()
        self._predictions: tuple[Prediction, ...] | None = None
        measure = self.tr("Softmax of the classifier's logits: all classes together have 100 %.")
        self.heading, self.measure = Line(heading=True), Line(measure)
        self.search, self.list, self.classes = QLineEdit(), QListView(), ClassModel()
        self.search.setPlaceholderText(self.tr("Search classes by name or number"))
        self.search.setAccessibleName(self.tr("Search classes"))
        self.search.setClearButtonEnabled(True)
        self.list.setAccessibleName(self.tr("Classes, most probable first"))
        self.list.setToolTip(measure)
        self.list.setModel(self.classes)
        self.list.setItemDelegate(BarDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setMouseTracking(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.viewport().setAutoFillBackground(False)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.setSpacing(8)
        for widget in (self.heading, self.measure, self.search, self.problem):
            layout.addWidget(widget)
        layout.addWidget(self.list, 1)
        self.search.textChanged.connect(self._search)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the classes of another result."""
        analysis = snapshot.result.analysis
        if analysis.predictions is self._predictions:
            return
        self._predictions = analysis.predictions
        self.classes.show_classes(analysis.predictions, self.search.text())
        there = bool(analysis.predictions)
        for widget in (self.heading, self.measure, self.search):
            widget.setVisible(there)
        why = self.tr("{0} has no classifier, so there are no predictions.").format(analysis.model_id)
        self._say("" if there else why)
        self._tell()

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self.list.setVisible(not text)

    def _tell(self) -> None:
        shown, of = self.classes.rowCount(), len(self._predictions or ())
        told = (
            self.tr("{0} classes").format(of)
            if shown == of
            else self.tr("{0} of {1} classes").format(shown, of)
        )
        self.heading.setText(self.tr("Predictions · {0}").format(told))

    def _search(self, typed: str) -> None:
        self.classes.search(typed)
        self.list.scrollToTop()
        none = self.tr("No class has “{0}” in its name: type less of it.").format(typed)
        self._say("" if self.classes.rowCount() else none)
        self._tell()

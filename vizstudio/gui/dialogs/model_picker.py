"""Chooses a model among all: search, favourites, recent ones; its weights; where it runs."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from vizstudio.gui.catalogue import Catalogue, Which
from vizstudio.gui.dialogs.model_table import ModelRows, ModelTable
from vizstudio.gui.dialogs.search_line import SearchLine
from vizstudio.gui.model_bar import FILE, PRETRAINED, UNTRAINED, weight_filter
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.placement import PRECISIONS

SIZE = (760, 600)
WHICH: tuple[Which, ...] = ("all", "favourites", "recent")
PAGE = 12  # rows that Page Down moves


class ModelPicker(QDialog):
    """A search over all models of all plugins; keys work from the line of the search."""

    chosen = Signal(object)  # a ModelChoice, when the user has settled on one

    def __init__(
        self,
        catalogue: Catalogue,
        current: ModelChoice | None,
        devices: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._catalogue, self._current = catalogue, current
        self._file = current.checkpoint if current else None
        self.setWindowTitle(self.tr("Choose a model"))
        self.resize(*SIZE)
        self.line, self.count = SearchLine(PAGE), QLabel()
        self.line.setPlaceholderText(self.tr("Search by words, such as: swin tiny, or: vit 16 384"))
        self.line.setAccessibleName(self.tr("Search models"))
        self.line.setClearButtonEnabled(True)
        self.count.setProperty("muted", True)
        self.which = QTabBar()
        self.which.setAccessibleName(self.tr("Which models"))
        self.which.setDrawBase(False)
        for title in (self.tr("All"), self.tr("Favourites"), self.tr("Recent")):
            self.which.addTab(title)
        self.rows = ModelRows(catalogue)
        self.table = ModelTable(self.rows)
        self.empty = QLabel()
        self.empty.setProperty("muted", True)
        self.empty.setWordWrap(True)
        self._make_weights()
        self._make_device(devices, current.device if current else "auto")
        self._make_precision(current.precision if current else "auto")
        self._lay_out()
        self._connect()
        self._search()
        self._show_weights_of(current)
        self._tell_exactness()
        self.line.setFocus()

    def _make_weights(self) -> None:
        self.weights = QButtonGroup(self)
        self.published = QRadioButton(self.tr("Published"))
        self.published.setToolTip(self.tr("Download them once; later they are taken from the cache"))
        self.file = QRadioButton()
        self.file.setToolTip(self.tr("A file of tensors: .safetensors, .pth, .pt or .bin"))
        self.untrained = QRadioButton(self.tr("Untrained"))
        for i, button in enumerate((self.published, self.file, self.untrained)):
            self.weights.addButton(button, i)
        self.browse = QPushButton(self.tr("Choose a file…"))
        self.browse.setAccessibleName(self.tr("Choose a file of weights"))
        self.browse.setAutoDefault(False)
        self.note = QLabel()
        self.note.setWordWrap(True)

    def _make_device(self, devices: Sequence[str], current: str) -> None:
        self.device = QComboBox()
        self.device.setAccessibleName(self.tr("Device"))
        self.device.setToolTip(self.tr("Where the model runs; auto takes a graphics card if there is one"))
        for device in dict.fromkeys(["auto", *devices, current]):
            self.device.addItem(self.tr("Automatic") if device == "auto" else device, device)
        self.device.setCurrentIndex(self.device.findData(current))

    def _make_precision(self, current: str) -> None:
        self.precision, self.exactness = QComboBox(), QLabel()
        self.precision.setAccessibleName(self.tr("Precision"))
        self.precision.setToolTip(self.tr("Of the weights and of what is computed with them"))
        for precision in PRECISIONS:
            self.precision.addItem(self.tr("Automatic") if precision == "auto" else precision, precision)
        self.precision.setCurrentIndex(self.precision.findData(current))
        self.exactness.setProperty("muted", True)

    def _tell_exactness(self) -> None:
        told = {
            "auto": self.tr("float32; half if the graphics card is too small"),
            "float32": self.tr("Exact, or an error if memory is too small"),
            "float16": self.tr("Half the memory; three digits, may overflow"),
            "bfloat16": self.tr("Half the memory; two digits, never overflows"),
        }
        self.exactness.setText(told[self.precision.currentData()])

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.which)
        top.addStretch()
        top.addWidget(self.count)
        weights = QHBoxLayout()
        weights.setSpacing(14)
        weights.addWidget(_title(self.tr("Weights")))
        for widget in (self.published, self.file, self.browse, self.untrained):
            weights.addWidget(widget)
        weights.addStretch()
        runs = QHBoxLayout()
        runs.setSpacing(14)
        runs.addWidget(_title(self.tr("Device")))
        runs.addWidget(self.device)
        runs.addSpacing(10)
        runs.addWidget(QLabel(self.tr("Precision")))
        runs.addWidget(self.precision)
        runs.addWidget(self.exactness, 1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self.buttons.addButton(self.tr("Use this model"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.use.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self.line)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.empty)
        layout.addLayout(weights)
        layout.addWidget(self.note)
        layout.addLayout(runs)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        self.line.installEventFilter(self)
        self.line.moved.connect(self._move)
        self.line.taken.connect(self._settle)
        self.line.textChanged.connect(self._search)
        self.which.currentChanged.connect(self._search)
        self.table.likeRequested.connect(self._like)
        self.table.doubleClicked.connect(lambda _: self._settle())
        self.table.selectionModel().currentRowChanged.connect(self._fit_weights)
        self.weights.idToggled.connect(self._fit_weights)
        self.browse.clicked.connect(self.ask_file)
        self.precision.currentIndexChanged.connect(self._tell_exactness)
        self.buttons.accepted.connect(self._settle)
        self.buttons.rejected.connect(self.reject)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """In the line of the search, Ctrl+D marks a favourite; on macOS it would delete."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() != Qt.Key.Key_D or event.modifiers() != Qt.KeyboardModifier.ControlModifier:
            return False
        self._like(self.table.current())
        return True

    def _move(self, rows: int) -> None:
        self.table.go(self.table.currentIndex().row() + rows)

    def _search(self) -> None:
        """Show what matches, the model that is in use selected if it does."""
        wanted = self.table.current() or (self._current.model_id if self._current else "")
        which = WHICH[self.which.currentIndex()]
        names = self._catalogue.find(self.line.text(), which)
        self.rows.set_names(names)
        self.table.go(names.index(wanted) if wanted in names and not self.line.text() else 0)
        self.table.scrollTo(self.table.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)
        total = len(self._catalogue.find("", which))
        self.count.setText(self.tr("{0} of {1}").format(len(names), total))
        self.empty.setVisible(not names)
        self.table.setVisible(bool(names))
        self.empty.setText(self._why_nothing(which))
        self._fit_weights()

    def _why_nothing(self, which: Which) -> str:
        if self.line.text():
            return self.tr("No model matches all these words. Fewer words find more.")
        if which == "favourites":
            return self.tr("No favourites yet: click the star of a model, or press Ctrl+D.")
        return (
            self.tr("No model was used yet.") if which == "recent" else self.tr("No plugin brings a model.")
        )

    def _like(self, model_id: str | None) -> None:
        """Turn a model's star on or off; the list stays as it is until the next search."""
        if model_id is None:
            return
        self._catalogue.like(model_id, model_id not in self._catalogue.favourites)
        self.table.viewport().update()

    def _show_weights_of(self, choice: ModelChoice | None) -> None:
        if choice is not None and (choice.checkpoint or choice.pretrained):
            (self.file if choice.checkpoint else self.published).setChecked(True)
        else:
            self.untrained.setChecked(True)
        self._fit_weights()

    def _fit_weights(self) -> None:
        """Offer the weights that the selected model can have, and say what they mean."""
        name = self.table.current()
        about = self._catalogue.about(name) if name else None
        known = about.weights if about else "unknown"
        self.use.setEnabled(name is not None)
        self.published.setEnabled(known in ("published", "unknown"))
        self.untrained.setText(self.tr("Those it comes with") if known == "named" else self.tr("Untrained"))
        if self.published.isChecked() and not self.published.isEnabled():
            self.untrained.setChecked(True)
        self.file.setText(self._file.name if self._file else self.tr("From a file"))
        self.file.setEnabled(self._file is not None)
        self.note.setText(self._note(known, about.summary if about else ""))
        warned = self.untrained.isChecked() and known != "named"
        if self.note.property("problem") != warned:
            self.note.setProperty("problem", warned)
            self.note.style().polish(self.note)

    def _note(self, known: str, summary: str) -> str:
        if self.file.isChecked():
            return self.tr(
                "The file must hold weights of this very architecture; another is refused with a reason."
            )
        if self.published.isChecked():
            return self.tr("Downloaded once, then kept. {0}").format(summary)
        if known == "named":
            return self.tr("This name stands for weights that exist: {0}").format(summary)
        told = self.tr("Untrained: the maps show the architecture, nothing that was learned.")
        none = self.tr("No weights of this model are published.")
        unknown = self.tr("Whether weights are published is found out when they are asked for.")
        return f"{told} {none}" if known == "none" else f"{told} {unknown}" if known == "unknown" else told

    def ask_file(self) -> None:
        """Ask for a file of weights; nothing changes if the user gives none."""
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Open weights"), "", weight_filter())
        if name:
            self._file = Path(name)
            self.file.setChecked(True)
            self._fit_weights()

    def _kind(self) -> str:
        return FILE if self.file.isChecked() else PRETRAINED if self.published.isChecked() else UNTRAINED

    def _settle(self) -> None:
        name, kind = self.table.current(), self._kind()
        if name is None:
            return
        checkpoint = self._file if kind == FILE else None
        self.accept()
        device, precision = self.device.currentData(), self.precision.currentData()
        self.chosen.emit(ModelChoice(name, checkpoint, kind == PRETRAINED, device, precision))


def _title(text: str) -> QLabel:
    """Return the title of a row; those of all rows are of one width."""
    label = QLabel(text)
    label.setMinimumWidth(64)
    return label

"""Chooses the model: its name, its weights."""

from collections.abc import Collection, Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QWidget

from vizstudio.core.model import PrecisionChoice
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.wording import translate

UNTRAINED, PRETRAINED, FILE = "untrained", "pretrained", "file"
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
WIDEST = 220  # pixels of the choice of weights


def weight_filter() -> str:
    """Return what a dialog that asks for weights offers."""
    patterns = " ".join(f"*{suffix}" for suffix in WEIGHT_SUFFIXES)
    return translate("wording", "Weights ({0});;All files (*)").format(patterns)


class NameBox(QComboBox):
    """A line to type a model's name into; its arrow asks for the whole list."""

    listRequested = Signal()  # the arrow was clicked, or Alt+Down or F4 was pressed

    def showPopup(self) -> None:
        """Ask for the list instead of showing a thousand names."""
        self.listRequested.emit()


class ModelBar(QWidget):
    """A searchable list of models and where their weights come from."""

    chosen = Signal(object)  # a ModelChoice, when the user has settled on one
    listRequested = Signal()  # the user asks for the list of all models

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device
        self.precision: PrecisionChoice = "auto"
        self._checkpoint: Path | None = None
        self._model_ids: list[str] = []
        self._with_own_weights: frozenset[str] = frozenset()
        self._shown_kind = UNTRAINED
        self.name, self.weights, self.line = NameBox(), QComboBox(), QLineEdit()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setMinimumContentsLength(14)  # the bar fits into the narrowest window
        self.line.setPlaceholderText(self.tr("Search a model, such as vit_base_patch16_384"))
        self.name.setLineEdit(self.line)
        self.weights.addItem(self.tr("Untrained weights"), UNTRAINED)
        self.weights.addItem(self.tr("Published weights"), PRETRAINED)
        self.weights.addItem(self.tr("Weights from a file…"), FILE)
        self.weights.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.weights.setMaximumWidth(WIDEST)  # a file's name may be long
        self._name()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(QLabel(self.tr("Model")))
        layout.addWidget(self.name, 1)
        layout.addWidget(self.weights)
        self.name.listRequested.connect(self.listRequested)
        self.name.activated.connect(lambda _: self._settle())
        self.line.returnPressed.connect(self._settle)
        self.weights.activated.connect(self._weights_activated)

    def _name(self) -> None:
        named = {
            self.name: (
                self.tr("Model"),
                self.tr("The model to look into; type a part of its name, or press Ctrl+M to search all"),
            ),
            self.weights: (self.tr("Weights"), self.tr("Where the model's weights come from")),
        }
        for box, (name, tip) in named.items():
            box.setAccessibleName(name)
            box.setToolTip(tip)
            box.setStatusTip(tip)
        self.line.setAccessibleName(self.tr("Model"))

    def set_models(self, model_ids: Sequence[str], with_own_weights: Collection[str] = ()) -> None:
        """Offer these models; the one that is typed or chosen stays.

        `with_own_weights` are those whose name stands for trained weights.
        """
        current = self.name.currentText()
        self._model_ids, self._with_own_weights = list(model_ids), frozenset(with_own_weights)
        self._name_untrained(current)
        blocker = QSignalBlocker(self.name)
        completer = QCompleter(self._model_ids, self.name)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.name.setCompleter(completer)
        self.name.setEditText(current)
        blocker.unblock()

    def show_choice(self, choice: ModelChoice) -> None:
        """Show a choice that was made elsewhere."""
        if self.name.currentText() != choice.model_id:
            self.name.setEditText(choice.model_id)
        self._checkpoint = choice.checkpoint or self._checkpoint
        kind = FILE if choice.checkpoint else PRETRAINED if choice.pretrained else UNTRAINED
        self.weights.setCurrentIndex(self.weights.findData(kind))
        self._shown_kind = kind
        self._name_untrained(choice.model_id)
        file = self._checkpoint.name if choice.checkpoint and self._checkpoint else ""
        self.weights.setItemText(self.weights.findData(FILE), file or self.tr("Weights from a file…"))

    def _name_untrained(self, model_id: str) -> None:
        text = self.weights_text(ModelChoice(model_id))
        self.weights.setItemText(self.weights.findData(UNTRAINED), text)

    def weights_text(self, choice: ModelChoice) -> str:
        """Return which weights a choice has."""
        if choice.checkpoint:
            return choice.checkpoint.name
        if choice.model_id in self._with_own_weights:
            return self.tr("Weights it comes with")
        return self.tr("Published weights") if choice.pretrained else self.tr("Untrained weights")

    def choose_published(self) -> None:
        """Take the published weights."""
        self._settle(PRETRAINED)

    def choose_file(self, path: Path) -> None:
        """Take weights from a file."""
        self._checkpoint = path
        self._settle(FILE)

    def ask_file(self) -> None:
        """Ask for a file of weights; nothing changes if the user gives none."""
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Open weights"), "", weight_filter())
        if name:
            self.choose_file(Path(name))
        else:
            self.weights.setCurrentIndex(self.weights.findData(self._shown_kind))

    def _weights_activated(self) -> None:
        if self.weights.currentData() == FILE:
            self.ask_file()
        else:
            self._settle()

    def _settle(self, kind: str | None = None) -> None:
        name = self._full_name(self.name.currentText().strip())
        if not name:
            self.line.setFocus()
            return
        kind = kind or self.weights.currentData()
        checkpoint = self._checkpoint if kind == FILE else None
        choice = ModelChoice(name, checkpoint, kind == PRETRAINED, self.device, self.precision)
        self.show_choice(choice)
        self.chosen.emit(choice)

    def _full_name(self, typed: str) -> str:
        """Return the model that a name without its scheme stands for, if there is exactly one."""
        matches = [model for model in self._model_ids if model.partition(":")[2] == typed]
        return matches[0] if len(matches) == 1 else typed

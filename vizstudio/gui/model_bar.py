"""Chooses the model: its name, its weights."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QWidget

from vizstudio.gui.controller import ModelChoice

UNTRAINED, PRETRAINED, FILE = "untrained", "pretrained", "file"


class ModelBar(QWidget):
    """A searchable list of models and where their weights come from."""

    chosen = Signal(object)  # a ModelChoice, when the user has settled on one

    def __init__(self, device: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._device = device
        self._checkpoint: Path | None = None
        self.name = QComboBox()
        self.name.setAccessibleName(self.tr("Model"))
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setMinimumContentsLength(34)
        self.line = QLineEdit()
        self.line.setPlaceholderText(self.tr("Search a model, such as vit_base_patch16_384"))
        self.name.setLineEdit(self.line)
        self.weights = QComboBox()
        self.weights.setAccessibleName(self.tr("Weights"))
        self.weights.addItem(self.tr("Untrained weights"), UNTRAINED)
        self.weights.addItem(self.tr("Published weights"), PRETRAINED)
        self.weights.addItem(self.tr("Weights from a file…"), FILE)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 0)
        layout.addWidget(QLabel(self.tr("Model")))
        layout.addWidget(self.name, 1)
        layout.addWidget(self.weights)
        self.name.activated.connect(lambda _: self._settle())
        self.line.returnPressed.connect(self._settle)
        self.weights.activated.connect(self._weights_activated)

    def set_models(self, model_ids: list[str]) -> None:
        """Offer these models; the one that is typed or chosen stays."""
        current = self.name.currentText()
        self.name.clear()
        self.name.addItems(model_ids)
        completer = QCompleter(model_ids, self.name)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.name.setCompleter(completer)
        self.name.setEditText(current)

    def show_choice(self, choice: ModelChoice) -> None:
        """Show a choice that was made elsewhere."""
        self.name.setEditText(choice.model_id)
        self._checkpoint = choice.checkpoint
        kind = FILE if choice.checkpoint else PRETRAINED if choice.pretrained else UNTRAINED
        self.weights.setCurrentIndex(self.weights.findData(kind))
        self._name_file()

    def choose_file(self, path: Path) -> None:
        """Take weights from a file."""
        self._checkpoint = path
        self.weights.setCurrentIndex(self.weights.findData(FILE))
        self._name_file()
        self._settle()

    def _name_file(self) -> None:
        file = self._checkpoint.name if self._checkpoint else self.tr("Weights from a file…")
        self.weights.setItemText(self.weights.findData(FILE), file)

    def _weights_activated(self) -> None:
        if self.weights.currentData() == FILE:
            filters = self.tr("Weights (*.safetensors *.pth *.pt *.bin)")
            name, _ = QFileDialog.getOpenFileName(self, self.tr("Open weights"), "", filters)
            if name:
                self.choose_file(Path(name))
            elif self._checkpoint is None:
                self.weights.setCurrentIndex(0)
            return
        self._settle()

    def _settle(self) -> None:
        name = self.name.currentText().strip()
        if not name:
            return
        kind = self.weights.currentData()
        checkpoint = self._checkpoint if kind == FILE else None
        self.chosen.emit(ModelChoice(name, checkpoint, kind == PRETRAINED, self._device))

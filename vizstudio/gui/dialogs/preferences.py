"""What the user chooses for good: colours, the model to begin with, where models run, memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from vizstudio.gui.theme import APPEARANCES, Appearance
from vizstudio.settings import Settings

LARGEST = 1_000_000  # megabytes


class Preferences(QDialog):
    """A form; nothing changes before OK."""

    def __init__(
        self,
        settings: Settings,
        appearance: Appearance,
        models: Sequence[str],
        devices: Sequence[str],
        kept: str,
        save: Callable[[Settings, Appearance], bool],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._models, self._save = settings, list(models), save
        self.setWindowTitle(self.tr("Preferences"))
        self.setMinimumWidth(520)
        self.appearance, self.model, self.device = QComboBox(), QLineEdit(settings.model), QComboBox()
        self.memory, self.problem = QSpinBox(), QLabel()
        named = {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")}
        for known in APPEARANCES:
            self.appearance.addItem(named[known], known)
        self.appearance.setCurrentIndex(self.appearance.findData(appearance))
        for device in dict.fromkeys(["auto", *devices, settings.device]):
            self.device.addItem(self.tr("Automatic") if device == "auto" else device, device)
        self.device.setCurrentIndex(self.device.findData(settings.device))
        self.model.setPlaceholderText(self.tr("vizstudio's own, a small one"))
        completer = QCompleter(self._models, self.model)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.model.setCompleter(completer)
        self.memory.setRange(0, LARGEST)
        self.memory.setSingleStep(256)
        self.memory.setSuffix(self.tr(" MB"))
        self.memory.setValue(settings.memory)
        self.memory.setMinimumHeight(self.device.sizeHint().height())
        self.problem.setProperty("problem", True)
        self.problem.setWordWrap(True)
        self._lay_out(kept)

    def _lay_out(self, kept: str) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows = (
            (self.tr("Appearance"), self.appearance, ""),
            (self.tr("Model to begin with"), self.model, self.tr("At the next start.")),
            (self.tr("Device"), self.device, self.tr("Automatic takes a graphics card if there is one.")),
            (
                self.tr("Memory for models"),
                self.memory,
                self.tr("Models that were used are there at once.\nNow: {0}.").format(kept),
            ),
        )
        for name, widget, note in rows:
            widget.setAccessibleName(name)
            form.addRow(name, widget)
            if note:
                label = QLabel(note)
                label.setProperty("muted", True)
                widget.setToolTip(note)
                form.addRow("", label)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._settle)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(14)
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addStretch()
        layout.addWidget(buttons)

    def _settle(self) -> None:
        model = self.model.text().strip()
        if model and model not in self._models:
            self.problem.setText(
                self.tr("There is no model {0}: choose one of the list, or none.").format(model)
            )
            self.model.setFocus()
            return
        chosen = replace(
            self._settings, model=model, device=self.device.currentData(), memory=self.memory.value()
        )
        if self._save(chosen, self.appearance.currentData()):
            self.accept()

"""Where a new run is described: recipe, preset, options, and the buttons to read, write and start them."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.errors import VizstudioError
from vizstudio.core.files import write_atomic
from vizstudio.gui.layer_controls import fill
from vizstudio.gui.training.fields import check
from vizstudio.gui.training.form import OptionsForm
from vizstudio.plugins import PluginHost
from vizstudio.recipes import config_of, read_config

FILTER, READABLE = "YAML (*.yaml *.yml)", "YAML, TOML (*.yaml *.yml *.toml)"


class RecipePanel(QWidget):
    """The left half of the dock."""

    startRequested = Signal(str, object)  # (recipe, TrainConfig), when Start was pressed and all is possible

    def __init__(self, host: PluginHost, failed: Callable[[VizstudioError], None]) -> None:
        super().__init__()
        self._host, self._failed = host, failed
        self.recipe, self.preset, self.form = QComboBox(), QComboBox(), OptionsForm()
        self.load, self.save = QPushButton(self.tr("Load…")), QPushButton(self.tr("Save…"))
        self.start = QPushButton(self.tr("Start training"))
        self.start.setObjectName("primary")
        self._name()
        self._lay_out()
        for entry in host.trainers.entries():
            self.recipe.addItem(entry.title, entry.id)
        self.recipe.currentIndexChanged.connect(lambda _: self._show_recipe())
        self.preset.activated.connect(lambda _: self._take_preset())
        self.load.clicked.connect(self._ask_load)
        self.save.clicked.connect(self._ask_save)
        self.start.clicked.connect(self._start)
        self._show_recipe()

    def _name(self) -> None:
        named: dict[QWidget, tuple[str, str]] = {
            self.recipe: (self.tr("Recipe"), self.tr("What is trained, and on what")),
            self.preset: (self.tr("Preset"), self.tr("Options that belong together; Default takes all back")),
            self.load: (self.tr("Load options"), self.tr("Read the options from a YAML file")),
            self.save: (self.tr("Save options"), self.tr("Write the options to a YAML file")),
            self.start: (
                self.tr("Start training"),
                self.tr("Start the run as a process of its own, as vizstudio-train does"),
            ),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)

    def _lay_out(self) -> None:
        top = QGridLayout()
        top.setHorizontalSpacing(12)
        top.setVerticalSpacing(5)
        top.setColumnStretch(1, 1)
        for line, (text, box) in enumerate(
            ((self.tr("Recipe"), self.recipe), (self.tr("Preset"), self.preset))
        ):
            top.addWidget(QLabel(text), line, 0)
            top.addWidget(box, line, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.load)
        buttons.addWidget(self.save)
        buttons.addStretch(1)
        buttons.addWidget(self.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 4, 4, 10)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.form, 1)
        layout.addLayout(buttons)

    def _show_recipe(self) -> None:
        """Show the options of the recipe that is chosen, or why they cannot be had."""
        recipe = self.recipe.currentData()
        buttons = (self.load, self.save, self.start)
        for button in buttons:
            button.setEnabled(False)
        if recipe is None:
            return
        try:
            kind = config_of(self._host, recipe)
        except VizstudioError as error:
            self._failed(error)
            return
        self.form.show_recipe(kind, {"data": self._host.datasets.ids()})
        presets = [(self.tr("Default"), ""), *((name, name) for name in kind.presets)]
        blocker = QSignalBlocker(self.preset)
        fill(self.preset, presets, "")
        blocker.unblock()
        self.preset.setEnabled(len(presets) > 1)
        for button in buttons:
            button.setEnabled(True)

    def _take_preset(self) -> None:
        """Show a preset's options; where the data are and where the run goes stays."""
        assert self.form.kind is not None
        kept = {name: value for name, value in self.form.given().items() if name in ("data", "out")}
        self.form.show_given({**self.form.kind.presets.get(self.preset.currentData(), {}), **kept})

    def _ask_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Load options"), "", READABLE)
        if name:
            self.load_file(Path(name))

    def load_file(self, path: Path) -> None:
        """Show the options in a file; nothing changes if it cannot be read or names one that does not exist."""
        assert self.form.kind is not None
        try:
            found = read_config(path)
        except VizstudioError as error:
            self._failed(error)
            return
        _, problems = check(self.form.kind, found)
        unknown = {name for name in found if name not in self.form.rows}
        if unknown:
            self._failed(VizstudioError(f"{path.name}: {problems.get('', '')}"))
            return
        self.form.show_given(found)

    def _ask_save(self) -> None:
        config = self.form.config()
        if config is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Save options"), "options.yaml", FILTER)
        if name:
            try:
                write_atomic(Path(name), config.to_yaml().encode())
            except VizstudioError as error:
                self._failed(error)

    def _start(self) -> None:
        config = self.form.config()
        if config is not None:
            self.startRequested.emit(self.recipe.currentData(), config)

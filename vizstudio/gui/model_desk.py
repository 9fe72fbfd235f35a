"""The list of models: opened from the bar and from the menu, and remembered."""

import traceback
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from vizstudio.core.errors import PluginError
from vizstudio.gui.catalogue import Catalogue
from vizstudio.gui.kept import KeptTexts
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.gui.dialogs.model_picker import ModelPicker
    from vizstudio.gui.main_window import MainWindow


class ModelDesk(QObject):
    """Puts the catalogue of models together with the window."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host
        self.catalogue = Catalogue(KeptTexts("models"))
        window.model_bar.listRequested.connect(self.ask)

    def list(self) -> None:
        """Offer every model of every plugin; takes some ten milliseconds, so not before the first frame."""
        failed: list[PluginError] = []
        models = self._host.models.names(failed)
        self.catalogue.set_models(models)
        own = [name for name, listing in models.items() if listing.weights == "named"]
        self._window.model_bar.set_models(list(models), own)
        self._window.show_sources(self._window.controller.image, self._window.controller.choice)
        for error in failed:
            self._window.show_failed(str(error), "".join(traceback.format_exception(error)), False)

    def ask(self) -> "ModelPicker":
        """Show the list of models."""
        from vizstudio.gui.dialogs.model_picker import ModelPicker

        controller = self._window.controller
        picker = ModelPicker(self.catalogue, controller.choice, controller.shelf.devices, self._window)
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.chosen.connect(self.choose)
        picker.open()
        return picker

    def choose(self, choice: ModelChoice) -> None:
        """Choose a model; those that are chosen later run where and as it does."""
        bar = self._window.model_bar
        bar.device, bar.precision = choice.device, choice.precision
        self._window.choose_model(choice)

    def note(self, choice: ModelChoice) -> None:
        """Remember that a model was used."""
        self.catalogue.note(choice.model_id)

"""The ways to choose what is compared with: their menu, and what they ask for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu

from vizstudio.core.model import ModelChoice
from vizstudio.gui.comparing import Comparing
from vizstudio.gui.model_bar import weight_filter
from vizstudio.gui.views.compare import CompareView

if TYPE_CHECKING:
    from vizstudio.gui.dialogs.model_picker import ModelPicker
    from vizstudio.gui.main_window import MainWindow


class CompareChoice(QObject):
    """Offers them in the menu and in the tab."""

    def __init__(self, window: "MainWindow", view: CompareView, comparing: Comparing) -> None:
        super().__init__(window)
        self._window, self._view, self._comparing = window, view, comparing
        self.actions: list[QAction] = []
        self.stop: QAction | None = None

    def fill_menu(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add the ways to choose the second."""
        entries = [
            (
                self.tr("Another &model…"),
                self.tr("Compare with another model: choose it from the list"),
                self.ask_model,
                "Ctrl+Shift+M",
            ),
            (
                self.tr("Other &weights…"),
                self.tr("Compare with the same model with weights from a file"),
                self.ask_weights,
                None,
            ),
            (
                self.tr("Another &image…"),
                self.tr("Compare with another image, seen by the same model"),
                self.ask_image,
                None,
            ),
            (
                self.tr("&Keep this view"),
                self.tr("Keep this image and model for comparison with what is opened next"),
                self.keep,
                "Ctrl+Shift+K",
            ),
        ]
        self.actions = [add(menu, *entry) for entry in entries]
        menu.addSeparator()
        tip = self.tr("Compare with nothing any more")
        self.stop = add(menu, self.tr("&Stop comparing"), tip, lambda: self._comparing.compare_with(None))
        self._view.offer(self.actions, self.stop)
        self._comparing.look()

    def allow(self) -> None:
        """Enable the actions as soon as there is something to compare."""
        for action in self.actions:
            action.setEnabled(self._window.controller.shown is not None)
        if self.stop is not None:  # else the menus are not made yet
            self.stop.setEnabled(self._comparing.beside is not None)

    def keep(self) -> None:
        """Keep what is shown for comparison."""
        self._comparing.keep()
        self._window.tabs.setCurrentWidget(self._view)

    def _current_choice(self) -> ModelChoice | None:
        """Return the model of the second, by default that of the first."""
        beside = self._comparing.beside
        return (beside.choice if beside is not None else None) or self._window.controller.choice

    def ask_model(self) -> "ModelPicker":
        """Show the list of models."""
        from vizstudio.gui.dialogs.model_picker import ModelPicker

        devices = self._window.controller.shelf.devices
        picker = ModelPicker(self._window.models.catalogue, self._current_choice(), devices, self._window)
        picker.setWindowTitle(self.tr("Choose a model to compare with"))
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.chosen.connect(lambda choice: self.choose(choice=choice))
        picker.open()
        return picker

    def ask_weights(self) -> None:
        """Ask for a file of weights."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Compare with weights"), "", weight_filter()
        )
        choice = self._current_choice()
        if name and choice is not None:
            self.choose(choice=replace(choice, checkpoint=Path(name), pretrained=False))

    def ask_image(self) -> None:
        """Ask for an image."""
        filters = self.tr("Images (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Compare with an image"), "", filters)
        if name:
            self.choose(image=Path(name))

    def choose(self, image: Path | None = None, choice: ModelChoice | None = None) -> None:
        """Compare with another image or another model, and bring the tab to the front."""
        self._window.tabs.setCurrentWidget(self._view)
        self._comparing.choose(image, choice)

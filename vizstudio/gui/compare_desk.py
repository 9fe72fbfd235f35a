"""Puts the tab of comparisons together with the window: its actions, its worker, what is told of runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu

from vizstudio.core.model import ModelChoice
from vizstudio.core.session import Beside
from vizstudio.gui.comparing import Compared, Comparing
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.model_bar import weight_filter
from vizstudio.gui.snapshot import Result
from vizstudio.gui.views.compare import CompareView

if TYPE_CHECKING:
    from vizstudio.gui.dialogs.model_picker import ModelPicker
    from vizstudio.gui.main_window import MainWindow


class CompareDesk(QObject):
    """A `ComparingView`; runs of the second share the worker of the first."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self.view = CompareView()
        self.actions: list[QAction] = []
        self.stop: QAction | None = None
        self.jobs = JobBridge("vizstudio-compare", self)
        controller = window.controller
        self.comparing = Comparing(controller, window.jobs, self.jobs, self, self._seen)
        window.tabs.addTab(self.view, self.tr("Compare"))
        window.tabs.shownChanged.connect(self.comparing.look)
        window.jobs.progressed.connect(self.comparing.runs.on_progress)
        workers = {window.jobs: self.comparing.runs, self.jobs: self.comparing.maps.latest}
        for bridge, latest in workers.items():
            bridge.finished.connect(latest.on_finished)
            bridge.failed.connect(latest.on_failed)
            bridge.stopped.connect(latest.on_stopped)
        self.view.positionsWanted.connect(self.comparing.show_positions)
        self.view.maps.patchClicked.connect(lambda row, col: controller.change(query=(row, col)))
        self.view.maps.queryMoved.connect(controller.move_query)
        self.view.panels.panelPinned.connect(controller.pin_panel)

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
        self.stop = add(menu, self.tr("&Stop comparing"), tip, lambda: self.comparing.compare_with(None))
        self.view.offer(self.actions, self.stop)
        self.comparing.look()

    def _allow(self) -> None:
        """Enable the actions as soon as there is something to compare."""
        for action in self.actions:
            action.setEnabled(self._window.controller.shown is not None)
        if self.stop is not None:  # else the menus are not made yet
            self.stop.setEnabled(self.comparing.beside is not None)

    def _seen(self) -> bool:
        return self._window.tabs.is_shown(self.view)

    def keep(self) -> None:
        """Keep what is shown for comparison."""
        self.comparing.keep()
        self._window.tabs.setCurrentWidget(self.view)

    def _current_choice(self) -> ModelChoice | None:
        """Return the model of the second, by default that of the first."""
        beside = self.comparing.beside
        return (beside.choice if beside is not None else None) or self._window.controller.choice

    def ask_model(self) -> "ModelPicker":
        """Show the list of models."""
        from vizstudio.gui.dialogs.model_picker import ModelPicker

        devices = self._window.controller.shelf.devices
        picker = ModelPicker(self._window.models.catalogue, self._current_choice(), devices, self._window)
        picker.setWindowTitle(self.tr("Choose a model to compare with"))
        picker.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picker.chosen.connect(lambda choice: self._choose(choice=choice))
        picker.open()
        return picker

    def ask_weights(self) -> None:
        """Ask for a file of weights."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Compare with weights"), "", weight_filter()
        )
        choice = self._current_choice()
        if name and choice is not None:
            self._choose(choice=replace(choice, checkpoint=Path(name), pretrained=False))

    def ask_image(self) -> None:
        """Ask for an image."""
        filters = self.tr("Images (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Compare with an image"), "", filters)
        if name:
            self._choose(image=Path(name))

    def _choose(self, image: Path | None = None, choice: ModelChoice | None = None) -> None:
        self._window.tabs.setCurrentWidget(self.view)
        self.comparing.choose(image, choice)

    def show_beside(self, beside: Beside | None) -> None:
        """Show what was chosen to compare with, or that nothing was."""
        self.view.show_beside(beside)
        self._allow()

    def show_waiting(self) -> None:
        """Say that the second is being computed, or will be."""
        self.view.say(self.tr("Computing the second…"), self.tr("Esc gives it up."), offer=False)

    def show_same(self) -> None:
        """Say that both sides are the same until another image or model is opened."""
        beside = self.comparing.beside
        if beside is None or beside.image is None or beside.choice is None:
            text = self.tr("Choose another model, other weights or another image for the second.")
            self.view.say(self.tr("Both sides are the same"), text)
            return
        self.view.say(
            self.tr("Kept for comparison"),
            self.tr(
                "Open another image or choose another model above: it becomes the first, and what was kept stands "
                "beside it. Or choose something else for the second:"
            ),
        )

    def show_compared(self, compared: Compared) -> None:
        """Show a comparison."""
        self.view.show_compared(compared)

    def show_no_comparison(self, sentence: str) -> None:
        """Say why there is none."""
        self.view.say(self.tr("These cannot be compared"), sentence[:1].upper() + sentence[1:] + ".")

    def show_failed(self, sentence: str, details: str, is_bug: bool) -> None:
        """Say that the second could not be computed."""
        self._window.show_failed(sentence, details, is_bug)

    def show_busy(self, message: str, fraction: float) -> None:
        """Say how far the run of the second is."""
        self._window.show_busy(message, fraction)

    def show_stopped(self) -> None:
        """Say that the run of the second was cancelled."""
        self._window.show_cancelled()
        self.show_given_up()

    def show_given_up(self) -> None:
        """Say that the second was not computed, and how to have it computed."""
        self.view.say(self.tr("Cancelled"), self.tr("Choose what to compare with, also the same again."))

    def show_landed(self, result: Result) -> None:
        """Say that the second is there."""
        self._window.show_done(result)
        self._window.habits.show_memory()
        self._window.takeaway.sessions.note()

    def close(self, timeout: float) -> bool:
        """End the worker; returns whether it had ended in time."""
        return self.jobs.close(timeout)

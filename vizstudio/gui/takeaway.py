"""What a user takes along: exports, sessions, and the way back to what was looked at."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from vizstudio.core.session import Place
from vizstudio.gui.export_desk import ExportDesk
from vizstudio.gui.folder_desk import FolderDesk
from vizstudio.gui.panes import tab_name
from vizstudio.gui.session_desk import SessionDesk
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class Takeaway(QObject):
    """A `TravelView`; has the actions of history, and the desks of exports and sessions."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window = window
        self.exports, self.sessions = ExportDesk(window, host), SessionDesk(window)
        self.folders = FolderDesk(window, host)
        self.actions: dict[str, QAction] = {}
        travel = window.controller.travel
        travel.view = self
        travel.tab = tab_name(window.tabs.currentWidget())
        window.tabs.currentChanged.connect(self._tab_changed)

    def _tab_changed(self, index: int) -> None:
        tabs = self._window.tabs
        if index >= 0:
            self._window.controller.travel.show_tab(tab_name(tabs.widget(index)), in_view=tabs.was_shown)

    def fill_file(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add sessions and exports to the menu of files."""
        menu.addSeparator()
        self.sessions.fill_file(menu, add)
        self.exports.fill_file(menu, add)
        self.folders.fill_file(menu, add)

    def fill_edit(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Fill the menu of editing."""
        travel = self._window.controller.travel
        standard = QKeySequence.StandardKey
        entries = {
            "undo": (self.tr("&Undo"), self.tr("Take the last change of the view back"), travel.undo),
            "redo": (self.tr("&Redo"), self.tr("Make the change again that was taken back"), travel.redo),
            "back": (self.tr("&Back"), self.tr("Return to what was looked at before"), travel.back),
            "forward": (self.tr("&Forward"), self.tr("Go to what was looked at next"), travel.forward),
        }
        keys = {
            "undo": (standard.Undo, "Ctrl+Z"),
            "redo": (standard.Redo, "Ctrl+Shift+Z"),
            "back": (standard.Back, "Alt+Left"),
            "forward": (standard.Forward, "Alt+Right"),
        }
        for name, (text, tip, do) in entries.items():
            action = add(menu, text, tip, do)
            usual, ours = keys[name]
            shortcuts = [*QKeySequence.keyBindings(usual)[:1], QKeySequence(ours)]
            action.setShortcuts(list(dict.fromkeys(shortcuts)))
            action.setEnabled(False)
            self.actions[name] = action
            if name == "redo":
                menu.addSeparator()
        menu.addSeparator()
        self.exports.fill_edit(menu, add)

    def show_place(self, place: Place) -> None:
        """Show which model, tab and view of positions belong to a place that is gone to."""
        self._window.model_bar.show_choice(place.choice)
        self._window.position.show_view(place.position)
        tabs = self._window.tabs
        for i in range(tabs.count()):
            if tab_name(tabs.widget(i)) == place.tab and tabs.isTabVisible(i):
                tabs.setCurrentIndex(i)
        self._window.compare.comparing.look()

    def show_history(self, can: Mapping[str, bool]) -> None:
        """Enable what is possible now, and keep what is shown for after a crash."""
        for name, action in self.actions.items():
            action.setEnabled(can[name])
        self.exports.allow(True)
        self.sessions.note()

    def close(self, timeout: float) -> bool:
        """End the workers; returns whether they had ended in time."""
        desks = (self.exports, self.sessions, self.folders)
        return [desk.close(timeout) for desk in desks] == [True] * len(
            desks
        )  # all of them, also after a late one

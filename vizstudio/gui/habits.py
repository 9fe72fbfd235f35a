"""What every desktop program has: the palette of commands, shortcuts, help. Adds the Help menu."""

import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QLabel, QMenu

from vizstudio.core.errors import VizstudioError
from vizstudio.gui.actions import saved_appearance
from vizstudio.gui.commands import Command, actions_of, all_commands, plain, shortcuts_of
from vizstudio.gui.gallery_tree import reveal
from vizstudio.gui.kept import settings
from vizstudio.gui.pane_layout import lay_out, layout_text
from vizstudio.gui.shelf import ModelShelf
from vizstudio.gui.theme import Appearance
from vizstudio.plugins import PluginHost
from vizstudio.settings import Settings, log_path, read_settings, usable_settings, write_settings

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


LAYOUT = 1  # of the docks; another number where a saved one does not fit any more


class Habits(QObject):
    """Opens the dialogs that are about the program and not about a picture."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host
        self.memory = QLabel()
        self.memory.setProperty("muted", True)
        self.memory.setToolTip(self.tr("Models kept in memory; how much they may take is a preference"))
        self._shelf.budget = usable_settings().memory * 2**20

    @property
    def _shelf(self) -> ModelShelf:
        return self._window.controller.shelf

    def fill_menu(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Fill the Help menu."""
        tip = self.tr("Find anything by its name: actions, layers, images, models")
        add(menu, self.tr("&Commands…"), tip, self.show_palette, "Ctrl+K")
        tip = self.tr("List all keys and what they do")
        keys = add(menu, self.tr("&Keyboard shortcuts…"), tip, self.show_shortcuts)
        keys.setShortcuts([QKeySequence("F1"), QKeySequence("Ctrl+/")])
        tip = self.tr("Show in three steps what is where")
        add(menu, self.tr("Take the &tour"), tip, self.show_tour)
        menu.addSeparator()
        tip = self.tr("List plugins, switch them on and off, see why one does not work")
        add(menu, self.tr("&Plugins…"), tip, self.show_plugins)
        tip = self.tr("Open the folder that crashes are written down in")
        add(menu, self.tr("Show the crash &log"), tip, partial(reveal, log_path().parent))
        menu.addSeparator()
        tip = self.tr("Versions, devices and memory, to be copied into a report")
        add(menu, self.tr("&About vizstudio"), tip, self.show_about)

    def show_palette(self) -> None:
        """Open the palette over the upper middle of the window."""
        from vizstudio.gui.dialogs.command_palette import CommandPalette

        palette = CommandPalette(all_commands(self._window), self._window)
        left = (self._window.width() - palette.width()) // 2
        palette.move(self._window.mapToGlobal(QPoint(max(left, 0), 72)))
        self._open(palette)

    def show_shortcuts(self) -> None:
        """List the shortcuts of all actions, those that cannot be done now too."""
        from vizstudio.gui.dialogs.shortcuts import ShortcutsDialog

        found = [
            Command(
                plain(action.text()), place, action.trigger, shortcuts_of(action), action.statusTip(), True
            )
            for place, action in actions_of(self._window.menuBar())
        ]
        self._open(ShortcutsDialog(found, self._window))

    def show_about(self) -> None:
        """Tell versions, devices and memory."""
        from vizstudio.gui.dialogs.about import AboutDialog, facts

        shelf = self._shelf
        self._open(AboutDialog(facts(shelf.devices, shelf.kept(), shelf.budget), self._window))

    def show_plugins(self) -> None:
        """List the plugins."""
        from vizstudio.gui.dialogs.plugin_manager import PluginManager

        try:
            self._open(PluginManager(self._host, self._window))
        except VizstudioError as error:  # the settings cannot be read
            self._tell(error)

    def show_preferences(self) -> None:
        """Ask for the preferences."""
        from vizstudio.gui.dialogs.about import kept_line
        from vizstudio.gui.dialogs.preferences import Preferences

        shelf = self._shelf
        try:
            chosen = read_settings()
        except VizstudioError as error:
            self._tell(error)
            return
        models = self._window.models.catalogue.find("")
        kept = kept_line(shelf.kept(), shelf.budget)
        self._open(
            Preferences(chosen, saved_appearance(), models, shelf.devices, kept, self._keep, self._window)
        )

    def _keep(self, chosen: Settings, appearance: Appearance) -> bool:
        """Take preferences and keep them; returns whether they could be kept."""
        try:
            write_settings(chosen)
        except VizstudioError as error:
            self._tell(error)
            return False
        self._window.menus.appearances[appearance].trigger()
        self._window.model_bar.device = chosen.device
        self._shelf.budget = chosen.memory * 2**20
        self._shelf.trim()
        self.show_memory()
        return True

    def _tell(self, error: VizstudioError) -> None:
        self._window.show_failed(str(error), "".join(traceback.format_exception(error)), False)

    def show_memory(self) -> None:
        """Tell in the status bar which models are kept."""
        from vizstudio.gui.dialogs.about import kept_line

        self.memory.setText(kept_line(self._shelf.kept(), self._shelf.budget))

    def offer_tour(self) -> None:
        """Show the tour to who starts vizstudio for the first time."""
        if not settings().value("tour/seen", False, type=bool):
            self.show_tour()

    def show_tour(self) -> None:
        """Show in three steps what is where; it is not offered again."""
        from vizstudio.gui.tour import Tour, steps

        settings().setValue("tour/seen", True)
        if not self._window.findChildren(Tour):
            Tour(self._window, steps(self._window)).begin()

    def save_layout(self) -> None:
        """Keep where the window, its docks and its tabs are."""
        kept = settings()
        kept.setValue("window/geometry", self._window.saveGeometry())
        kept.setValue("window/state", self._window.saveState(LAYOUT))
        kept.setValue("window/panes", layout_text(self._window.tabs))
        kept.sync()

    def restore_layout(self) -> None:
        """Put window, docks and tabs where they were; docks about a photo stay closed until there is one."""
        kept, window = settings(), self._window
        geometry, state = kept.value("window/geometry"), kept.value("window/state")
        if isinstance(geometry, QByteArray):
            window.restoreGeometry(geometry)
        docks = {dock: dock.isVisibleTo(window) for dock in (window.dock, window.sources.dock)}
        if isinstance(state, QByteArray) and window.restoreState(state, LAYOUT):
            for dock, shown in docks.items():
                dock.setVisible(shown)
            window.sources.keep_width()
        lay_out(window.tabs, str(kept.value("window/panes", "", type=str)))

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

"""What every desktop program has: the palette of commands, shortcuts, help. Adds the Help menu."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QMenu

from vizstudio.gui.commands import Command, actions_of, all_commands, plain, shortcuts_of
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class Habits(QObject):
    """Opens the dialogs that are about the program and not about a picture."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host

    def fill_menu(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Fill the Help menu."""
        tip = self.tr("Find anything by its name: actions, layers, images, models")
        add(menu, self.tr("&Commands…"), tip, self.show_palette, "Ctrl+K")
        tip = self.tr("List all keys and what they do")
        keys = add(menu, self.tr("&Keyboard shortcuts…"), tip, self.show_shortcuts)
        keys.setShortcuts([QKeySequence("F1"), QKeySequence("Ctrl+/")])

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

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

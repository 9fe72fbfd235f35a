"""Widgets that plugins bring: offered in the menu, made when they are first asked for."""

import traceback
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from vizstudio.core.errors import PluginError, VizstudioError
from vizstudio.entries import ViewEntry
from vizstudio.plugins import PluginHost
from vizstudio.registry import blame, load_target

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


def make_widget(host: PluginHost, entry: ViewEntry) -> QWidget:
    """Load a plugin's code and make its widget.

    Raises
    ------
    PluginError
        If the code fails or gives something else than a widget.
    """
    owner = host.views.owner(entry.id)
    with blame(owner, f"making the view {entry.id!r}"):
        widget = load_target(entry.widget)()
    if not isinstance(widget, QWidget):
        raise PluginError(f"{entry.widget!r} of plugin {owner!r} must return a QWidget")
    return widget


def show_view(window: "MainWindow", host: PluginHost, entry: ViewEntry) -> None:
    """Show the widget in a tab of its own, which is made once."""
    made = next((w for w in window.tabs.findChildren(QWidget, entry.id)), None)
    if made is None:
        try:
            made = make_widget(host, entry)
        except VizstudioError as error:
            window.show_failed(str(error), traceback.format_exc(), False)
            return
        made.setObjectName(entry.id)
        window.tabs.addTab(made, entry.title)
    window.centre.setCurrentWidget(window.studio)
    window.tabs.setCurrentWidget(made)

"""Widgets that plugins bring: offered in the menu, made when they are first asked for."""

import traceback
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu, QWidget

from vizstudio.core.errors import PluginError, VizstudioError
from vizstudio.entries import ViewEntry
from vizstudio.gui.actions import add_action
from vizstudio.plugins import PluginHost
from vizstudio.registry import blame, load_target

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


def offer_views(window: "MainWindow", menu: QMenu, host: PluginHost) -> None:
    """Add an action for every widget that a plugin registered."""
    entries = host.views.entries()
    if entries:
        menu.addSeparator()
    for entry in entries:
        tip = window.tr("Show a view of the plugin {0}").format(host.views.owner(entry.id))
        add_action(window, menu, entry.title, tip, None, partial(_open, window, host, entry))


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


def _open(window: "MainWindow", host: PluginHost, entry: ViewEntry) -> None:
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

"""The window's menus: every action with its status tip, its shortcut and what it does."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu

from vizstudio.gui import theme
from vizstudio.gui.kept import settings
from vizstudio.gui.plugin_views import show_view
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow

ZOOM_STEP = 1.25
Shortcut = QKeySequence.StandardKey | str | None


def saved_appearance() -> theme.Appearance:
    """Return the appearance that was chosen last."""
    saved = settings().value("appearance", "system", type=str)
    return next((known for known in theme.APPEARANCES if known == saved), "system")


class Menus(QObject):
    """Fills the window's menu bar; keeps the actions that something else than the menu needs."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host
        self._fill_file(window.menuBar().addMenu(self.tr("&File")))
        window.takeaway.fill_edit(window.menuBar().addMenu(self.tr("&Edit")), self.add)
        view = window.menuBar().addMenu(self.tr("&View"))
        self._fill_training(window.menuBar().addMenu(self.tr("&Training")))
        self._fill_view(view)
        window.compare.choice.fill_menu(view.addMenu(self.tr("&Compare with")), self.add)
        window.panes.fill_menu(view.addMenu(self.tr("&Panes")), self.add)
        self._fill_appearance(view.addMenu(self.tr("&Appearance")))
        self._offer_plugin_views(view)
        window.habits.fill_menu(window.menuBar().addMenu(self.tr("&Help")), self.add)

    def add(
        self, menu: QMenu, text: str, tip: str, do: Callable[[], object], shortcut: Shortcut = None
    ) -> QAction:
        """Add an action to a menu, with its status tip, what it does, and its shortcut."""
        action = QAction(text, self._window)
        action.setStatusTip(tip)
        if shortcut is not None:
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _=False: do())
        menu.addAction(action)
        return action

    def _fill_file(self, menu: QMenu) -> None:
        window, key = self._window, QKeySequence.StandardKey
        tip = self.tr("Open a photo to look at")
        self.open = self.add(menu, self.tr("&Open photo…"), tip, window.ask_image, key.Open)
        tip = self.tr("Search all models, choose weights and device")
        self.add(menu, self.tr("Choose &model…"), tip, window.models.ask, "Ctrl+M")
        tip = self.tr("Give the model weights from a file")
        self.add(menu, self.tr("Open &weights…"), tip, window.model_bar.ask_file, "Ctrl+Shift+O")
        window.sources.fill_menu(menu, self.add)
        window.takeaway.fill_file(menu, self.add)
        menu.addSeparator()
        tip = self.tr("Give up the run under way")
        self.cancel = self.add(menu, self.tr("&Cancel run"), tip, window.cancel_run, "Esc")
        self.cancel.setEnabled(False)
        tip = self.tr("Colours, the model to begin with, where models run, memory")
        self.add(menu, self.tr("Pr&eferences…"), tip, window.habits.show_preferences, key.Preferences)
        menu.addSeparator()
        self.add(menu, self.tr("&Quit"), self.tr("Close vizstudio"), window.close, key.Quit)

    def _fill_view(self, menu: QMenu) -> None:
        tabs, key = self._window.tabs, QKeySequence.StandardKey
        self.tabs: list[QAction] = []
        for i in range(tabs.count()):
            tip = self.tr("Show the tab {0}").format(tabs.tabText(i))
            show = (
                self._window.training.show_timeline
                if i == self._window.training.tab
                else partial(tabs.setCurrentIndex, i)
            )
            action = self.add(menu, f"&{tabs.tabText(i)}", tip, show, f"Ctrl+{i + 1}")
            action.setEnabled(tabs.isTabVisible(i))
            self.tabs.append(action)
        menu.addSeparator()
        tip = self.tr("Enlarge the picture")
        self.add(menu, self.tr("Zoom &in"), tip, partial(self._zoom, ZOOM_STEP), key.ZoomIn)
        tip = self.tr("Show more of the picture")
        self.add(menu, self.tr("Zoom &out"), tip, partial(self._zoom, 1 / ZOOM_STEP), key.ZoomOut)
        tip = self.tr("Show the whole picture")
        self.add(menu, self.tr("&Fit"), tip, partial(self._zoom, 0.0), "Ctrl+0")
        menu.addSeparator()
        tip = self.tr("Show the list of images, or close it")
        self.add(menu, self.tr("&Sources"), tip, self._window.sources.toggle_dock, "Ctrl+B")
        tip = self.tr("Show what was done since the window opened, or close it")
        self.add(menu, self.tr("&Log"), tip, self._window.log.toggle, "Ctrl+L")
        menu.addSeparator()

    def _fill_training(self, menu: QMenu) -> None:
        training = self._window.training
        tip = self.tr("Train a model, or watch a run: options, curves, checkpoints")
        self.add(menu, self.tr("&Training dock"), tip, training.toggle_dock, "Ctrl+T")
        tip = self.tr("Show a run, also one started by a command: choose its folder")
        self.add(menu, self.tr("Open &run…"), tip, training.ask_run, "Ctrl+Shift+R")

    def _zoom(self, factor: float) -> None:
        """Zoom the picture in view; a factor of 0 ends at the whole picture, as any small one does."""
        canvas = self._window.current_canvas()
        if canvas is not None:
            canvas.zoom(factor)

    def _fill_appearance(self, menu: QMenu) -> None:
        """Offer light and dark colours; the choice is kept for the next start."""
        named: dict[theme.Appearance, tuple[str, str]] = {
            "system": (self.tr("As the &system"), self.tr("Follow the desktop's colours")),
            "light": (self.tr("&Light"), self.tr("Dark text on light ground")),
            "dark": (self.tr("&Dark"), self.tr("Light text on dark ground")),
        }
        group = QActionGroup(self)
        self.appearances: dict[theme.Appearance, QAction] = {}
        for appearance, (text, tip) in named.items():
            action = self.add(menu, text, tip, partial(_choose_appearance, appearance))
            action.setCheckable(True)
            action.setData(appearance)
            action.setChecked(appearance == saved_appearance())
            group.addAction(action)
            self.appearances[appearance] = action

    def _offer_plugin_views(self, menu: QMenu) -> None:
        entries = self._host.views.entries()
        if entries:
            menu.addSeparator()
        for entry in entries:
            tip = self.tr("Show a view of the plugin {0}").format(self._host.views.owner(entry.id))
            self.add(menu, entry.title, tip, partial(show_view, self._window, self._host, entry))


def _choose_appearance(appearance: theme.Appearance) -> None:
    settings().setValue("appearance", appearance)
    application = QApplication.instance()
    if isinstance(application, QApplication):
        theme.apply(application, appearance)

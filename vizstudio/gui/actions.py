"""The window's menu: every action with its status tip, its shortcut and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu

from vizstudio.gui import theme
from vizstudio.settings import settings_path

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow

ZOOM_STEP = 1.25
Shortcut = QKeySequence.StandardKey | str | None


def settings() -> QSettings:
    """Return what the window remembers, kept beside vizstudio's other settings."""
    return QSettings(str(settings_path().with_name("window.ini")), QSettings.Format.IniFormat)


def saved_appearance() -> theme.Appearance:
    """Return the appearance that was chosen last."""
    saved = settings().value("appearance", "system", type=str)
    return next((known for known in theme.APPEARANCES if known == saved), "system")


def add_action(
    window: QMainWindow, menu: QMenu, text: str, tip: str, shortcut: Shortcut, do: Callable[[], object]
) -> QAction:
    """Add an action to a menu."""
    action = QAction(text, window)
    action.setStatusTip(tip)
    if shortcut is not None:
        action.setShortcut(QKeySequence(shortcut))
    action.triggered.connect(lambda _=False: do())
    menu.addAction(action)
    return action


def add_appearance_menu(window: QMainWindow, menu: QMenu) -> QActionGroup:
    """Add the choice of light and dark colours, which is kept for the next start."""
    submenu = menu.addMenu(window.tr("&Appearance"))
    group = QActionGroup(window)
    named: dict[theme.Appearance, tuple[str, str]] = {
        "system": (window.tr("As the &system"), window.tr("Follow the desktop's colours")),
        "light": (window.tr("&Light"), window.tr("Dark text on light ground")),
        "dark": (window.tr("&Dark"), window.tr("Light text on dark ground")),
    }
    for appearance, (text, tip) in named.items():
        action = add_action(window, submenu, text, tip, None, partial(_choose, appearance))
        action.setCheckable(True)
        action.setData(appearance)
        action.setChecked(appearance == saved_appearance())
        group.addAction(action)
    return group


def _choose(appearance: theme.Appearance) -> None:
    settings().setValue("appearance", appearance)
    application = QApplication.instance()
    if isinstance(application, QApplication):
        theme.apply(application, appearance)


@dataclass(frozen=True)
class Actions:
    """The actions that something else than the menu needs."""

    open: QAction
    cancel: QAction
    view_menu: QMenu


def make_actions(window: "MainWindow") -> Actions:
    """Fill the window's menu bar."""
    tr, key = window.tr, QKeySequence.StandardKey
    menu = window.menuBar().addMenu(tr("&File"))
    opened = add_action(
        window, menu, tr("&Open photo…"), tr("Open a photo to look at"), key.Open, window.ask_image
    )
    tip = tr("Give the model weights from a file")
    add_action(window, menu, tr("Open &weights…"), tip, "Ctrl+Shift+O", window.model_bar.ask_file)
    menu.addSeparator()
    tip = tr("Give up the run under way")
    cancel = add_action(window, menu, tr("&Cancel run"), tip, "Esc", window.controller.cancel)
    cancel.setEnabled(False)
    menu.addSeparator()
    add_action(window, menu, tr("&Quit"), tr("Close vizstudio"), key.Quit, window.close)
    view_menu = window.menuBar().addMenu(tr("&View"))
    _fill_view_menu(window, view_menu)
    return Actions(opened, cancel, view_menu)


def _fill_view_menu(window: "MainWindow", menu: QMenu) -> None:
    tr, key = window.tr, QKeySequence.StandardKey
    for i in range(window.tabs.count()):
        name = window.tabs.tabText(i)
        show = partial(window.tabs.setCurrentIndex, i)
        add_action(window, menu, f"&{name}", tr("Show the tab {0}").format(name), f"Ctrl+{i + 1}", show)
    menu.addSeparator()
    zooms: tuple[tuple[str, str, Shortcut, Callable[[], object]], ...] = (
        (
            tr("Zoom &in"),
            tr("Enlarge the picture"),
            key.ZoomIn,
            lambda: window.current_canvas().zoom(ZOOM_STEP),
        ),
        (
            tr("Zoom &out"),
            tr("Show more of the picture"),
            key.ZoomOut,
            lambda: window.current_canvas().zoom(1 / ZOOM_STEP),
        ),
        (tr("&Fit"), tr("Show the whole picture"), "Ctrl+0", lambda: window.current_canvas().fit()),
    )
    for text, tip, shortcut, do in zooms:
        add_action(window, menu, text, tip, shortcut, do)
    menu.addSeparator()
    add_appearance_menu(window, menu)

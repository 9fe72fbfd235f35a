"""Everything that the window can be told to do, as a flat list: for the palette and the list of shortcuts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QComboBox, QMenu, QMenuBar

from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.wording import translate

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


@dataclass(frozen=True)
class Command:
    """One thing that can be done.

    Parameters
    ----------
    text : str
        What it does, as in the menu but without marks.
    place : str
        Where it is found, such as ``"File › Open recent"``.
    do : callable
        Does it.
    shortcut : str
        As the platform writes it, empty for none.
    tip : str
        A sentence on it.
    is_action : bool
        Whether it is an action of a menu, and not a model, image or value.
    """

    text: str
    place: str
    do: Callable[[], object]
    shortcut: str = ""
    tip: str = ""
    is_action: bool = False

    @property
    def searched(self) -> str:
        """The text that a search looks into, lower case."""
        return f"{self.text}\n{self.place}".lower()


def plain(text: str) -> str:
    """Return an action's text without the marks of its key and without its dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")


def shortcuts_of(action: QAction) -> str:
    """Return an action's shortcuts as the platform writes them."""
    written = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
    return ", ".join(written)


def actions_of(menu: QMenuBar | QMenu, place: str = "") -> Iterator[tuple[str, QAction]]:
    """Yield every action of a menu and of those below it, with where it is."""
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            title = plain(action.text())
            yield from actions_of(below, f"{place} › {title}" if place else title)
        elif not action.isSeparator() and action.text() and action.isVisible():
            yield place, action


def menu_commands(window: "MainWindow") -> list[Command]:
    """Return the menus' actions that can be done now."""
    found = []
    for place, action in actions_of(window.menuBar()):
        if action.isEnabled():
            text, tip = plain(action.text()), action.statusTip()
            found.append(Command(text, place, action.trigger, shortcuts_of(action), tip, True))
    return found


def all_commands(window: "MainWindow") -> list[Command]:
    """Return all that can be done now: actions, layers, heads and queries, images, models."""
    found = menu_commands(window) + _values(window)
    images = [path for section in window.sources.gallery.sections() for path in section.paths[:200]]
    for path in dict.fromkeys(images):
        found.append(_open_image(window, path))
    place = translate("wording", "Model")
    for name in window.models.catalogue.find(""):
        found.append(Command(name, place, partial(_choose_model, window, name)))
    return found


def _open_image(window: "MainWindow", path: Path) -> Command:
    return Command(
        path.name, translate("wording", "Image"), partial(window.sources.open, [path]), tip=str(path)
    )


def _choose_model(window: "MainWindow", name: str) -> None:
    bar = window.model_bar
    window.models.choose(ModelChoice(name, device=bar.device, precision=bar.precision))


def _values(window: "MainWindow") -> list[Command]:
    """Return the layers, heads, queries and colours that can be looked at, if there is something to look at."""
    inspector, place = window.inspector, translate("wording", "View")
    if not inspector.isEnabled():
        return []
    found = []
    for layer in range(inspector.layer.minimum(), inspector.layer.maximum() + 1):
        text = translate("wording", "Layer {0}").format(layer)
        found.append(Command(text, place, partial(inspector.layer.setValue, layer)))
    for box in (inspector.head, inspector.query, inspector.colormap):
        for i in range(box.count()):
            text = f"{box.accessibleName()}: {box.itemText(i)}"
            found.append(Command(text, place, partial(_choose, box, i)))
    return found


def _choose(box: QComboBox, place: int) -> None:
    """Choose an entry of a box as the user does."""
    box.setCurrentIndex(place)
    box.activated.emit(place)
    box.textActivated.emit(box.itemText(place))

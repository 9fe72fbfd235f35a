"""The pictures of the dialogs: those that a menu opens are found in the menus, the others are opened here."""

import importlib
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from picture_studio import Shot, Studio
from picture_tabs import front
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

import vizstudio.gui
from vizstudio.core.session import write_session
from vizstudio.gui.commands import actions_of, plain
from vizstudio.gui.dialogs.folder_closing import FolderClosing
from vizstudio.gui.dialogs.folder_done import FolderDone
from vizstudio.gui.tour import Tour
from vizstudio.gui.training.closing import ClosingDialog
from vizstudio.settings import data_folder

TYPED = {"ModelPicker": "vit base", "CommandPalette": "open", "ShortcutsDialog": ""}


def install_broken_plugin(folder: Path) -> None:
    """Make a plugin that fails when it is imported, for the list of plugins to tell of."""
    about = folder / "vizstudio_broken-0.1.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: vizstudio-broken\nVersion: 0.1\n", "utf-8")
    (about / "entry_points.txt").write_text("[vizstudio.plugins]\nbroken = vizstudio_broken\n", "utf-8")
    (folder / "vizstudio_broken.py").write_text("import a_package_that_is_missing\n", "utf-8")
    sys.path.insert(0, str(folder))


def all_dialogs() -> set[type[QWidget]]:
    """Return the classes of all dialogs that vizstudio has."""
    for module in pkgutil.walk_packages(vizstudio.gui.__path__, "vizstudio.gui."):
        importlib.import_module(module.name)
    return {kind for kind in _below(QDialog) if kind.__module__.startswith("vizstudio.")}


def _below(kind: type[QWidget]) -> Iterator[type[QWidget]]:
    for found in kind.__subclasses__():
        yield found
        yield from _below(found)


def shots(studio: Studio) -> Iterator[Shot]:
    """Yield the pictures of all dialogs."""
    no_files = ("getOpenFileName", "getOpenFileNames", "getSaveFileName")
    for name in no_files:  # the system's own dialogs are not photographed
        setattr(QFileDialog, name, staticmethod(lambda *_: ("", "")))
    QFileDialog.getExistingDirectory = staticmethod(lambda *_: "")  # type: ignore[method-assign,assignment]
    yield Shot("dialog-tour-1", partial(_tour, studio, 0))
    yield Shot("dialog-tour-2", partial(_tour, studio, 1))
    yield Shot("dialog-tour-3", partial(_tour, studio, 2))
    studio_actions = [
        (place, plain(action.text()))
        for place, action in actions_of(studio.window.menuBar())
        if action.text().endswith("…") or "About" in plain(action.text())
    ]
    for place, text in studio_actions:
        if not re.match("Open|Save", text):  # these open a dialog of the system
            name = re.sub(r"\W+", "-", text.lower())
            yield Shot(f"dialog-{name}", partial(_from_menu, studio, place, text))
    yield from _others(studio)


def _from_menu(studio: Studio, place: str, text: str) -> QWidget | None:
    """Trigger an action and return the dialog that it opens."""
    _ready(studio)
    (action,) = (a for p, a in actions_of(studio.window.menuBar()) if (p, plain(a.text())) == (place, text))
    action.trigger()
    studio.settle()
    opened = studio.dialogs()
    if not opened:  # it asks for a file
        return None
    dialog: Any = opened[-1]
    typed = TYPED.get(type(dialog).__name__, "")
    if typed:
        dialog.line.setText(typed)
    if type(dialog).__name__ == "PluginManager":
        tree = dialog.tree
        items = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
        tree.setCurrentItem(next((item for item in items if item.text(0) == "broken"), items[0]))
    return opened[-1]


def _ready(studio: Studio) -> None:
    if studio.window.training.dock is not None:
        studio.renew()
    front(studio, "attention")
    studio.window.models.catalogue.like("vit:vit_small_patch14_dinov2", True)


def _tour(studio: Studio, step: int) -> None:
    if studio.window.centre.currentWidget() is not studio.window.start:
        studio.renew()
    studio.window.habits.show_tour()
    (tour,) = studio.window.findChildren(Tour)
    for _ in range(step):
        tour.next.click()


def _others(studio: Studio) -> Iterator[Shot]:
    def opened(dialog: QDialog) -> QWidget:
        dialog.open()
        return dialog

    def failed(details: bool) -> QWidget:
        _ready(studio)
        if details:
            try:
                raise RuntimeError("the map has no rows")
            except RuntimeError as error:
                told = "".join(traceback.format_exception(error))
                studio.window.show_failed(f"RuntimeError: {error}", told, True)
        else:
            studio.window.controller.open_image(studio.subject.image.with_name("gone.jpg"))
            studio.until(lambda: bool(studio.dialogs()), "the error")
        dialog: Any = studio.dialogs()[-1]
        dialog.details_button.setChecked(details)
        return dialog

    def recovery() -> QWidget:
        _ready(studio)
        desk = studio.window.takeaway.sessions
        session = desk.session()
        assert session is not None
        write_session(session, data_folder() / "autosave-1-1.vizsession")
        desk.offer()
        return studio.dialogs()[-1]

    def done() -> QWidget:
        _ready(studio)
        lines = ["photo_17.jpg: the file is cut off after 12,288 bytes: copy it again"]
        out = Path("photos") / "vizstudio"
        dialog = FolderDone("3 of 4 images analysed, files written: 6", out, [], lines, studio.window)
        return opened(dialog)

    def closing() -> QWidget:
        return opened(ClosingDialog(studio.window, "runs/pets", lambda: None, lambda: None))

    def folder_closing() -> QWidget:
        told, out = "3 of 40 images analysed, files written: 6", Path("photos") / "vizstudio"
        return opened(FolderClosing(studio.window, told, out, lambda: None))

    yield Shot("dialog-error", partial(failed, False))
    yield Shot("dialog-error-bug", partial(failed, True))
    yield Shot("dialog-recovery", recovery)
    yield Shot("dialog-folder-done", done)
    yield Shot("dialog-closing", closing)
    yield Shot("dialog-folder-closing", folder_closing)

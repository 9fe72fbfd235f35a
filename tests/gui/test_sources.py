"""The dock of sources through real mouse and key events: lists, drops, pastes, menus."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QClipboard, QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from vizstudio.gui.gallery_tree import GalleryTree
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.sources import PASTED, STARTED, keep_pasted

Settle = Callable[[Any], None]
TIMEOUT = 30_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three images, one of them in a folder of its own."""
    made = tmp_path / "folder"
    (made / "below").mkdir(parents=True)
    for i, name in enumerate(("one.png", "two.png", "below/three.png")):
        pixels = np.random.default_rng(i).integers(0, 256, (80, 120, 3), np.uint8)
        Image.fromarray(pixels).save(made / name)
    return made


def drop(window: Any, data: QMimeData) -> bool:
    """Drop on the middle of the window; return whether the window wanted it."""
    place, button, none = window.rect().center(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, Qt.DropAction.CopyAction, data, button, none)
    QGuiApplication.sendEvent(window, enter)
    if enter.isAccepted():
        event = QDropEvent(QPointF(place), Qt.DropAction.CopyAction, data, button, none)
        QGuiApplication.sendEvent(window, event)
    return enter.isAccepted()


def files(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def listed(window: Any) -> dict[str, list[str]]:
    """Return the names of images by heading, as the tree shows them."""
    model = window.sources.model
    headings = [model.index(row, 0) for row in range(model.rowCount())]
    return {
        str(h.data()): [str(model.index(i, 0, h).data()) for i in range(model.rowCount(h))] for h in headings
    }


def place_of(tree: GalleryTree, name: str) -> Any:
    """Return where the tree paints the image of this name."""
    model = tree.model()
    for row in range(model.rowCount()):
        heading = model.index(row, 0)
        for i in range(model.rowCount(heading)):
            if model.index(i, 0, heading).data() == name:
                return tree.visualRect(model.index(i, 0, heading)).center()
    raise AssertionError(f"{name} is not listed")


def shown(window: Any) -> str:
    return str(window.controller._result.image.path.name)


@pytest.fixture
def ready(window: MainWindow) -> MainWindow:
    """The window with a model chosen."""
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    return window


def test_dropping_a_folder_lists_it_and_a_click_opens(
    ready: Any, qtbot: Any, settle: Settle, folder: Path
) -> None:
    assert not ready.sources.dock.isVisible()  # the start page shows what ships
    assert drop(ready, files(folder))
    qtbot.waitUntil(lambda: "folder  3" in listed(ready), timeout=TIMEOUT)
    assert listed(ready)["folder  3"] == ["three.png", "one.png", "two.png"]
    assert ready.sources.dock.isVisible() and ready.controller.image is None
    tree = ready.sources.tree
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place_of(tree, "two.png"))
    settle(ready)
    assert shown(ready) == "two.png" and ready.sources.tree.currentIndex().data() == "two.png"


def test_dropping_several_opens_the_first(ready: Any, settle: Settle, folder: Path) -> None:
    assert drop(ready, files(folder / "two.png", folder / "one.png"))
    settle(ready)
    assert shown(ready) == "two.png"
    assert next(iter(listed(ready).values())) == ["two.png", "one.png"]


def test_what_cannot_be_opened_is_not_wanted(ready: Any) -> None:
    data = QMimeData()
    data.setText("not a path")
    assert not drop(ready, data)


def test_thumbnails_come_when_they_are_seen(ready: Any, qtbot: Any, folder: Path) -> None:
    drop(ready, files(folder))
    gallery = ready.sources.gallery
    qtbot.waitUntil(lambda: gallery.thumbnail(folder / "one.png") is not None, timeout=TIMEOUT)
    tree = ready.sources.tree
    place = place_of(tree, "one.png")
    qtbot.waitUntil(lambda: (folder / "one.png") in ready.sources.model._pixmaps, timeout=TIMEOUT)
    image = tree.viewport().grab().toImage()
    row = [image.pixelColor(x, place.y()).rgb() for x in range(image.width())]
    assert len(set(row)) > 40  # the random pixels of the photo


def test_by_keyboard(ready: Any, qtbot: Any, settle: Settle, folder: Path) -> None:
    drop(ready, files(folder))
    qtbot.waitUntil(lambda: "folder  3" in listed(ready), timeout=TIMEOUT)
    tree = ready.sources.tree
    tree.setFocus()
    tree.setCurrentIndex(tree.model().index(0, 0))
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    settle(ready)
    assert shown(ready) == "three.png"
    qtbot.keyClick(ready, Qt.Key.Key_PageDown, Qt.KeyboardModifier.AltModifier)
    settle(ready)
    assert shown(ready) == "one.png" and tree.currentIndex().data() == "one.png"
    qtbot.keyClick(ready, Qt.Key.Key_PageUp, Qt.KeyboardModifier.AltModifier)
    settle(ready)
    assert shown(ready) == "three.png"
    heading = tree.currentIndex().parent()
    tree.setCurrentIndex(heading)
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    assert not tree.isExpanded(tree.currentIndex())
    qtbot.keyClick(tree, Qt.Key.Key_Delete)
    assert not any(name.startswith("folder") for name in listed(ready)) and folder.is_dir()


def test_a_closed_heading_stays_closed(ready: Any, qtbot: Any, settle: Settle, folder: Path) -> None:
    drop(ready, files(folder))
    qtbot.waitUntil(lambda: "folder  3" in listed(ready), timeout=TIMEOUT)
    tree = ready.sources.tree
    tree.collapse(tree.model().index(0, 0))
    drop(ready, files(folder / "one.png"))
    settle(ready)
    assert [tree.isExpanded(tree.model().index(i, 0)) for i in range(2)] == [True, False]


def paste(window: Any, qtbot: Any) -> None:
    window.centre.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


def test_pasting_a_picture(ready: Any, qtbot: Any, settle: Settle) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (80, 120, 3), np.uint8)
    QGuiApplication.clipboard().setImage(QImage(pixels.tobytes(), 120, 80, 360, QImage.Format.Format_RGB888))
    paste(ready, qtbot)
    settle(ready)
    assert np.array_equal(ready.controller._result.image.pixels, pixels)
    first = ready.controller.image
    paste(ready, qtbot)
    settle(ready)
    assert ready.controller.image == first  # the same picture is the same file


def test_pasted_pictures_of_earlier_windows_go_and_those_of_this_one_stay(tmp_path: Path) -> None:
    def picture(number: int) -> QImage:
        image = QImage(8, 8, QImage.Format.Format_RGB888)
        image.fill(number)
        return image

    old = [keep_pasted(picture(number)) for number in range(PASTED + 5)]
    assert all(path.exists() for path in old)  # one of them may be open
    for age, path in enumerate(reversed(old), start=1):
        os.utime(path, (STARTED - 60 * age,) * 2)
    new = [keep_pasted(picture(1000 + number)) for number in range(3)]
    assert [path.exists() for path in old] == [False] * 8 + [True] * (PASTED - 3)
    assert all(path.exists() for path in new)


@pytest.mark.parametrize("form", ["{0}", "'{0}'\n", "file"])
def test_pasting_paths(ready: Any, qtbot: Any, settle: Settle, folder: Path, form: str) -> None:
    if form == "file":
        QGuiApplication.clipboard().setMimeData(files(folder / "one.png"))
    else:
        QGuiApplication.clipboard().setText(form.format(folder / "one.png"))
    paste(ready, qtbot)
    settle(ready)
    assert shown(ready) == "one.png"


@pytest.mark.parametrize("text", ["some words\nof no file", "a" * 300, "~no-such-user-here/a.png", "a\0b"])
def test_pasting_nothing_says_so(ready: Any, qtbot: Any, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    paste(ready, qtbot)
    assert ready.status.message.text().startswith("Nothing to paste") and ready.controller.image is None


def test_pasting_from_a_clipboard_without_data(
    ready: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QClipboard, "mimeData", lambda *_: None)
    paste(ready, qtbot)
    assert ready.status.message.text().startswith("Nothing to paste")


def actions_of(menu: Any) -> dict[str, QAction]:
    return {action.text().replace("&", ""): action for action in menu.actions()}


def test_the_menu_of_an_image_and_of_a_folder(
    ready: Any, qtbot: Any, settle: Settle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(ready, files(folder, folder / "two.png"))
    qtbot.waitUntil(lambda: "folder  3" in listed(ready), timeout=TIMEOUT)
    settle(ready)
    tree, model = ready.sources.tree, ready.sources.model
    revealed: list[Path] = []
    monkeypatch.setattr("vizstudio.gui.gallery_tree.reveal", revealed.append)
    recent = model.index(0, 0, model.index(0, 0))
    menu = tree.menu_for(recent)
    actions_of(menu)["Copy the path"].trigger()
    assert QGuiApplication.clipboard().text() == str(folder / "two.png")
    actions_of(menu)["Show in its folder"].trigger()
    assert revealed == [folder / "two.png"]
    actions_of(menu)["Remove from the list"].trigger()
    assert (folder / "two.png").exists() and ready.sources.gallery.recent == ()
    (heading,) = [model.index(i, 0) for i in range(model.rowCount()) if "folder" in model.index(i, 0).data()]
    inside = tree.menu_for(model.index(0, 0, heading))
    assert "Remove from the list" not in actions_of(inside)
    tree.menu_for(heading)
    actions_of(tree.menu_for(heading))["Remove from the list"].trigger()
    assert not any("folder" in name for name in listed(ready))


def test_recent_files_in_the_menu(ready: Any, settle: Settle, folder: Path) -> None:
    for name in ("one.png", "two.png"):
        drop(ready, files(folder / name))
        settle(ready)
    sources = ready.sources
    sources.recent_menu.aboutToShow.emit()
    assert list(actions_of(sources.recent_menu))[:2] == ["two.png", "one.png"]
    actions_of(sources.recent_menu)["one.png"].trigger()
    settle(ready)
    assert shown(ready) == "one.png"
    sources.recent_menu.aboutToShow.emit()
    actions_of(sources.recent_menu)["Clear the list"].trigger()
    assert sources.gallery.recent == ()


def test_opening_a_folder_by_the_dialog(
    ready: Any, qtbot: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    qtbot.keyClick(ready, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: "folder  3" in listed(ready), timeout=TIMEOUT)


def test_the_dock_stays_closed_if_the_user_closed_it(
    ready: Any, qtbot: Any, settle: Settle, folder: Path
) -> None:
    drop(ready, files(folder / "one.png"))
    settle(ready)
    assert ready.sources.dock.isVisible()
    ready.sources.dock.close()
    drop(ready, files(folder / "two.png"))
    settle(ready)
    assert not ready.sources.dock.isVisible()
    qtbot.keyClick(ready, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert ready.sources.dock.isVisible() and ready.sources.tree.hasFocus()


def test_the_docks_leave_the_window_as_wide_as_it_was(ready: Any, settle: Settle, folder: Path) -> None:
    width = ready.width()
    drop(ready, files(folder, folder / "one.png"))
    settle(ready)
    assert ready.sources.dock.isVisible() and ready.dock.isVisible()
    assert ready.width() == width and ready.sources.dock.width() >= 230


def test_a_large_folder_is_laid_out_as_it_is_scrolled(ready: Any, qtbot: Any, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(2500):
        (folder / f"{i:04}.png").touch()
    drop(ready, files(folder))
    qtbot.waitUntil(
        lambda: any("2\N{NARROW NO-BREAK SPACE}500" in name for name in listed(ready)), timeout=TIMEOUT
    )
    tree, model = ready.sources.tree, ready.sources.model
    heading = model.index(0, 0)
    assert model.rowCount(heading) < 2500
    tree.select(folder / "1999.png")
    assert model.rowCount(heading) >= 2000 and tree.currentIndex().data() == "1999.png"
    assert tree.neighbour(1) == folder / "2000.png"
    tree.setFocus()
    for _ in range(3):
        tree.verticalScrollBar().setValue(tree.verticalScrollBar().maximum())
    tree.select(folder / "2499.png")
    assert model.rowCount(heading) == 2500 and tree.neighbour(1) is None

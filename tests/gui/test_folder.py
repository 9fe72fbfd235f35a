"""A folder analysed from the window: by key, by menu, with progress, cancelled, and the same files as the command."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from gui_fakes import error_dialog, with_formats
from PIL import Image
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QListWidget

from vizstudio.batch import find_images
from vizstudio.core.context import RunContext
from vizstudio.gui.dialogs.folder import FolderDialog
from vizstudio.gui.dialogs.folder_closing import FolderClosing
from vizstudio.gui.dialogs.folder_done import FolderDone
from vizstudio.gui.snapshot import ModelChoice

TIMEOUT = 60_000  # milliseconds; only to end a test that hangs
Key, Modifier, LEFT = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton.LeftButton
FIND = Modifier.ControlModifier | Modifier.ShiftModifier
Settle = Callable[[Any], None]


@pytest.fixture
def host(host: Any) -> Any:
    """The fake models, and the formats that ship."""
    return with_formats(host)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two photos, one below with a third of a name that is there already, and two bad files."""
    here = tmp_path / "holiday"
    (here / "below").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name in ("a.png", "b.png", "below/a.png"):
        Image.fromarray(rng.integers(0, 256, (60, 90, 3), np.uint8)).save(here / name)
    (here / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0torn")
    (here / "empty.png").touch()
    return here


def ask(window: Any, qtbot: Any, folder: Path) -> FolderDialog:
    """Open the dialog by its key, type a folder, and wait until its images are counted."""
    qtbot.keyClick(window, Key.Key_F, FIND)
    dialog = window.takeaway.folders._dialog
    assert dialog is not None and dialog.isVisible()
    dialog.folder.selectAll()
    qtbot.keyClicks(dialog.folder, str(folder))
    qtbot.waitUntil(dialog.run.isEnabled, timeout=TIMEOUT)
    return dialog


def tick(ticks: QListWidget, name: str, qtbot: Any) -> None:
    """Click the box of an entry."""
    rows = [ticks.item(row) for row in range(ticks.count())]
    (item,) = [item for item in rows if item.data(Qt.ItemDataRole.UserRole) == name]
    ticks.scrollToItem(item)
    before, place = item.checkState(), ticks.visualItemRect(item)
    qtbot.mouseClick(ticks.viewport(), LEFT, pos=QPoint(place.left() + 10, place.center().y()))
    assert item.checkState() != before


def ended(window: Any, qtbot: Any) -> FolderDone:
    """Wait until a folder has been analysed, and return what tells of it."""
    qtbot.waitUntil(lambda: window.findChild(FolderDone) is not None, timeout=TIMEOUT)
    found = window.findChild(FolderDone)
    assert isinstance(found, FolderDone) and window.takeaway.folders.running is None
    return found


def test_what_is_shown_is_made_of_every_image(
    studio: Any, qtbot: Any, settle: Settle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.controller.change(layer=1, head=1, colormap="magma")
    settle(studio)
    dialog = ask(studio, qtbot, folder)
    assert dialog.chosen_views == ["attention"] and dialog.chosen_formats == ["png"]
    assert dialog.chosen_out == folder.with_name("holiday-vizstudio")
    assert dialog.told.text() == "Images: 5 · views: 1 · formats: 1 · files to write: 5"
    tick(dialog.views, "heads", qtbot)
    tick(dialog.formats, "json", qtbot)
    assert dialog.told.text() == "Images: 5 · views: 2 · formats: 2 · files to write: 20"
    qtbot.mouseClick(dialog.run, LEFT)
    done = ended(studio, qtbot)
    out = folder.with_name("holiday-vizstudio")
    names = {
        f"{s}_{v}.{f}" for s in ("a", "b", "a-2") for v in ("attention", "heads") for f in ("png", "json")
    }
    assert {path.name for path in out.iterdir()} == names
    assert done.heading.text() == "3 of 5 images analysed, files written: 12"
    assert done.heading.text() in studio.status.message.text()
    assert str(folder / "torn.jpg") in done.list.toPlainText()
    assert str(folder / "empty.png") in done.list.toPlainText()
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    qtbot.mouseClick(done.show_folder, LEFT)
    assert [Path(url.toLocalFile()) for url in opened] == [out]
    qtbot.mouseClick(done.copy_list, LEFT)
    assert len(QGuiApplication.clipboard().text().splitlines()) == 2
    done.close()
    assert not studio.takeaway.folders.strip.isVisible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "views", "words"),
    [
        (
            "vit:demo",
            ["attention", "wall"],
            ["--layer=2", "--head", "1", "--query", "3,4", "--colormap", "turbo"],
        ),
        ("catr:demo", ["caption"], ["--layer=-1", "--head", "mean"]),
    ],
)
def test_the_files_are_those_of_the_command(
    model: str, views: list[str], words: list[str], qtbot: Any, settle: Settle, folder: Path, photos: Path
) -> None:
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.plugins import load_plugins

    window = MainWindow(load_plugins(True), "auto")
    window.show()
    window.choose_model(ModelChoice(model))
    window.controller.open_image(photos / "coffee.jpg")
    if "--query" in words:
        window.controller.change(layer=2, head=1, query=(3, 4), colormap="turbo")
    qtbot.waitUntil(lambda: window.controller.travel.place() is not None, timeout=TIMEOUT)
    settle(window)
    window.takeaway.folders.ask(folder)
    dialog = window.takeaway.folders._dialog
    qtbot.waitUntil(dialog.run.isEnabled, timeout=TIMEOUT)
    for name in set(views) ^ set(dialog.chosen_views):
        tick(dialog.views, name, qtbot)
    tick(dialog.formats, "npz", qtbot)
    qtbot.mouseClick(dialog.run, LEFT)
    done = ended(window, qtbot)
    done.close()
    window.close()
    window.deleteLater()
    ours, theirs = dialog_out(folder), folder.with_name("theirs")
    command = [
        sys.executable,
        "-m",
        "vizstudio",
        "run",
        str(folder),
        "--model",
        model,
        "--view",
        ",".join(views),
    ]
    subprocess.run(
        [*command, *words, "--format", "png,npz", "--out", str(theirs)], capture_output=True, check=False
    )
    files = sorted(path.name for path in theirs.iterdir())
    assert len(files) == 3 * len(views) * 2 and files == sorted(path.name for path in ours.iterdir())
    for name in files:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def dialog_out(folder: Path) -> Path:
    """Return where results go by default."""
    return folder.with_name(f"{folder.name}-vizstudio")


class Gate:
    """Holds the fake model up at images of one name, until it is opened or the run is cancelled."""

    def __init__(self, fake: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        analyze = fake.FakeModel.analyze

        def held(model: Any, image: Any, context: RunContext) -> Any:
            if image.name == name:
                self.reached.set()
                while not self.open.wait(0.005):
                    context.check()
            return analyze(model, image, context)

        monkeypatch.setattr(fake.FakeModel, "analyze", held)


def test_the_window_stays_usable_and_a_folder_can_be_cancelled(
    studio: Any, qtbot: Any, settle: Settle, folder: Path, fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, folders = Gate(fake, monkeypatch, "b.png"), studio.takeaway.folders
    qtbot.mouseClick(ask(studio, qtbot, folder).run, LEFT)
    qtbot.waitUntil(gate.reached.is_set, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: "2 of 5" in folders.status.message.text(), timeout=TIMEOUT)
    assert folders.strip.isVisible() and folders.status.progress.value() > 0
    assert not folders.start.isEnabled() and folders.stop.isEnabled()
    studio.controller.change(opacity=0.2)  # needs no map
    assert studio.controller.shown.state.opacity == 0.2
    folders.ask()
    assert folders._dialog is None and "A folder is being analysed" in studio.status.message.text()
    qtbot.mouseClick(folders.status.cancel, LEFT)
    qtbot.waitUntil(lambda: folders.running is None, timeout=TIMEOUT)
    assert [path.name for path in dialog_out(folder).iterdir()] == ["a_attention.png"]
    told = studio.status.message.text()
    assert told.startswith("Folder cancelled: 1 of 5 images analysed, files written: 1 to ")
    assert folders.start.isEnabled() and not folders.strip.isVisible()
    assert studio.findChild(FolderDone) is None
    studio.controller.change(layer=2)
    settle(studio)
    assert studio.controller.shown.state.layer == 2


def test_the_photo_is_looked_at_between_two_images(
    studio: Any, qtbot: Any, settle: Settle, folder: Path, fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(fake, monkeypatch, "b.png")
    qtbot.mouseClick(ask(studio, qtbot, folder).run, LEFT)
    qtbot.waitUntil(gate.reached.is_set, timeout=TIMEOUT)
    studio.choose_model(ModelChoice("fake:other", device="cpu"))  # another model, while one runs
    gate.open.set()
    settle(studio)
    assert studio.controller._result.info.model_id == "fake:other"
    done = ended(studio, qtbot)
    assert done.heading.text().startswith("3 of 5")
    done.close()


def test_a_window_that_is_closed_asks_before_it_ends_the_folder(
    window: Any, qtbot: Any, folder: Path, fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(fake, monkeypatch, "a.png")
    window.controller.choice = ModelChoice("fake:small", device="cpu")
    qtbot.mouseClick(ask(window, qtbot, folder).run, LEFT)
    qtbot.waitUntil(gate.reached.is_set, timeout=TIMEOUT)
    window.close()
    (asked,) = window.findChildren(FolderClosing)
    assert window.isVisible() and "0 of 5 images analysed, files written: 0" in asked.text()
    assert str(folder.with_name("holiday-vizstudio")) in asked.informativeText()
    qtbot.keyClick(asked, Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(FolderClosing), timeout=TIMEOUT)
    assert window.isVisible() and window.takeaway.folders.running is not None
    window.close()
    (asked,) = window.findChildren(FolderClosing)
    qtbot.mouseClick(asked.stop, LEFT)
    assert not window.isVisible()
    gate.open.set()
    assert window.takeaway.folders.close(10.0)


def test_a_folder_of_the_sources_is_analysed_by_its_menu(studio: Any, qtbot: Any, folder: Path) -> None:
    studio.sources.open([folder])
    tree, model = studio.sources.tree, studio.sources.model
    headings = [model.index(row, 0) for row in range(model.rowCount())]
    (heading,) = [index for index in headings if model.section(index).folder == folder]
    actions = {action.text(): action for action in tree.menu_for(heading).actions()}
    actions["Analyse this folder…"].trigger()
    dialog = studio.takeaway.folders._dialog
    assert dialog is not None and dialog.chosen_folder == folder
    dialog.reject()
    qtbot.waitUntil(lambda: studio.takeaway.folders._dialog is None, timeout=TIMEOUT)


def test_captions_are_written_if_a_view_of_them_is_ticked(writer: Any, qtbot: Any, folder: Path) -> None:
    dialog = ask(writer, qtbot, folder)
    for name in [*dialog.chosen_views, "caption"]:
        tick(dialog.views, name, qtbot)
    qtbot.keyClick(dialog, Key.Key_Return)
    done = ended(writer, qtbot)
    names = {path.name for path in dialog_out(folder).iterdir()}
    assert names == {"a_caption.png", "b_caption.png", "a-2_caption.png"}
    done.close()


def test_what_is_missing_is_said(
    studio: Any, qtbot: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = ask(studio, qtbot, folder)
    tick(dialog.views, "attention", qtbot)
    assert dialog.told.text() == "Tick a view or more." and not dialog.run.isEnabled()
    tick(dialog.views, "attention", qtbot)
    tick(dialog.formats, "png", qtbot)
    assert dialog.told.text() == "Tick a format or more."
    tick(dialog.formats, "png", qtbot)
    dialog.out.selectAll()
    qtbot.keyClick(dialog.out, Key.Key_Delete)
    assert dialog.told.text() == "Choose a folder to write to."
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "elsewhere"))
    qtbot.mouseClick(dialog.choose_out, LEFT)
    assert dialog.chosen_out == tmp_path / "elsewhere" and dialog.run.isEnabled()
    (tmp_path / "nothing").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "nothing"))
    qtbot.mouseClick(dialog.choose_folder, LEFT)
    qtbot.waitUntil(lambda: "nothing" in dialog.told.text(), timeout=TIMEOUT)
    assert not dialog.run.isEnabled() and dialog.told.property("problem")
    qtbot.keyClicks(dialog.folder, "x")
    assert dialog.told.text() == "There is no such folder."
    dialog.reject()


def test_a_count_that_comes_late_is_not_that_of_another_folder(
    studio: Any, qtbot: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, go_on = threading.Event(), threading.Event()

    def slowly(folders: list[Path], *rest: Any) -> list[Path]:
        counting.set()
        assert go_on.wait(60)
        return find_images(folders, *rest)

    dialog = ask(studio, qtbot, folder)
    monkeypatch.setattr("vizstudio.batch.find_images", slowly)
    qtbot.keyClick(dialog.folder, Key.Key_Slash)
    qtbot.waitUntil(counting.is_set, timeout=TIMEOUT)
    dialog._typed.setInterval(10 * TIMEOUT)  # the user is still at it
    qtbot.keyClicks(dialog.folder, "below")
    go_on.set()
    qtbot.waitUntil(lambda: studio.takeaway.folders.counting.number is None, timeout=TIMEOUT)
    assert dialog.told.text() == "Counting images…" and not dialog.run.isEnabled()
    dialog._typed.start(0)
    qtbot.waitUntil(dialog.run.isEnabled, timeout=TIMEOUT)
    assert dialog.told.text().startswith("Images: 1 ")
    dialog.reject()


def test_errors_that_concern_all_images(studio: Any, qtbot: Any, folder: Path, tmp_path: Path) -> None:
    dialog = ask(studio, qtbot, folder)
    (tmp_path / "file").touch()
    dialog.out.selectAll()
    qtbot.keyClicks(dialog.out, str(tmp_path / "file"))
    qtbot.mouseClick(dialog.run, LEFT)
    told = error_dialog(studio, qtbot)
    assert "cannot be written to" in told.sentence.text()
    told.close()
    assert studio.takeaway.folders.running is None and studio.takeaway.folders.start.isEnabled()


def test_without_a_model_there_is_nothing_to_do(window: Any, qtbot: Any) -> None:
    qtbot.keyClick(window, Key.Key_F, FIND)
    told = error_dialog(window, qtbot)
    assert "no model is chosen" in told.sentence.text().lower()
    told.close()

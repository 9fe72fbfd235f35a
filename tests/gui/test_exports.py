"""Exports by the dialog, and what is copied: the picture, the script and the command that make it again."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gui_fakes import with_formats
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.taken import subject
from vizstudio.pictures import write_picture
from vizstudio.registry import Registry
from vizstudio.reproduce import as_command, as_python

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs
Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Modifier.ControlModifier, Modifier.ShiftModifier
Save = Callable[[Any, Any, Path], None]


@pytest.fixture
def host(host: Any) -> Any:
    """The fake models, and the formats that ship."""
    return with_formats(host)


def settled(window: Any, qtbot: Any) -> None:
    controller, work = window.controller, window.takeaway.exports.work
    workers = (controller.runs, controller.maps, controller.captions.words, work)
    qtbot.waitUntil(lambda: all(worker.number is None for worker in workers), timeout=TIMEOUT)


@pytest.fixture
def save(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Press Save in the dialog, and answer where to."""

    def press(window: Any, dialog: Any, target: Path) -> None:
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
        qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
        settled(window, qtbot)

    return press


def expected(window: Any, path: Path, view: str, **options: Any) -> bytes:
    """Return the file that Python writes of what is shown."""
    chosen = subject(window.controller, view)
    shown = {name: getattr(chosen.drawn.state, name) for name in chosen.drawn.state.__dataclass_fields__}
    write_picture(chosen.analysis, chosen.image, path, host=window.takeaway.exports._host, **options, **shown)
    return path.read_bytes()


@pytest.fixture
def dialog(studio: Any, qtbot: Any) -> Any:
    """The export dialog, opened by its key, with its preview drawn."""
    qtbot.keyClick(studio, Key.Key_E, CTRL)
    dialog = studio.takeaway.exports._dialog
    assert dialog is not None and dialog.isVisible()
    settled(studio, qtbot)
    yield dialog
    if studio.takeaway.exports._dialog is not None:
        dialog.close()


def test_what_is_gone_when_save_is_pressed_is_said_in_the_dialog(
    studio: Any, dialog: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: pytest.fail("it was asked where to"))
    monkeypatch.setattr(studio.controller, "_snapshot", None)
    for button in (dialog.save, dialog.command, dialog.copy):
        dialog.say("")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert dialog.said.text() == "nothing is shown yet: open a photo first"


def test_without_a_format_the_user_is_told_what_to_do(
    studio: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "entries", lambda _: [])
    qtbot.keyClick(studio, Key.Key_E, CTRL)
    dialog = studio.findChild(ErrorDialog)
    assert (
        studio.takeaway.exports._dialog is None and "No plugin brings a file format" in dialog.sentence.text()
    )
    dialog.close()


def test_nothing_to_export_at_first(window: Any, qtbot: Any) -> None:
    qtbot.keyClick(window, Key.Key_E, CTRL)
    assert window.takeaway.exports._dialog is None
    assert not any(action.isEnabled() for action in window.takeaway.exports.actions)


def test_saving_a_picture(dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, save: Save) -> None:
    assert dialog.chosen_view == "attention" and dialog.chosen_format == "png"
    assert not dialog.preview.pixmap().isNull()
    target = tmp_path / "out" / "mine"
    save(studio, dialog, target)
    written = target.with_suffix(".png")
    assert written.read_bytes() == expected(studio, tmp_path / "wanted.png", "attention")
    assert studio.takeaway.exports._dialog is None
    assert str(written) in studio.status.message.text()


def test_another_view_of_an_exact_width_without_a_page(
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, save: Save
) -> None:
    dialog.view.setFocus()
    dialog.view.setCurrentIndex(dialog.view.findData("heads"))
    settled(studio, qtbot)
    qtbot.mouseClick(dialog.by_width, Qt.MouseButton.LeftButton)
    dialog.width_box.selectAll()
    qtbot.keyClicks(dialog.width_box, "777")
    qtbot.mouseClick(dialog.transparent, Qt.MouseButton.LeftButton)
    assert dialog.size_label.text().startswith("777 × ")
    target = tmp_path / "heads.png"
    save(studio, dialog, target)
    wanted = expected(studio, tmp_path / "wanted.png", "heads", width=777, transparent=True)
    assert target.read_bytes() == wanted
    with Image.open(target) as picture:
        assert picture.width == 777 and picture.mode == "RGBA"


def test_numbers_have_no_size(dialog: Any) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData("npz"))
    assert not dialog.scale.isEnabled() and not dialog.transparent.isEnabled()
    assert "no size" in dialog.size_label.text()
    dialog.format.setCurrentIndex(dialog.format.findData("svg"))
    assert dialog.scale.isEnabled() and dialog.transparent.isEnabled()


def test_what_does_not_move_is_no_animation(dialog: Any) -> None:
    model = dialog.format.model()
    enabled = {dialog.format.itemData(i): model.item(i).isEnabled() for i in range(dialog.format.count())}
    assert enabled == {kind: kind not in ("gif", "webp", "mp4") for kind in enabled} and len(enabled) == 8


def test_a_format_that_cannot_hold_the_view_is_told(
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, save: Save
) -> None:
    dialog.view.setCurrentIndex(dialog.view.findData("wall"))
    settled(studio, qtbot)
    dialog.format.setCurrentIndex(dialog.format.findData("csv"))
    target = tmp_path / "a.csv"
    save(studio, dialog, target)
    assert "there is no CSV: choose npz" in dialog.said.text()
    assert dialog.isVisible() and not target.exists()


def test_a_folder_that_cannot_be_written_to_is_told(
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, save: Save
) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "a.png"
    save(studio, dialog, target)
    assert "cannot be written" in dialog.said.text() and dialog.isVisible()


def test_a_view_that_cannot_be_drawn_says_why(dialog: Any, studio: Any, qtbot: Any) -> None:
    dialog.view.setCurrentIndex(dialog.view.findData("norms"))
    settled(studio, qtbot)
    assert "norm" in dialog.preview.text() and not dialog.save.isEnabled()
    dialog.view.setCurrentIndex(dialog.view.findData("attention"))
    settled(studio, qtbot)
    assert dialog.save.isEnabled()


def test_a_caption_as_an_animation(writer: Any, qtbot: Any, tmp_path: Path, save: Save) -> None:
    writer.controller.captions.branch(1, 2)
    settled(writer, qtbot)
    qtbot.keyClick(writer, Key.Key_E, CTRL)
    dialog = writer.takeaway.exports._dialog
    assert dialog.chosen_view == "step"
    dialog.view.setCurrentIndex(dialog.view.findData("caption"))
    settled(writer, qtbot)
    dialog.format.setCurrentIndex(dialog.format.findData("gif"))
    target = tmp_path / "words.gif"
    save(writer, dialog, target)
    wanted = expected(writer, tmp_path / "wanted.gif", "caption")
    assert target.read_bytes() == wanted
    with Image.open(target) as movie:
        words = writer.controller.captions.shown.caption.words
        assert movie.n_frames == len(words) + 1


# The clipboard


def test_copying_the_picture_by_key(studio: Any, qtbot: Any, tmp_path: Path) -> None:
    studio.controller.change(query=(1, 2), layer=0, colormap="magma")
    settled(studio, qtbot)
    qtbot.keyClick(studio, Key.Key_C, CTRL | SHIFT)
    settled(studio, qtbot)
    data = QGuiApplication.clipboard().mimeData()
    wanted = expected(studio, tmp_path / "wanted.png", "attention")
    assert bytes(data.data("image/png").data()) == wanted
    with Image.open(tmp_path / "wanted.png") as picture:
        image = data.imageData()
        assert (image.width(), image.height()) == picture.size
        assert image.pixelColor(5, 5).getRgb()[:3] == picture.getpixel((5, 5))
    assert studio.status.message.text() == "Picture copied"


def test_copying_a_script_and_a_command(studio: Any, qtbot: Any, photo: Path) -> None:
    qtbot.keyClick(studio, Key.Key_2, CTRL)
    drawn = subject(studio.controller).drawn
    assert (drawn.image, drawn.model_id, drawn.state.view) == (photo, "fake:small", "position")
    copy = {action.text().replace("&", ""): action for action in studio.takeaway.exports.actions}
    copy["Copy as Python"].trigger()
    assert QGuiApplication.clipboard().text() == as_python(drawn)
    copy["Copy as command"].trigger()
    assert QGuiApplication.clipboard().text() == as_command(drawn)
    assert "photo_position.png" in studio.status.message.text()


def test_the_path_of_a_caption_is_in_the_script(writer: Any, qtbot: Any) -> None:
    writer.controller.captions.branch(1, 2)
    settled(writer, qtbot)
    writer.controller.captions.move(1)
    settled(writer, qtbot)
    drawn = subject(writer.controller).drawn
    assert drawn.caption.branches == ((1, 2),) and drawn.state.word == 2
    assert subject(writer.controller, "attention").drawn.caption.branches == ()


@pytest.mark.slow
def test_script_and_command_of_a_real_model_give_the_picture_of_the_window(
    qtbot: Any, tmp_path: Path, photos: Path
) -> None:
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.plugins import load_plugins

    window = MainWindow(load_plugins(True), "cpu")
    window.show()
    window.choose_model(ModelChoice("vit:vit_tiny_patch16_224", device="auto"))
    window.controller.open_image(photos / "coffee.jpg")
    window.controller.change(layer=4, head=2, query=(3, 9), opacity=0.55, smooth=True)
    qtbot.waitUntil(lambda: window.controller.travel.place() is not None, timeout=120_000)
    settled(window, qtbot)
    window.takeaway.exports.copy_picture()
    settled(window, qtbot)
    wanted = bytes(QGuiApplication.clipboard().mimeData().data("image/png").data())
    drawn = subject(window.controller).drawn
    window.close()
    window.deleteLater()
    (tmp_path / "script.py").write_text(as_python(drawn), encoding="utf-8")
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True)
    assert (tmp_path / drawn.file_name).read_bytes() == wanted
    (tmp_path / drawn.file_name).unlink()
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    subprocess.run(as_command(drawn), shell=True, cwd=tmp_path, env=env, check=True)
    assert (tmp_path / drawn.file_name).read_bytes() == wanted

"""What is taken along: undo and back by key, exports, the clipboard, sessions, and what a crash leaves."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

from vizstudio import builtin
from vizstudio.core.session import KnownImage, Session, read_session, write_session
from vizstudio.gui.autosave import Autosave
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.taken import subject
from vizstudio.pictures import write_picture
from vizstudio.reproduce import as_command, as_python
from vizstudio.settings import data_folder

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs
Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Modifier.ControlModifier, Modifier.ShiftModifier


@pytest.fixture
def host(host: Any) -> Any:
    """The fake models, and the formats that ship."""

    class Registry:
        @staticmethod
        def add(entry: Any) -> None:
            host.exporters.add(entry, "builtin")

    builtin.register_exporters(Registry())
    return host


@pytest.fixture
def slow_clock(window: Any) -> None:
    """Every look at the history's clock is a minute later, so that nothing is a sweep."""
    now = iter(range(0, 10**9, 60))
    window.controller.travel.history._clock = lambda: float(next(now))


def settled(window: Any, qtbot: Any) -> None:
    controller, work = window.controller, window.takeaway.exports.work
    workers = (controller.runs, controller.maps, controller.captions.words, work)
    qtbot.waitUntil(lambda: all(worker.number is None for worker in workers), timeout=TIMEOUT)


def expected(window: Any, path: Path, view: str, **options: Any) -> bytes:
    """Return the file that Python writes of what is shown."""
    chosen = subject(window.controller, view)
    shown = {name: getattr(chosen.drawn.state, name) for name in chosen.drawn.state.__dataclass_fields__}
    write_picture(chosen.analysis, chosen.image, path, host=window.takeaway.exports._host, **options, **shown)
    return path.read_bytes()


def error_dialog(window: Any, qtbot: Any) -> ErrorDialog:
    qtbot.waitUntil(lambda: window.findChild(ErrorDialog) is not None, timeout=TIMEOUT)
    dialog = window.findChild(ErrorDialog)
    assert isinstance(dialog, ErrorDialog)
    return dialog


# Undo and back


def test_undo_and_redo_by_key(slow_clock: None, studio: Any, qtbot: Any, settle: Any) -> None:
    actions = studio.takeaway.actions
    assert not actions["undo"].isEnabled()
    studio.inspector.layer.setFocus()
    for _ in range(2):
        qtbot.keyClick(studio.inspector.layer, Key.Key_Left)
        settle(studio)
    assert studio.inspector.layer.value() == 0 and actions["undo"].isEnabled()
    qtbot.keyClick(studio, Key.Key_Z, CTRL)
    settle(studio)
    assert studio.inspector.layer.value() == 1
    qtbot.keyClick(studio, Key.Key_Z, CTRL)
    settle(studio)
    assert studio.inspector.layer.value() == 2 and not actions["undo"].isEnabled()
    qtbot.keyClick(studio, Key.Key_Z, CTRL | SHIFT)
    settle(studio)
    assert studio.inspector.layer.value() == 1


def test_a_sweep_of_the_slider_is_one_step(studio: Any, qtbot: Any, settle: Any) -> None:
    studio.controller.travel.history._clock = lambda: 1000.0
    before = studio.inspector.opacity.value()
    for _ in range(8):
        qtbot.keyClick(studio.inspector.opacity, Key.Key_Left)
    settle(studio)
    assert studio.inspector.opacity.value() != before
    qtbot.keyClick(studio, Key.Key_Z, CTRL)
    settle(studio)
    assert studio.inspector.opacity.value() == before


def test_back_and_forward_by_key(
    slow_clock: None, studio: Any, qtbot: Any, settle: Any, photos: Path
) -> None:
    qtbot.keyClick(studio, Key.Key_2, CTRL)
    assert studio.tabs.currentWidget() is studio.position
    studio.controller.open_image(photos / "coffee.jpg")
    settle(studio)
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    for name in ("small", "small", "small"):
        qtbot.keyClick(studio, Key.Key_Left, Modifier.AltModifier)
        settle(studio)
        assert studio.model_bar.name.currentText() == f"fake:{name}"
    assert studio.tabs.currentWidget() is studio.attention
    assert studio.windowTitle().startswith("photo.png – fake:small")
    for _ in range(3):
        qtbot.keyClick(studio, Key.Key_Right, Modifier.AltModifier)
        settle(studio)
    assert studio.tabs.currentWidget() is studio.position
    assert studio.windowTitle().startswith("coffee.jpg – fake:other")


def test_back_to_a_caption_and_its_tab(
    slow_clock: None, writer: Any, qtbot: Any, settle: Any, photos: Path
) -> None:
    assert writer.tabs.currentWidget() is writer.caption
    length = len(writer.controller.travel.history)
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert writer.tabs.currentWidget() is not writer.caption
    assert len(writer.controller.travel.history) == length + 1
    qtbot.keyClick(writer, Key.Key_Left, Modifier.AltModifier)
    settle(writer)
    assert writer.tabs.currentWidget() is writer.caption and writer.takeaway.actions["redo"].isEnabled()


# Exports


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


def test_nothing_to_export_at_first(window: Any, qtbot: Any) -> None:
    qtbot.keyClick(window, Key.Key_E, CTRL)
    assert window.takeaway.exports._dialog is None
    assert not any(action.isEnabled() for action in window.takeaway.exports.actions)


def test_saving_a_picture(
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dialog.chosen_view == "attention" and dialog.chosen_format == "png"
    assert not dialog.preview.pixmap().isNull()
    target = tmp_path / "out" / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    settled(studio, qtbot)
    written = target.with_suffix(".png")
    assert written.read_bytes() == expected(studio, tmp_path / "wanted.png", "attention")
    assert studio.takeaway.exports._dialog is None
    assert str(written) in studio.status.message.text()


def test_another_view_of_an_exact_width_without_a_page(
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    settled(studio, qtbot)
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
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog.view.setCurrentIndex(dialog.view.findData("wall"))
    settled(studio, qtbot)
    dialog.format.setCurrentIndex(dialog.format.findData("csv"))
    target = tmp_path / "a.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    settled(studio, qtbot)
    assert "there is no CSV: choose npz" in dialog.said.text()
    assert dialog.isVisible() and not target.exists()


def test_a_folder_that_cannot_be_written_to_is_told(
    dialog: Any, studio: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    target = str(tmp_path / "file" / "a.png")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (target, ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    settled(studio, qtbot)
    assert "cannot be written" in dialog.said.text() and dialog.isVisible()


def test_a_view_that_cannot_be_drawn_says_why(dialog: Any, studio: Any, qtbot: Any) -> None:
    dialog.view.setCurrentIndex(dialog.view.findData("norms"))
    settled(studio, qtbot)
    assert "norm" in dialog.preview.text() and not dialog.save.isEnabled()
    dialog.view.setCurrentIndex(dialog.view.findData("attention"))
    settled(studio, qtbot)
    assert dialog.save.isEnabled()


def test_a_caption_as_an_animation(
    writer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.controller.captions.branch(1, 2)
    settled(writer, qtbot)
    qtbot.keyClick(writer, Key.Key_E, CTRL)
    dialog = writer.takeaway.exports._dialog
    assert dialog.chosen_view == "step"
    dialog.view.setCurrentIndex(dialog.view.findData("caption"))
    settled(writer, qtbot)
    dialog.format.setCurrentIndex(dialog.format.findData("gif"))
    target = tmp_path / "words.gif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    settled(writer, qtbot)
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


# Sessions


def test_a_session_is_saved_and_opened(
    studio: Any, qtbot: Any, settle: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qtbot.keyClick(studio, Key.Key_2, CTRL)
    studio.controller.change(layer=1, query=(2, 3), panel=(1, 1), colormap="turbo")
    settle(studio)
    target = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.keyClick(studio, Key.Key_S, CTRL)
    file = target.with_suffix(".vizsession")
    place = studio.controller.travel.place()
    assert read_session(file).place == place and str(file) in studio.status.message.text()
    qtbot.keyClick(studio, Key.Key_1, CTRL)
    studio.controller.open_image(photos / "coffee.jpg")
    settle(studio)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    studio.takeaway.sessions.ask_open()
    settle(studio)
    assert studio.controller.travel.place() == place
    assert studio.tabs.currentWidget() is studio.position
    assert studio.takeaway.actions["back"].isEnabled()
    studio.controller.change(layer=0)
    settle(studio)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: pytest.fail("the file is known"))
    qtbot.keyClick(studio, Key.Key_S, CTRL)
    assert read_session(file).place.state.layer == 0
    assert {image.path.name for image in read_session(file).images} == {"photo.png", "coffee.jpg"}


def test_a_session_with_a_branch_of_a_caption(writer: Any, qtbot: Any, settle: Any, tmp_path: Path) -> None:
    captions = writer.controller.captions
    captions.branch(1, 2)
    settle(writer)
    captions.move(2)
    settle(writer)
    session, text = writer.takeaway.sessions.session(), captions.shown.caption.text
    write_session(session, tmp_path / "a.vizsession")
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert writer.takeaway.sessions.open(tmp_path / "a.vizsession")
    settle(writer)
    assert captions.shown.caption.text == text
    assert writer.controller.travel.place() == session.place
    assert writer.tabs.currentWidget() is writer.caption


def test_an_image_that_is_gone_and_one_that_changed(
    studio: Any, qtbot: Any, settle: Any, photo: Path, photos: Path, tmp_path: Path
) -> None:
    session = studio.takeaway.sessions.session()
    write_session(session, tmp_path / "a.vizsession")
    Image.fromarray(np.zeros((80, 120, 3), np.uint8)).save(photo)
    studio.takeaway.sessions.open(tmp_path / "a.vizsession")
    dialog = error_dialog(studio, qtbot)
    assert "photo.png has changed since the session was saved" in dialog.sentence.text()
    dialog.close()
    settle(studio)
    qtbot.waitUntil(lambda: studio.findChild(ErrorDialog) is None, timeout=TIMEOUT)
    photo.unlink()
    choice = ModelChoice("fake:other", device="cpu")
    gone = Session(replace(session.place, choice=choice), session.images)
    write_session(gone, tmp_path / "b.vizsession")
    studio.controller.open_image(photos / "coffee.jpg")
    settle(studio)
    studio.takeaway.sessions.open(tmp_path / "b.vizsession")
    settle(studio)
    assert "photo.png is gone" in error_dialog(studio, qtbot).sentence.text()
    error_dialog(studio, qtbot).close()
    assert studio.controller.shown.result.choice == choice  # the rest is open
    assert studio.controller.shown.result.image.name == "coffee.jpg"


def test_a_broken_session_changes_nothing(studio: Any, qtbot: Any, tmp_path: Path) -> None:
    place = studio.controller.travel.place()
    bad = tmp_path / "bad.vizsession"
    bad.write_text(json.dumps({"format": "vizstudio session", "version": 9}), encoding="utf-8")
    studio.sources.open([bad])  # as if dropped
    dialog = error_dialog(studio, qtbot)
    assert dialog.sentence.text().startswith("bad.vizsession has version 9 of the format")
    dialog.close()
    assert studio.controller.travel.place() == place


def test_a_session_on_the_command_line_that_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from vizstudio.cli import main

    bad = tmp_path / "bad.vizsession"
    bad.write_bytes(b"{}")
    assert main([str(bad)]) == 2
    assert "bad.vizsession is no session of vizstudio" in capsys.readouterr().err
    assert main([str(bad), "--model", "vit:vit_tiny_patch16_224"]) == 2
    assert "brings its own model: leave out --model" in capsys.readouterr().err


# After a crash


def test_what_is_open_is_kept_until_the_window_is_closed(studio: Any, qtbot: Any, settle: Any) -> None:
    sessions = studio.takeaway.sessions
    assert sessions.timer.isActive()
    sessions.timer.start(0)
    qtbot.waitUntil(lambda: any(data_folder().glob("*")), timeout=TIMEOUT)
    qtbot.waitUntil(lambda: sessions.work.number is None, timeout=TIMEOUT)
    (file,) = data_folder().iterdir()
    assert read_session(file).place == studio.controller.travel.place()
    studio.controller.change(layer=0)
    settle(studio)
    sessions.timer.start(0)
    qtbot.waitUntil(lambda: read_session(file).place.state.layer == 0, timeout=TIMEOUT)
    assert sessions.autosave.left_behind() == []  # of one that runs, nothing is offered
    studio.close()
    assert not any(data_folder().iterdir())


CRASH = """
import os, sys
from pathlib import Path
from vizstudio.core.session import read_session
from vizstudio.gui.autosave import Autosave
Autosave(Path(sys.argv[2])).write(read_session(Path(sys.argv[1])))
os._exit(3)
"""


@pytest.fixture
def crashed(photo: Path, tmp_path: Path, host: Any) -> Path:
    """A session that a process left which ended all of a sudden."""
    from vizstudio.core.images import read_image
    from vizstudio.core.session import Place
    from vizstudio.core.state import ViewState

    place = Place(photo, ModelChoice("fake:small", device="cpu"), ViewState(layer=1, head=1), tab="position")
    file = tmp_path / "before.vizsession"
    write_session(Session(place, (KnownImage(photo, read_image(photo).sha256),)), file)
    done = subprocess.run([sys.executable, "-c", CRASH, str(file), str(data_folder())])
    assert done.returncode == 3
    (left,) = data_folder().iterdir()
    assert Autosave(data_folder()).left_behind() == [left]
    return left


def offered(window: Any) -> QMessageBox:
    window.takeaway.sessions.offer()
    (box,) = window.findChildren(QMessageBox)
    assert "photo.png with fake:small" in box.informativeText()
    return box


def press(qtbot: Any, box: QMessageBox, text: str) -> None:
    (button,) = [b for b in box.buttons() if b.text().replace("&", "") == text]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_crash_is_followed_by_an_offer(crashed: Path, window: Any, qtbot: Any, settle: Any) -> None:
    press(qtbot, offered(window), "Restore")
    settle(window)
    state = window.controller.shown.state
    assert (state.layer, state.head) == (1, 1)
    assert window.tabs.currentWidget() is window.position and not crashed.exists()


def test_an_offer_that_is_refused_does_not_come_again(crashed: Path, window: Any, qtbot: Any) -> None:
    press(qtbot, offered(window), "Discard")
    assert window.controller.image is None and not crashed.exists()
    window.takeaway.sessions.offer()
    assert window.takeaway.sessions.autosave.left_behind() == []


def test_an_offer_that_cannot_be_read_is_none(window: Any) -> None:
    data_folder().mkdir(parents=True)
    (data_folder() / "autosave-x-y.vizsession").write_bytes(b"?")
    window.takeaway.sessions.offer()
    assert window.findChildren(QMessageBox) == [] and not any(data_folder().iterdir())


@pytest.mark.slow
def test_a_window_that_is_killed_leaves_what_was_open(tmp_path: Path, photos: Path) -> None:
    from vizstudio.core.images import read_image
    from vizstudio.core.session import Place
    from vizstudio.core.state import ViewState

    image = photos / "coffee.jpg"
    state = ViewState(layer=5, head=1, query=(2, 2), colormap="magma")
    place = Place(image, ModelChoice("vit:vit_tiny_patch16_224", device="cpu"), state, tab="position")
    file = tmp_path / "mine.vizsession"
    write_session(Session(place, (KnownImage(image, read_image(image).sha256),)), file)
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    window = subprocess.Popen([sys.executable, "-m", "vizstudio", str(file)], env=env)
    try:
        left = Path(data_folder())
        for _ in range(1200):
            if any(left.glob("autosave-*.vizsession")) or window.poll() is not None:
                break
            time.sleep(0.1)
        assert window.poll() is None
        assert Autosave(left).left_behind() == []
    finally:
        window.kill()
        window.wait()
    (kept,) = Autosave(left).left_behind()
    assert read_session(kept).place == place

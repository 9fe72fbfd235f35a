"""Sessions: saved, opened, kept while the window is open, and offered after a crash."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_fakes import error_dialog
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from vizstudio.core import session as session_file
from vizstudio.core.session import KnownImage, Session, read_session, write_session
from vizstudio.gui.autosave import Autosave
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.settings import data_folder

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs
Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Modifier.ControlModifier, Modifier.ShiftModifier


@dataclass
class Gate:
    """Holds up what another thread does."""

    open: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)


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


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Reading an image to compare it waits until `open` is set, and tells by which thread it is done."""
    made, hashed = Gate(), session_file.sha256_of

    def waiting(path: Path) -> str:
        made.threads.append(threading.current_thread())
        assert made.open.wait(TIMEOUT / 1000)
        return hashed(path)

    monkeypatch.setattr(session_file, "sha256_of", waiting)
    yield made
    made.open.set()


def test_the_window_answers_while_the_images_of_a_session_are_read(
    studio: Any, gate: Gate, qtbot: Any, settle: Any, tmp_path: Path
) -> None:
    session = studio.takeaway.sessions.session()
    state = replace(session.place.state, layer=0, head=1)
    write_session(Session(replace(session.place, state=state), session.images), tmp_path / "a.vizsession")
    assert studio.takeaway.sessions.open(tmp_path / "a.vizsession")
    qtbot.waitUntil(lambda: len(gate.threads) == 1, timeout=TIMEOUT)
    assert gate.threads[0] is not threading.main_thread()
    qtbot.keyClick(studio, Key.Key_2, CTRL)
    assert studio.tabs.currentWidget() is studio.position
    assert studio.controller.shown.state.head != 1 and studio.takeaway.sessions.file is None
    gate.open.set()
    settle(studio)
    assert studio.controller.shown.state == state and studio.tabs.currentWidget() is studio.attention
    assert studio.takeaway.sessions.file == tmp_path / "a.vizsession"


def test_what_is_opened_meanwhile_stays(
    studio: Any, gate: Gate, qtbot: Any, settle: Any, photos: Path, tmp_path: Path
) -> None:
    session = studio.takeaway.sessions.session()
    listed = tuple(KnownImage(photos / name, "0" * 64) for name in ("astronaut.jpg",))
    write_session(Session(session.place, session.images + listed), tmp_path / "a.vizsession")
    studio.takeaway.sessions.open(tmp_path / "a.vizsession")
    qtbot.waitUntil(lambda: len(gate.threads) == 1, timeout=TIMEOUT)
    studio.controller.open_image(photos / "coffee.jpg")
    gate.open.set()
    settle(studio)
    assert studio.controller.shown.result.image.name == "coffee.jpg"
    assert studio.takeaway.sessions.file is None and studio.findChild(ErrorDialog) is None
    known = [image.path.name for image in studio.takeaway.sessions.session().images]
    assert sorted(known) == ["astronaut.jpg", "coffee.jpg", "photo.png"]  # whichever landed first


def test_a_window_that_closes_meanwhile_waits_for_one_image_at_most(
    studio: Any, gate: Gate, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    session = studio.takeaway.sessions.session()
    more = tuple(KnownImage(photos / name, "0" * 64) for name in ("astronaut.jpg", "coffee.jpg"))
    write_session(Session(session.place, session.images + more), tmp_path / "a.vizsession")
    studio.takeaway.sessions.open(tmp_path / "a.vizsession")
    qtbot.waitUntil(lambda: len(gate.threads) == 1, timeout=TIMEOUT)
    studio.takeaway.sessions.images.cancel()
    gate.open.set()
    assert studio.takeaway.sessions.images.close(TIMEOUT / 1000)
    assert len(gate.threads) == 1


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
    assert crashed.exists()  # until it is shown
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

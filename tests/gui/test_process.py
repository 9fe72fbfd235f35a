"""The window as a process of its own: what it imports before it is painted, how it ends."""

import inspect
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from vizstudio.cli import main, opens_window
from vizstudio.commands import app, opening, window
from vizstudio.commands.program import run_program

TIMEOUT = 120.0  # seconds; only to end a test that hangs

FIRST_FRAME = """
import sys
from PySide6.QtCore import QTimer
from vizstudio.gui import app
seen = []

class Watch(app.FirstFrame):
    def __init__(self, widget, then):
        super().__init__(widget, lambda: (seen.append([m for m in HEAVY if m in sys.modules]), then()))

HEAVY = ("torch", "timm", "torchvision")
app.FirstFrame = Watch
from vizstudio.plugins import load_plugins
from vizstudio.gui.model_desk import ModelDesk
old = ModelDesk.list
ModelDesk.list = lambda self: (old(self), QTimer.singleShot(0, self._window, self._window.close))
code = app.run_app(load_plugins())
assert seen == [[]], seen
sys.exit(code)
"""

# As the command opens it; what only later clicks need is not there at first.
FROM_THE_COMMAND = """
import gc, sys
from vizstudio.cli import main
import vizstudio.gui.app as app
told = [LATER & {*sys.modules}]
begin, enable = app.begin, gc.enable
gc.enable = lambda: (told.append("enabled"), enable())  # the worker that imports switches it off again, and on
def begun(window, image, choice):
    told.extend([LATER & {*sys.modules}, gc.isenabled()])
    begin(window, image, choice)
    told.append("begun")
    window.close()
app.begin = begun
code = main(sys.argv[1:])
assert told[:4] == [set(), set(), False, "enabled"] and "begun" in told and told[-1] == "enabled", told
sys.exit(code)
"""
LATER = {"torch", "timm", "cyclopts", "cmap", "vizstudio.pictures", "vizstudio.core.figures"}

# Opens the window on a photo and closes it as soon as the worker is busy in the way that WHEN names.
CLOSE_WHILE_BUSY = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from vizstudio.gui import app
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.plugins import load_plugins

photo, when = Path(sys.argv[1]), sys.argv[2]
init = MainWindow.__init__

def busy(window):
    if when == "import":
        return "torch" in sys.modules and "timm.models" not in sys.modules
    return window.status.message.text().startswith("Running")

def watch(self, *arguments):
    init(self, *arguments)
    timer = QTimer(self)
    def look():
        missed = self.controller._snapshot is not None
        if busy(self) or missed:
            timer.stop()
            print("missed" if missed else "closing", time.time(), flush=True)
            self.close()
    timer.timeout.connect(look)
    timer.start(2)

MainWindow.__init__ = watch
sys.exit(app.run_app(load_plugins(), photo, ModelChoice("vit:vit_base_patch16_384", device="cpu"), "cpu"))
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script and return how it ended."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        encoding="utf-8",
    )


def own_messages(text: str) -> str:
    """Return what was printed but for one remark of Qt's offscreen platform."""
    return "\n".join(line for line in text.splitlines() if "propagateSizeHints" not in line)


def test_the_first_frame_comes_before_torch() -> None:
    done = run(FIRST_FRAME)
    assert (done.returncode, own_messages(done.stderr)) == (0, "")


@pytest.mark.parametrize("with_photo", [False, True])
def test_the_command_opens_the_window_without_what_is_needed_later(photos: Path, with_photo: bool) -> None:
    words = [str(photos / "coffee.jpg")] if with_photo else []
    done = run(f"LATER = {LATER}\n{FROM_THE_COMMAND}", *words)
    assert (done.returncode, own_messages(done.stderr)) == (0, "")


@pytest.mark.parametrize("words", [[], ["photo.jpg"], ["my photo.jpg"], ["a.vizsession"]])
def test_the_quick_way_to_the_window_asks_for_what_the_command_line_does(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in words:
        Path(word).touch()
    asked: list[dict[str, object]] = []
    signature = inspect.signature(opening.open_window)

    def noted(*arguments: object, **named: object) -> int:
        given = signature.bind(*arguments, **named)
        given.apply_defaults()
        asked.append({name: value for name, value in given.arguments.items() if name != "host"})
        return 7

    monkeypatch.setattr(app, "run", None)  # so that the quick way cannot be left
    with monkeypatch.context() as patch:
        patch.setattr(opening, "open_window", noted)
        patch.setattr(window, "open_window", noted)
        assert opens_window(words) and main(words) == 7
        assert run_program(app.app, words) == 7
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    "words", [["run"], ["models"], ["--help"], ["-x.jpg"], ["none.jpg"], ["photo.jpg", "--debug"], ["\0.jpg"]]
)
def test_other_words_go_to_the_command_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run", "models", "-x.jpg", "photo.jpg"):
        Path(name).touch()
    assert not opens_window(words)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["import", "forward"])
def test_closing_while_busy_ends_at_once_and_in_silence(photos: Path, when: str) -> None:
    done = run(CLOSE_WHILE_BUSY, str(photos / "chelsea.jpg"), when)
    ended = time.time()
    assert (done.returncode, own_messages(done.stderr)) == (0, "")
    word, closed = done.stdout.split()
    assert word == "closing"
    assert ended - float(closed) < 20  # not a measure, but far from waiting for an import or a download


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere/photo.jpg"], "photo.jpg"),
        (["."], "folder"),
        (["--model", "nonsense"], "no model 'nonsense'"),
        (["--checkpoint", "weights.pth"], "--model"),
        (["--model", "vit:vit_tiny_patch16_224", "--checkpoint", "none.pth"], "none.pth"),
    ],
)
def test_bad_arguments_give_one_line_and_no_window(arguments: list[str], told: str, tmp_path: Path) -> None:
    # A platform that Qt does not have would abort the process if an application were made.
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        encoding="utf-8",
        cwd=tmp_path,
        env={**os.environ, "QT_QPA_PLATFORM": "none"},
    )
    assert done.returncode == 2, done.stderr
    assert told in done.stderr and len(done.stderr.splitlines()) == 1 and done.stdout == ""


def test_without_qt_the_doctor_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "vizstudio.gui.app", None)
    assert main([]) == 2
    assert "`vizstudio doctor` says what is missing" in capsys.readouterr().err


def test_emitting_signals_keeps_the_reference_count_of_true(qapp: object) -> None:
    """PySide6 6.12.0 drops a reference of True with each emit, until the process dies."""
    from PySide6.QtCore import QObject, Signal

    class Emitter(QObject):
        told = Signal(bool)

    emitter, heard = Emitter(), []
    emitter.told.connect(heard.append)
    before = sys.getrefcount(True)
    for _ in range(200):
        emitter.told.emit(True)
    heard.clear()
    assert sys.getrefcount(True) >= before - 5

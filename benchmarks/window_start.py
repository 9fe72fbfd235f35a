"""Starts programs anew, as processes of their own: the first frame of vizstudio and of napari, loading a model."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from window_tools import Gap, gap_row, row

FIRST_FRAME_AIM, LOADING_AIM, AHEAD = 600, 100, 3.0

# The real command, up to where it would go on after its first frame.
VIZSTUDIO = """
import os, sys, time
from vizstudio.cli import main
from vizstudio.gui.quiet import import_window
import_window()
import vizstudio.gui.app as app
def painted():
    print(time.time() - float(sys.argv[1]), "torch" in sys.modules, flush=True)
    os._exit(0)
class FirstFrame(app.FirstFrame):
    def __init__(self, widget, then):
        super().__init__(widget, painted)
app.FirstFrame = FirstFrame
main([])
"""

NAPARI = """
import os, sys, time
import napari
from qtpy.QtCore import QEvent, QObject, QTimer
def painted():
    print(time.time() - float(sys.argv[1]), napari.__version__, flush=True)
    os._exit(0)
class FirstFrame(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, painted)
        return False
viewer = napari.Viewer(show=False)
first = FirstFrame()
viewer.window._qt_window.centralWidget().installEventFilter(first)
viewer.show()
napari.run()
"""


def _run(python: str, code: str, *arguments: str) -> list[str]:
    """Run a program in another process; return the words of the last line that it printed."""
    with tempfile.TemporaryDirectory() as folder:  # settings of its own, as after installing
        done = subprocess.run(
            [python, "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=Path(__file__).parent,
            env={**os.environ, "VIZSTUDIO_CONFIG_DIR": folder},
        )
    if done.returncode != 0:
        raise RuntimeError(f"{python} failed:\n{done.stderr}")
    return done.stdout.splitlines()[-1].split()


def first_frames(napari: Path | None, rounds: int) -> None:
    """Start the programs by turns, each from the start of its process to the first paint of its window's centre."""
    programs = {"vizstudio": (sys.executable, VIZSTUDIO)}
    if napari is not None:
        programs["napari"] = (str(napari), NAPARI)
    taken: dict[str, list[float]] = {name: [] for name in programs}
    said: dict[str, str] = {}
    for i in range(rounds + 1):
        for name, (python, code) in programs.items():
            seconds, said[name] = _run(python, code, str(time.time()))
            if i:  # the first start of all reads the files from disk and writes caches
                taken[name].append(float(seconds))
    if said["vizstudio"] != "False":
        raise RuntimeError("torch was imported before the first frame")
    row("first frame", taken["vizstudio"], FIRST_FRAME_AIM)
    if napari is None:
        print("napari's first frame: not measured, since no --napari PYTHON was given")
        return
    row(f"napari {said['napari']}, first frame", taken["napari"])
    ratio = statistics.median(n / v for n, v in zip(taken["napari"], taken["vizstudio"], strict=True))
    met = "yes" if ratio >= AHEAD else "NO"
    print(
        f"{'napari by vizstudio, median of the rounds':46}{rounds:4}{ratio:8.1f}x{'':9}{AHEAD:6.0f}x  {met}"
    )


def loading(model: str, rounds: int) -> None:
    """Import the libraries, load a model and run it, each time in a new process."""
    code = "import sys, window; window.load_in_this_process(sys.argv[1])"
    found = [json.loads(" ".join(_run(sys.executable, code, model))) for _ in range(rounds)]
    gap_row("importing, loading and first run", [Gap(*gap) for gap in found], LOADING_AIM)

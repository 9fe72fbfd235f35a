"""Measures the window: first frame, longest gap of the event loop, time from an action to the repaint.

    python benchmarks/window.py [--model vit:vit_base_patch16_384] [--captioner catr:own] [--repeats 40]

Without a display it runs offscreen. The models are untrained; the numbers do not depend on their weights, but
for the length of the caption, which an untrained model hardly ever ends by itself.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtTest import QTest

from vizstudio.gui.app import make_application
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.plugins import load_plugins
from vizstudio.resources import resource_path

TICK = 0.010  # seconds
FIRST_FRAME = """
import sys, time
from vizstudio.gui.app import FirstFrame, make_application
from vizstudio.gui.main_window import MainWindow
from vizstudio.plugins import load_plugins
application = make_application()
window = MainWindow(load_plugins())
def painted():
    print(time.time() - float(sys.argv[1]), "torch" in sys.modules)
    window.close()
FirstFrame(window.centre, painted)
window.show()
application.exec()
"""


class Gaps:
    """How late a 10 ms timer of the event loop fires, in seconds."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(TICK * 1000))
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(now - self._last - TICK)
        self._last = now

    def start(self) -> None:
        """Begin to measure."""
        self.late.clear()
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> list[float]:
        """Return what was measured."""
        self._timer.stop()
        return [max(late, 0.0) for late in self.late]


class Paints(QObject):
    """Counts how often a widget was painted."""

    def __init__(self, widget: QObject) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count paint events."""
        self.count += event.type() == QEvent.Type.Paint
        return False


def until(condition: Callable[[], bool], timeout: float = 300.0) -> None:
    """Run the event loop until something is so."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        QCoreApplication.processEvents()
        time.sleep(0.0002)


def row(what: str, seconds: list[float], note: str = "") -> None:
    """Print one line of the table, in milliseconds."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    cells = [f"{1000 * v:9.1f}" for v in (statistics.median(ordered), p95, ordered[-1])]
    print(f"{what:44}{''.join(cells)}  {note}")


def first_frames(repeats: int) -> None:
    """Start the window several times, from the start of Python to the first paint."""
    taken, torch_seen = [], set()
    for _ in range(repeats):
        out = subprocess.run(
            [sys.executable, "-c", FIRST_FRAME, str(time.time())],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, seen = out.stdout.split()
        taken.append(float(seconds))
        torch_seen.add(seen)
    row("first frame, from the start of Python", taken, f"torch imported by then: {', '.join(torch_seen)}")


def run_once(window: MainWindow, photo: Path) -> list[float]:
    """Analyse a photo; return the gaps of the event loop meanwhile."""
    before, gaps = window.controller._snapshot, Gaps()
    gaps.start()
    window.controller.open_image(photo)
    until(lambda: window.controller._snapshot is not before and not window.status.isVisible())
    return gaps.stop()


def to_repaint(window: MainWindow, act: Callable[[int], None], repeats: int) -> list[float]:
    """Return the times from an action to the painted result of it."""
    paints = Paints(window.attention.canvas.viewport())
    taken = []
    for i in range(repeats):
        before, painted = window.controller._snapshot, paints.count
        start = time.perf_counter()
        act(i)
        until(lambda b=before: window.controller._snapshot is not b)  # type: ignore[misc]
        until(lambda p=painted: paints.count > p)  # type: ignore[misc]
        taken.append(time.perf_counter() - start)
        until(lambda: window.controller.maps.number is None)
    return taken


def walls(window: MainWindow, repeats: int) -> None:
    """Measure the time from another query to the painted maps of all layers and heads."""
    controller, grid = window.controller, window.attention.grid
    controller.change(view="wall", query=(0, 0))
    until(lambda: bool(grid.tiles))
    paints, taken = Paints(grid.canvas.viewport()), []
    for i in range(repeats):
        before = grid.tiles
        start = time.perf_counter()
        controller.change(query=(1, i % 2))
        until(lambda b=before: grid.tiles is not b)  # type: ignore[misc]
        painted = paints.count
        until(lambda p=painted: paints.count > p)  # type: ignore[misc]
        taken.append(time.perf_counter() - start)
        until(lambda: controller.maps.number is None and window.more.maps.latest.number is None)
    count = len(grid.tiles)
    controller.change(view="attention", query=None)
    row("query change to the wall's repaint", taken, f"{count} maps")


def hovers(window: MainWindow, repeats: int) -> list[float]:
    """Return the times from a move over the position grid to the painted panel."""
    window.tabs.setCurrentWidget(window.position)
    QCoreApplication.processEvents()
    canvas, paints = window.position.canvas, Paints(window.position.panel_canvas.viewport())
    positions = window.controller._snapshot.result.positions  # type: ignore[union-attr]
    rows, cols = positions.similarity.shape[:2]  # type: ignore[union-attr]
    taken = []
    for i in range(repeats):
        painted, panel = paints.count, (1 + i % (rows - 1), 1 + (i * 7) % (cols - 1))
        place = canvas.position_of((panel[1] + 0.5) * (cols + 1), (panel[0] + 0.5) * (rows + 1))
        start = time.perf_counter()
        QTest.mouseMove(canvas.viewport(), place)
        until(lambda p=panel, n=painted: window.position.shown == p and paints.count > n)  # type: ignore[misc]
        taken.append(time.perf_counter() - start)
    return taken


def captions(window: MainWindow, choice: ModelChoice, photo: Path, repeats: int) -> None:
    """Step through a caption, change the decoder's layer and branch, each to the repaint."""
    window.choose_model(choice)
    row("gap of the event loop, loading and captioning", run_once(window, photo))
    view, controller = window.caption, window.controller.captions
    until(lambda: view.isVisible() and controller.words.number is None)
    count, layers = view.strip.count(), len(view._snapshot.step.cross.layers)  # type: ignore[union-attr]
    paints = Paints(view.canvas.viewport())

    def to_paint(act: Callable[[int], None]) -> list[float]:
        taken = []
        for i in range(repeats):
            before, painted = view._snapshot, paints.count
            start = time.perf_counter()
            act(i)
            until(lambda b=before: view._snapshot is not b)  # type: ignore[misc]
            until(lambda p=painted: paints.count > p)  # type: ignore[misc]
            taken.append(time.perf_counter() - start)
        return taken

    keys = (Qt.Key.Key_Home, *[Qt.Key.Key_Right] * (count - 1))
    step = to_paint(lambda i: QTest.keyClick(view.strip, keys[i % len(keys)]))
    row("word step by arrow key to repaint", step, f"{count} words")
    row("decoder layer change to repaint", to_paint(lambda i: controller.change(layer=i % layers)))
    gaps = Gaps()
    gaps.start()
    for i in range(1, 6):
        controller.branch(0, i)
        until(lambda: window.controller.runs.number is None and controller.words.number is None)
    row("gap of the event loop, branching", gaps.stop())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="vit:vit_base_patch16_384")
    parser.add_argument("--captioner", default="catr:own")
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    application = make_application()
    print(
        f"{options.model}, {os.cpu_count()} cores, {application.platformName()}, Python {sys.version.split()[0]}"
    )
    print(f"{'milliseconds':44}{'median':>9}{'95 %':>9}{'longest':>9}")
    first_frames(5)
    window = MainWindow(load_plugins())
    window.show()
    application.processEvents()
    photos = sorted(resource_path("photos").glob("*.jpg"))
    window.choose_model(ModelChoice(options.model))
    row("gap of the event loop, importing and loading", run_once(window, photos[0]))
    gaps = [late for i in range(4) for late in run_once(window, photos[i % len(photos)])]
    row("gap of the event loop, running", gaps)
    controller = window.controller
    layers = window.inspector.layer.maximum() + 1
    row(
        "layer change to repaint",
        to_repaint(window, lambda i: controller.change(layer=i % layers), options.repeats),
    )
    heads = window.inspector.head.count() - 3
    row(
        "head change to repaint",
        to_repaint(window, lambda i: controller.change(head=i % heads), options.repeats),
    )
    row("query by arrow key to repaint", to_repaint(window, lambda i: _arrow(window, i), options.repeats))
    row("mean query, all rows, to repaint",
        to_repaint(window, lambda i: controller.change(query=("mean", "cls")[i % 2]), options.repeats))  # fmt: skip
    row(
        "opacity to repaint",
        to_repaint(window, lambda i: controller.change(opacity=i % 9 / 10), options.repeats),
    )
    maps = ("viridis", "magma")
    row(
        "colours to repaint",
        to_repaint(window, lambda i: controller.change(colormap=maps[i % 2]), options.repeats),
    )
    gap = Gaps()
    gap.start()
    to_repaint(window, lambda i: controller.change(query="mean", layer=i % layers), options.repeats)
    row("gap of the event loop, changing the view", gap.stop())
    walls(window, options.repeats)
    row("hover to enlarged panel", hovers(window, options.repeats))
    captions(window, ModelChoice(options.captioner), photos[0], options.repeats)
    window.close()


def _arrow(window: MainWindow, i: int) -> None:
    keys = (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down)
    QTest.keyClick(window.attention.canvas, keys[i % 4])


if __name__ == "__main__":
    main()

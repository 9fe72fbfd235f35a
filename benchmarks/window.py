"""Measures the window: first frame, longest gap of the event loop, time from an action to the repaint.

    python benchmarks/window.py [--model vit:vit_base_patch16_384] [--captioner catr:own] [--repeats 40]
                                [--rounds 7] [--napari PYTHON]

Without a display it runs offscreen. The models are untrained; the numbers do not depend on their weights, but
for the length of the caption, which an untrained model hardly ever ends by itself. `met` compares the aim with the
95th percentile, or says that only the median meets it.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from window_folder import folders
from window_start import first_frames, loading
from window_tools import Gap, Paints, gap_row, heading, longest_gap, row, until

from vizstudio.gui.app import make_application
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.plugins import load_plugins
from vizstudio.resources import resource_path

CHANGE, LOOK, WALL, RUNNING = 16, 8, 50, 50  # aims, milliseconds
Act = Callable[[int], object]


def photos() -> list[Path]:
    """Return the photos that ship."""
    return sorted(resource_path("photos").glob("*.jpg"))


def analysed(window: MainWindow, photo: Path) -> Gap:
    """Analyse a photo; return the longest gap of the event loop meanwhile, with what is shown of it at the end."""
    before = window.controller.shown
    tabs = window.more

    def shown() -> bool:
        new = window.controller.shown is not before and not window.status.isVisible()
        return new and tabs.numbers.latest.number is None and tabs.maps.latest.number is None

    return longest_gap(lambda: window.controller.open_image(photo), shown)


def to_repaint(window: MainWindow, canvas: QWidget, act: Act, repeats: int) -> list[float]:
    """Return the times from an action to the painted result of it."""
    paints, taken = Paints(canvas), []
    for i in range(repeats):
        before, painted = window.controller.shown, paints.count
        start = time.perf_counter()
        act(i)
        until(lambda b=before: window.controller.shown is not b)  # type: ignore[misc]
        until(lambda p=painted: paints.count > p)  # type: ignore[misc]
        taken.append(time.perf_counter() - start)
        until(lambda: window.controller.maps.number is None)
    return taken


def changes(window: MainWindow, repeats: int) -> None:
    """Measure changes of what is asked and of how it looks, on the photo."""
    controller, canvas = window.controller, window.attention.canvas
    assert controller.shown is not None
    attention = controller.shown.result.analysis.attention
    layers, heads = len(attention.layers), attention.layers[0].heads
    keys = (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down)

    def measure(what: str, act: Act, aim: int) -> None:
        row(f"{what} to repaint", to_repaint(window, canvas.viewport(), act, repeats), aim)

    measure("layer change", lambda i: controller.change(layer=i % layers), CHANGE)
    measure("head change", lambda i: controller.change(head=i % heads), CHANGE)
    measure("query by arrow key", lambda i: QTest.keyClick(canvas, keys[i % 4]), CHANGE)
    measure("query by click", lambda i: _click(window, i), CHANGE)
    measure("mean of all queries", lambda i: controller.change(query=("mean", "cls")[i % 2]), CHANGE)
    controller.change(query="mean")
    until(lambda: controller.maps.number is None)
    measure("mean of all queries, layer change", lambda i: controller.change(layer=i % layers), CHANGE)
    controller.change(query="cls")
    until(lambda: controller.maps.number is None)
    measure("opacity", lambda i: controller.change(opacity=i % 9 / 10), LOOK)
    measure("colormap", lambda i: controller.change(colormap=("viridis", "magma")[i % 2]), LOOK)


def _click(window: MainWindow, i: int) -> None:
    """Click on another patch."""
    view = window.attention
    assert view.query_grid is not None
    cell = (1 + i % (view.query_grid.rows - 2), 1 + i * 7 % (view.query_grid.cols - 2))
    left, top, width, height = view.query_grid.cell_rect(*cell)
    place = view.canvas.mapFromScene(QPointF(left + width / 2, top + height / 2))
    QTest.mouseClick(view.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)


def walls(window: MainWindow, repeats: int) -> None:
    """Measure the time from another query or colormap to the painted maps of all layers and heads."""
    controller, grid = window.controller, window.attention.grid
    controller.change(view="wall", query=(0, 0))
    until(lambda: bool(grid.tiles))
    paints = Paints(grid.canvas.viewport())

    def measure(what: str, act: Act) -> None:
        taken = []
        for i in range(repeats):
            before = grid.tiles
            start = time.perf_counter()
            act(i)
            until(lambda b=before: grid.tiles is not b)  # type: ignore[misc]
            painted = paints.count
            until(lambda p=painted: paints.count > p)  # type: ignore[misc]
            taken.append(time.perf_counter() - start)
            until(lambda: controller.maps.number is None and window.more.maps.latest.number is None)
        row(f"wall of {len(grid.tiles)} maps, {what} to repaint", taken, WALL)

    measure("query", lambda i: controller.change(query=(1, i % 2)))
    measure("colormap", lambda i: controller.change(colormap=("viridis", "magma")[i % 2]))
    controller.change(view="attention", query="cls")
    until(lambda: controller.maps.number is None)


def hovers(window: MainWindow, repeats: int) -> None:
    """Measure the times from a move over the position grid to the painted panel."""
    window.tabs.setCurrentWidget(window.position)
    QCoreApplication.processEvents()
    canvas, paints = window.position.canvas, Paints(window.position.panel_canvas.viewport())
    assert window.controller.shown is not None
    positions = window.controller.shown.result.positions
    assert positions is not None
    rows, cols = positions.similarity.shape[:2]
    taken = []
    for i in range(repeats):
        painted, panel = paints.count, (1 + i % (rows - 1), 1 + (i * 7) % (cols - 1))
        place = canvas.position_of((panel[1] + 0.5) * (cols + 1), (panel[0] + 0.5) * (rows + 1))
        start = time.perf_counter()
        QTest.mouseMove(canvas.viewport(), place)
        until(lambda p=panel, n=painted: window.position.shown == p and paints.count > n)  # type: ignore[misc]
        taken.append(time.perf_counter() - start)
    row("hover over the position grid to repaint", taken, LOOK)


def results(window: MainWindow, rounds: int) -> None:
    """Measure the gaps while the model runs and its result lands in the tab that is in front."""
    tabs = {
        "attention": window.attention,
        "position": window.position,
        "heads": window.more.heads,
        "predictions": window.more.predictions,
    }
    found = photos()
    for name, tab in tabs.items():
        window.tabs.setCurrentWidget(tab)
        gaps = [analysed(window, found[i % len(found)]) for i in range(rounds)]
        gap_row(f"running, {name} in front", gaps, RUNNING)


def captions(window: MainWindow, choice: ModelChoice, repeats: int) -> None:
    """Step through a caption, change the decoder's layer and branch, each to the repaint."""
    window.choose_model(choice)
    gap_row("loading and running a captioner", [analysed(window, photos()[0])], 100)
    view, controller = window.caption, window.controller.captions
    until(lambda: view.isVisible() and controller.words.number is None)
    count, layers = view.strip.count(), len(view._snapshot.step.cross.layers)  # type: ignore[union-attr]
    paints = Paints(view.canvas.viewport())

    def measure(what: str, act: Act, note: str = "") -> None:
        taken = []
        for i in range(repeats):
            before, painted = view._snapshot, paints.count
            start = time.perf_counter()
            act(i)
            until(lambda b=before: view._snapshot is not b)  # type: ignore[misc]
            until(lambda p=painted: paints.count > p)  # type: ignore[misc]
            taken.append(time.perf_counter() - start)
        row(f"{what} to repaint", taken, CHANGE, note)

    keys = (Qt.Key.Key_Home, *[Qt.Key.Key_Right] * (count - 1))
    measure(
        "word step by arrow key", lambda i: QTest.keyClick(view.strip, keys[i % len(keys)]), f"{count} words"
    )
    measure("decoder layer change", lambda i: controller.change(layer=i % layers))
    gaps = [
        longest_gap(
            lambda i=i: controller.branch(0, i),  # type: ignore[misc]
            lambda: window.controller.runs.number is None and controller.words.number is None,
        )
        for i in range(1, 6)
    ]
    gap_row("branching", gaps, RUNNING)


def open_window() -> MainWindow:
    """Return the window, painted."""
    application = make_application()
    window = MainWindow(load_plugins())
    window.show()
    application.processEvents()
    window.models.list()
    return window


def load_in_this_process(model: str) -> None:
    """Print the longest gap from choosing a model, with torch not yet imported, until its first result is shown."""
    window = open_window()
    assert "torch" not in sys.modules
    window.choose_model(ModelChoice(model))
    print(json.dumps(analysed(window, photos()[0])), flush=True)
    os._exit(0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="vit:vit_base_patch16_384")
    parser.add_argument("--captioner", default="catr:own")
    parser.add_argument("--repeats", type=int, default=40, help="of each action")
    parser.add_argument("--rounds", type=int, default=7, help="of what takes seconds")
    parser.add_argument(
        "--napari", type=Path, help="the Python of an environment with napari, to compare with"
    )
    options = parser.parse_args()
    application = make_application()
    cores, platform = os.cpu_count(), application.platformName()
    print(f"{options.model}, {cores} cores, {platform}, Python {sys.version.split()[0]}")
    heading()
    first_frames(options.napari, options.rounds)
    loading(options.model, options.rounds)
    window = open_window()
    window.choose_model(ModelChoice(options.model))
    analysed(window, photos()[0])
    results(window, options.rounds)
    window.tabs.setCurrentWidget(window.attention)
    changes(window, options.repeats)
    walls(window, options.repeats)
    hovers(window, options.repeats)
    folders(window, options.rounds)
    captions(window, ModelChoice(options.captioner), options.repeats)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    window.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIZSTUDIO_CONFIG_DIR"] = folder  # not the user's own list of recent photos
        main()

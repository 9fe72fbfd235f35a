"""Makes the pictures of the README: the views without a window, and the window itself.

usage: python scripts/make_pictures.py [--model ID] [--checkpoint FILE] [--run FOLDER]
                                        [--dialogs] [--dark] [--out FOLDER]

The README's own were made with `--model vit:vit_small_patch14_dinov2` and DINOv2-like ViT-S/14 weights. Without
a checkpoint the weights are untrained, and every picture says so. `--run` photographs the window with a run of
`vizstudio-train`, and nothing else; `--dialogs` the dialogs, light or `--dark`, with QT_SCALE_FACTOR=2 twice as large.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from vizstudio.cli import main as vizstudio
from vizstudio.resources import resource_path

PICTURES = {
    "attention": ("chelsea", ["--view", "attention", "--layer", "10", "--head", "5"]),
    "patch": ("coffee", ["--view", "attention", "--query", "14,18"]),
    "heads": ("chelsea", ["--view", "heads", "--layer", "10"]),
    "wall": ("chelsea", ["--view", "wall"]),
    "position": ("coffee", ["--view", "position", "--input-size", "224x224"]),
}


def views(model: list[str], out: Path) -> None:
    """Write the views that need no window."""
    for name, (photo, options) in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            image = str(resource_path(f"photos/{photo}.jpg"))
            code = vizstudio(["run", image, *model, *options, "--out", folder])
            if code:
                raise SystemExit(code)
            (made,) = Path(folder).glob("*.png")
            shutil.copyfile(made, out / f"{name}.png")


def window(model_id: str, checkpoint: Path | None, out: Path) -> None:
    """Photograph the window: a patch of the coffee as query, and the position grid."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["VIZSTUDIO_CONFIG_DIR"] = tempfile.mkdtemp()
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from vizstudio.gui.app import make_application
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.gui.snapshot import ModelChoice
    from vizstudio.plugins import load_plugins

    application = make_application()
    studio = MainWindow(load_plugins())
    studio.show()
    studio.list_models()

    def wait(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            application.processEvents()

    def photograph(name: str) -> None:
        studio.grab().save(str(out / f"{name}.png"))

    studio.choose_model(ModelChoice(model_id, checkpoint))
    studio.controller.open_image(resource_path("photos/coffee.jpg"))
    while studio.attention.query_grid is None:
        wait(0.1)
    wait(1)
    grid, canvas = studio.attention.query_grid, studio.attention.canvas
    left, top, width, height = grid.cell_rect(grid.rows * 14 // 37, grid.cols * 18 // 37)
    place = canvas.position_of(left + width / 2, top + height / 2)
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    wait(1)
    photograph("window")
    studio.close()


def training(run: Path, out: Path) -> None:
    """Photograph the training dock and the timeline of a run."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["VIZSTUDIO_CONFIG_DIR"] = tempfile.mkdtemp()
    from vizstudio.gui.app import make_application
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.plugins import load_plugins

    application = make_application()
    studio = MainWindow(load_plugins(), "cpu")
    studio.resize(1280, 900)
    studio.show()
    studio.list_models()
    studio.training.open_run(run)
    studio.training.show_timeline()
    view = studio.training.view
    while studio.training.timeline.frame is None:
        application.processEvents()
    if view.strip.count() > 1:
        view.strip.chosen.emit(1)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        application.processEvents()
    studio.grab().save(str(out / "training.png"))
    studio.close()


def dialogs(out: Path, dark: bool) -> None:
    """Photograph the dialogs that are about the program."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["VIZSTUDIO_CONFIG_DIR"] = tempfile.mkdtemp()
    from PySide6.QtWidgets import QDialog

    from vizstudio.gui import theme
    from vizstudio.gui.app import make_application
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.gui.tour import Tour
    from vizstudio.plugins import load_plugins

    application = make_application()
    theme.apply(application, "dark" if dark else "light")
    studio = MainWindow(load_plugins(), "cpu")
    studio.show()
    studio.list_models()
    studio.models.catalogue.like("vit:vit_small_patch14_dinov2", True)

    def wait(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            application.processEvents()

    def photograph(name: str, typed: str = "") -> None:
        opened: list[QDialog | Tour] = [*studio.findChildren(QDialog), *studio.findChildren(Tour)]
        if typed:
            opened[-1].line.setText(typed)  # type: ignore[union-attr]
        wait(0.3)
        shown = studio if isinstance(opened[-1], Tour) else opened[-1]
        shown.grab().save(str(out / f"{name}.png"))
        for dialog in opened:
            dialog.end() if isinstance(dialog, Tour) else dialog.reject()
        wait(0.1)

    habits = studio.habits
    for name, show, typed in (
        ("models", studio.models.ask, "vit base"),
        ("commands", habits.show_palette, "open"),
        ("shortcuts", habits.show_shortcuts, ""),
        ("plugins", habits.show_plugins, ""),
        ("preferences", habits.show_preferences, ""),
        ("about", habits.show_about, ""),
        ("tour", habits.show_tour, ""),
    ):
        show()
        photograph(name, typed)
    studio.close()


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="vit:vit_small_patch14_dinov2")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--dialogs", action="store_true")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "pictures")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.dialogs:
        dialogs(given.out, given.dark)
        return
    if given.run:
        training(given.run, given.out)
        return
    weights = ["--checkpoint", str(given.checkpoint)] if given.checkpoint else []
    views(["--model", given.model, *weights], given.out)
    window(given.model, given.checkpoint, given.out)


if __name__ == "__main__":
    main()

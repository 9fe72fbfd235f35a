"""Makes the pictures of the documentation, from the models and scenes that ship: the tutorial's and the window's.

usage: python scripts/make_docs_pictures.py [--window] [--out FOLDER]
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from vizstudio.cli import main as vizstudio
from vizstudio.train_cli import main as vizstudio_train

SCENES = ("000000000000", "000000000001", "000000000002")
STAGE_TOP, STAGE_TALL = 106, 660  # of a picture of attention on a square photo, in pixels
VIEWS = {  # picture: (model, options); of the first scene
    "position": ("vit:demo", ["--view", "position"]),
    "caption": ("catr:demo", ["--view", "caption"]),
    "step": ("catr:demo", ["--view", "step", "--word", "4"]),
}


def run(program: object, words: list[str]) -> None:
    """Run a command; stops with its exit code if it fails."""
    code = program(words)  # type: ignore[operator]
    if code:
        raise SystemExit(code)


def tutorial(scenes: Path, made: Path, out: Path) -> None:
    """Write the pictures of the tutorial."""
    preset = ["vit-finetune", "--preset", "dlcv-hw3", "--steps", "1000"]
    run(vizstudio_train, ["show", *preset, "--picture", str(out / "learning-rate.png")])
    for name, (model, options) in VIEWS.items():
        words = ["run", str(scenes / f"{SCENES[0]}.png"), "--model", model, *options, "--out", str(made)]
        run(vizstudio, words)
        shutil.copyfile(made / f"{SCENES[0]}_{options[1]}.png", out / f"{name}.png")
    run(vizstudio, ["run", str(scenes), "--model", "vit:demo", "--view", "attention", "--out", str(made)])
    side_by_side([made / f"{scene}_attention.png" for scene in SCENES], out / "attention.png")


def side_by_side(pictures: list[Path], path: Path) -> None:
    """Put pictures of attention beside each other without what stands above and below, at two thirds of their size."""
    opened = [Image.open(picture).convert("RGB") for picture in pictures]
    width = max(picture.width for picture in opened)
    page = Image.new("RGB", (width * len(opened), STAGE_TALL), "white")
    for number, picture in enumerate(opened):
        stage = picture.crop((0, STAGE_TOP, picture.width, STAGE_TOP + STAGE_TALL))
        page.paste(stage, (number * width, 0))
    page.resize((page.width * 2 // 3, page.height * 2 // 3), Image.Resampling.LANCZOS).save(path)


def window(scenes: Path, out: Path) -> None:
    """Photograph the window: two panes, a caption, a comparison."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["VIZSTUDIO_CONFIG_DIR"] = os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()
    from vizstudio.gui.app import make_application
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.gui.snapshot import ModelChoice
    from vizstudio.plugins import load_plugins

    application = make_application()
    studio = MainWindow(load_plugins(), "cpu")
    studio.resize(1280, 800)
    studio.show()
    studio.list_models()

    def photograph(name: str, is_there: Callable[[], object]) -> None:
        while not is_there():
            application.processEvents()
        end = time.monotonic() + 4  # maps are drawn in a worker
        while time.monotonic() < end:
            application.processEvents()
        studio.grab().save(str(out / f"{name}.png"))

    controller, tabs = studio.controller, studio.tabs
    studio.choose_model(ModelChoice("vit:demo"))
    controller.open_image(scenes / f"{SCENES[0]}.png")
    while controller.shown is None:
        application.processEvents()
    tabs.setCurrentWidget(studio.position)
    studio.panes.move_out()
    photograph("panes", lambda: studio.attention.query_grid)
    studio.panes.join_all()
    studio.compare.keep()
    controller.open_image(scenes / f"{SCENES[2]}.png")
    photograph("compare", lambda: studio.compare.comparing.beside)
    studio.choose_model(ModelChoice("catr:demo"))
    controller.open_image(scenes / f"{SCENES[0]}.png")
    tabs.setCurrentWidget(studio.caption)
    photograph("caption", lambda: studio.caption.strip.count() > 5)
    studio.caption.strip.chosen.emit(4)
    photograph("caption", lambda: True)
    studio.close()


def main() -> None:
    """Make the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or Path(__file__).parents[1] / "docs" / "pictures" / (
        "window" if given.window else "tutorial"
    )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = [
            "export",
            "emoji-scenes",
            folder + "/scenes",
            "--count",
            "3",
            "--size",
            "160",
            "--split",
            "val",
        ]
        run(vizstudio_train, data)
        scenes = Path(folder) / "scenes" / "val"
        window(scenes, out) if given.window else tutorial(scenes, Path(folder) / "made", out)


if __name__ == "__main__":
    main()

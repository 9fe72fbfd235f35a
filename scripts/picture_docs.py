"""The pictures of README and documentation: views without a window, the tutorial's, and the window's."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from vizstudio.cli import main as vizstudio
from vizstudio.resources import resource_path
from vizstudio.train_cli import main as vizstudio_train

PARTS = ["views", "tutorial", "window"]
VIEWS = {  # picture: photo, options
    "attention": ("chelsea", ["--view", "attention", "--layer", "10", "--head", "5"]),
    "heads": ("chelsea", ["--view", "heads", "--layer", "10"]),
    "wall": ("chelsea", ["--view", "wall"]),
    "position": ("coffee", ["--view", "position", "--input-size", "224x224"]),
}
WINDOW = {  # picture: what `make_pictures.py window` calls it
    "window": "attention-light",
    "window/panes": "panes-light",
    "window/heads": "heads-dark",
    "window/caption": "caption-branches-light",
    "window/compare": "compare-attention-light",
    "window/export": "dialog-export-light",
    "models": "dialog-choose-model-light",
    "training": "training-light",
}
SCENES = ("000000000000", "000000000001", "000000000002")
STAGE_TOP, STAGE_TALL = 106, 660  # of a picture of attention on a square photo, in pixels
TUTORIAL = {  # picture: model, options; of the first scene
    "position": ("vit:demo", ["--view", "position"]),
    "caption": ("catr:demo", ["--view", "caption"]),
    "step": ("catr:demo", ["--view", "step", "--word", "4"]),
}


def take_docs(given: argparse.Namespace) -> None:
    """Take the parts that `--only` names: views, tutorial, window."""
    wanted = PARTS if given.only == ["*"] else given.only
    unknown = set(wanted) - set(PARTS)
    if unknown:
        raise SystemExit(f"no part of the documentation is called {unknown.pop()}: {', '.join(PARTS)}")
    weights = ["--checkpoint", str(given.checkpoint)] if given.checkpoint else []
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        if "views" in wanted:
            take_views(["--model", given.model, *weights], given.out)
        if "tutorial" in wanted:
            take_tutorial(made, given.out / "tutorial")
        if "window" in wanted:
            take_window(given, weights, made, given.out)


def run(program: Callable[[list[str]], int], words: list[str]) -> None:
    """Run a command; stops with its exit code if it fails."""
    code = program(words)
    if code:
        raise SystemExit(code)


def take_views(model: list[str], out: Path) -> None:
    """Write the views of the README that need no window."""
    for name, (photo, options) in VIEWS.items():
        with tempfile.TemporaryDirectory() as folder:
            image = str(resource_path(f"photos/{photo}.jpg"))
            run(vizstudio, ["run", image, *model, *options, "--out", folder])
            (made,) = Path(folder).glob("*.png")
            shutil.copyfile(made, out / f"{name}.png")


def take_window(given: argparse.Namespace, weights: list[str], made: Path, out: Path) -> None:
    """Photograph the window; fewer colours would make smaller files, and steps in the colour bars."""
    words = [sys.executable, str(Path(__file__).with_name("make_pictures.py")), "window", "--scale", "1"]
    words += ["--out", str(made), "--model", given.model, "--image", str(given.image), *weights]
    words += ["--query", given.query, *(["--run", str(given.run)] if given.run else [])]
    for theme in ("light", "dark"):
        names = [shot.removesuffix(f"-{theme}") for shot in WINDOW.values() if shot.endswith(f"-{theme}")]
        code = subprocess.run([*words, "--theme", theme, "--only", *names]).returncode
        if code:
            raise SystemExit(code)
    for name, shot in WINDOW.items():
        path = out / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(made / f"{shot}.png").convert("RGB").save(path, optimize=True)


def take_tutorial(folder: Path, out: Path) -> None:
    """Write the pictures of the tutorial, of the models and scenes that ship."""
    out.mkdir(parents=True, exist_ok=True)
    preset = ["vit-finetune", "--preset", "dlcv-hw3", "--steps", "1000"]
    run(vizstudio_train, ["show", *preset, "--picture", str(out / "learning-rate.png")])
    data = ["export", "emoji-scenes", str(folder / "scenes"), "--count", "3", "--size", "160"]
    run(vizstudio_train, [*data, "--split", "val"])
    scenes, made = folder / "scenes" / "val", folder / "made"
    for name, (model, options) in TUTORIAL.items():
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

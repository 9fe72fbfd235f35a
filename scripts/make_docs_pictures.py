"""Makes the pictures of the tutorial, from the models and scenes that ship.

usage: python scripts/make_docs_pictures.py [--out FOLDER]
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from vizstudio.cli import main as vizstudio
from vizstudio.train_cli import main as vizstudio_train

SCENES = ("000000000000", "000000000001", "000000000002")
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


def make(out: Path) -> None:
    """Write all pictures."""
    out.mkdir(parents=True, exist_ok=True)
    preset = ["vit-finetune", "--preset", "dlcv-hw3", "--steps", "1000"]
    run(vizstudio_train, ["show", *preset, "--picture", str(out / "learning-rate.png")])
    with tempfile.TemporaryDirectory() as folder:
        scenes, made = Path(folder) / "scenes", Path(folder) / "made"
        data = ["export", "emoji-scenes", str(scenes), "--count", "3", "--size", "160", "--split", "val"]
        run(vizstudio_train, data)
        first = scenes / "val" / f"{SCENES[0]}.png"
        for name, (model, options) in VIEWS.items():
            run(vizstudio, ["run", str(first), "--model", model, *options, "--out", str(made)])
            shutil.copyfile(made / f"{SCENES[0]}_{options[1]}.png", out / f"{name}.png")
        images = [str(scenes / "val" / f"{scene}.png") for scene in SCENES]
        run(vizstudio, ["run", *images, "--model", "vit:demo", "--view", "attention", "--out", str(made)])
        side_by_side([made / f"{scene}_attention.png" for scene in SCENES], out / "attention.png")


def side_by_side(pictures: list[Path], path: Path) -> None:
    """Put pictures of attention beside each other, at half their size."""
    opened = [Image.open(picture).convert("RGB") for picture in pictures]
    width, height = max(p.width for p in opened), max(p.height for p in opened)
    page = Image.new("RGB", (width * len(opened), height), "white")
    for number, picture in enumerate(opened):
        page.paste(picture, (number * width, 0))
    page.resize((page.width // 2, page.height // 2), Image.Resampling.LANCZOS).save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/tutorial"))
    make(parser.parse_args().out)

"""Takes pictures: of the window with all its tabs and dialogs, or those of README and documentation.

usage: python scripts/make_pictures.py window --out FOLDER [--only PATTERN ...] [--theme light dark] [--scale 1 2]
       python scripts/make_pictures.py docs [--out FOLDER] [--only views tutorial window]
       both: [--model ID] [--checkpoint FILE] [--image FILE] [--query ROW,COL] [--run FOLDER]

`window` takes NAME-THEME.png, and NAME-THEME@2x.png at scale 2, of every tab, dialog, dock and menu, found in the
window itself; it fails if a dialog was forgotten. `docs` takes what README and docs/ show. Without a checkpoint the
models are those that ship, and without `--run` a small captioner is trained for a minute. The pictures of the
README were made with `--model vit:vit_small_patch14_dinov2`, weights of that name, and a run of `vizstudio-train`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from vizstudio.resources import resource_path
from vizstudio.train_cli import main as vizstudio_train

ROOT = Path(__file__).parents[1]
RUN = """catr --data emoji-scenes --vocabulary words --image-size 64 --backbone resnet18 --backbone-width 16
    --backbone-stages 3 --width 32 --heads 2 --encoder-layers 1 --decoder-layers 1 --feedforward 64 --head-layers 2
    --max-positions 32 --dropout 0 --images 64 --batch-size 16 --epochs 3 --lr 1e-3 --device cpu"""
OF_RUNS = ("timeline", "training")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("window", "docs"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="+", default=["*"], help="names, with * and ?")
    parser.add_argument("--theme", nargs="+", choices=("light", "dark"), default=["light", "dark"])
    parser.add_argument("--scale", nargs="+", choices=("1", "2"), default=["1", "2"])
    parser.add_argument("--model", default="vit:demo")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--query", default="6,7", help="row and column of a patch")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # one theme, in this process
    given = parser.parse_args()
    if given.what == "window" and given.out is None:
        parser.error("window needs --out FOLDER")
    given.out = (given.out or ROOT / "docs" / "pictures").absolute()
    photo = "photos/coffee.jpg" if given.checkpoint else "scenes/scene_11.jpg"
    given.image = given.image or resource_path(photo)
    return given


def take_window(given: argparse.Namespace) -> None:
    """Take the pictures of the window, in a process of its own for every theme and scale."""
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or train(given.only, Path(folder) / "run")
        for theme in given.theme:
            for scale in given.scale:
                words = ["window", "--here", "--out", given.out, "--only", *given.only, "--theme", theme]
                words += ["--scale", scale, "--model", given.model, "--image", given.image]
                words += ["--query", given.query]
                words += ["--checkpoint", given.checkpoint] if given.checkpoint else []
                words += ["--run", run] if run else []
                environment = dict(os.environ, QT_SCALE_FACTOR=scale)
                environment.setdefault("QT_QPA_PLATFORM", "offscreen")
                code = subprocess.run(
                    [sys.executable, __file__, *map(str, words)], env=environment
                ).returncode
                if code:
                    raise SystemExit(code)


def train(only: list[str], folder: Path) -> Path | None:
    """Train a captioner for the pictures of a run, if one of them is asked for."""
    from fnmatch import fnmatch

    if not any(fnmatch(name, pattern) for name in OF_RUNS for pattern in only):
        return None
    if vizstudio_train([*RUN.split(), "--out", str(folder)]):
        raise SystemExit("the run could not be trained")
    return folder


def take_here(given: argparse.Namespace) -> None:
    """Take all pictures of one theme in the scale of this process."""
    import picture_dialogs
    import picture_tabs
    from picture_studio import Studio, Subject

    from vizstudio.core.model import ModelChoice

    picture_dialogs.install_broken_plugin(Path(tempfile.mkdtemp(prefix="vizstudio-pictures-")))
    choice = ModelChoice(given.model, given.checkpoint, device="cpu")
    row, col = map(int, given.query.split(","))
    (theme,), (scale,) = given.theme, given.scale
    # Of the same model, untrained, positions can be subtracted; what ships has no such twin.
    second = ModelChoice(given.model if given.checkpoint else "vit:vit_tiny_patch16_224", device="cpu")
    studio = Studio(Subject(choice, given.image, (row, col), second, given.run), theme)

    def path(name: str) -> Path:
        return given.out / f"{name}-{theme}{'@2x' if scale == '2' else ''}.png"

    taken = studio.take(picture_tabs.shots(studio), given.only, path)
    taken += studio.take(picture_dialogs.shots(studio), given.only, path)
    studio.close()
    if not taken:
        raise SystemExit(f"no picture is called {' or '.join(given.only)}")
    if given.only == ["*"]:
        forgotten = picture_dialogs.all_dialogs() - studio.seen
        if forgotten:
            names = ", ".join(sorted(kind.__name__ for kind in forgotten))
            raise SystemExit(f"no picture was taken of: {names}: add it to scripts/picture_dialogs.py")
    print(f"{len(taken)} pictures, {theme}, scale {scale}: {given.out}")


def main() -> None:
    """Take the pictures."""
    given = parse()
    if given.here:
        take_here(given)
    elif given.what == "window":
        take_window(given)
    else:
        from picture_docs import take_docs

        take_docs(given)


if __name__ == "__main__":
    main()

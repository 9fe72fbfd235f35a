"""The script that takes pictures of the window, as its user starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_pictures.py"


def take(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the script without a screen."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")


def lightness(path: Path) -> int:
    """Return that of the upper right corner, which is of the ground's colour in any window, 0 to 255."""
    with Image.open(path) as opened:
        picture = opened.convert("L")
    return int(picture.getpixel((picture.width - 3, 3)))  # type: ignore[arg-type]


def size(path: Path) -> tuple[int, int]:
    """Return width and height."""
    with Image.open(path) as opened:
        return opened.size


def test_a_tab_and_a_dialog_in_both_themes_and_sizes(tmp_path: Path) -> None:
    made = take("window", "--out", str(tmp_path), "--only", "start", "predictions", "dialog-about*")
    assert made.returncode == 0, made.stderr
    names = {path.name for path in tmp_path.iterdir()}
    endings = ("light", "dark", "light@2x", "dark@2x")
    wanted = ("start", "predictions", "dialog-about-vizstudio")
    assert names == {f"{name}-{ending}.png" for name in wanted for ending in endings}
    for name in wanted:
        once, twice = (size(tmp_path / f"{name}-light{end}.png") for end in ("", "@2x"))
        assert twice == (2 * once[0], 2 * once[1])
        assert lightness(tmp_path / f"{name}-light.png") > 200 > 60 > lightness(tmp_path / f"{name}-dark.png")


def test_a_name_that_nothing_has_is_said(tmp_path: Path) -> None:
    made = take("window", "--out", str(tmp_path), "--only", "nonsense", "--theme", "dark", "--scale", "1")
    assert made.returncode != 0 and "no picture is called nonsense" in made.stderr

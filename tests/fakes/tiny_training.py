"""Small images, and runs of the trainer on them in processes of their own."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = {"blue": (60, 60, 190), "green": (60, 190, 60), "red": (190, 60, 60)}
TINY = [
    *(
        "--model",
        "test_vit",
        "--no-pretrained",
        "--image-size",
        "48",
        "--device",
        "cpu",
        "--num-workers",
        "0",
    ),
    *("--batch-size", "8", "--lr", "1e-3", "--log-steps", "1"),
]
"""A run of seconds: 33 images make 5 steps an epoch."""


def make_images(folder: Path, counts: dict[str, int], flat: bool = False) -> Path:
    """Write noisy images of one colour per class, in a folder per class or as ``CLASS_ID.png``."""
    rng = np.random.default_rng(0)
    for number, (name, count) in enumerate(counts.items()):
        for i in range(count):
            pixels = np.clip(np.array(COLOURS[name]) + rng.normal(0, 90, (40, 48, 3)), 0, 255).astype(
                np.uint8
            )
            path = folder / f"{number}_{i:03d}.png" if flat else folder / name / f"{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


def command(*options: str | Path) -> list[str]:
    """Return the command that fine-tunes the tiny model."""
    return [sys.executable, "-m", "vizstudio.train_cli", "vit-finetune", *map(str, options)]


def environment() -> dict[str, str]:
    """One thread each: processes that share two cores are quicker so, and add in the same order."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def run_command(*options: str | Path, launcher: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end; a launcher such as torchrun starts it in its way."""
    words = [*launcher, *command(*options)[1:]] if launcher else command(*options)
    return subprocess.run(
        words, env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=300
    )


@dataclass(frozen=True)
class Done:
    """What a run in this process came to."""

    returncode: int
    stdout: str
    stderr: str


def run_here(*options: str | Path) -> Done:
    """Run the command in this process, with one thread as in `environment`."""
    import torch

    from vizstudio.train_cli import main

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main(["vit-finetune", *map(str, options)])
    finally:
        torch.set_num_threads(threads)
    return Done(code, out.getvalue(), err.getvalue())


def events(out: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Return what a run told, or the events of one kind."""
    lines = (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [told for line in lines if (told := json.loads(line))["event"] == kind or kind is None]

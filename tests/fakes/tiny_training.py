"""Small images, and runs of the trainer on them in processes of their own."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
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


def command(*options: str | Path, recipe: str = "vit-finetune") -> list[str]:
    """Return the command that trains a tiny model."""
    return [sys.executable, "-m", "vizstudio.train_cli", recipe, *map(str, options)]


def environment() -> dict[str, str]:
    """One thread each: processes that share two cores are quicker so, and add in the same order."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def run_command(
    *options: str | Path, launcher: tuple[str, ...] = (), recipe: str = "vit-finetune"
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end; a launcher such as torchrun starts it in its way."""
    words = command(*options, recipe=recipe)
    words = [*launcher, *words[1:]] if launcher else words
    return subprocess.run(
        words, env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=300
    )


@dataclass(frozen=True)
class Done:
    """What a run in this process came to."""

    returncode: int
    stdout: str
    stderr: str


def run_here(*options: str | Path, recipe: str = "vit-finetune") -> Done:
    """Run the command in this process, with one thread as in `environment`."""
    import torch

    from vizstudio.train_cli import main

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = main([recipe, *map(str, options)])
    finally:
        torch.set_num_threads(threads)
    return Done(code, out.getvalue(), err.getvalue())


def events(out: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Return what a run told, or the events of one kind."""
    lines = (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [told for line in lines if (told := json.loads(line))["event"] == kind or kind is None]


@contextmanager
def started(words: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """Start a run and let it go on while the block runs; it must not outlive it."""
    process = subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def wait_for_step(process: "subprocess.Popen[str]", out: Path, step: int) -> None:
    """Wait until a run has done a step."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (out / "events.jsonl").exists():
            text = (out / "events.jsonl").read_text(encoding="utf-8")
            if f'{{"event": "step", "step": {step},' in text:
                return
        time.sleep(0.002)
    raise AssertionError(f"the run never came to step {step}: {process.poll()}")


def assert_same_run(out: Path, whole: Path, last_step: int) -> None:
    """Compare weights and optimiser bit for bit, and what was told."""
    import torch
    from safetensors.torch import load_file

    for name in ("last.safetensors", "best.safetensors", f"state/{last_step:09d}.safetensors"):
        mine, theirs = load_file(out / name), load_file(whole / name)
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert torch.equal(mine[key], theirs[key]), f"{name} {key}"

    def told(folder: Path) -> list[dict[str, Any]]:
        kept = [e for e in events(folder) if e["event"] in ("step", "epoch")]
        return [{k: v for k, v in e.items() if k not in ("images_per_second", "time")} for e in kept]

    assert told(out) == told(whole)


def assert_alike(out: Path, alone: Path, of_epoch: tuple[str, ...]) -> None:
    """Compare what was told: sums in another order round otherwise, and AdamW magnifies that a little."""
    import pytest

    for kind, keys in (("step", ("loss", "lr", "gradient_norm")), ("epoch", of_epoch)):
        mine, theirs = events(out, kind), events(alone, kind)
        assert [e["step"] for e in mine] == [e["step"] for e in theirs]
        for a, b in zip(mine, theirs, strict=True):
            for key in keys:
                assert a[key] == pytest.approx(b[key], rel=2e-3, abs=2e-4), (kind, a["step"], key)

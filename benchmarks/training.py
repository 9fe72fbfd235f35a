"""The shared training loop against a bare PyTorch loop on the same model, images, order and optimiser.

usage: python benchmarks/training.py [--model NAME] [--size PIXELS] [--steps N] [--rounds N] [--device cpu|cuda]

Both loops run in turn, round by round, in one process. Both read the same images with the same changes, warm up
alike, clip, and end with the same weights, which is checked; the shared loop also logs, looks for numbers that are
not finite, and evaluates nothing until its end. Saving is not part of the time: a bare loop would save too.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, default_collate

from vizstudio.datasets import Datasets
from vizstudio.plugins import load_plugins
from vizstudio.training.config import make_config
from vizstudio.training.engine import make_accelerator, release_accelerator
from vizstudio.training.events import Events
from vizstudio.training.interrupt import Interrupt
from vizstudio.training.loop import Run
from vizstudio.training.order import Draw, Plan
from vizstudio_train_vit.config import FinetuneConfig
from vizstudio_train_vit.recipe import Finetune, make_task


class Drawn(torch.utils.data.Dataset[Any]):
    """The images of a plan in order, as a bare loop would read them."""

    def __init__(self, task: Finetune, draws: list[Draw]) -> None:
        self._task, self._draws = task, draws

    def __len__(self) -> int:
        return len(self._draws)

    def __getitem__(self, i: int) -> Any:
        draw = self._draws[i]
        return self._task.train.get(draw.index, np.random.default_rng(draw.key))


def bare(config: FinetuneConfig, task: Finetune) -> float:
    """Train without vizstudio's loop; return the seconds that the steps took."""
    plan = Plan(len(task.train), config.seed, config.epochs, config.batch_size)
    draws = [draw for step in range(plan.total_steps) for draw in plan.batch(step)]
    model, device = task.model.to(config.device).train(), config.device
    optimizer = torch.optim.AdamW(task.parameter_groups(), lr=0.0)
    loader = DataLoader(
        Drawn(task, draws), config.batch_size, num_workers=config.num_workers, collate_fn=default_collate
    )
    start = time.perf_counter()
    for step, (pixels, labels, _) in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate(step + 1, plan.total_steps, task.width)
        loss = torch.nn.functional.cross_entropy(model(pixels.to(device)), labels.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip or 0.0)
        optimizer.step()
        optimizer.zero_grad()
        float(loss.detach())
    return time.perf_counter() - start


def shared(config: FinetuneConfig, task: Finetune) -> float:
    """Train with vizstudio's loop; return the seconds that the steps took."""
    accelerator = make_accelerator(config)
    events = Events(config.out, True)
    try:
        run = Run(config, task, accelerator, events, Interrupt(False, config.out / "stop"))
        run.prepare(resume=False)
        events.open(0, run.plan.total_steps)
        run.model.train()
        start = time.perf_counter()
        parts = run._parts(0)
        for step in range(run.plan.total_steps):
            run._step(step, parts)
        return time.perf_counter() - start
    finally:
        events.close()
        release_accelerator(accelerator)


def make_images(folder: Path, count: int) -> None:
    """Write photographs' worth of noise in two classes."""
    rng = np.random.default_rng(0)
    for i in range(count):
        path = folder / ("even" if i % 2 else "odd") / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 255, (16, 20, 3), np.uint8))
        small.resize((320, 256), Image.Resampling.BICUBIC).save(path)


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="vit_tiny_patch16_224")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--num-workers", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    datasets = Datasets(load_plugins(True).datasets)
    seconds: dict[str, list[float]] = {"bare": [], "shared": []}
    difference = 0.0
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        make_images(images, round(asked.steps * asked.batch_size / 0.9))
        for number in range(asked.rounds + 1):  # the first only warms up
            weights = []
            order = (("bare", bare), ("shared", shared))
            for name, loop in order if number % 2 else order[::-1]:
                given = {
                    name: getattr(asked, name) for name in ("model", "batch_size", "num_workers", "device")
                }
                given |= {"data": str(images), "out": f"{folder}/{number}-{name}", "image_size": asked.size}
                config = make_config(FinetuneConfig, {**given, "epochs": 1, "pretrained": False, "lr": 1e-4})
                assert isinstance(config, FinetuneConfig)
                task = make_task(config, datasets)
                took = loop(config, task)
                if number:
                    seconds[name].append(took)
                weights.append(torch.cat([p.detach().cpu().flatten() for p in task.model.parameters()]))
            difference = max(difference, float((weights[0] - weights[1]).abs().max()))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ratios = [b / a for a, b in zip(seconds["bare"], seconds["shared"], strict=True)]
    print(f"{asked.model} at {asked.size}, batch {asked.batch_size}, {asked.steps} steps, {asked.device}")
    for name, median in medians.items():
        print(f"{name:8} {median:8.3f} s   all: {'  '.join(f'{t:.3f}' for t in seconds[name])}")
    by_rounds = statistics.median(ratios)
    print(f"shared / bare: {medians['shared'] / medians['bare']:.3f} of medians, {by_rounds:.3f} by rounds")
    print(f"greatest difference of a weight at the end: {difference:.1e}")


if __name__ == "__main__":
    main()

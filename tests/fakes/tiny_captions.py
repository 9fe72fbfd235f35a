"""Images of coloured squares with captions, in the forms that the recipe ``catr`` reads, and a tiny network."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vizstudio.datasets import Datasets
from vizstudio.plugins import load_plugins
from vizstudio.training.config import make_config
from vizstudio_train_catr.config import CatrTraining
from vizstudio_train_catr.recipe import Captioning, make_task

COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (50, 60, 200), "grey": (120, 120, 120)}
SHAPES = {"tall": (32, 48), "wide": (48, 30), "square": (40, 40)}
NETWORK: dict[str, Any] = {
    "backbone": "resnet18",
    "backbone_width": 8,
    "backbone_stages": 2,
    "width": 16,
    "heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "feedforward": 32,
    "dropout": 0.0,
    "max_positions": 16,
    "head_width": 16,
    "head_layers": 2,
    "image_size": 48,
    "vocabulary": "words",
    "device": "cpu",
    "num_workers": 0,
    "batch_size": 8,
    "lr": 1e-3,
    "log_steps": 1,
}


def tiny(**changes: Any) -> list[str]:
    """Return the options of a run of seconds."""
    return [word for k, v in (NETWORK | changes).items() for word in (f"--{k.replace('_', '-')}", str(v))]


def captions_of(number: int) -> tuple[str, tuple[int, int], list[str]]:
    """Return the colour, the size and the one to three captions, of different lengths, of an image."""
    colour, shape = [*COLOURS][number % 4], [*SHAPES][number % 3]
    told = [f"a {colour} square", f"this is a {shape} picture of a {colour} square, i think", f"{colour}"]
    return colour, SHAPES[shape], told[: 1 + number % 3]


def _pixels(number: int) -> np.ndarray:
    colour, (width, height), _ = captions_of(number)
    noise = np.random.default_rng(number).normal(0, 25, (height, width, 3))
    return np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)


def make_table(folder: Path, count: int = 24) -> Path:
    """Write images and ``captions.csv``."""
    (folder / "photos").mkdir(parents=True)
    rows = []
    for number in range(count):
        Image.fromarray(_pixels(number)).save(folder / "photos" / f"{number:03d}.png")
        rows += [(f"photos/{number:03d}.png", caption) for caption in captions_of(number)[2]]
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "caption"), *rows])
    return folder


def make_coco(folder: Path, counts: dict[str, int]) -> Path:
    """Write images and annotations as COCO has them, a split for each entry of `counts`."""
    (folder / "annotations").mkdir(parents=True)
    first = 0
    for split, count in counts.items():
        (folder / split).mkdir()
        content: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": []}
        for number in range(first, first + count):
            name = f"{number:012d}.png"
            Image.fromarray(_pixels(number)).save(folder / split / name)
            content["images"].append({"id": number, "file_name": name})
            for caption in captions_of(number)[2]:
                note = {"id": len(content["annotations"]), "image_id": number, "caption": caption}
                content["annotations"].append(note)
        path = folder / "annotations" / f"captions_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        first += count
    return folder


def task_of(data: Path | str, **options: Any) -> Captioning:
    """Return what the recipe makes of the options, over those of the tiny network."""
    config = make_config(CatrTraining, {"data": str(data), "out": "run", **NETWORK, **options})
    assert isinstance(config, CatrTraining)
    return make_task(config, Datasets(load_plugins(True).datasets))

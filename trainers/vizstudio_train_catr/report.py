"""What is written at the end of a run: every caption, the scores, and a picture of captions that are wrong."""

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, default_collate

from vizstudio.api import WrongCaption, caption_gallery_scene, write_atomic
from vizstudio_train_catr.data import Pair
from vizstudio_train_catr.writing import Written

if TYPE_CHECKING:
    from vizstudio_train_catr.recipe import Captioning

SHOWN = 24
Judged = tuple[int, Written, list[str]]
"""The number of an image, its caption and its references."""


class _Evaluated(Dataset[Pair]):
    """The items to evaluate on."""

    def __init__(self, task: "Captioning") -> None:
        self._items = task.val

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Pair:
        pair: Pair = self._items.get(index, None)
        return pair


def write_all(task: "Captioning", model: nn.Module) -> list[Judged]:
    """Write the caption of every image to evaluate on."""
    device, config = next(model.parameters()).device, task.config
    found: list[Judged] = []
    loader = DataLoader(
        _Evaluated(task), config.batch_size, num_workers=config.num_workers, collate_fn=default_collate
    )
    with torch.inference_mode():
        for batch in loader:
            first = [i for i, references in enumerate(batch.references) if references]
            if first:
                pixels, real = batch.pixels.to(device), batch.real.to(device)
                there = batch._replace(pixels=pixels, real=real)
                for i, written in zip(first, task.write(model, there, first), strict=True):
                    found.append((int(batch.image[i]), written, batch.references[i].split("\n")))
    return found


def write_report(task: "Captioning", model: nn.Module, out: Path) -> list[Path]:
    """Write ``captions.csv``, ``wrong-captions.png`` and ``report.json``; return their paths."""
    judged = write_all(task, model)
    facts = {"images": len(judged), **task.scores([(written, told) for _, written, told in judged])}
    contents = {
        "captions.csv": _table(task, judged),
        "wrong-captions.png": _gallery(task, judged),
        "report.json": (json.dumps(facts, indent=2) + "\n").encode(),
    }
    for name, content in contents.items():
        write_atomic(out / name, content)
    return [out / name for name in contents]


def _table(task: "Captioning", judged: list[Judged]) -> bytes:
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["image", "references", "caption", "exact", "log_prob"])
    for image, written, told in judged:
        right, log_prob = task.is_right(written, told), f"{sum(written.log_probs):.4f}"
        writer.writerow(
            [task.data.val.name(image), " | ".join(told), task.text(written), int(right), log_prob]
        )
    return table.getvalue().encode()


def _gallery(task: "Captioning", judged: list[Judged]) -> bytes:
    """Draw the wrong captions that the network gives the highest probability."""
    wrong = [one for one in judged if not task.is_right(one[1], one[2])]
    wrong.sort(key=lambda one: -sum(one[1].log_probs))
    shown = [
        WrongCaption(
            task.data.val.read(image)[0], task.text(written), math.exp(sum(written.log_probs)), tuple(told)
        )
        for image, written, told in wrong[:SHOWN]
    ]
    subject = f"CATR · {len(judged)} images of {task.config.data}"
    return caption_gallery_scene(shown, len(wrong), subject).to_png()

"""What is written at the end of a run: the confusion matrix, a gallery of mistakes, and the numbers."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, default_collate

from vizstudio.api import confusion_scene, gallery_scene, write_atomic

if TYPE_CHECKING:
    from vizstudio_train_vit.recipe import Finetune

SHOWN = 24


class Judged(NamedTuple):
    """What the model says of every image evaluated on: (images,) each."""

    labels: np.ndarray
    guesses: np.ndarray
    confidence: np.ndarray
    top5: np.ndarray


class _Evaluated(Dataset[object]):
    def __init__(self, task: "Finetune") -> None:
        self._items = task.val

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> object:
        return self._items.get(index, None)


def judge(task: "Finetune", model: nn.Module) -> Judged:
    """Run a model on all images to evaluate on."""
    device = next(model.parameters()).device
    size, workers = task.config.batch_size, task.config.num_workers
    found = []
    with torch.inference_mode():
        for pixels, labels, _ in DataLoader(
            _Evaluated(task), size, num_workers=workers, collate_fn=default_collate
        ):
            probabilities = model(pixels.to(device)).float().softmax(-1).cpu()
            best = probabilities.topk(min(5, probabilities.shape[1]))
            hit = (best.indices == labels[:, None]).any(dim=1)
            found.append((labels, best.indices[:, 0], best.values[:, 0], hit))
    return Judged(*(torch.cat(column).numpy() for column in zip(*found, strict=True)))


def write_report(task: "Finetune", model: nn.Module, out: Path) -> list[Path]:
    """Write ``confusion.png``, ``confusion.csv``, ``misclassified.png`` and ``report.json``; return their paths."""
    names, judged = task.data.class_names, judge(task, model)
    matrix = np.zeros((len(names), len(names)), np.int64)
    np.add.at(matrix, (judged.labels, judged.guesses), 1)
    wrong = np.flatnonzero(judged.labels != judged.guesses)
    worst = wrong[np.argsort(-judged.confidence[wrong], kind="stable")]
    subject = f"{task.config.timm_name} · {len(judged.labels)} images of {task.config.data}"
    pictures = [
        (
            task.data.val.read(int(i))[0],
            names[judged.guesses[i]],
            float(judged.confidence[i]),
            names[judged.labels[i]],
        )
        for i in worst[:SHOWN]
    ]
    facts = _facts(task, judged, matrix, worst)
    table = io.StringIO(newline="")
    csv.writer(table).writerows(
        [["class", *names], *([name, *row] for name, row in zip(names, matrix.tolist(), strict=True))]
    )
    contents = {
        "confusion.png": confusion_scene(matrix, names, subject).to_png(),
        "confusion.csv": table.getvalue().encode(),
        "misclassified.png": gallery_scene(pictures, len(wrong), subject).to_png(),
        "report.json": (json.dumps(facts, indent=2) + "\n").encode(),
    }
    for name, content in contents.items():
        write_atomic(out / name, content)
    return [out / name for name in contents]


def _facts(task: "Finetune", judged: Judged, matrix: np.ndarray, worst: np.ndarray) -> dict[str, object]:
    """Return the numbers of the report."""
    names = task.data.class_names
    return {
        "images": len(judged.labels),
        "accuracy": float((judged.labels == judged.guesses).mean()),
        "top5": float(judged.top5.mean()),
        "classes": {
            name: {"images": int(row.sum()), "accuracy": float(row[i] / row.sum()) if row.sum() else None}
            for i, (name, row) in enumerate(zip(names, matrix, strict=True))
        },
        "misclassified": [
            {
                "image": task.val.name(int(i)),
                "class": names[judged.labels[i]],
                "taken_for": names[judged.guesses[i]],
                "probability": float(judged.confidence[i]),
            }
            for i in worst
        ],
    }

"""Recipes that keep every contract but one; the options say which."""

import json
import shutil
from typing import Any

import numpy as np
import timm
import torch
from pydantic import Field
from torch import nn

from vizstudio.api import Datasets, Task, TrainConfig, UsageError, train


class FakeConfig(TrainConfig):
    model: str = Field("test_vit", description="A model of timm.")
    fault: str = Field("", description="Which contract is not kept.")


class UnexplainedConfig(FakeConfig):
    secret: int = 3


class Squares:
    """Images of a data set with their classes."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def get(self, index: int, rng: np.random.Generator | None) -> Any:
        sample = self._data[index]
        return torch.from_numpy(sample.image.copy()).permute(2, 0, 1).float() / 255, sample.main

    def name(self, index: int) -> str:
        return f"square {index}"


class FakeTask(Task):
    goal = "accuracy"

    def __init__(self, config: FakeConfig, datasets: Datasets) -> None:
        train_set = datasets.open(config.data, 160, 8, config.seed, "train")
        self.train, self.val = (
            Squares(train_set),
            Squares(datasets.open(config.data, 160, 4, config.seed, "val")),
        )
        self._names, self._fault = train_set.class_names, config.fault
        if config.fault != "same-run-again":
            torch.manual_seed(config.seed)
        self.model = timm.create_model("test_vit", num_classes=len(self._names))
        self.width, self._right = 64, [0, 0]

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters())}]

    def losses(self, model: nn.Module, batch: Any) -> torch.Tensor:
        pixels, labels, *_ = batch
        return nn.functional.cross_entropy(model(pixels), labels, reduction="none")

    def evaluate(self, model: nn.Module, batch: Any) -> None:
        pixels, labels, *_ = batch
        self._right[0] += int((model(pixels).argmax(1) == labels).sum())
        self._right[1] += len(labels)

    def results(self) -> dict[str, float]:
        right, count = self._right
        self._right = [0, 0]
        return {"accuracy": right / count}

    def metadata(self) -> dict[str, str]:
        told = {"class_names": json.dumps(self._names)}
        return told if self._fault == "checkpoint-opens-in-the-studio" else told | {"model": "vit:test_vit"}

    def fingerprint(self) -> str:
        return "squares"


def run(config: FakeConfig, datasets: Datasets, resume: bool) -> bool:
    if config.data not in datasets.ids():
        if config.fault == "trainer-errors":
            raise ZeroDivisionError("no data")
        raise UsageError(f"no data {config.data!r}: choose a data set by its name")
    if config.fault == "finished-run-is-kept" and not resume:
        shutil.rmtree(config.out, ignore_errors=True)
    if config.fault == "same-run-again":
        torch.seed()
    done = train(config, FakeTask(config, datasets), resume)
    if config.fault == "run-leaves-its-files":
        (config.out / "events.jsonl").unlink()
    return done

"""The recipe ``vit-finetune``: a timm classifier, its data, its metrics and its reports."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from timm.layers import build_sincos2d_pos_embed
from timm.optim import param_groups_layer_decay, param_groups_weight_decay
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from vizstudio.api import (
    Datasets,
    Items,
    ModelError,
    ModelRequest,
    RunContext,
    Task,
    class_weights,
    showing_progress,
    train,
)
from vizstudio_train_vit.config import FinetuneConfig
from vizstudio_train_vit.images import Changes, ClassItems, Data, DatasetSource, FileSource, open_data
from vizstudio_train_vit.report import write_report
from vizstudio_train_vit.snapshot import Probes
from vizstudio_vit.build import Built, build

TOP = 5


def run(config: FinetuneConfig, datasets: Datasets, resume: bool) -> bool:
    """Fine-tune as the options say; the entry point that the plugin registers.

    Returns
    -------
    bool
        False if the user stopped it; see `vizstudio.api.train`.
    """
    return train(config, make_task(config, datasets), resume)


def make_task(config: FinetuneConfig, datasets: Datasets) -> "Finetune":
    """Open the data and build the model.

    Raises
    ------
    VizstudioError
        With one sentence on what is wrong with the data, the model or its weights.
    """
    with showing_progress() as report:
        built = build_model(config, report)
        size = built.preprocessing.input_size
        data = open_data(config, size[0], datasets, report)
    torch.manual_seed(config.seed)  # of the new classifier
    model: Any = built.model
    model.reset_classifier(len(data.class_names))
    if config.position_init == "sine":
        start_from_sine(model, config.timm_name)
    if config.gradient_checkpointing:
        if not hasattr(model, "set_grad_checkpointing"):
            raise ModelError(
                f"{config.timm_name} has no gradient checkpointing: leave --gradient-checkpointing out"
            )
        model.set_grad_checkpointing(True)
    built.class_names = data.class_names
    return Finetune(config, built, data)


def start_from_sine(model: Any, name: str) -> None:
    """Set a learned position embedding to timm's 2-D sine positions (Vaswani et al. 2017, for rows and for columns).

    Raises
    ------
    ModelError
        If the model has no vector for every patch.
    """
    table = getattr(model, "pos_embed", None)
    grid: Any = getattr(getattr(model, "patch_embed", None), "grid_size", None) or (0, 0)
    count = grid[0] * grid[1]
    if not isinstance(table, nn.Parameter) or table.ndim != 3 or not count or table.shape[1] < count:
        raise ModelError(f"{name} has no learned vector for each patch's position: leave --position-init out")
    with torch.no_grad():
        table[0, -count:] = build_sincos2d_pos_embed([*grid], table.shape[2])


def build_model(config: FinetuneConfig, report: Any) -> Built:
    """Build the model with its first weights, as the studio builds it."""
    size = (config.image_size, config.image_size) if config.image_size else None
    pretrained = config.pretrained and config.checkpoint is None
    request = ModelRequest(config.checkpoint, pretrained, None, config.fit, size)
    return build(config.timm_name, request, RunContext(report=report), config.model_args or None)


class Finetune(Task):
    """A classifier and its images; see `vizstudio.api.Task`."""

    goal = "accuracy"

    def __init__(self, config: FinetuneConfig, built: Built, data: Data) -> None:
        self.config, self.data, self._built = config, data, built
        self.model, self.notes = built.model, data.notes
        self.width = int(getattr(self.model, "num_features", 0) or 1)
        changes = Changes(config.flip, config.rotation, config.jitter)
        self.train: Items = ClassItems(data.train, data.counts[0], built.preprocessing, changes)
        self.fresh = isinstance(data.train, DatasetSource)
        self.val: Items = ClassItems(data.val, data.counts[1], built.preprocessing, changes)
        if config.class_balanced and isinstance(data.train, FileSource):
            self.weights = class_weights(data.train.labels)
        classes = len(data.class_names)
        self.metrics = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro"),
                "top5": MulticlassAccuracy(classes, top_k=min(TOP, classes), average="micro"),
            }
        )
        self.val_loss = MeanMetric()
        self._probes = Probes(config, built, data)

    def use_device(self, device: str) -> None:
        """Move the metrics."""
        self.metrics.to(device)
        self.val_loss.to(device)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return timm's groups: no decay of biases, norms and positions; with `layer_decay` one per layer."""
        decay = self.config.weight_decay
        kept: Any = getattr(self.model, "no_weight_decay", set)()
        groups: list[dict[str, Any]]
        if self.config.layer_decay is None:
            groups = param_groups_weight_decay(self.model, decay, no_weight_decay_list=kept)
        else:
            share = self.config.layer_decay
            groups = param_groups_layer_decay(self.model, decay, no_weight_decay_list=kept, layer_decay=share)
        return [group for group in groups if group["params"]]

    def losses(self, model: nn.Module, batch: Any) -> Tensor:
        """Return the cross-entropy of each image."""
        pixels, labels, _ = batch
        return F.cross_entropy(
            model(pixels), labels, reduction="none", label_smoothing=self.config.label_smoothing
        )

    def evaluate(self, model: nn.Module, batch: Any) -> None:
        """Take a batch into accuracy, top-5 and loss."""
        pixels, labels, _ = batch
        logits = model(pixels).float()
        self.metrics.update(logits, labels)
        self.val_loss.update(F.cross_entropy(logits, labels, reduction="none"))

    def results(self) -> dict[str, float]:
        """Return accuracy, top-5 accuracy and the mean loss of the images evaluated on."""
        found = {name: float(value) for name, value in self.metrics.compute().items()}
        found["val_loss"] = float(self.val_loss.compute())
        self.metrics.reset()
        self.val_loss.reset()
        return found

    def metadata(self) -> dict[str, str]:
        """Return what the studio needs to show a checkpoint: classes, model, and how images are prepared."""
        how = self._built.preprocessing
        shown = {
            "input_size": [3, how.input_size[1], how.input_size[0]],
            "crop_mode": {"squash": "squash", "pad": "border"}.get(how.fit, "center"),
            "crop_pct": how.crop_pct,
            "interpolation": how.interpolation,
            "mean": how.mean,
            "std": how.std,
        }
        return {
            "class_names": json.dumps(self.data.class_names),
            "model": f"vit:{self.config.timm_name}",
            "model_args": json.dumps(self.config.model_args),
            "preprocessing": json.dumps(shown),
        }

    def fingerprint(self) -> str:
        """Return a digest of the names and classes of all images."""
        return self.data.fingerprint

    def snapshot(self, model: nn.Module) -> dict[str, np.ndarray]:
        """Return the position embedding and the class token's attention on the probes."""
        return self._probes.look(model)

    def report(self, model: nn.Module, out: Path) -> Sequence[Path]:
        """Write the confusion matrix, the gallery of mistakes and the numbers behind them."""
        return write_report(self, model, out)

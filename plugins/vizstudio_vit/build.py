"""Builds a timm model with weights from a file, from the hub, or none."""

import difflib
import warnings
from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from timm.data import ImageNetInfo, infer_imagenet_subset, resolve_model_data_config
from torch import nn

from vizstudio.api import ModelError, ModelRequest, RunContext, WeightSource
from vizstudio_vit.checkpoint import Weights, count_classes, load_into, read_weights
from vizstudio_vit.hub import fetch
from vizstudio_vit.preprocess import Preprocessing

UNTRAINED_SEED = 0


@dataclass
class Built:
    """A model in evaluation mode and what is known of its weights."""

    model: nn.Module
    preprocessing: Preprocessing
    weights: WeightSource
    weights_hash: str
    class_names: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


def build(name: str, request: ModelRequest, context: RunContext) -> Built:
    """Build the timm model `name` as `request` asks.

    Raises
    ------
    ModelError
        If timm has no such model or it does not take this input size.
    CheckpointError, OfflineError
        If its weights cannot be had or do not fit.
    """
    base, _, _tag = name.partition(".")
    if not timm.is_model(base):
        near = difflib.get_close_matches(base, timm.list_models(), 3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise ModelError(f"timm has no model {base!r}: {hint}`vizstudio models` lists all")
    if request.checkpoint is not None:
        return _from_checkpoint(name, request)
    if request.pretrained:
        return _from_hub(name, request, context)
    model = _create(name, request)
    return _finish(model, request, "untrained", f"seed {UNTRAINED_SEED}", Weights({}, ""))


def _create(name: str, request: ModelRequest, **options: Any) -> nn.Module:
    if request.input_size is not None:
        width, height = request.input_size
        options["img_size"] = (height, width)
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")  # timm warns of renamed models and optional kernels
            torch.manual_seed(UNTRAINED_SEED)
            return timm.create_model(name, **options).eval()
    except TypeError as error:
        if "img_size" in str(error):
            raise ModelError(f"{name} takes no other input size than its own") from error
        raise
    except (AssertionError, RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"timm cannot build {name}: {reason}") from error


def _from_checkpoint(name: str, request: ModelRequest) -> Built:
    assert request.checkpoint is not None
    weights = read_weights(request.checkpoint)
    config = timm.get_pretrained_cfg(name.partition(".")[0], allow_unregistered=True)
    classes = count_classes(weights.state, {"classifier": config.classifier if config else ""})
    model = _create(name, request, num_classes=classes)
    load_into(model, weights, name, request.checkpoint.name)
    if classes == 0:
        weights.notes.append("the checkpoint has no classifier, so there are no predictions")
    return _finish(model, request, "checkpoint", weights.file_hash, weights)


def _from_hub(name: str, request: ModelRequest, context: RunContext) -> Built:
    config = timm.get_pretrained_cfg(name, allow_unregistered=False)
    if config is None or not config.has_weights or not config.hf_hub_id:
        raise ModelError(f"no published weights are known for {name}: give a file with --checkpoint")
    path = fetch(name, config.hf_hub_id, config.hf_hub_filename, context)
    context.check()
    if path.suffix != ".safetensors":
        read_weights(path)  # refuses a pickle with code in it before timm sees it
    model = _create(name, request, pretrained=True, pretrained_cfg_overlay={"file": str(path)})
    return _finish(model, request, "pretrained", f"{config.hf_hub_id}/{path.name}", Weights({}, ""))


def _finish(
    model: nn.Module, request: ModelRequest, source: WeightSource, weights_hash: str, weights: Weights
) -> Built:
    config = {**resolve_model_data_config(model), **weights.preprocessing}
    preprocessing = Preprocessing.from_timm(config, request.fit)
    names = _class_names(model, request, weights)
    notes = list(weights.notes)
    if source == "untrained":
        notes.insert(0, "untrained weights: the maps show the architecture, not anything learned")
    return Built(model, preprocessing, source, weights_hash, names, notes)


def _class_names(model: nn.Module, request: ModelRequest, weights: Weights) -> tuple[str, ...]:
    """Return the names from the user's file, else the checkpoint's, else ImageNet's, else numbers."""
    count = int(getattr(model, "num_classes", 0))
    if request.class_names is not None:
        try:
            lines = request.class_names.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"class names cannot be read from {request.class_names}: {error}") from error
        names = tuple(line.strip() for line in lines if line.strip())
        if len(names) != count:
            raise ModelError(
                f"{request.class_names.name} names {len(names)} classes, but the model has {count}"
            )
        return names
    if len(weights.class_names) == count:
        return weights.class_names
    subset = infer_imagenet_subset(model)
    if subset and count:
        info = ImageNetInfo(subset)
        return tuple(info.index_to_description(i) for i in range(count))
    return tuple(f"class {i}" for i in range(count))

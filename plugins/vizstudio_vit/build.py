"""Builds a timm model with weights from a file, from the hub, or none."""

import difflib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import timm
import torch
from timm.data import ImageNetInfo, infer_imagenet_subset, resolve_model_data_config
from timm.models import get_deprecated_models
from torch import nn

from vizstudio.api import (
    CheckpointError,
    ModelError,
    ModelRequest,
    RunContext,
    WeightSource,
    first_line,
    read_class_names,
    resource_path,
)
from vizstudio_vit.checkpoint import Weights, count_classes, read_weights
from vizstudio_vit.fitting import check_fitted, explain
from vizstudio_vit.hub import fetch
from vizstudio_vit.names import DEMO, DEMO_ARCHITECTURE, DEMO_WEIGHTS
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


def build(
    name: str, request: ModelRequest, context: RunContext, arguments: Mapping[str, Any] | None = None
) -> Built:
    """Build the timm model `name` as `request` asks.

    Parameters
    ----------
    name, request, context
        See `vizstudio.api.ModelEntry`.
    arguments : mapping, optional
        What timm's constructor takes, such as ``{"patch_size": 12, "depth": 6}``; by default what the checkpoint
        tells, if it does.

    Raises
    ------
    ModelError
        If timm has no such model or it does not take this input size or these arguments.
    CheckpointError, OfflineError
        If its weights cannot be had or do not fit.
    """
    if name == DEMO:
        return _demo(request)
    current = _current_name(name)
    if request.checkpoint is not None:
        built = _from_checkpoint(current, request, arguments)
    elif request.pretrained:
        if arguments:
            raise ModelError(
                f"published weights of {name} fit only its own sizes: leave the model's arguments out"
            )
        built = _from_hub(current, request, context)
    else:
        model = _create(current, request, **(arguments or {}))
        built = _finish(model, request, "untrained", Weights({}, f"seed {UNTRAINED_SEED}"))
    if current != name:
        built.notes.append(f"{name} is an old name of {current}")
    return built


def _demo(request: ModelRequest) -> Built:
    """Build the model that ships with its weights."""
    if request.checkpoint is not None:
        raise ModelError(
            f"vit:{DEMO} has weights of its own: leave --checkpoint out, or name the architecture of your file"
        )
    path = resource_path(DEMO_WEIGHTS)
    built = _from_checkpoint(DEMO_ARCHITECTURE, replace(request, checkpoint=path), None)
    built.weights = "pretrained"
    return built


def _current_name(name: str) -> str:
    """Return timm's name for a model, which differs where `name` is an old one.

    Raises
    ------
    ModelError
        If there is no such model or no such tag of weights.
    """
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        near = difflib.get_close_matches(base, timm.list_models(), 3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise ModelError(f"timm has no model {base!r}: {hint}`vizstudio models` lists all")
    deprecated = get_deprecated_models()
    if base in deprecated:
        if deprecated[base] is None:
            raise ModelError(f"timm has removed {base}: `vizstudio models` lists all that it has")
        return str(deprecated[base])
    if tag:
        with_tags = timm.list_models(base, include_tags=True)
        tags = [known.partition(".")[2] for known in with_tags if known.startswith(f"{base}.")]
        if tag not in tags:
            raise ModelError(f"{base} has no weights tagged {tag!r}: known are {', '.join(tags) or 'none'}")
    return name


def _make(name: str, request: ModelRequest, **options: Any) -> nn.Module:
    if request.input_size is not None:
        width, height = request.input_size
        options["img_size"] = (height, width)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # timm warns of renamed models and optional kernels
        torch.manual_seed(UNTRAINED_SEED)
        try:
            return timm.create_model(name, **options).eval()
        except TypeError as error:
            if "img_size" not in str(error) or "unexpected keyword" not in str(error):
                raise
            # Its layers take any size: it has no table that depends on it.
            del options["img_size"]
            return timm.create_model(name, **options).eval()


def _create(name: str, request: ModelRequest, **options: Any) -> nn.Module:
    try:
        return _make(name, request, **options)
    except (AssertionError, RuntimeError, ValueError, TypeError) as error:
        size = f" for {request.input_size[0]}×{request.input_size[1]} pixels" if request.input_size else ""
        why = first_line(error) if str(error) else "its layers do not divide that size"
        raise ModelError(f"timm cannot build {name}{size}: {why}") from error


def _create_with(
    weights: Weights,
    file_name: str,
    name: str,
    request: ModelRequest,
    overlay: dict[str, Any],
    **options: Any,
) -> nn.Module:
    """Create a model and let timm convert, resample and load the weights: each architecture has its own way."""
    overlay = {**overlay, "state_dict": weights.state, "custom_load": False}
    try:
        model = _make(name, request, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    except (
        Exception
    ) as error:  # timm's converters raise anything when they meet another architecture's weights
        bare = _create(name, request, **options)  # raises ModelError if it is not the weights' fault
        raise CheckpointError(f"{file_name} does not fit {name}: {explain(bare, weights, error)}") from error
    config: Any = model.pretrained_cfg
    config.pop("state_dict", None)  # a second copy of all weights
    return model


def _from_checkpoint(name: str, request: ModelRequest, arguments: Mapping[str, Any] | None) -> Built:
    assert request.checkpoint is not None
    file_name = request.checkpoint.name
    weights = read_weights(request.checkpoint)
    if request.input_size is None and "input_size" in weights.preprocessing:
        _, height, width = weights.preprocessing["input_size"]
        request = replace(request, input_size=(width, height))
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    classes = count_classes(weights.state, config.classifier if config else None)
    overlay = {"num_classes": classes, "label_offset": 0}
    options = {**(weights.arguments if arguments is None else arguments), "num_classes": classes}
    model = _create_with(weights, file_name, name, request, overlay, **options)
    check_fitted(model, weights, file_name, name)
    if classes == 0:
        weights.notes.append("the checkpoint has no classifier, so there are no predictions")
    return _finish(model, request, "checkpoint", weights)


def _from_hub(name: str, request: ModelRequest, context: RunContext) -> Built:
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if config is None or not config.hf_hub_id:
        url = config.url if config else None
        how = f"download {url} and give it" if url else "give a file"
        raise ModelError(f"no published weights are known on the hub for {name}: {how} with --checkpoint")
    path = fetch(name, config.hf_hub_id, config.hf_hub_filename, context)
    context.check()
    weights = read_weights(path)
    model = _create_with(weights, path.name, name, request, {})
    weights.notes.append(f"published weights {config.hf_hub_id} from the Hugging Face hub")
    return _finish(model, request, "pretrained", weights)


def _finish(model: nn.Module, request: ModelRequest, source: WeightSource, weights: Weights) -> Built:
    config = {**resolve_model_data_config(model), **weights.preprocessing}
    if request.input_size is not None:
        width, height = request.input_size
        config["input_size"] = (3, height, width)
    preprocessing = Preprocessing.from_timm(config, request.fit)
    if source == "untrained":
        weights.notes.append("untrained weights: the maps show the architecture, not anything learned")
    names = _class_names(model, request, source, weights)
    return Built(model, preprocessing, source, weights.file_hash, names, weights.notes)


def _class_names(
    model: nn.Module, request: ModelRequest, source: WeightSource, weights: Weights
) -> tuple[str, ...]:
    """Return the names from the user's file, else the checkpoint's, else ImageNet's, else numbers."""
    count = int(getattr(model, "num_classes", 0))
    if request.class_names is not None:
        return read_class_names(request.class_names, count)
    if weights.class_names and len(weights.class_names) == count:
        return weights.class_names
    if weights.class_names:
        weights.notes.append(
            f"the checkpoint names {len(weights.class_names)} classes for a classifier of {count}: not used"
        )
        return tuple(f"class {i}" for i in range(count))
    subset = infer_imagenet_subset(model) if count else None
    if subset is None:
        return tuple(f"class {i}" for i in range(count))
    if source == "checkpoint":
        weights.notes.append(f"the checkpoint names no classes; its {count} are taken to be ImageNet's")
    info = ImageNetInfo(subset)
    return tuple(info.index_to_description(i) for i in range(count))

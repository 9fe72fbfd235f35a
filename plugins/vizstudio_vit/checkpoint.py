"""What timm makes of a file of weights: its class names, its author's preprocessing, its keys."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vizstudio.api import CheckpointError, StoredWeights, read_stored
from vizstudio_vit.preprocess import Preprocessing

State = dict[str, Tensor]
MAX_SIDE = 8192
FULL: dict[str, Any] = {
    "input_size": (3, 224, 224),
    "crop_mode": "center",
    "crop_pct": 1.0,
    "interpolation": "bicubic",
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
}


@dataclass
class Weights:
    """A state dict and what else the file told.

    Attributes
    ----------
    state : dict of str to Tensor
        What the model will load.
    file_hash : str
        SHA-256 of the file.
    class_names : tuple of str
        Empty if the file names none.
    preprocessing : dict
        What differs from timm's own preprocessing for these weights.
    arguments : dict
        What timm's constructor is given for these weights, such as ``{"depth": 6}``.
    notes : list of str
        What was changed to make the weights fit.
    """

    state: State
    file_hash: str
    class_names: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_weights(path: Path) -> Weights:
    """Read a file of weights and what it tells beside them; see `vizstudio.api.read_stored`.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, holds no weights, or wants to run code, which it never does here.
    """
    stored = read_stored(path)
    weights = Weights(stored.state, stored.file_hash, _class_names(stored, path.name))
    weights.preprocessing = _preprocessing(stored, path.name)
    weights.arguments = _arguments(stored, path.name)
    if "ema" in stored.wrapper:
        weights.notes.append(f"averaged weights are shown: {stored.wrapper} of {path.name}")
    if "positional_embedding.pos_embedding" in weights.state:
        weights.state = from_lukemelas(weights.state)
        weights.preprocessing = {"crop_mode": "squash", "crop_pct": 1.0, "interpolation": "bilinear"}
        weights.notes.append(
            "weights converted from PyTorch-Pretrained-ViT, with its squashed bilinear input"
        )
    return weights


def _class_names(stored: StoredWeights, file_name: str) -> tuple[str, ...]:
    numbers = stored.beside.get("class_to_idx")
    if isinstance(numbers, dict) and sorted(numbers.values()) == list(range(len(numbers))):
        return tuple(str(name) for name in sorted(numbers, key=numbers.__getitem__))
    listed = stored.beside.get("class_names") or stored.beside.get("classes") or ()
    if "class_names" in stored.metadata:
        try:
            listed = json.loads(stored.metadata["class_names"])
        except ValueError as error:
            raise CheckpointError(f"{file_name} has class_names that are not JSON: {error}") from error
    return tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()


def _preprocessing(stored: StoredWeights, file_name: str) -> dict[str, Any]:
    """Return how images were prepared in training, in the terms of timm's data config, where the file says so."""
    told = stored.metadata.get("preprocessing", "{}")
    try:
        found = json.loads(told)
        Preprocessing.from_timm(FULL | found)
        if not all(isinstance(side, int) and 0 < side <= MAX_SIDE for side in found.get("input_size", (1,))):
            raise ValueError(f"input_size {found['input_size']}")
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{file_name} tells of preprocessing that cannot be read: {error}") from error
    return dict(found)


def _arguments(stored: StoredWeights, file_name: str) -> dict[str, Any]:
    """Return what the model was built with beside its name; numbers and switches only, as a file may be anyone's."""
    try:
        found = json.loads(stored.metadata.get("model_args", "{}"))
    except ValueError as error:
        raise CheckpointError(f"{file_name} has model_args that are not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(v, int | float) for v in found.values()):
        raise CheckpointError(f"{file_name} has model_args that are not numbers by their names: {found!r}")
    return found


def from_lukemelas(state: State) -> State:
    """Convert the keys of PyTorch-Pretrained-ViT to timm's."""
    simple = {
        "class_token": "cls_token",
        "positional_embedding.pos_embedding": "pos_embed",
        "patch_embedding.weight": "patch_embed.proj.weight",
        "patch_embedding.bias": "patch_embed.proj.bias",
    }
    out: State = {}
    for key, value in state.items():
        if key.startswith("pre_logits.") or ".attn.proj_" in key:
            continue
        name = simple.get(key, key)
        name = name.replace("transformer.blocks.", "blocks.").replace(".pwff.", ".mlp.")
        name = re.sub(r"^(blocks\.\d+)\.proj\.", r"\1.attn.proj.", name)
        name = re.sub(r"^fc\.", "head.", name)
        out[name] = value
    blocks = {m[1] for key in state if (m := re.match(r"transformer\.blocks\.(\d+)\.", key))}
    for block in blocks:
        for leaf in ("weight", "bias"):
            parts = [state.get(f"transformer.blocks.{block}.attn.proj_{p}.{leaf}") for p in "qkv"]
            if all(part is not None for part in parts):
                out[f"blocks.{block}.attn.qkv.{leaf}"] = torch.cat(parts)  # type: ignore[arg-type]
    return out


def count_classes(state: State, classifier: str | tuple[str, ...] | None) -> int:
    """Return how many classes a state dict's classifier has; 0 if it has no classifier.

    Parameters
    ----------
    state : dict of str to Tensor
        In timm's names or the original author's, which may call timm's ``head.fc`` just ``head``.
    classifier : str, tuple of str or None
        Names of the classifier's modules, as timm's configuration gives them.
    """
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
    for name in (*names, *(n.rpartition(".")[0] for n in names)):
        for key in (f"{name}.weight", f"{name}.linear.weight", f"{name}.l.weight"):
            if name and key in state:
                return int(state[key].shape[0])
    return 0

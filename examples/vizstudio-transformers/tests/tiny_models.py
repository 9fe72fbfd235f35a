"""Tiny models, built from a configuration and saved, so that nothing is fetched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
VISION = {**SIZES, "image_size": 32, "patch_size": 8}
LABELS = {"id2label": {0: "cup", 1: "pot", 2: "jar"}}


def _vit() -> Any:
    return hf.ViTForImageClassification(hf.ViTConfig(**VISION, **LABELS))


def _dinov2() -> Any:
    return hf.Dinov2Model(hf.Dinov2Config(**VISION))


def _registers() -> Any:
    return hf.Dinov2WithRegistersForImageClassification(hf.Dinov2WithRegistersConfig(**VISION, **LABELS))


def _clip_tower() -> Any:
    return hf.CLIPVisionModel(hf.CLIPVisionConfig(**VISION))


def _clip() -> Any:
    text = {**SIZES, "vocab_size": 60, "max_position_embeddings": 16}
    return hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16))


SQUASH = {"size": {"height": 32, "width": 32}}
CROP = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
ENCODERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "vit": (_vit, lambda: hf.ViTImageProcessor(**SQUASH)),
    "dinov2": (_dinov2, lambda: hf.BitImageProcessor(**CROP)),
    "registers": (_registers, lambda: hf.BitImageProcessor(**CROP)),
    "clip": (_clip, lambda: hf.CLIPImageProcessor(**CROP)),
    "clip-tower": (_clip_tower, lambda: hf.CLIPImageProcessor(**CROP)),
}


def save(folder: Path, make: Callable[[], Any], processor: Callable[[], Any]) -> Path:
    """Write a model with random weights, large enough that attention is not flat."""
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(4 if "embedding" not in name else 2)
    model.save_pretrained(folder)
    processor().save_pretrained(folder)
    return folder

"""Fixtures for the tests of the timm plugin."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from vizstudio.api import ModelRequest, RunContext
from vizstudio_vit.model import ViT, load

TINY = "test_vit"  # timm's own for tests: 160 pixels, 6 blocks, 0.4 million parameters


@pytest.fixture
def load_vit() -> Callable[..., ViT]:
    """Load a timm model through the plugin: ``load_vit(name, checkpoint=None, **request)``."""

    def loader(name: str = TINY, checkpoint: Path | None = None, **request: Any) -> ViT:
        return load(name, ModelRequest(checkpoint=checkpoint, **request), RunContext())

    return loader


@pytest.fixture
def make_timm() -> Callable[..., nn.Module]:
    """Make a timm model with weights that depend on a seed, and that are not those of an untrained model here."""

    def maker(name: str = TINY, seed: int = 7, **options: Any) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = timm.create_model(name, **options).eval()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(0.02 * torch.randn_like(parameter))
        return model

    return maker


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an object to a file below the test's folder: by torch.save, or as safetensors if the name says so."""

    def saver(content: Any, name: str = "weights.pth", metadata: dict[str, str] | None = None) -> Path:
        from safetensors.torch import save_file

        path = tmp_path / name
        if path.suffix == ".safetensors":
            save_file({k: v.contiguous() for k, v in content.items()}, path, metadata)
        else:
            torch.save(content, path)
        return path

    return saver

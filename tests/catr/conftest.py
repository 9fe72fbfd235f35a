"""Fixtures for the tests of CATR: a small network with weights that give peaked attention and varied words."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from vizstudio.api import CaptionRequest, ImageSource, ModelRequest, RunContext, read_image
from vizstudio_catr.checkpoint import write_checkpoint
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.model import Catr, load
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary

WORDS = ["a", "the", "cat", "dog", "##s", "on", "table", "cup", "of", "tea", "-", "."]
SMALL = CatrConfig(
    backbone="resnet18",
    width=32,
    heads=4,
    encoder_layers=2,
    decoder_layers=2,
    feedforward=64,
    vocab_size=50,
    max_positions=24,
    head_width=48,
    image_size=96,
)


def vocabulary_of(size: int) -> Vocabulary:
    """Return the special tokens, some words, and words made up to fill the rest."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    return Vocabulary((tokens + [f"word{i}" for i in range(size)])[:size])


def network_of(config: CatrConfig, seed: int = 1) -> CaptionNetwork:
    """Return a network in evaluation mode whose words vary and whose attention is peaked."""
    network = CaptionNetwork(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1 + 0.2 * noise.abs())
            elif tensor.ndim == 1:
                tensor.copy_(0.1 * noise + (0 if "bias" in name or "mean" in name else 1))
            elif "embedd" in name:
                tensor.copy_(noise)
            else:
                gain = 2.5 if "in_proj" in name or "mlp" in name else 1.4 if tensor.ndim == 4 else 1.0
                tensor.copy_(gain * noise / tensor[0].numel() ** 0.5)
    return network


@pytest.fixture
def small() -> CatrConfig:
    """Sizes of a network that is built and run in no time."""
    return SMALL


@pytest.fixture
def make_network() -> Callable[..., CaptionNetwork]:
    """``make_network(config, seed=1)``."""
    return network_of


@pytest.fixture
def make_vocabulary() -> Callable[[int], Vocabulary]:
    """``make_vocabulary(size)``."""
    return vocabulary_of


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """``make_checkpoint(config=SMALL, seed=1)``: a file of our own kind."""

    def make(config: CatrConfig = SMALL, seed: int = 1) -> Path:
        path = tmp_path / "own.safetensors"
        write_checkpoint(path, network_of(config, seed), vocabulary_of(config.vocab_size))
        return path

    return make


@pytest.fixture
def make_model(make_checkpoint: Callable[..., Path]) -> Callable[..., Catr]:
    """``make_model(config=SMALL, seed=1, **request)``: loaded from a file, as a user's."""

    def make(config: CatrConfig = SMALL, seed: int = 1, **request: Any) -> Catr:
        return load("own", ModelRequest(checkpoint=make_checkpoint(config, seed), **request), RunContext())

    return make


@pytest.fixture
def model(make_model: Callable[..., Catr]) -> Catr:
    """A small model."""
    return make_model()


@pytest.fixture
def photo() -> ImageSource:
    """A photo of 90 × 60 random pixels."""
    return read_image(np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8))


@pytest.fixture
def ask() -> Callable[..., Any]:
    """``ask(model, photo, **request)``: the analysis with its caption."""

    def caption(model: Catr, photo: ImageSource, **request: Any) -> Any:
        return model.caption(photo, CaptionRequest(**request), RunContext())

    return caption


@pytest.fixture(scope="session")
def golden_weights(reference: Path) -> ModuleType:
    """The code that builds the weights of the golden data."""
    spec = importlib.util.spec_from_file_location("golden_weights", reference / "golden_weights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shared_photo() -> ImageSource:
    """Like `photo`, for tests that run many times."""
    return read_image(np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8))


@pytest.fixture(scope="session")
def shared_model(tmp_path_factory: pytest.TempPathFactory) -> Catr:
    """Like `model`, for tests that run many times."""
    path = tmp_path_factory.mktemp("catr") / "own.safetensors"
    write_checkpoint(path, network_of(SMALL), vocabulary_of(SMALL.vocab_size))
    return load("own", ModelRequest(checkpoint=path), RunContext())

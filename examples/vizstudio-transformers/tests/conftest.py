"""Fixtures of these tests."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import CAPTIONERS, ENCODERS, save


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's settings and from the network."""
    monkeypatch.setenv("VIZSTUDIO_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of every kind of model, as `save_pretrained` writes it."""
    root = tmp_path_factory.mktemp("models")
    return {name: save(root / name, *makers) for name, makers in (ENCODERS | CAPTIONERS).items()}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A wide photo."""
    pixels = np.random.default_rng(0).integers(0, 255, (12, 19, 3)).astype(np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).resize((95, 60), Image.Resampling.BICUBIC).save(path)
    return path

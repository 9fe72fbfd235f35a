"""A folder of small images."""

from pathlib import Path

import pytest
from tiny_training import COLOURS, make_images


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 images of three classes; 33 to learn from and 3 to evaluate on."""
    return make_images(tmp_path_factory.mktemp("images"), dict.fromkeys(COLOURS, 12))

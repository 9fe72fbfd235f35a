"""A folder of images with captions."""

from pathlib import Path

import pytest
from tiny_captions import make_table


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images with 48 captions; 2 images are held back."""
    return make_table(tmp_path_factory.mktemp("captions") / "data")

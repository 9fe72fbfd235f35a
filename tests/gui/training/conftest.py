"""The window with the plugins that ship, and snapshots of a model that needs no torch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gui_fakes import analyse
from tiny_training import COLOURS, make_images

from vizstudio.core.images import read_image
from vizstudio.core.probes import pack_probe


@pytest.fixture
def host(fake: ModuleType) -> Any:
    """The plugins that ship, instead of the fake one."""
    from vizstudio.plugins import load_plugins

    return load_plugins(safe_mode=True)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """33 images to learn from and 3 to evaluate on."""
    return make_images(tmp_path_factory.mktemp("images"), dict.fromkeys(COLOURS, 12))


@pytest.fixture
def write_snapshots(fake: ModuleType, photo: Path) -> Callable[..., None]:
    """Write snapshots of fake models: a model for each epoch, two probes."""

    def write(folder: Path, models: list[str]) -> None:
        (folder / "snapshots").mkdir(parents=True, exist_ok=True)
        pixels = read_image(photo).pixels
        for epoch, name in enumerate(models):
            arrays: dict[str, np.ndarray] = {"probes": np.arange(2)}
            for i in range(2):
                image = replace(read_image(np.roll(pixels, 7 * i, axis=1)), name=f"probe {i}")
                arrays |= pack_probe(i, image, analyse(fake, name, image))
            np.savez_compressed(folder / "snapshots" / f"{epoch:04d}.npz", **arrays)  # type: ignore[arg-type]

    return write

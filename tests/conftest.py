"""Fixtures that every test may use."""

import os
import signal
import sys
from pathlib import Path

import pytest

from vizstudio.resources import resource_path

if "PYTEST_XDIST_WORKER" in os.environ:  # torch's threads of one worker would wait for those of the others
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background; no child would hear it
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of photos that ship."""
    return resource_path("photos")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of golden data, which is kept outside the project."""
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip(f"the golden data is not here ({folder})")
    return folder


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's settings and from the network."""
    monkeypatch.setenv("VIZSTUDIO_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Give every test the same random tensors in every run; torch is not imported for those that need none."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)

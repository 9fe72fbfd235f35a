"""A user who does random things: nothing fails, every tab is about what is open, and a session brings it back."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from overheard import Overheard
from PIL import Image
from random_user import RandomUser, Things, settle
from studio_truth import check_now, check_session, check_settled

from vizstudio import builtin
from vizstudio.settings import log_path

PATIENCE = 0.4  # seconds; the models that are slow are so until they are cancelled
SETTLED, REOPENED = 10, 200  # actions between two looks


@pytest.fixture
def host(host: Any) -> Any:
    """The fake models, and the formats and reductions that ship."""

    def registry(added: Any) -> Any:
        return SimpleNamespace(add=lambda entry: added.add(entry, "builtin"))

    builtin.register_exporters(registry(host.exporters))
    builtin.register_reductions(registry(host.reductions))
    return host


@pytest.fixture
def things(tmp_path: Path, fake: Any) -> Things:
    """Photos of several sizes, files that are none, weights, and folders."""
    draw, folder = np.random.default_rng(5), tmp_path / "folder"
    folder.mkdir()
    files = []
    for name, (high, wide) in {
        "wide.png": (80, 120),
        "tall.jpg": (150, 60),
        "square.png": (64, 64),
        "dot.png": (1, 1),
    }.items():
        files.append(tmp_path / name)
        Image.fromarray(draw.integers(0, 256, (high, wide, 3), np.uint8)).save(files[-1])
    for i in range(3):
        files.append(folder / f"in a folder {i}.png")
        Image.fromarray(draw.integers(0, 256, (40 + 30 * i, 90), np.uint8)).save(files[-1])
    contents = {
        "broken.png": b"\x89PNG no more",
        "a.safetensors": b"weights",
        "bad.vizsession": b"{}",
        "text.txt": b"text",
    }
    for name, content in contents.items():
        files.append(tmp_path / name)
        files[-1].write_bytes(content)
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").mkdir()
    models = [f"fake:{name}" for name in fake.NAMES if name != "deaf"]  # which cannot be cancelled
    return Things(files, [folder, tmp_path / "empty"], [*models, "fake:none", "other"], tmp_path / "out")


def is_expected(line: str) -> bool:
    """Return whether a line of the crash log is of the model that always fails."""
    return "a fuse blew" in line


def use(window: Any, host: Any, things: Things, seed: int, actions: int) -> None:
    """Do random things and look after each whether all is right."""
    user = RandomUser(window, things, seed)
    with Overheard() as overheard, user.answering():
        try:
            for i in range(1, actions + 1):
                user.act()
                assert not overheard.heard, "\n".join(overheard.heard)
                check_now(window)
                if i % SETTLED == 0:
                    settle(window, PATIENCE)
                    check_settled(window)
                if i % REOPENED == 0:
                    check_session(window, host, things.out / "kept.vizsession")
            settle(window, PATIENCE)
            check_settled(window)
            assert not overheard.heard, "\n".join(overheard.heard)
        except Exception as error:
            error.add_note(f"seed {seed}; the last actions:\n" + "\n".join(user.log))
            raise
    if log_path().exists():
        entries = log_path().read_text(encoding="utf-8")
        told = [line for line in entries.splitlines() if line[:2] == "20"]
        assert all(is_expected(line) for line in told), entries


@pytest.mark.slow
def test_2000_random_actions(window: Any, host: Any, things: Things) -> None:
    use(window, host, things, seed=0, actions=2000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_actions_of_other_seeds(window: Any, host: Any, things: Things, seed: int) -> None:
    use(window, host, things, seed, actions=120)

"""The same scene in any order, process and worker, and on any machine."""

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable

import pytest

from vizstudio_emoji.scenes import Scene, Scenes

COUNT = 40


def digest(scene: Scene) -> str:
    found = hashlib.sha256(scene.image.tobytes() + scene.masks.tobytes() + scene.caption.encode())
    found.update(repr((scene.classes, scene.boxes.tolist())).encode())
    return found.hexdigest()


def digests(scenes: Scenes, order: Iterable[int]) -> dict[int, str]:
    return {index: digest(scenes[index]) for index in order}


def test_in_any_order_whatever_was_drawn_before() -> None:
    scenes = Scenes(96, COUNT, seed=9)
    forwards = digests(scenes, range(COUNT))
    Scenes(128, 5, seed=1, split="val")[3]
    assert digests(Scenes(96, 10**6, seed=9), reversed(range(COUNT))) == forwards
    assert digests(pickle.loads(pickle.dumps(scenes)), range(COUNT)) == forwards


@pytest.mark.parametrize("hash_seed", ["0", "77"])
def test_in_another_process(hash_seed: str) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_deterministic import *\n"
        f"print(digests(Scenes(96, {COUNT}, seed=9), range({COUNT - 1}, -1, -3)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(__file__).rpartition("test_deterministic")[0]],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    order = range(COUNT - 1, -1, -3)
    assert done.stdout.strip() == str(digests(Scenes(96, COUNT, seed=9), order))


def test_in_the_workers_of_a_data_loader() -> None:
    data = pytest.importorskip("torch.utils.data")
    scenes = Scenes(96, COUNT, seed=9)
    loader = data.DataLoader(
        scenes, batch_size=7, num_workers=2, collate_fn=lambda batch: [*map(digest, batch)]
    )
    found = [one for batch in loader for one in batch]
    assert found == [*digests(scenes, range(COUNT)).values()]


def test_the_pixels_are_those_of_every_other_machine() -> None:
    """The oldest and newest NumPy (1.26.0 to 2.5.5) and Pillow (10.3.0 to 13.0.0) all gave these."""
    found = hashlib.sha256()
    for size in (64, 128, 224):
        for split in ("train", "val"):
            scenes = Scenes(size, 10**9, seed=3, split=split)
            for index in (*range(50), 10**9 - 1):
                found.update(digest(scenes[index]).encode())
    assert found.hexdigest()[:32] == "ca5bb7691d0afe2e91fa0cb26f358f9f"


def test_listing_loads_neither_torch_nor_scenes() -> None:
    code = (
        "import sys; from vizstudio.train_cli import main\n"
        "assert main(['list']) == 0\n"
        "assert 'vizstudio_emoji.plugin' in sys.modules\n"
        "print({'torch', 'vizstudio_emoji.scenes', 'vizstudio_emoji.sprites'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "emoji-scenes" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"

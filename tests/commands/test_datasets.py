"""``vizstudio-train``: listing and export, read back from the folder as anyone would."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vizstudio.core import coco
from vizstudio.train_cli import main
from vizstudio_emoji.scenes import Scenes
from vizstudio_emoji.words import NOUNS


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def decode(segmentation: dict[str, Any]) -> np.ndarray:
    counts = segmentation["counts"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(segmentation["size"][::-1]).T  # column by column


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("split", ["train", "val"])
def test_an_export_holds_the_scenes(split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new/scenes"
    words = [
        "export",
        "emoji-scenes",
        str(out),
        "--count",
        "12",
        "--size",
        "96",
        "--seed",
        "4",
        "--split",
        split,
    ]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert (captured.out.strip(), captured.err.strip()) == (str(out), f"12 images in {out}")
    captions = load(out / f"annotations/captions_{split}.json")
    instances = load(out / f"annotations/instances_{split}.json")
    assert instances["categories"] == [{"id": i, "name": noun} for i, noun in enumerate(NOUNS, 1)]
    assert captions["images"] == instances["images"]
    assert captions["info"]["split"] == split
    images = {image["id"]: image for image in captions["images"]}
    texts = {a["image_id"]: a["caption"] for a in captions["annotations"]}
    for index, scene in enumerate(Scenes(96, 12, 4, split)):
        image = images.pop(index)
        with Image.open(out / split / image["file_name"]) as picture:
            assert (picture.mode, *picture.size) == ("RGB", image["width"], image["height"])
            assert np.array_equal(np.asarray(picture), scene.image)
        assert texts.pop(index) == scene.caption
        found = [a for a in instances["annotations"] if a["image_id"] == index]
        assert [NOUNS[a["category_id"] - 1] for a in found] == [*scene.nouns]
        for annotation, mask in zip(found, scene.masks, strict=True):
            assert np.array_equal(decode(annotation["segmentation"]), mask)
            assert annotation["area"] == mask.sum()
            rows, columns = np.nonzero(mask)
            left, top = columns.min(), rows.min()
            assert annotation["bbox"] == [left, top, columns.max() - left + 1, rows.max() - top + 1]
            assert annotation["iscrowd"] == 0
    assert not images
    assert not texts
    ids = [a["id"] for a in instances["annotations"]]
    assert ids == [*range(1, len(ids) + 1)]
    assert len(contents(out)) == 12 + 2
    assert [p.name for p in out.parent.iterdir()] == ["scenes"]


def export(out: Path, *options: str) -> int:
    return main(["export", "emoji-scenes", str(out), "--count", "6", "--size", "64", *options])


def test_the_same_words_write_the_same_bytes(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).mkdir(parents=name == "a")  # an empty folder is no hindrance
        assert export(tmp_path / name, *{"c": ["--seed", "1"], "d": ["--split", "val"]}.get(name, [])) == 0
    one, same, seed, split = (contents(tmp_path / name) for name in "abcd")
    assert one == same
    assert one["train/000000000000.png"] not in (
        seed["train/000000000000.png"],
        split["val/000000000000.png"],
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["emoji-scene", "OUT", "--count", "3"], "no data set 'emoji-scene': did you mean emoji-scenes?"),
        (["emoji-scenes", "OUT"], 'parameter --count requires an argument; see `vizstudio-train export --help`'),
        (["emoji-scenes", "OUT", "--count", "0"], "--count 0 is no number of images: give 1 or more"),
        (["emoji-scenes", "OUT", "--count", "x"], 'unable to convert "x" into int'),
        (["emoji-scenes", "OUT", "--count", "3", "--size", "5"], "no scenes of 5 pixels: choose a size from 64"),
        (["emoji-scenes", "OUT", "--count", "3", "--seed", "-1"], "must not be negative"),
        (["emoji-scenes", "OUT", "--count", "3", "--split", "test"], 'Choose from: "train", "val"'),
        (["emoji-scenes", "FULL", "--count", "3"], "is there and is no empty folder: choose another"),
        (["emoji-scenes", "FULL/file.txt", "--count", "3"], "is there and is no empty folder: choose another"),
        (["emoji-scenes", "FULL/file.txt/out", "--count", "3"], "cannot be written"),
    ],
)  # fmt: skip
def test_bad_words_are_one_line_and_nothing_is_written(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "file.txt").write_text("mine", encoding="utf-8")
    places = {"OUT": str(tmp_path / "out"), "FULL": str(full)}
    words = [w.replace("FULL", places["FULL"]).replace("OUT", places["OUT"]) for w in words]
    assert main(["export", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("vizstudio-train: error: ")
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert contents(tmp_path) == {"full/file.txt": b"mine"}
    assert [*tmp_path.iterdir()] == [full]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def bug(*_: object) -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("fails", "code", "told"),
    [
        (full_disk, 2, "cannot be written: No space left on device"),
        (ctrl_c, 130, "cancelled"),
        (bug, 1, "a bug"),
    ],
)
@pytest.mark.parametrize("step", ["add", "finish"])
def test_what_ends_early_leaves_nothing(
    step: str,
    fails: Callable[..., None],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real, calls = getattr(coco.CocoFolder, step), []

    def third_time_fails(*arguments: Any) -> None:
        calls.append(arguments)
        if step == "finish" or len(calls) == 3:
            fails()
        real(*arguments)

    monkeypatch.setattr(coco.CocoFolder, step, third_time_fails)
    assert export(tmp_path / "out") == code
    assert told in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_in_a_real_process_leaves_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "vizstudio.train_cli",
        "export",
        "emoji-scenes",
        "out",
        "--count",
        "1000000",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not any(tmp_path.rglob("*.png")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, "vizstudio-train: cancelled\n")
    assert [*tmp_path.iterdir()] == []


def test_the_list_is_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert out.split()[:4] == ["Recipe", "What", "it", "trains"]
    assert "\nData set" in out
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert ("emoji-scenes", "emoji") in [(found["id"], found["plugin"]) for found in listed["datasets"]]
    assert ("vit-finetune", "train-vit") in [(found["id"], found["plugin"]) for found in listed["recipes"]]


def test_the_installed_command() -> None:
    script = Path(sys.executable).with_name("vizstudio-train")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("vizstudio ")

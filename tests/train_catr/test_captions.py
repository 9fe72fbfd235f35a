"""Folders of images with captions: what is read, what is held back, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_captions import captions_of, make_coco, make_table

from vizstudio.api import data_folder
from vizstudio.core.errors import ImageError, UsageError
from vizstudio.datasets import Datasets
from vizstudio.plugins import load_plugins
from vizstudio.train_cli import main
from vizstudio.training.config import make_config
from vizstudio_train_catr.captions import Captioned, Found, _split, find
from vizstudio_train_catr.config import CatrTraining


def read(folder: Path, **options: Any) -> Found:
    config = make_config(CatrTraining, {"data": str(folder), "out": "run", **options})
    assert isinstance(config, CatrTraining)
    return find(
        data_folder(config, Datasets(load_plugins(True).datasets)), config, lambda share, message: None
    )


def told(found: Captioned) -> dict[str, list[str]]:
    return {path.stem: [*captions] for path, captions in zip(found.paths, found.captions, strict=True)}


def true_captions(numbers: range, digits: int) -> dict[str, list[str]]:
    return {f"{number:0{digits}d}": captions_of(number)[2] for number in numbers}


def test_a_table_is_read_whole_and_split_by_image(table: Path) -> None:
    found = read(table)
    train, val = told(found.train), told(found.val)
    assert not train.keys() & val.keys()
    assert train | val == true_captions(range(24), 3)
    assert len(val) == 2
    assert told(read(table).val) == val
    assert len(told(read(table, val_share=0.5).val)) == 12
    assert told(read(table, val_share=0.5, seed=1).val) != told(read(table, val_share=0.5).val)


def test_coco_with_two_splits_is_taken_as_it_is(tmp_path: Path) -> None:
    found = read(make_coco(tmp_path, {"train2017": 9, "val2017": 4}))
    assert told(found.train) == true_captions(range(9), 12)
    assert told(found.val) == true_captions(range(9, 13), 12)


def test_an_export_of_one_split_is_divided_by_image(tmp_path: Path) -> None:
    out = tmp_path / "scenes"
    assert main(["export", "emoji-scenes", str(out), "--count", "10", "--size", "64"]) == 0
    found = read(out, val_share=0.3)
    assert (len(found.train.paths), len(found.val.paths)) == (7, 3)
    content = json.loads((out / "annotations" / "captions_train.json").read_text(encoding="utf-8"))
    names = {image["id"]: Path(image["file_name"]).stem for image in content["images"]}
    truth = {names[note["image_id"]]: [note["caption"]] for note in content["annotations"]}
    assert told(found.train) | told(found.val) == truth


@given(share=st.floats(0.01, 0.99), seed=st.integers(0, 1000))
def test_every_image_is_on_one_side_and_both_have_some(share: float, seed: int) -> None:
    pairs = {Path(f"{i}.png"): ["a"] for i in range(2, 9)}
    config = make_config(CatrTraining, {"data": "d", "out": "o", "val_share": share, "seed": seed})
    assert isinstance(config, CatrTraining)
    train, val = _split(pairs, config)
    assert train
    assert val
    assert not train.keys() & val.keys()
    assert train | val == pairs


def change_table(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "captions.csv"
        lines = change(path.read_text(encoding="utf-8").splitlines())
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            change_table(lambda lines: ["file,caption", *lines[1:]]),
            "the first line of .*captions.csv must be image",
        ),
        (
            change_table(lambda lines: lines[1:]),
            "must be image,caption, and is 'photos/000.png,a red square'",
        ),
        (change_table(lambda lines: []), "must be image,caption, and is empty"),
        (
            change_table(lambda lines: [*lines, "photos/000.png"]),
            "line 27 of .*captions.csv has 1 columns, not 2",
        ),
        (change_table(lambda lines: [*lines, "photos/000.png,a, b"]), "line 27 of .* has 3 columns, not 2"),
        (
            change_table(lambda lines: [*lines, "photos/999.png,a"]),
            "line 27 of .* names the image 'photos/999.png'",
        ),
        (change_table(lambda lines: [*lines, 'photos/000.png,"  "']), "line 27 of .* has no caption"),
        (change_table(lambda lines: lines[:-1]), "the image .*012.png has no caption in captions.csv"),
        (lambda folder: (folder / "photos" / "003.png").unlink(), "line .* names the image 'photos/003.png'"),
        (lambda folder: (folder / "captions.csv").write_bytes(b"\xff\xfe"), "captions.csv cannot be read"),
        (lambda folder: (folder / "captions.csv").unlink(), "has no captions: give captions.csv"),
    ],
)
def test_a_table_that_does_not_match_its_images_is_refused_with_its_line(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = make_table(tmp_path / "data", 13)
    damage(folder)
    with pytest.raises(UsageError, match=message):
        read(folder)


def change_coco(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "annotations" / "captions_train.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        path.write_text(json.dumps(content), encoding="utf-8")

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            change_coco(lambda c: c["annotations"].append({"id": 99, "image_id": 77, "caption": "a"})),
            "annotation 99 of .*captions_train.json is of image 77, which that file does not list",
        ),
        (
            change_coco(lambda c: c["annotations"].append({"id": 99, "image_id": 0, "caption": " "})),
            "annotation 99 of .* has no caption",
        ),
        (
            change_coco(lambda c: c["annotations"].append({"id": 99, "image_id": 0, "caption": None})),
            "annotation 99 of .* has no caption",
        ),
        (
            change_coco(lambda c: c["images"].append({"id": 50, "file_name": "x.png"})),
            "image 50 \\(x.png\\) of .* has no caption",
        ),
        (lambda folder: (folder / "train" / f"{2:012d}.png").unlink(), "image 2 of .* is not there: no file"),
        (
            lambda folder: (folder / "train" / "more.png").write_bytes(b""),
            "the image .*more.png has no caption in captions_train.json",
        ),
        (change_coco(lambda c: c.pop("images")), "is not in COCO's form"),
        (change_coco(lambda c: c["annotations"][0].pop("image_id")), "is not in COCO's form"),
        (
            lambda folder: (folder / "annotations" / "captions_train.json").write_text("{", encoding="utf-8"),
            "captions_train.json cannot be read",
        ),
        (
            lambda folder: (folder / "annotations" / "captions_test.json").write_text("{}", encoding="utf-8"),
            "has captions of test, train: give one file, or one of train and one of val",
        ),
    ],
)
def test_coco_that_does_not_match_its_images_is_refused_with_the_image(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = make_coco(tmp_path / "data", {"train": 6})
    damage(folder)
    with pytest.raises(UsageError, match=message):
        read(folder)


def test_an_image_that_cannot_be_read_is_refused_or_left_out(tmp_path: Path) -> None:
    folder = make_table(tmp_path / "data", 12)
    (folder / "photos" / "005.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"1 of 12 images cannot be read .*005.png.*--skip-unreadable"):
        read(folder)
    found = read(folder, skip_unreadable=True)
    assert told(found.train) | told(found.val) == {
        name: captions for name, captions in true_captions(range(12), 3).items() if name != "005"
    }
    assert "005.png" in found.notes[0]


def test_no_folder_and_a_single_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data set of that name: known are emoji-scenes"):
        read(tmp_path / "none")
    with pytest.raises(UsageError, match="only 1 image with captions, so none to evaluate on"):
        read(make_table(tmp_path / "data", 1))

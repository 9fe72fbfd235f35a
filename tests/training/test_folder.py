"""Folders of images in every form, and what is wrong with them in one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_training import TINY, events, make_images, run_here

from vizstudio.api import data_folder
from vizstudio.core.errors import ImageError, UsageError
from vizstudio.datasets import Datasets
from vizstudio.plugins import load_plugins
from vizstudio_train_vit.config import FinetuneConfig
from vizstudio_train_vit.folder import Found, find

FEW = {"blue": 3, "red": 4}


def look(folder: Path, **options: object) -> Found:
    config = FinetuneConfig(data=str(folder), out=Path("run"), **options)  # type: ignore[arg-type]
    return find(
        data_folder(config, Datasets(load_plugins(True).datasets)), config, lambda fraction, message: None
    )


def test_a_folder_per_class(tmp_path: Path) -> None:
    found = look(make_images(tmp_path, {"blue": 10, "red": 21}))
    assert found.class_names == ("blue", "red")
    assert (len(found.train.paths), len(found.val.paths)) == (9 + 19, 1 + 2)
    assert not {*found.train.paths} & {*found.val.paths}
    for files in (found.train, found.val):
        assert all(
            path.parent.name == found.class_names[k]
            for path, k in zip(files.paths, files.labels, strict=True)
        )
    again = look(tmp_path)
    assert again == found
    assert look(tmp_path, seed=1).val != found.val


def test_flat_files_carry_their_class_in_their_name(tmp_path: Path) -> None:
    make_images(tmp_path, FEW, flat=True)
    found = look(tmp_path)
    assert found.class_names == ("class 0", "class 1")
    for files in (found.train, found.val):
        assert all(int(path.name[0]) == k for path, k in zip(files.paths, files.labels, strict=True))
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n", encoding="utf-8")
    assert look(tmp_path, class_names=names).class_names == ("cat", "dog")
    names.write_text("cat\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"names.txt names 1 classes, but there are images of class 1"):
        look(tmp_path, class_names=names)


def test_folders_train_and_val(tmp_path: Path) -> None:
    make_images(tmp_path / "train", {"blue": 2, "green": 2, "red": 2})
    make_images(tmp_path / "val", {"red": 3})
    found = look(tmp_path)
    assert (len(found.train.paths), found.val.labels) == (6, (2, 2, 2))
    make_images(tmp_path / "val", {"blue": 1})
    (tmp_path / "val" / "blue").rename(tmp_path / "val" / "cyan")
    with pytest.raises(UsageError, match=r"class 'cyan' is in .*val and not in .*train"):
        look(tmp_path)


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path) -> None:
    def told() -> str:
        with pytest.raises(UsageError) as raised:
            look(tmp_path)
        return str(raised.value)

    with pytest.raises(
        UsageError, match=r"no folder .*gone, and no data set of that name: known are emoji-scenes"
    ):
        look(tmp_path / "gone")
    assert "has no image: give a folder of images for each class" in told()
    make_images(tmp_path, {"red": 2})
    assert told() == "there is only one class, 'red': give images of two or more"
    (tmp_path / "empty").mkdir()
    assert told() == "the class 'empty' has no image: add some, or take the class away"
    Image.new("RGB", (8, 8)).save(tmp_path / "stray.png")
    assert "has both images and folders" in told()
    flat = tmp_path / "red"
    with pytest.raises(UsageError, match=r"000.png in .*red has no class: name it CLASS_ID"):
        look(flat)


def test_a_class_missing_among_flat_files_is_said(tmp_path: Path) -> None:
    make_images(tmp_path, FEW, flat=True)
    for path in tmp_path.glob("1_*.png"):
        path.rename(path.with_name(path.name.replace("1_", "3_")))
    with pytest.raises(UsageError, match=r"the class 'class 1' has no image"):
        look(tmp_path)


def spoil(folder: Path) -> None:
    """Truncate one JPEG's data, of which the header is whole, and make one file no image."""
    path = folder / "red" / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    (folder / "red" / "text.png").write_text("no image", encoding="utf-8")


def test_unreadable_images_are_named_before_training_starts_or_left_out(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "data", {"blue": 6, "red": 6})
    spoil(folder)
    with pytest.raises(
        ImageError, match=r"2 of 14 images cannot be read .*photo.jpg.*text.png.*--skip-unreadable"
    ):
        look(folder)
    found = look(folder, skip_unreadable=True)
    assert len(found.train.paths) + len(found.val.paths) == 12
    assert len(found.notes) == 2
    done = run_here("--data", folder, "--out", tmp_path / "run", *TINY, "--epochs", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    done = run_here("--data", folder, "--out", tmp_path / "run", *TINY, "--epochs", "1", "--skip-unreadable")
    assert done.returncode == 0, done.stderr
    told = [e["message"] for e in events(tmp_path / "run", "warning")]
    assert len(told) == 2
    assert "photo.jpg" in told[0]


def test_an_image_that_breaks_while_training_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vizstudio.training import preparing as module

    folder = make_images(tmp_path / "data", {"blue": 6, "red": 6})
    spoil(folder)
    monkeypatch.setattr(module, "_problem", lambda path: "")  # broken after it was looked at
    for workers in ("0", "1"):
        options = [o if o != "0" else workers for o in TINY]
        done = run_here("--data", folder, "--out", tmp_path / workers, *options, "--epochs", "3")
        assert (done.returncode, done.stdout) == (2, "")
        assert "photo.jpg" in done.stderr or "text.png" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("vizstudio-train: error: ")
        assert "Traceback" not in done.stderr

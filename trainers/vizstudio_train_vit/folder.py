"""Finds images and their classes in a folder."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from vizstudio.api import Report, UsageError, check_images
from vizstudio_train_vit.config import FinetuneConfig

FLAT = re.compile(r"(\d+)_.+")


@dataclass(frozen=True)
class Files:
    """Images with their classes.

    Parameters
    ----------
    paths : tuple of Path
        One for each image.
    labels : tuple of int
        Indices into the names of the classes.
    """

    paths: tuple[Path, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """What a folder holds to learn from and to evaluate on."""

    class_names: tuple[str, ...]
    train: Files
    val: Files
    notes: list[str] = field(default_factory=list)


def find(folder: Path, config: FinetuneConfig, report: Report) -> Found:
    """Find the images of a folder; every one is read once, so that training does not stop at a broken one.

    Raises
    ------
    UsageError
        If it has another form, or a class has no image.
    ImageError
        If images cannot be read, unless they are to be left out.
    """
    split = (folder / "train").is_dir()
    if split and not (folder / "val").is_dir():
        raise UsageError(f"{folder} has a folder train and no val: make one, or give {folder / 'train'}")
    found, names = _classes(folder / "train" if split else folder, config.class_names)
    notes: list[str] = []
    found = _readable(found, config.skip_unreadable, notes, report)
    _require_images(found, names)
    if not split:
        train, held = _split(found, config)
        return Found(names, _files(train), _files(held), notes)
    held, val_names = _classes(folder / "val", config.class_names)
    if not {*val_names[: len(held)]} <= {*names}:
        strange = sorted({*val_names} - {*names})[0]
        raise UsageError(f"class {strange!r} is in {folder / 'val'} and not in {folder / 'train'}")
    held = {names.index(val_names[label]): paths for label, paths in held.items()}
    held = _readable(held, config.skip_unreadable, notes, report)
    if not any(held.values()):
        raise UsageError(f"{folder / 'val'} has no image to evaluate on")
    return Found(names, _files(found), _files(held), notes)


Classes = dict[int, list[Path]]


def _classes(folder: Path, names_file: Path | None) -> tuple[Classes, tuple[str, ...]]:
    """Return (images by class, names): of folders, or of files ``CLASS_ID.jpg``."""
    suffixes = {*Image.registered_extensions()}

    def images(inside: Path, pattern: str) -> list[Path]:
        return sorted(p for p in inside.glob(pattern) if p.suffix.lower() in suffixes and p.is_file())

    folders = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    flat = images(folder, "*")
    if folders and flat:
        raise UsageError(
            f"{folder} has both images and folders: give each class a folder, or have no folders"
        )
    if folders:
        if names_file:
            raise UsageError("class_names is for files CLASS_ID.jpg: here the folders name the classes")
        return {i: images(p, "**/*") for i, p in enumerate(folders)}, tuple(p.name for p in folders)
    if not flat:
        raise UsageError(
            f"{folder} has no image: give a folder of images for each class, or files CLASS_ID.jpg"
        )
    found: Classes = defaultdict(list)
    for path in flat:
        matched = FLAT.fullmatch(path.stem)
        if not matched:
            raise UsageError(f"{path.name} in {folder} has no class: name it CLASS_ID, such as 29_4718.jpg")
        found[int(matched[1])].append(path)
    return dict(found), _flat_names(max(found) + 1, names_file)


def _flat_names(count: int, names_file: Path | None) -> tuple[str, ...]:
    if names_file is None:
        return tuple(f"class {i}" for i in range(count))
    try:
        lines = [line.strip() for line in names_file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"class names cannot be read from {names_file}: {error}") from error
    names = tuple(line for line in lines if line)
    if len(names) < count:
        raise UsageError(
            f"{names_file.name} names {len(names)} classes, but there are images of class {count - 1}"
        )
    return names


def _require_images(found: Classes, names: tuple[str, ...]) -> None:
    if len(names) < 2:
        raise UsageError(f"there is only one class, {names[0]!r}: give images of two or more")
    for label, name in enumerate(names):
        if not found.get(label):
            raise UsageError(f"the class {name!r} has no image: add some, or take the class away")


def _readable(found: Classes, skip: bool, notes: list[str], report: Report) -> Classes:
    """Return the images that can be read; the others are an error, or left out and noted."""
    broken = check_images([path for of_class in found.values() for path in of_class], skip, report)
    notes += [f"left out: {problem}" for problem in broken.values()]
    return {label: [p for p in of_class if p not in broken] for label, of_class in found.items()}


def _split(found: Classes, config: FinetuneConfig) -> tuple[Classes, Classes]:
    """Hold back a share of every class, and at least one image of each class with two or more."""
    train, held = dict[int, list[Path]](), dict[int, list[Path]]()
    for label, paths in sorted(found.items()):
        order = np.random.default_rng([config.seed, label]).permutation(len(paths))
        count = min(max(1, round(len(paths) * config.val_share)), len(paths) - 1)
        held[label] = [paths[i] for i in sorted(order[:count])]
        train[label] = [paths[i] for i in sorted(order[count:])]
    if not any(held.values()):
        raise UsageError("every class has only one image, so there is none to evaluate on: add images")
    return train, held


def _files(found: Classes) -> Files:
    pairs: Sequence[tuple[Path, int]] = [(p, label) for label, paths in sorted(found.items()) for p in paths]
    return Files(tuple(p for p, _ in pairs), tuple(label for _, label in pairs))

"""Finds images and their captions in a folder: COCO's form, or a table."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vizstudio.api import Report, UsageError, check_images
from vizstudio_train_catr.config import CatrTraining

TABLE, ANNOTATIONS, PREFIX = "captions.csv", "annotations", "captions_"
COLUMNS = ["image", "caption"]


@dataclass(frozen=True)
class Captioned:
    """Images with the captions of each, in order.

    Parameters
    ----------
    paths : tuple of Path
        One for each image.
    captions : tuple of tuple of str
        One or more for each image; without line breaks and spaces around.
    """

    paths: tuple[Path, ...]
    captions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Found:
    """What a folder holds to learn from and to evaluate on."""

    train: Captioned
    val: Captioned
    notes: list[str] = field(default_factory=list)


Pairs = dict[Path, list[str]]


def find(folder: Path, config: CatrTraining, report: Report) -> Found:
    """Find the images and captions of a folder; every image is read once, so that no broken one stops a training.

    Raises
    ------
    UsageError
        If it has another form, or images and captions do not match; the message names
        the file and the line or the image.
    ImageError
        If images cannot be read, unless they are to be left out.
    """
    train, val = _read_folder(folder)
    notes: list[str] = []
    broken = check_images([*train, *val], config.skip_unreadable, report)
    notes += [f"left out: {problem}" for problem in broken.values()]
    train, val = ({p: c for p, c in pairs.items() if p not in broken} for pairs in (train, val))
    if not val:
        train, val = _split(train, config)
    for pairs, what in ((train, "to learn from"), (val, "to evaluate on")):
        if not pairs:
            raise UsageError(f"{folder} has no image {what}: give more images")
    return Found(_captioned(train), _captioned(val), notes)


def _read_folder(folder: Path) -> tuple[Pairs, Pairs]:
    """Return (to learn from, to evaluate on); the latter is empty where the folder has only one split."""
    if (folder / TABLE).is_file():
        return _read_table(folder), {}
    files = sorted((folder / ANNOTATIONS).glob(f"{PREFIX}*.json"))
    splits = {path.stem.removeprefix(PREFIX): path for path in files}
    if len(splits) == 1:
        return _read_coco(folder, *splits.popitem()), {}
    train, val = ([s for s in splits if s.startswith(kind)] for kind in ("train", "val"))
    if len(train) == len(val) == 1:
        return tuple(_read_coco(folder, s, splits[s]) for s in (train[0], val[0]))  # type: ignore[return-value]
    if not splits:
        raise UsageError(
            f"{folder} has no captions: give {TABLE} with the columns {','.join(COLUMNS)}, or "
            f"{ANNOTATIONS}/{PREFIX}SPLIT.json as COCO has"
        )
    raise UsageError(
        f"{folder / ANNOTATIONS} has captions of {', '.join(splits)}: give one file, or one of train and one of val"
    )


def _read_table(folder: Path) -> Pairs:
    """Read ``captions.csv``; an image may have many lines."""
    path, pairs = folder / TABLE, Pairs()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            if (header := next(reader, None)) != COLUMNS:
                found = repr(",".join(header)) if header else "empty"
                raise UsageError(
                    f"the first line of {path} must be {','.join(COLUMNS)}, and is {found}: put it there"
                )
            for row in reader:
                where = f"line {reader.line_num} of {path}"
                if not row:
                    continue
                if len(row) != len(COLUMNS):
                    raise UsageError(
                        f"{where} has {len(row)} columns, not {len(COLUMNS)}: put a caption with commas in quotes"
                    )
                image = folder / row[0].strip()
                if not row[0].strip() or not image.is_file():
                    raise UsageError(f"{where} names the image {row[0]!r}, which is not in {folder}")
                pairs.setdefault(image, []).append(_cleaned(row[1], where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    _require_all(folder, pairs, path)
    return pairs


def _read_coco(folder: Path, split: str, path: Path) -> Pairs:
    """Read one of COCO's files of captions; its images are in the folder of the split's name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        images, annotations = list(content["images"]), list(content["annotations"])
        names = {image["id"]: str(image["file_name"]) for image in images}
        told = [(note["id"], note["image_id"], note["caption"]) for note in annotations]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not in COCO's form ({error!r}): images have id and file_name, annotations id, image_id, caption"
        ) from error
    pairs: Pairs = {}
    for number, image, caption in told:
        where = f"annotation {number} of {path}"
        if image not in names:
            raise UsageError(f"{where} is of image {image}, which that file does not list: add it to images")
        pairs.setdefault(folder / split / names[image], []).append(_cleaned(caption, where))
    for number, name in names.items():
        file = folder / split / name
        if file not in pairs:
            raise UsageError(f"image {number} ({name}) of {path} has no caption: add one, or take it away")
        if not file.is_file():
            raise UsageError(f"image {number} of {path} is not there: no file {file}")
    _require_all(folder / split, pairs, path)
    return pairs


def _cleaned(caption: Any, where: str) -> str:
    text = " ".join(caption.split()) if isinstance(caption, str) else ""
    if not text:
        raise UsageError(f"{where} has no caption: write one, or take the line away")
    return text


def _require_all(folder: Path, pairs: Pairs, told: Path) -> None:
    """Refuse an image in the folder that no caption is of."""
    for path in _images(folder):
        if path not in pairs:
            raise UsageError(
                f"the image {path} has no caption in {told.name}: add one, or take the image away"
            )


def _images(folder: Path) -> Iterator[Path]:
    suffixes = {*Image.registered_extensions()}
    return (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in suffixes and p.is_file())


def _split(pairs: Pairs, config: CatrTraining) -> tuple[Pairs, Pairs]:
    """Hold back a share of the images, each with all its captions."""
    paths = sorted(pairs)
    if len(paths) < 2:
        raise UsageError(
            f"{config.data} has only {len(paths)} image with captions, so none to evaluate on: add some"
        )
    order = np.random.default_rng(config.seed).permutation(len(paths))
    count = min(max(1, round(len(paths) * config.val_share)), len(paths) - 1)
    held = {paths[i] for i in order[:count]}
    return {p: pairs[p] for p in paths if p not in held}, {p: pairs[p] for p in paths if p in held}


def _captioned(pairs: Pairs) -> Captioned:
    return Captioned(tuple(pairs), tuple(tuple(captions) for captions in pairs.values()))

"""Images with captions as the network learns them: prepared as the studio prepares them, words as numbers."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizstudio.api import (
    Dataset,
    Datasets,
    ImageSource,
    Report,
    UsageError,
    VizstudioError,
    data_folder,
    jittered,
    open_splits,
    read_image,
)
from vizstudio_catr.preprocess import prepare
from vizstudio_catr.vocabulary import Vocabulary
from vizstudio_train_catr.captions import Captioned, find
from vizstudio_train_catr.config import CatrTraining


@dataclass(frozen=True)
class FileSource:
    """Images in files, and their captions."""

    captioned: Captioned

    @cached_property
    def pairs(self) -> np.ndarray:
        """(captions, 2) int: the image of each caption, and which of that image's it is."""
        counts = [len(captions) for captions in self.captioned.captions]
        return np.array([(image, number) for image, count in enumerate(counts) for number in range(count)])

    def read(self, image: int) -> tuple[ImageSource, tuple[str, ...]]:
        """Return an image and its captions."""
        return read_image(self.captioned.paths[image]), self.captioned.captions[image]

    def name(self, image: int) -> str:
        """Return the file's folder and name."""
        return "/".join(self.captioned.paths[image].parts[-2:])


@dataclass(frozen=True)
class DatasetSource:
    """Images of a data set that a plugin brings, with one caption each."""

    dataset: Dataset
    about: str

    def read(self, image: int) -> tuple[ImageSource, tuple[str, ...]]:
        """Return an image and its caption."""
        sample = self.dataset[image]
        return read_image(sample.image), (sample.caption,)

    def name(self, image: int) -> str:
        """Return the data set's name and the number."""
        return f"{self.about} {image}"


Source = FileSource | DatasetSource


class Pair(NamedTuple):
    """An image and one of its captions; in a batch each has one dimension more.

    ``pixels (3, side, side)`` normalised and padded on the right or at the bottom, ``real (side, side)`` false there,
    ``tokens (positions + 1,)`` from the start token to the end token and padded, ``image`` its number, and
    ``references``: all captions of the image in lines, empty but for the image's first caption.
    """

    pixels: Tensor
    real: Tensor
    tokens: Tensor
    image: int
    references: str


@dataclass(frozen=True)
class Changes:
    """How images are changed at random: the options of `CatrTraining`."""

    flip: float
    quarter_turns: bool
    jitter: float

    def __call__(self, image: ImageSource, rng: np.random.Generator) -> ImageSource:
        """Return a changed image."""
        pixels = image.pixels
        if self.quarter_turns:
            pixels = np.rot90(pixels, int(rng.integers(4)))
        if rng.random() < self.flip:
            pixels = pixels[:, ::-1]
        changed = jittered(Image.fromarray(np.ascontiguousarray(pixels)), self.jitter, rng)
        return ImageSource(np.array(changed), image.name, image.path, image.sha256)


@dataclass(frozen=True)
class CaptionItems:
    """What a data loader reads, see `vizstudio.api.Items`: a `Pair` for every caption.

    Images are padded to a square, as published, so that what is computed of one does not depend on those beside it.
    """

    source: Source
    count: int
    vocabulary: Vocabulary
    side: int
    positions: int
    changes: Changes

    def __len__(self) -> int:
        return self.count

    def get(self, index: int, rng: np.random.Generator | None) -> Pair:
        """Return one image with one caption.

        Raises
        ------
        UsageError
            If the caption is longer than the model can write.
        """
        image, number = self._place(index)
        photo, captions = self.source.read(image)
        tokens = torch.full((self.positions + 1,), self.vocabulary.pad)
        written = self._spelled(captions[number], image)
        tokens[: len(written)] = torch.tensor(written)
        if rng is not None:
            photo = self.changes(photo, rng)
        prepared = prepare(photo, self.side, "pad")
        assert prepared.real is not None
        references = "\n".join(captions) if number == 0 else ""
        return Pair(prepared.pixels[0], prepared.real[0], tokens, image, references)

    def name(self, index: int) -> str:
        """Return what people call an image."""
        return self.source.name(self._place(index)[0])

    def _place(self, index: int) -> tuple[int, int]:
        if isinstance(self.source, DatasetSource):
            return index, 0
        image, number = self.source.pairs[index]
        return int(image), int(number)

    def numbers(self, index: int) -> list[int]:
        """Return the tokens of a caption in a file, without reading its image; raises as `get`."""
        assert isinstance(self.source, FileSource)
        image, number = self._place(index)
        return self._spelled(self.source.captioned.captions[image][number], image)

    def _spelled(self, caption: str, image: int) -> list[int]:
        spelled = self.vocabulary.spell(caption)
        if len(spelled) >= self.positions:
            raise UsageError(
                f"the caption {caption!r} of {self.source.name(image)} has {len(spelled)} tokens, and the model writes "
                f"at most {self.positions - 1}: shorten it, or give --max-positions {len(spelled) + 1} or more"
            )
        return [self.vocabulary.start, *spelled, self.vocabulary.end]


@dataclass(frozen=True)
class Data:
    """What to learn from and to evaluate on, and how many captions each has."""

    train: Source
    val: Source
    counts: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def one_each(self) -> bool:
        """Whether every image to evaluate on has one caption."""
        return isinstance(self.val, DatasetSource) or self.counts[1] == len(self.val.captioned.paths)

    @property
    def images(self) -> int:
        """How many images there are to evaluate on."""
        return self.counts[1] if isinstance(self.val, DatasetSource) else len(self.val.captioned.paths)

    @property
    def fingerprint(self) -> str:
        """A text that changes if an image or a caption comes or goes, or is called otherwise."""
        told = []
        for source, count in zip((self.train, self.val), self.counts, strict=True):
            told.append(str(count))
            if isinstance(source, DatasetSource):
                told.append(source.name(0))
            else:
                told += [
                    f"{source.name(i)} {'|'.join(captions)}"
                    for i, captions in enumerate(source.captioned.captions)
                ]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def open_data(config: CatrTraining, side: int, datasets: Datasets, report: Report) -> Data:
    """Open the folder or the data set that the options name; `side` is the side of the model's input.

    Raises
    ------
    UsageError, ImageError
        See `vizstudio_train_catr.captions.find`.
    """
    opened = open_splits(config, side, datasets)
    if opened is None:
        found = find(data_folder(config, datasets), config, report)
        train, val = FileSource(found.train), FileSource(found.val)
        return Data(train, val, (len(train.pairs), len(val.pairs)), tuple(found.notes))
    learnt, held = (
        DatasetSource(dataset, f"{config.data} {split} at {side}")
        for dataset, split in zip(opened, ("train", "val"), strict=True)
    )
    return Data(learnt, held, (config.images, config.val_images))


def choose_vocabulary(config: CatrTraining, data: Data) -> Vocabulary:
    """Return the vocabulary that the options name.

    Raises
    ------
    UsageError
        If its file cannot be used, or a data set does not tell its words.
    """
    if config.vocabulary in (None, "bert"):
        return Vocabulary.shipped()
    if config.vocabulary != "words":
        path = Path(str(config.vocabulary))
        try:
            return Vocabulary.from_text(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, VizstudioError) as error:
            raise UsageError(
                f"the vocabulary {path} cannot be used: {error}; choose bert, words, or a file of one token a line"
            ) from error
    if isinstance(data.train, FileSource):
        captions = (caption for captions in data.train.captioned.captions for caption in captions)
        return Vocabulary.of_captions(captions, config.min_word_count)
    words = getattr(data.train.dataset, "vocabulary", None)
    if words is None:
        raise UsageError(
            f"the data set {config.data} does not tell its words: give --vocabulary bert, or a file"
        )
    return Vocabulary.of_captions(words)

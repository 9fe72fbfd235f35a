"""Images for a classifier: prepared as the studio prepares them, with random changes while it learns."""

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from vizstudio.api import (
    Dataset,
    Datasets,
    ImageSource,
    Report,
    UsageError,
    data_folder,
    jittered,
    open_splits,
    read_image,
)
from vizstudio_train_vit.config import FinetuneConfig
from vizstudio_train_vit.folder import Files, find
from vizstudio_vit.preprocess import Preprocessing


@dataclass(frozen=True)
class Changes:
    """How images are changed at random: the shares and degrees of `FinetuneConfig`."""

    flip: float
    rotation: float
    jitter: float

    def __call__(self, image: Image.Image, rng: np.random.Generator, fill: tuple[int, ...]) -> Image.Image:
        """Return an image of the same size; corners that come into view are of the colour `fill`."""
        if rng.random() < self.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.rotation:
            angle = rng.uniform(-self.rotation, self.rotation)
            image = image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=fill)
        return jittered(image, self.jitter, rng)


@dataclass(frozen=True)
class FileSource:
    """Images in files."""

    files: Files

    @property
    def labels(self) -> np.ndarray:
        """The class of each, (images,)."""
        return np.array(self.files.labels)

    def read(self, index: int) -> tuple[ImageSource, int]:
        """Return (image, class)."""
        return read_image(self.files.paths[index]), self.files.labels[index]

    def name(self, index: int) -> str:
        """Return the file's folder and name."""
        return "/".join(self.files.paths[index].parts[-2:])


@dataclass(frozen=True)
class DatasetSource:
    """Images of a data set that a plugin brings."""

    dataset: Dataset
    about: str

    @property
    def labels(self) -> np.ndarray | None:
        """Not known before an image is made."""
        return None

    def read(self, index: int) -> tuple[ImageSource, int]:
        """Return (image, class of its main object)."""
        sample = self.dataset[index]
        return read_image(sample.image), sample.main

    def name(self, index: int) -> str:
        """Return the data set's name and the number."""
        return f"{self.about} {index}"


Source = FileSource | DatasetSource


@dataclass(frozen=True)
class ClassItems:
    """What a data loader reads, see `vizstudio.api.Items`: (pixels, class, index).

    Pixels are (3, height, width) float32, normalised.
    """

    source: Source
    count: int
    preprocessing: Preprocessing
    changes: Changes

    def __len__(self) -> int:
        return self.count

    def get(self, index: int, rng: np.random.Generator | None) -> tuple[Tensor, int, int]:
        """Return one image, its class and its index."""
        image, label = self.source.read(index)
        canvas, _ = self.preprocessing.canvas(image)
        if rng is not None:
            canvas = self.changes(canvas, rng, self.preprocessing.fill)
        return self.preprocessing.normalise(canvas)[0], label, index

    def name(self, index: int) -> str:
        """Return what people call an image."""
        return self.source.name(index)


@dataclass(frozen=True)
class Data:
    """The names of the classes, what to learn from and to evaluate on, and how many images each has."""

    class_names: tuple[str, ...]
    train: Source
    val: Source
    counts: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A text that changes if a file or a class comes or goes, or is called otherwise."""
        told = [*self.class_names]
        for source, count in zip((self.train, self.val), self.counts, strict=True):
            labels = source.labels
            told += [f"{count}"]
            told += (
                [f"{source.name(i)} {labels[i]}" for i in range(count)]
                if labels is not None
                else [source.name(0)]
            )
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def open_data(config: FinetuneConfig, size: int, datasets: Datasets, report: Report) -> Data:
    """Open the folder or the data set that the options name; `size` is the side of the model's input.

    Raises
    ------
    UsageError, ImageError
        See `vizstudio_train_vit.folder.find`.
    """
    opened = open_splits(config, size, datasets)
    if opened is None:
        found = find(data_folder(config, datasets), config, report)
        counts = len(found.train.paths), len(found.val.paths)
        return Data(
            found.class_names, FileSource(found.train), FileSource(found.val), counts, tuple(found.notes)
        )
    if config.class_balanced:
        raise UsageError(
            f"class_balanced needs images with known classes, and {config.data} makes them as it goes"
        )
    train, val = (
        DatasetSource(dataset, f"{config.data} {split} at {size}")
        for dataset, split in zip(opened, ("train", "val"), strict=True)
    )
    return Data(tuple(opened[0].class_names), train, val, (config.images, config.val_images))

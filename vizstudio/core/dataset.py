"""What a data set that plugins bring consists of: images with captions, classes and masks."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sample:
    """An image and what is known of it.

    Parameters
    ----------
    image : ndarray (height, width, 3) uint8
        RGB.
    masks : ndarray (objects, height, width) bool
        The visible pixels of each object; every object has some, and no pixel belongs to two.
    classes : tuple of int (objects,)
        Each object's class, an index into `Dataset.class_names`. The first object is the main one.
    caption : str
        A true sentence about the image, in lower case.
    """

    image: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    classes: tuple[int, ...]
    caption: str

    def __post_init__(self) -> None:
        if not self.classes:
            raise ValueError("a sample must have an object")
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(f"image must be (height, width, 3) uint8, and is {_describe(self.image)}")
        wanted = (len(self.classes), *self.image.shape[:2])
        if self.masks.shape != wanted or self.masks.dtype != np.bool_:
            raise ValueError(f"masks must be {wanted} bool, and is {_describe(self.masks)}")
        if hidden := [number for number, mask in enumerate(self.masks) if not mask.any()]:
            raise ValueError(f"object {hidden[0]} has no visible pixel")

    @property
    def main(self) -> int:
        """The class of the main object."""
        return self.classes[0]

    @property
    def boxes(self) -> NDArray[np.int64]:
        """The tightest box around each object's visible pixels, (objects, 4): left, top, width, height."""
        return np.array([_box(mask) for mask in self.masks], np.int64).reshape(-1, 4)


class Dataset(Protocol):
    """A data set whose samples can be had in any order, from any process, always the same.

    Must be picklable, so that the workers of a data loader can be handed it.
    """

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class."""
        ...

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample:
        """Return a sample by its index from 0; raises `IndexError` beyond the last."""
        ...


def _describe(values: NDArray[np.generic]) -> str:
    return f"{values.shape} {values.dtype}"


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top

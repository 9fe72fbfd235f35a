"""The data set: scenes by index, always the same pixels, captions that are true."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vizstudio.api import Sample, UsageError, no_such
from vizstudio_emoji import ground
from vizstudio_emoji.layout import Layout, lay_out
from vizstudio_emoji.words import GROUNDS, NOUNS, caption, vocabulary

SPLITS = ("train", "val")
SMALLEST, LARGEST = 64, 1024


@dataclass(frozen=True, eq=False)
class Scene(Sample):
    """One to three different objects on a ground.

    The objects come in the order in which the caption names them, which is by their number of visible pixels: the
    first is the largest, and the main one.

    Parameters
    ----------
    image, masks, classes, caption
        See `vizstudio.api.Sample`.
    ground : str
        ``"grass"``, ``"bricks"``, ``"gravel"``, or empty for a gradient of colours.
    """

    ground: str

    @property
    def nouns(self) -> tuple[str, ...]:
        """The noun of each object, a word of the caption."""
        return tuple(NOUNS[kind] for kind in self.classes)


@dataclass(frozen=True)
class Scenes:
    """A data set of scenes made when they are asked for.

    A scene depends on the size, the seed, the split and its index, and on nothing else. The splits draw from
    streams of their own.

    Parameters
    ----------
    size : int
        Width and height in pixels, `SMALLEST` to `LARGEST`.
    count : int
        The number of scenes.
    seed : int
        Not negative.
    split : {"train", "val"}

    Raises
    ------
    UsageError
        If a parameter is out of its range.
    """

    size: int
    count: int
    seed: int = 0
    split: str = "train"
    class_names: ClassVar[tuple[str, ...]] = NOUNS

    def __post_init__(self) -> None:
        if not SMALLEST <= self.size <= LARGEST:
            raise UsageError(f"no scenes of {self.size} pixels: choose a size from {SMALLEST} to {LARGEST}")
        if self.count < 0 or self.seed < 0:
            raise UsageError(f"count {self.count} and seed {self.seed} must not be negative")
        if self.split not in SPLITS:
            raise UsageError(no_such("split", self.split, SPLITS))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Scene:
        """Return a scene by its index from 0; a negative one counts from the end."""
        if not -self.count <= index < self.count:
            raise IndexError(f"no scene {index}: there are {self.count}")
        index = int(index) % self.count
        sequence = np.random.SeedSequence(self.seed, spawn_key=(SPLITS.index(self.split), index))
        rng = np.random.Generator(np.random.PCG64(sequence))
        layout = lay_out(rng, self.size)
        image, texture = ground.draw(rng, self.size)
        _paint(image, layout)
        name = GROUNDS.get(texture, "")
        text = caption(layout.kinds, layout.relations, name)
        return Scene(image, layout.masks, layout.kinds, text, name)

    @property
    def vocabulary(self) -> list[str]:
        """Every word that a caption can contain, sorted."""
        return vocabulary()


def _paint(image: NDArray[np.uint8], layout: Layout) -> None:
    for number in layout.order:
        sprite, (x, y) = layout.sprites[number], layout.corners[number]
        height, width = sprite.mask.shape
        under = image[y : y + height, x : x + width]
        under[:] = sprite.colours + (under * (255 - sprite.alpha) + 127) // 255

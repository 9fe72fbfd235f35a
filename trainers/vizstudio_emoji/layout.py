"""Decides which objects a scene has, how large they are and where, so that its caption is true and plain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizstudio_emoji.relation import Place, crowded, place_of, relation
from vizstudio_emoji.sprites import Sprite, fit
from vizstudio_emoji.words import NOUNS

MOST_OBJECTS = 3
MIN_VISIBLE = 0.7
"""Of each object's pixels, at least this part is visible."""
MAX_AREA_RATIO = 0.75
"""Each object has at most this many times the visible pixels of the next larger one."""
_AREA_IN_PERMILLE = {1: (60, 280), 2: (80, 220), 3: (90, 180)}  # of the main object, by the number of objects
_RATIO_IN_PERCENT = (42, 70)
_DEGREES = range(-12, 13, 4)
_BRIGHTNESS_IN_PERCENT = (75, 116)
_LONGEST_IN_PERCENT = 80
_LAYOUTS, _PLACES = 2000, 25


@dataclass(frozen=True, eq=False)
class Layout:
    """The objects of a scene, largest first.

    Parameters
    ----------
    kinds : tuple of int (objects,)
        Their classes, all different.
    sprites : tuple of Sprite (objects,)
    corners : tuple of (int, int) (objects,)
        Where each sprite's left top pixel is: x, y.
    order : tuple of int (objects,)
        In which order they are painted; the last lies on top.
    masks : ndarray (objects, size, size) bool
        Their visible pixels.
    relations : tuple of str (objects - 1,)
        Where the first is, seen from each of the others.
    """

    kinds: tuple[int, ...]
    sprites: tuple[Sprite, ...]
    corners: tuple[tuple[int, int], ...]
    order: tuple[int, ...]
    masks: NDArray[np.bool_]
    relations: tuple[str, ...]


def lay_out(rng: np.random.Generator, size: int) -> Layout:
    """Draw layouts until one is plain; the objects stay the same, so that all classes are equally likely."""
    number = int(rng.integers(1, MOST_OBJECTS + 1))
    kinds = _different(rng, number)
    for _ in range(_LAYOUTS):
        layout = _try(rng, size, kinds)
        if layout:
            return layout
    raise RuntimeError(f"no place found for {kinds} at {size} pixels")


def _different(rng: np.random.Generator, number: int) -> tuple[int, ...]:
    kinds: list[int] = []
    while len(kinds) < number:
        kind = int(rng.integers(len(NOUNS)))
        if kind not in kinds:
            kinds.append(kind)
    return tuple(kinds)


def _try(rng: np.random.Generator, size: int, kinds: tuple[int, ...]) -> Layout | None:
    sprites = _draw_sprites(rng, size, kinds)
    corners = _find_corners(rng, size, sprites)
    if corners is None:
        return None
    order = tuple(np.argsort(rng.random(len(kinds)), kind="stable").tolist())
    masks = _visible(size, sprites, corners, order)
    relations = _judge(sprites, masks)
    return None if relations is None else Layout(kinds, sprites, corners, order, masks, relations)


def _draw_sprites(rng: np.random.Generator, size: int, kinds: tuple[int, ...]) -> tuple[Sprite, ...]:
    sprites, area = [], int(rng.integers(*_AREA_IN_PERMILLE[len(kinds)])) * size * size // 1000
    for kind in kinds:
        degrees = _DEGREES[rng.integers(len(_DEGREES))]
        brightness = int(rng.integers(*_BRIGHTNESS_IN_PERCENT))
        sprites.append(fit(kind, degrees, area, size * _LONGEST_IN_PERCENT // 100, brightness))
        area = area * int(rng.integers(*_RATIO_IN_PERCENT)) // 100
    return tuple(sprites)


def _find_corners(
    rng: np.random.Generator, size: int, sprites: tuple[Sprite, ...]
) -> tuple[tuple[int, int], ...] | None:
    """Return corners so that nothing is crowded and each of the others has a plain relation to the first."""
    corners: list[tuple[int, int]] = []
    taken: list[Place] = []
    for sprite in sprites:
        place = place_of(sprite.mask)
        height, width = sprite.mask.shape
        for _ in range(_PLACES):
            corner = int(rng.integers(size - width + 1)), int(rng.integers(size - height + 1))
            moved = place.moved(*corner)
            plain = not taken or relation(taken[0], moved)
            if plain and not any(crowded(moved, other) for other in taken):
                break
        else:
            return None
        taken.append(moved)
        corners.append(corner)
    return tuple(corners)


def _visible(
    size: int, sprites: tuple[Sprite, ...], corners: tuple[tuple[int, int], ...], order: tuple[int, ...]
) -> NDArray[np.bool_]:
    masks = np.zeros((len(sprites), size, size), np.bool_)
    for number in order:
        (x, y), mask = corners[number], sprites[number].mask
        height, width = mask.shape
        masks[:, y : y + height, x : x + width] &= ~mask
        masks[number, y : y + height, x : x + width] = mask
    return masks


def _judge(sprites: tuple[Sprite, ...], masks: NDArray[np.bool_]) -> tuple[str, ...] | None:
    """Return the relations to the first object; None if any is not plain, or what is visible is too little."""
    places = []
    for sprite, mask in zip(sprites, masks, strict=True):
        if mask.sum() < MIN_VISIBLE * sprite.mask.sum():
            return None
        places.append(place_of(mask))
        if len(places) > 1 and places[-1].area > MAX_AREA_RATIO * places[-2].area:
            return None
    relations = tuple(relation(places[0], place) for place in places[1:])
    return None if None in relations else relations  # type: ignore[return-value]

"""Pictures of objects, turned and scaled, in whole numbers so that every machine makes the same pixels."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vizstudio.api import resource_path
from vizstudio_emoji.words import NOUNS

OPAQUE = 128
"""From this alpha on, a pixel belongs to the object."""
_ONE = 1 << 16


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture of an object.

    Parameters
    ----------
    colours : ndarray (height, width, 3) uint16
        RGB times alpha, 0 to 255.
    alpha : ndarray (height, width, 1) uint16
        0 to 255.
    mask : ndarray (height, width) bool
        The pixels that belong to the object.
    """

    colours: NDArray[np.uint16]
    alpha: NDArray[np.uint16]
    mask: NDArray[np.bool_]


@cache
def _original(kind: int) -> NDArray[np.int32]:
    """Return a class's picture, colours times alpha, (height, width, 4), with a border of nothing."""
    with Image.open(resource_path(f"emoji/{NOUNS[kind]}.png")) as picture:
        pixels = np.asarray(picture.convert("RGBA")).astype(np.int32)
    pixels[..., :3] = (pixels[..., :3] * pixels[..., 3:] + 127) // 255
    return np.pad(pixels, ((1, 1), (1, 1), (0, 0)))


@cache
def turned(kind: int, degrees: int) -> tuple[Image.Image, int]:
    """Return a class's picture turned anticlockwise and cut to what is opaque, and its number of opaque pixels.

    Pillow turns in floating point and cuts the fraction off, so that its pixels depend on how a machine rounds.
    """
    source = _original(kind)
    height, width = source.shape[:2]
    cosine = round(math.cos(math.radians(degrees)) * _ONE)
    sine = round(math.sin(math.radians(degrees)) * _ONE)
    tall = height + _room(height, abs(cosine) * height + abs(sine) * width)
    wide = width + _room(width, abs(cosine) * width + abs(sine) * height)
    down = np.arange(1 - tall, tall, 2, dtype=np.int32)[:, None]  # twice the distance from the centre
    right = np.arange(1 - wide, wide, 2, dtype=np.int32)
    x = (cosine * right - sine * down + (width - 1) * _ONE) // 2  # in 1/65536 of a pixel
    y = (sine * right + cosine * down + (height - 1) * _ONE) // 2
    x, y = np.clip(x, 0, (width - 1) * _ONE - 1), np.clip(y, 0, (height - 1) * _ONE - 1)
    corner = (y >> 16) * width + (x >> 16)  # the left top one of the four pixels that are mixed
    over, under = (x >> 8 & 255)[..., None], (y >> 8 & 255)[..., None]
    flat = source.reshape(-1, 4)
    top = flat.take(corner, 0) * (256 - over) + flat.take(corner + 1, 0) * over
    bottom = flat.take(corner + width, 0) * (256 - over) + flat.take(corner + width + 1, 0) * over
    pixels = ((top * (256 - under) + bottom * under + _ONE // 2) >> 16).astype(np.uint8)
    opaque = pixels[..., 3] >= OPAQUE
    rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
    pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Image.frombytes("RGBa", pixels.shape[1::-1], pixels.tobytes()), int(opaque.sum())


def _room(side: int, needed: int) -> int:
    """Return by how much a side grows to what is needed, in 1/65536; even, so that nothing blurs at 0 degrees."""
    return ((needed >> 16) - side) // 2 * 2 + 2


def fit(kind: int, degrees: int, area: int, limit: int, brightness: int) -> Sprite:
    """Return a class's picture with about `area` opaque pixels and no side over `limit`.

    Parameters
    ----------
    kind : int
        The class.
    degrees : int
        Turned by this, anticlockwise.
    area, limit : int
        In pixels.
    brightness : int
        In percent of the picture's own.
    """
    picture, opaque = turned(kind, degrees)
    scale = min(math.sqrt(area / opaque), limit / max(picture.size))
    width, height = (max(1, math.floor(side * scale)) for side in picture.size)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR)).astype(np.uint16)
    alpha = pixels[..., 3:]
    colours = np.minimum(pixels[..., :3] * brightness // 100, alpha)
    return Sprite(colours, alpha, alpha[..., 0] >= OPAQUE)

"""What objects stand on: photographs of textures in natural colours, and colour gradients."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vizstudio.api import resource_path

Colour = tuple[int, int, int]
_TEXTURE_IN_PERCENT = 60
_SHADES: dict[str, tuple[tuple[Colour, Colour], ...]] = {  # darkest and lightest colour
    "grass": (((16, 38, 8), (168, 206, 92)), ((10, 42, 22), (130, 196, 116)), ((34, 40, 6), (198, 206, 104))),
    "brick": (
        ((58, 22, 16), (226, 138, 108)),
        ((70, 36, 24), (232, 168, 128)),
        ((52, 30, 30), (204, 142, 128)),
    ),
    "gravel": (
        ((26, 26, 28), (206, 206, 204)),
        ((34, 28, 22), (216, 204, 186)),
        ((22, 28, 34), (186, 200, 212)),
    ),
}
TEXTURES = tuple(_SHADES)


@cache
def _texture(name: str) -> Image.Image:
    """Return a photograph of a texture, grey, with its contrast stretched."""
    with Image.open(resource_path(f"textures/{name}.jpg")) as picture:
        grey = np.asarray(picture.convert("L")).astype(np.int64)
    ranks = np.sort(grey, axis=None)
    low, high = int(ranks[ranks.size // 100]), int(ranks[-ranks.size // 100])
    return Image.fromarray(((grey - low) * 255 // (high - low)).clip(0, 255).astype(np.uint8))


def draw(rng: np.random.Generator, size: int) -> tuple[NDArray[np.uint8], str]:
    """Draw a ground.

    Returns
    -------
    image : ndarray (size, size, 3) uint8
    name : str
        One of `TEXTURES`, or empty for a gradient.
    """
    if rng.integers(100) < _TEXTURE_IN_PERCENT:
        name = TEXTURES[rng.integers(len(TEXTURES))]
        return _paved(rng, size, name), name
    return _gradient(rng, size), ""


def _paved(rng: np.random.Generator, size: int, name: str) -> NDArray[np.uint8]:
    picture = _texture(name)
    side = int(rng.integers(200, 441))
    left, top = (int(rng.integers(0, end - side + 1)) for end in picture.size)
    piece = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    grey = np.asarray(piece)
    if rng.integers(2):
        grey = grey[:, ::-1]
    shades = _SHADES[name]
    dark, light = np.array(shades[rng.integers(len(shades))])
    brightness = int(rng.integers(75, 116))
    steps = np.arange(256)[:, None]
    table = ((dark * (255 - steps) + light * steps) * brightness // 25500).clip(0, 255).astype(np.uint8)
    return table[grey]


def _gradient(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Return a change from one colour to another along a random direction."""
    across, down = (int(rng.integers(-8, 9)) for _ in range(2))
    if not (across or down):
        down = 1
    first, second = rng.integers(40, 231, (2, 3))
    x, y = np.arange(size), np.arange(size)[:, None]
    place = (x if across >= 0 else size - 1 - x) * abs(across) + (y if down >= 0 else size - 1 - y) * abs(
        down
    )
    span = (size - 1) * (abs(across) + abs(down))
    steps = (place * 255 // span)[..., None]
    return ((first * (255 - steps) + second * steps) // 255).astype(np.uint8)

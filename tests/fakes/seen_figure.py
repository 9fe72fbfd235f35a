"""What a figure says and draws, for tests."""

import numpy as np

from vizstudio.core.figures import Figure
from vizstudio.core.scene import Picture, Text


def texts(figure: Figure) -> list[str]:
    """Return its texts."""
    return [item.text for item in figure.scene.items if isinstance(item, Text)]


def said(figure: Figure) -> str:
    """Return its texts as one."""
    return " ".join(texts(figure))


def pictures(figure: Figure) -> list[Picture]:
    """Return its pictures."""
    return [item for item in figure.scene.items if isinstance(item, Picture)]


def contains(figure: Figure, pixels: np.ndarray) -> bool:
    """Return whether it shows these very pixels."""
    return any(np.array_equal(p.pixels[..., :3], pixels[..., :3]) for p in pictures(figure))

"""Makes small pictures of images, quickly enough for folders of thousands."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from vizstudio.core.errors import ImageError
from vizstudio.core.images import DEEP_MODES, MAX_PIXELS, to_rgb


def thumbnail(path: Path, side: int) -> np.ndarray:
    """Return a small picture of an image, upright; never enlarged.

    Parameters
    ----------
    path : Path
        The image's file.
    side : int
        Pixels of the longer side, at most.

    Returns
    -------
    (height, width, 3) uint8

    Raises
    ------
    ImageError
        If the file is not there or is no image that can be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(f"{path.name} is too large: {image.width}×{image.height} pixels")
            image.draft("RGB", (2 * side, 2 * side))  # a JPEG is scaled while it is decoded
            if image.mode in DEEP_MODES or image.mode == "P":  # cannot be scaled, or not smoothly
                upright = Image.fromarray(to_rgb(image, path.name)[0])
                upright.thumbnail((side, side))
                return np.array(upright)
            image.thumbnail((side, side))
            return to_rgb(image, path.name)[0]
    except FileNotFoundError:
        raise ImageError(f"no image at {path}: check the path") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path.name} cannot be read as an image: {error}") from error

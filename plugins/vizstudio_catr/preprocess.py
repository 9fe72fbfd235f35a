"""From a photo to CATR's input, and the exact record of how."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizstudio.api import FitMode, ImageFit, ImageSource

Size = tuple[int, int]
MEAN = STD = 0.5


@dataclass(frozen=True, eq=False)
class Prepared:
    """A photo as the network takes it.

    Parameters
    ----------
    pixels : (1, 3, height, width) float32 Tensor
        Normalised.
    real : (1, height, width) bool Tensor or None
        False on padding; None without padding.
    fit : ImageFit
        How the pixels came out of the photo.
    """

    pixels: Tensor
    real: Tensor | None
    fit: ImageFit


def prepare(image: ImageSource, side: int, mode: FitMode | None = None) -> Prepared:
    """Scale a photo bicubically, up or down.

    Parameters
    ----------
    image : ImageSource
        The photo.
    side : int
        Pixels of the input's longest side.
    mode : {"crop", "squash", "pad"}, optional
        None takes the whole photo in its own shape, as the authors do with one photo. ``"pad"`` adds masked
        padding on the right or at the bottom up to a square, as they do with many; ``"crop"`` takes the
        square in the middle, and ``"squash"`` changes the photo's shape to a square.
    """
    box = _middle_square(image.size) if mode == "crop" else (0, 0, *image.size)
    seen = (box[2] - box[0], box[3] - box[1])
    size = (side, side) if mode == "squash" else _scaled(seen, side)
    photo = image.pil().crop(box).resize(size, Image.Resampling.BICUBIC)
    values = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float().div_(255).sub_(MEAN).div_(STD)
    scale = (size[0] / seen[0], size[1] / seen[1])
    input_size = (side, side) if mode == "pad" else size
    fit = ImageFit(image.size, input_size, scale, (-box[0] * scale[0], -box[1] * scale[1]), mode or "squash")
    if mode != "pad":
        return Prepared(values, None, fit)
    pixels, real = torch.zeros(1, 3, side, side), torch.zeros(1, side, side, dtype=torch.bool)
    pixels[..., : size[1], : size[0]] = values
    real[..., : size[1], : size[0]] = True
    return Prepared(pixels, real, fit)


def _scaled(size: Size, side: int) -> Size:
    width, height = (max(1, int(length * side / max(size))) for length in size)
    return width, height


def _middle_square(size: Size) -> tuple[int, int, int, int]:
    shorter = min(size)
    left, top = (size[0] - shorter) // 2, (size[1] - shorter) // 2
    return left, top, left + shorter, top + shorter

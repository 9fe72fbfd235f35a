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
    resized = _resized_size(image.size, side, mode)
    input_size = resized if mode is None else (side, side)
    cut = [max(full - side, 0) // 2 for full in resized]
    offset = (-cut[0], -cut[1])
    fit = ImageFit.resized(image.size, resized, input_size, offset, mode or "squash")
    # Only what is seen is computed: of a very long photo, cropped, the rest would be gigabytes.
    shown = (min(resized[0], input_size[0]), min(resized[1], input_size[1]))
    left, top, width, height = fit.to_original((0.0, 0.0, float(shown[0]), float(shown[1])))
    box = (left, top, min(left + width, image.size[0]), min(top + height, image.size[1]))
    photo = image.pil().resize(shown, Image.Resampling.BICUBIC, box=box)
    values = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float().div_(255).sub_(MEAN).div_(STD)
    if mode != "pad":
        return Prepared(values, None, fit)
    pixels, real = torch.zeros(1, 3, side, side), torch.zeros(1, side, side, dtype=torch.bool)
    pixels[..., : shown[1], : shown[0]] = values
    real[..., : shown[1], : shown[0]] = True
    return Prepared(pixels, real, fit)


def _resized_size(original: Size, side: int, mode: FitMode | None) -> Size:
    if mode == "squash":
        return side, side
    reference = min(original) if mode == "crop" else max(original)
    width, height = (max(1, int(length * side / reference)) for length in original)
    return width, height

"""From a photo to a model's input, and the exact record of how: timm's own arithmetic, step by step."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from vizstudio.api import FitMode, ImageFit, ImageSource

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "hamming": Image.Resampling.HAMMING,
    "box": Image.Resampling.BOX,
}
Size = tuple[int, int]
# timm resizes the whole image and crops then; of a very long one that would be gigabytes, nearly all cut off.
MAX_RESIZED_PIXELS = 50_000_000


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its images.

    Parameters
    ----------
    input_size : (int, int)
        Width and height in pixels.
    fit : {"crop", "squash", "pad"}
        Cut off what does not fit, change the aspect ratio, or add a border of the mean colour.
    crop_pct : float
        The share of the resized image's side that the input shows, above 0 and at most 1.
    interpolation : str
        A key of `RESAMPLING`.
    mean, std : (float, float, float)
        Of the training images, for values from 0 to 1.
    """

    input_size: Size
    fit: FitMode = "crop"
    crop_pct: float = 1.0
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    @classmethod
    def from_timm(cls, config: dict[str, Any], fit: FitMode | None = None) -> "Preprocessing":
        """Read timm's data config; another `fit` than the model's own shows the whole image if it can."""
        own: FitMode = {"squash": "squash", "border": "pad"}.get(config["crop_mode"], "crop")  # type: ignore[assignment]
        _, height, width = config["input_size"]
        chosen = fit or own
        return cls(
            input_size=(width, height),
            fit=chosen,
            crop_pct=config["crop_pct"] if chosen == own else 1.0,
            interpolation=config["interpolation"],
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
        )

    def plan(self, original: Size) -> tuple[Size, Size]:
        """Return (size after resizing, offset of its corner in the input) for an image of `original` size."""
        target = (
            math.floor(self.input_size[0] / self.crop_pct),
            math.floor(self.input_size[1] / self.crop_pct),
        )
        resized = self._resized(original, target)
        offset = [_offset(full, shown) for full, shown in zip(resized, self.input_size, strict=True)]
        return resized, (offset[0], offset[1])

    def _resized(self, original: Size, target: Size) -> Size:
        width, height = original
        if self.fit == "squash":
            return target
        if self.fit == "crop" and target[0] == target[1]:  # torchvision.transforms.Resize of the shorter side
            side = target[0]
            if width <= height:
                return side, max(side, int(side * height / width))
            return max(side, int(side * width / height)), side
        ratios = (width / target[0], height / target[1])
        ratio = max(ratios) if self.fit == "pad" else min(ratios)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def __call__(self, image: ImageSource) -> tuple[torch.Tensor, ImageFit]:
        """Return the input (1, 3, height, width) float32, normalised, and how it came out of the image."""
        canvas, fit = self.canvas(image)
        return self.normalise(canvas), fit

    def canvas(self, image: ImageSource) -> tuple[Image.Image, ImageFit]:
        """Return what the model sees of an image, (width, height) of the input, and how it came out of it."""
        resized_size, offset = self.plan(image.size)
        fit = ImageFit.resized(image.size, resized_size, self.input_size, offset, self.fit)
        return self._seen(image.pil(), fit, resized_size), fit

    def normalise(self, canvas: Image.Image) -> torch.Tensor:
        """Return the input (1, 3, height, width) float32 made of what `canvas` returned."""
        values = torch.from_numpy(np.array(canvas)).permute(2, 0, 1)[None].float().div_(255)
        mean, std = torch.tensor(self.mean).view(1, 3, 1, 1), torch.tensor(self.std).view(1, 3, 1, 1)
        return values.sub_(mean).div_(std)

    @property
    def fill(self) -> tuple[int, ...]:
        """The mean colour, of 255: what an image is padded with."""
        return tuple(round(255 * value) for value in self.mean)

    def _seen(self, image: Image.Image, fit: ImageFit, resized_size: Size) -> Image.Image:
        """Return what the model sees of an image: (width, height) of the input."""
        method = RESAMPLING[self.interpolation]
        if resized_size[0] * resized_size[1] > MAX_RESIZED_PIXELS:
            left, top, width, height = fit.to_original(
                (0.0, 0.0, float(self.input_size[0]), float(self.input_size[1]))
            )
            box = (
                max(left, 0.0),
                max(top, 0.0),
                min(left + width, image.width),
                min(top + height, image.height),
            )
            return image.resize(self.input_size, method, box=box)
        resized = image if image.size == resized_size else image.resize(resized_size, method)
        canvas = Image.new("RGB", self.input_size, self.fill)
        canvas.paste(resized, (int(fit.offset[0]), int(fit.offset[1])))
        return canvas


def _offset(full: int, shown: int) -> int:
    """Return where an axis of `full` pixels starts in an input of `shown`: negative when cropped."""
    if full >= shown:
        return -round((full - shown) / 2.0)
    return (shown - full) // 2

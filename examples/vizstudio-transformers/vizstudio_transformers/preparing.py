"""From a photo to a model's input as the checkpoint's own image processor makes it, and the exact record of how."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vizstudio.api import FitMode, ImageError, ImageFit, ImageSource, ModelError

Size = tuple[int, int]
MAX_RESIZED_PIXELS = 50_000_000


@dataclass(frozen=True)
class Preparation:
    """How a model wants its images.

    Parameters
    ----------
    input_size : (int, int)
        Width and height in pixels.
    resized : (int, int)
        What is resized to before the middle is cut out: for "squash" this size, for "crop" one that covers it, for
        "pad" one that it holds.
    fit : {"crop", "squash", "pad"}
        See `resized`.
    resample : int
        Pillow's number of the interpolation.
    factor : float
        What values from 0 to 255 are multiplied by.
    mean, std : tuple of float
        Per channel, of the values after that.
    """

    input_size: Size
    resized: Size
    fit: FitMode
    resample: int
    factor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of_processor(cls, processor: Any, fit: FitMode | None, input_size: Size | None) -> "Preparation":
        """Read an image processor of transformers; another `fit` than its own shows the whole image if it can.

        Raises
        ------
        ModelError
            If it brings images to no fixed size.
        """
        size: Any = processor.size
        crop: Any = processor.crop_size if getattr(processor, "do_center_crop", False) else None
        edge, fixed = size.get("shortest_edge"), (size.get("width"), size.get("height"))
        resized = (edge, edge) if edge else fixed
        own = (crop.get("width"), crop.get("height")) if crop else fixed
        if not processor.do_resize or None in (*resized, *own) or size.get("longest_edge"):
            raise ModelError(
                f"its {type(processor).__name__} brings images to no fixed size: it needs a size of width and "
                "height, or a shortest_edge and a crop_size"
            )
        wanted = input_size or own
        own_fit: FitMode = "crop" if edge else "squash"
        if fit not in (None, own_fit):
            resized = wanted
        elif input_size:
            resized = tuple(
                round(full * new / old) for full, new, old in zip(resized, wanted, own, strict=True)
            )
        normalises = processor.do_normalize
        return cls(
            input_size=wanted,
            resized=resized,
            fit=fit or own_fit,
            resample=int(processor.resample),
            factor=processor.rescale_factor if processor.do_rescale else 1.0,
            mean=tuple(processor.image_mean) if normalises else (0.0,) * 3,
            std=tuple(processor.image_std) if normalises else (1.0,) * 3,
        )

    def plan(self, original: Size) -> ImageFit:
        """Return how an image of `original` width and height becomes the input."""
        resized = self._resized(original)
        # Rounded up where a border is added and down where something is cut off, as transformers does.
        offset = [-((full - shown) // 2) for full, shown in zip(resized, self.input_size, strict=True)]
        return ImageFit.resized(original, resized, self.input_size, (offset[0], offset[1]), self.fit)

    def _resized(self, original: Size) -> Size:
        width, height = original
        across, down = self.resized
        if self.fit == "squash":
            return self.resized
        if self.fit == "crop" and across == down:
            longer = int(across * max(original) / min(original))
            return (across, longer) if width <= height else (longer, across)
        ratios = (width / across, height / down)
        ratio = max(ratios) if self.fit == "pad" else min(ratios)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def __call__(self, image: ImageSource) -> tuple[Tensor, ImageFit]:
        """Return the input (1, 3, height, width) float32, normalised, and how it came out of the image.

        Raises
        ------
        ImageError
            If the image is so long and narrow that hardly anything of it would be seen.
        """
        fit = self.plan(image.size)
        resized = self._resized(image.size)
        if resized[0] * resized[1] > MAX_RESIZED_PIXELS:
            raise ImageError(
                f"{image.name} is {image.size[0]}×{image.size[1]} pixels, too long and narrow for this model, which "
                "sees a square of the middle: cut it, or show all of it with --fit squash"
            )
        border = 0 if self.fit != "pad" else tuple(round(m / self.factor) for m in self.mean)
        canvas = Image.new("RGB", self.input_size, border)
        shown = image.pil().resize(resized, Image.Resampling(self.resample))
        canvas.paste(shown, (int(fit.offset[0]), int(fit.offset[1])))
        values = torch.from_numpy(np.array(canvas)).permute(2, 0, 1)[None].float() * self.factor
        mean, std = (torch.tensor(per_channel).view(1, 3, 1, 1) for per_channel in (self.mean, self.std))
        return (values - mean) / std, fit

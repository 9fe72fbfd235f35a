"""Pixels are those of transformers' own processors, and their record leads back to the photo."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import transformers as hf
from vizstudio_transformers.preparing import Preparation

from vizstudio.api import ImageError, ImageSource, ModelError, PatchGrid, read_image

PROCESSORS: dict[str, Callable[[], Any]] = {
    "vit": lambda: hf.ViTImageProcessorPil(),
    "vit-legacy": lambda: hf.ViTImageProcessorPil(size=64, do_normalize=False),
    "wide": lambda: hf.ViTImageProcessorPil(size={"height": 32, "width": 48}),
    "deit": lambda: hf.DeiTImageProcessorPil(),
    "dinov2": lambda: hf.BitImageProcessorPil(
        size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}
    ),
    "clip": lambda: hf.CLIPImageProcessorPil(),
    "small-then-padded": lambda: hf.CLIPImageProcessorPil(size={"shortest_edge": 51}, crop_size=64),
    "blip": lambda: hf.BlipImageProcessorPil(),
}
SIZES = [(64, 64), (97, 61), (60, 113), (300, 41), (33, 500), (7, 5)]


def picture(size: tuple[int, int]) -> ImageSource:
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return read_image(np.stack([across, down, 255 - across], 2).astype(np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", PROCESSORS)
def test_pixels_are_those_of_the_processor(kind: str, size: tuple[int, int]) -> None:
    processor, image = PROCESSORS[kind](), picture(size)
    pixels, fit = Preparation.of_processor(processor, None, None)(image)
    wanted = processor(image.pil(), return_tensors="pt").pixel_values
    assert pixels.shape == wanted.shape
    assert (pixels - wanted).abs().max() < 1e-5
    assert fit.input_size == (wanted.shape[3], wanted.shape[2])


@pytest.mark.parametrize("fit", [None, "crop", "squash", "pad"])
@pytest.mark.parametrize("size", SIZES[:4])
@pytest.mark.parametrize("kind", PROCESSORS)
def test_a_cell_leads_back_to_the_colours_it_shows(kind: str, size: tuple[int, int], fit: Any) -> None:
    """Red is the place across and green the place down, so that pixels tell where they come from."""
    preparation, image = Preparation.of_processor(PROCESSORS[kind](), fit, None), picture(size)
    pixels, made = preparation(image)
    values = (pixels[0].permute(1, 2, 0).numpy() * preparation.std + preparation.mean) / preparation.factor
    cell = 8
    rows, cols = values.shape[0] // cell, values.shape[1] // cell
    grid = PatchGrid(rows, cols, (cell, cell), made)
    compared = 0
    for row in range(rows):
        for col in range(cols):
            left, top, width, height = grid.cell_rect(row, col)
            if left < 0 or top < 0 or left + width > size[0] or top + height > size[1]:
                continue
            seen = values[row * cell : (row + 1) * cell, col * cell : (col + 1) * cell, :2].mean((0, 1))
            centre = ((left + width / 2 - 0.5) / (size[0] - 1), (top + height / 2 - 0.5) / (size[1] - 1))
            near_edge = min(*centre, 1 - centre[0], 1 - centre[1]) < 0.1
            assert np.abs(seen / 255 - centre).max() < (0.06 if near_edge else 0.02)
            compared += 1
    assert compared or fit == "pad"  # a strip of less than two cells holds none whole


def test_what_has_no_fixed_size_is_refused() -> None:
    processor = hf.CLIPImageProcessorPil(do_center_crop=False)
    with pytest.raises(ModelError, match="no fixed size"):
        Preparation.of_processor(processor, None, None)


def test_a_photo_of_which_nothing_would_be_seen_is_refused() -> None:
    image = read_image(np.zeros((2, 40_000, 3), np.uint8))
    with pytest.raises(ImageError, match="too long and narrow"):
        Preparation.of_processor(hf.CLIPImageProcessorPil(), None, None)(image)
    pixels, _ = Preparation.of_processor(hf.CLIPImageProcessorPil(), "squash", None)(image)
    assert pixels.shape == (1, 3, 224, 224)

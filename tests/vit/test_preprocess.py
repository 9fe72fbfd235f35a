"""From photo to input: equal to timm's own transform to the last bit, and the geometry says where pixels went."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from timm.data import create_transform

from vizstudio.api import FitMode, ImageSource, read_image
from vizstudio_vit import preprocess
from vizstudio_vit.preprocess import Preprocessing

MODES: dict[FitMode, str] = {"crop": "center", "squash": "squash", "pad": "border"}
SIZES = [(512, 512), (640, 427), (427, 640), (300, 301), (37, 23), (1, 1), (2000, 31), (31, 1200), (224, 224)]
INPUTS = [(224, 224), (160, 96), (96, 160), (225, 223)]


def _config(
    size: tuple[int, int], mode: FitMode, crop_pct: float, interpolation: str = "bicubic"
) -> dict[str, Any]:
    return {
        "input_size": (3, size[1], size[0]),
        "interpolation": interpolation,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "crop_pct": crop_pct,
        "crop_mode": MODES[mode],
    }


def _noise(size: tuple[int, int], seed: int = 0) -> ImageSource:
    """An image of noise, in which every misplaced pixel shows."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return read_image(pixels)


def _timm(image: ImageSource, config: dict[str, Any]) -> torch.Tensor:
    return create_transform(**config, is_training=False)(image.pil())[None]


@pytest.mark.parametrize("crop_pct", [1.0, 0.875, 0.9])
@pytest.mark.parametrize("input_size", INPUTS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_equals_timms_transform(
    mode: FitMode, size: tuple[int, int], input_size: tuple[int, int], crop_pct: float
) -> None:
    config = _config(input_size, mode, crop_pct)
    if mode == "pad" and 2000 in size and input_size[1] / 2000 * 31 < 0.5:
        pytest.skip("timm rounds a side of less than half a pixel to nothing and fails")
    image = _noise(size)
    ours, fit = Preprocessing.from_timm(config)(image)
    assert torch.equal(ours, _timm(image, config))
    assert fit.original_size == size and fit.input_size == input_size and fit.mode == mode


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest", "lanczos"])
def test_equals_timms_interpolation(interpolation: str) -> None:
    config = _config((224, 224), "crop", 0.9, interpolation)
    image = _noise((500, 333))
    assert torch.equal(Preprocessing.from_timm(config)(image)[0], _timm(image, config))


@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.tuples(st.integers(16, 120), st.integers(16, 120)),
    st.sampled_from(list(MODES)),
    st.floats(0.7, 1.0),
)
@settings(max_examples=150, deadline=None)
def test_equals_timm_at_any_size(
    size: tuple[int, int], input_size: tuple[int, int], mode: FitMode, crop_pct: float
) -> None:
    config = _config(input_size, mode, crop_pct)
    image = _noise(size)
    try:
        expected = _timm(image, config)
    except ValueError:  # Pillow refuses a height or width of 0, to which timm rounds; here it is at least 1
        return
    assert torch.equal(Preprocessing.from_timm(config)(image)[0], expected)


@pytest.mark.parametrize("input_size", [(224, 224), (320, 160)])
@pytest.mark.parametrize("size", [(640, 427), (300, 700), (600, 600)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("crop_pct", [1.0, 0.8])
def test_pixels_are_where_the_fit_says(
    mode: FitMode, size: tuple[int, int], input_size: tuple[int, int], crop_pct: float
) -> None:
    """A white block in a black image: its centre of mass in the input, mapped back, is the block's centre."""
    width, height = size
    block = (width // 2 - 40, height // 2 + 10, 24, 20)  # left, top, width, height
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[block[1] : block[1] + block[3], block[0] : block[0] + block[2]] = 255
    preprocessing = Preprocessing(input_size, mode, crop_pct, "bilinear", mean=(0.0,) * 3, std=(1.0,) * 3)
    values, fit = preprocessing(read_image(pixels))
    weight = values[0, 0].double().numpy()
    assert weight.max() > 0.9
    y, x = np.mgrid[: input_size[1], : input_size[0]] + 0.5
    centre = ((weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum())
    left, top, _, _ = fit.to_original((*centre, 0.0, 0.0))
    assert abs(left - (block[0] + block[2] / 2)) < 0.6
    assert abs(top - (block[1] + block[3] / 2)) < 0.6


@pytest.mark.parametrize("mode", ["squash", "pad"])
def test_a_mode_that_is_chosen_shows_the_whole_image(mode: FitMode) -> None:
    """timm's crop_pct belongs to timm's crop: whoever asks for a pad or squash wants to see everything."""
    preprocessing = Preprocessing.from_timm(_config((224, 224), "crop", 0.875), mode)
    fit = preprocessing(_noise((600, 300)))[1]
    assert fit.to_input(0, 0)[0] >= -1e-9 and fit.to_input(600, 300)[0] <= 224 + 1e-9
    assert fit.to_input(0, 0)[1] >= -1e-9 and fit.to_input(600, 300)[1] <= 224 + 1e-9


def test_padding_has_the_mean_colour() -> None:
    values, fit = Preprocessing.from_timm(_config((224, 224), "pad", 1.0))(_noise((400, 200)))
    top = int(fit.offset[1])
    assert top == 56
    assert values[..., : top - 1, :].abs().max() < 0.01 and values[..., top + 1, :].abs().max() > 0.5


def test_a_hair_of_an_image_is_padded_to_one_pixel() -> None:
    """timm rounds its height to nothing and fails."""
    values, fit = Preprocessing((224, 224), "pad")(_noise((20000, 3)))
    assert values.shape == (1, 3, 224, 224)
    assert fit.scale == (224 / 20000, 1 / 3)


@pytest.mark.parametrize("size", [(9000, 40), (40, 9000), (5000, 41)])
def test_a_very_long_image_is_cropped_first(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Past a limit only what the crop shows is resized, and shows the same place at the same scale.

    Pillow takes the two axes in the order that is cheaper, so that overshoots are clipped elsewhere: the image
    here has waves of a few pixels' length, and no overshoot.
    """
    y, x = np.mgrid[: size[1], : size[0]]
    waves = 128 + 60 * np.sin(x / 2.7) + 60 * np.cos(y / 3.1)
    image = read_image(np.repeat(waves.round().astype(np.uint8)[..., None], 3, 2))
    preprocessing = Preprocessing((224, 224), "crop", 0.9, mean=(0.0,) * 3, std=(1.0,) * 3)
    whole, fit = preprocessing(image)
    monkeypatch.setattr(preprocess, "MAX_RESIZED_PIXELS", 0)
    cropped, same_fit = preprocessing(image)
    assert fit == same_fit
    assert (whole - cropped).abs().max() <= 2 / 255
    assert (whole - cropped.roll(1, -1)).abs().max() > 4 / 255  # one pixel aside would be seen


def test_a_very_long_image_takes_no_gigabytes() -> None:
    resource = pytest.importorskip("resource", reason="the peak of memory is not to be had on Windows")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values, _ = Preprocessing((224, 224), "crop")(_noise((20000, 3)))
    assert values.shape == (1, 3, 224, 224) and values.std() > 0
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 300e6


def test_the_original_is_not_touched() -> None:
    image = _noise((224, 224))
    before = Image.Image.tobytes(image.pil())
    Preprocessing((224, 224))(image)
    assert image.pil().tobytes() == before

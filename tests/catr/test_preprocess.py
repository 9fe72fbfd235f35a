"""From a photo to the input: the authors' arithmetic, and a fit that is exact."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vizstudio.api import ImageSource, read_image
from vizstudio_catr.preprocess import prepare


def _noise(width: int, height: int) -> ImageSource:
    return read_image(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((600, 400), (299, 199)),
        ((512, 512), (299, 299)),
        ((300, 451), (198, 299)),
        ((50, 20), (299, 119)),
        ((1, 1), (299, 299)),
        ((2000, 3), (299, 1)),
    ],
)
def test_the_longest_side_is_scaled_and_the_other_rounded_down(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    prepared = prepare(_noise(*size), 299)
    assert prepared.pixels.shape == (1, 3, expected[1], expected[0])
    assert prepared.real is None
    assert prepared.fit.input_size == expected and prepared.fit.original_size == size
    assert prepared.fit.to_original((0, 0, *expected)) == pytest.approx((0, 0, *size))


def test_pixels_are_pillows_bicubic_normalised() -> None:
    image = _noise(120, 77)
    resized = np.asarray(image.pil().resize((299, 191), Image.Resampling.BICUBIC), np.float32)
    expected = (resized / 255 - 0.5) / 0.5
    np.testing.assert_allclose(prepare(image, 299).pixels[0].permute(1, 2, 0), expected, atol=1e-6)


def test_padding_is_masked_and_lies_right_and_below() -> None:
    image = _noise(90, 60)
    whole, padded = prepare(image, 96), prepare(image, 96, "pad")
    assert padded.real is not None and padded.pixels.shape == (1, 3, 96, 96)
    torch.testing.assert_close(padded.pixels[..., :64, :], whole.pixels)
    assert padded.real[0, :64].all() and not padded.real[0, 64:].any()
    assert (padded.pixels[..., 64:, :] == 0).all()
    assert padded.fit.to_input(90, 60) == (96.0, 64.0)


def test_squash() -> None:
    prepared = prepare(_noise(90, 60), 96, "squash")
    assert prepared.pixels.shape[-2:] == (96, 96)
    assert prepared.fit.to_original((0, 0, 96, 96)) == pytest.approx((0, 0, 90, 60))


@pytest.mark.parametrize(
    ("size", "corner"),
    [((200, 100), (50, 0)), ((100, 200), (0, 50)), ((96, 96), (0, 0)), ((301, 97), (102, 0))],
)
def test_a_crop_is_the_square_in_the_middle(size: tuple[int, int], corner: tuple[int, int]) -> None:
    image, shorter = _noise(*size), min(size)
    prepared = prepare(image, 96, "crop")
    assert prepared.fit.to_original((0.0, 0.0, 96.0, 96.0)) == pytest.approx((*corner, shorter, shorter))
    left, top = corner
    square = read_image(image.pixels[top : top + shorter, left : left + shorter].copy())
    assert torch.equal(prepared.pixels, prepare(square, 96).pixels)


def test_a_very_long_photo_is_cropped_without_resizing_all_of_it() -> None:
    prepared = prepare(_noise(30000, 2), 299, "crop")
    assert prepared.pixels.shape == (1, 3, 299, 299)
    assert prepared.fit.seen_share == pytest.approx(2 / 30000, rel=1e-3)


@settings(deadline=None, max_examples=40)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    mode=st.sampled_from([None, "crop", "squash", "pad"]),
)
def test_every_fit_shows_what_it_says(width: int, height: int, mode: str | None) -> None:
    prepared = prepare(_noise(width, height), 64, mode)  # type: ignore[arg-type]
    assert prepared.pixels.shape[-2:] == prepared.fit.input_size[::-1]
    assert torch.isfinite(prepared.pixels).all()
    if mode != "crop":
        assert prepared.fit.seen_share == pytest.approx(1)

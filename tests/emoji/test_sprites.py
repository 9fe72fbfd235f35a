"""Objects turned and scaled, against Pillow's own turning."""

import numpy as np
import pytest
from PIL import Image

from vizstudio.resources import resource_path
from vizstudio_emoji.sprites import fit, turned
from vizstudio_emoji.words import NOUNS


def opaque_part(pixels: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(pixels[..., 3] >= 128)
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@pytest.mark.parametrize("noun", ["cat", "key", "glasses", "bee"])
def test_not_turned_is_the_picture_itself(noun: str) -> None:
    with Image.open(resource_path(f"emoji/{noun}.png")) as picture:
        wanted = opaque_part(np.asarray(picture.convert("RGBa").convert("RGBA")))
        premultiplied = opaque_part(np.asarray(picture.convert("RGBA")))
    made, opaque = turned(NOUNS.index(noun), 0)
    pixels = np.frombuffer(made.tobytes(), np.uint8).reshape(wanted.shape)
    assert np.array_equal(pixels[..., 3], wanted[..., 3])
    expected = premultiplied[..., :3] * (premultiplied[..., 3:] / 255)
    assert np.abs(pixels[..., :3] - expected).max() <= 0.51
    assert opaque == (wanted[..., 3] >= 128).sum()


@pytest.mark.parametrize("degrees", [-12, 4, 30, 90])
@pytest.mark.parametrize("noun", ["cat", "key", "scissors"])
def test_turned_as_pillow_turns(noun: str, degrees: int) -> None:
    with Image.open(resource_path(f"emoji/{noun}.png")) as picture:
        around = Image.new("RGBA", (180 + picture.width % 2, 180 + picture.height % 2))  # the same centre
        around.paste(picture, ((180 - picture.width + 1) // 2, (180 - picture.height + 1) // 2))
    theirs = around.convert("RGBa").rotate(degrees, Image.Resampling.BILINEAR)
    wanted = np.frombuffer(theirs.tobytes(), np.uint8).reshape(around.height, around.width, 4).astype(int)
    made, _ = turned(NOUNS.index(noun), degrees)
    pixels = np.frombuffer(made.tobytes(), np.uint8).reshape(made.height, made.width, 4).astype(int)
    height, width = pixels.shape[:2]
    top, left = np.array(np.nonzero(wanted[..., 3] >= 128)).min(axis=1)
    assert np.abs(wanted[top : top + height, left : left + width] - pixels).mean() < 0.2
    wrong, _ = turned(NOUNS.index(noun), -degrees)  # turning the other way is seen
    other = np.frombuffer(wrong.tobytes(), np.uint8).reshape(wrong.height, wrong.width, 4).astype(int)
    if other.shape == pixels.shape:
        assert np.abs(other - pixels).mean() > 12


@pytest.mark.parametrize("noun", NOUNS)
def test_fitted_to_an_area_and_within_a_limit(noun: str) -> None:
    kind = NOUNS.index(noun)
    sprite = fit(kind, 8, area=900, limit=100, brightness=100)
    assert abs(sprite.mask.sum() - 900) < 120
    assert (sprite.colours <= sprite.alpha).all()
    assert np.array_equal(sprite.mask, sprite.alpha[..., 0] >= 128)
    assert max(fit(kind, 8, area=5000, limit=40, brightness=100).mask.shape) == 40
    dark, light = (fit(kind, 8, 900, 100, percent).colours[sprite.mask].mean() for percent in (75, 115))
    assert dark < sprite.colours[sprite.mask].mean() * 0.76
    assert sprite.colours[sprite.mask].mean() < light

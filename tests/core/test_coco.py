"""COCO's run lengths, against a decoder of the test's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vizstudio.core.coco import encode_mask
from vizstudio.core.dataset import Sample


def decode(counts: list[int], height: int, width: int) -> np.ndarray:
    """Fill a mask pixel by pixel, down each column."""
    mask = np.zeros((height, width), bool)
    place, value = 0, False
    for count in counts:
        for pixel in range(place, place + count):
            mask[pixel % height, pixel // height] = value
        place, value = place + count, not value
    assert place == height * width
    return mask


@given(npst.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_runs_give_the_mask_back(mask: np.ndarray) -> None:
    counts = encode_mask(mask)
    assert np.array_equal(decode(counts, *mask.shape), mask)
    assert all(count > 0 for count in counts[1:])


def test_a_known_mask() -> None:
    mask = np.array([[0, 1, 1], [1, 1, 0]], bool)
    assert encode_mask(mask) == [1, 4, 1]
    assert encode_mask(~mask) == [0, 1, 4, 1]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"image": np.zeros((4, 4, 3), np.float32)}, r"image must be .* and is \(4, 4, 3\) float32"),
        ({"image": np.zeros((4, 4), np.uint8)}, r"image must be .* and is \(4, 4\) uint8"),
        ({"masks": np.zeros((1, 4, 5), bool)}, r"masks must be \(1, 4, 4\) bool"),
        ({"masks": np.zeros((1, 4, 4), np.uint8)}, r"masks must be \(1, 4, 4\) bool"),
        ({"classes": (0, 1)}, r"masks must be \(2, 4, 4\) bool"),
        ({"classes": (), "masks": np.zeros((0, 4, 4), bool)}, "a sample must have an object"),
        ({"masks": np.zeros((1, 4, 4), bool)}, "object 0 has no visible pixel"),
    ],
)
def test_a_sample_that_does_not_fit_together_is_refused(wrong: dict[str, object], told: str) -> None:
    parts = {"image": np.zeros((4, 4, 3), np.uint8), "masks": np.ones((1, 4, 4), bool), "classes": (0,)}
    assert Sample(**parts, caption="a dot").boxes.tolist() == [[0, 0, 4, 4]]
    with pytest.raises(ValueError, match=told):
        Sample(**(parts | wrong), caption="a dot")

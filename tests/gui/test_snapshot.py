"""What the worker prepares for the window; no Qt."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vizstudio.core.images import read_image
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.state import ViewState
from vizstudio.gui.snapshot import (
    GAP_LEVEL,
    SHOWN_SIDE,
    ModelChoice,
    Positions,
    make_result,
    shown_photo,
    take_snapshot,
)
from vizstudio.models import load_model


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_levels_are_the_panels_side_by_side(rows: int, cols: int, seed: int) -> None:
    similarity = np.random.default_rng(seed).uniform(-1, 1, (rows, cols, rows, cols)).astype(np.float32)
    positions = Positions.of(similarity)
    step = (positions.high - positions.low) / (GAP_LEVEL - 1)
    seen = np.zeros(positions.levels.shape, bool)
    for row, col in np.ndindex(rows, cols):
        top, left = row * (rows + 1), col * (cols + 1)
        panel = positions.levels[top : top + rows, left : left + cols]
        values = positions.low + panel * step
        np.testing.assert_allclose(values, similarity[row, col], atol=step * 0.51)
        seen[top : top + rows, left : left + cols] = True
    assert (positions.levels[~seen] == GAP_LEVEL).all()
    assert (positions.levels[seen] < GAP_LEVEL).all()


def test_a_large_photo_is_shown_smaller_and_grey(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    pixels = np.zeros((300, 3 * SHOWN_SIDE, 3), np.uint8)
    pixels[:, : pixels.shape[1] // 2] = (255, 0, 0)
    Image.fromarray(pixels).save(path)
    photo = shown_photo(read_image(path))
    assert photo.shape == (100, SHOWN_SIDE, 3)
    assert photo[50, 10].tolist() == [76] * 3  # 0.299 · 255: ITU-R BT.601
    assert photo[50, -10].tolist() == [0] * 3


def test_a_small_photo_keeps_its_size(photo: Path) -> None:
    assert shown_photo(read_image(photo)).shape == (80, 120, 3)


@pytest.fixture
def result(host: Any, photo: Path) -> Any:
    model = load_model("fake:small", device="cpu", host=host)
    choice = ModelChoice("fake:small", device="cpu")
    image = read_image(photo)
    return make_result(choice, model.info, image, model.analyze(image))


def test_a_snapshot_is_clamped_to_what_exists(result: Any) -> None:
    snapshot = take_snapshot(result, ViewState(layer=99, head=7, query=(9, 9)))
    assert (snapshot.state.layer, snapshot.state.head, snapshot.state.query) == (2, 1, None)
    expected = attention_heatmap(result.analysis.attention, 2, 1, None)
    np.testing.assert_array_equal(snapshot.heatmap.values, expected.values)  # type: ignore[union-attr]
    assert snapshot.low == 0 and snapshot.high == pytest.approx(float(expected.values.max()))


def test_hiding_outliers_that_nobody_knows_is_a_problem_not_a_crash(result: Any) -> None:
    snapshot = take_snapshot(result, ViewState(hide_outliers=True))
    assert snapshot.heatmap is None and "norms" in snapshot.problem

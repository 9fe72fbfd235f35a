"""Which cells hold a share of a map, and the range of its colours: against trying every set of cells."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core import maps
from vizstudio.core.attention_views import reduction_view
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import VIEWS, Figure, render
from vizstudio.core.images import ImageSource
from vizstudio.core.looks import by_mass
from vizstudio.core.overlay import colorize, overlay
from vizstudio.core.page import photo_at
from vizstudio.core.scene import Box, Picture, Text
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Heatmap
from vizstudio.core.view import STAGE

COUNTS = st.lists(st.integers(0, 9), min_size=6, max_size=6).filter(any)


def fewest(values: list[int], percent: int) -> int:
    """Return how many cells the smallest set has that holds a share, by trying all sets, in whole numbers."""
    for size in range(1, len(values) + 1):
        if any(sum(chosen) * 100 >= percent * sum(values) for chosen in combinations(values, size)):
            return size
    raise AssertionError


@given(COUNTS, st.integers(1, 99))
def test_the_fewest_cells_are_kept_that_hold_the_share(values: list[int], percent: int) -> None:
    full = np.array(values, np.float32).reshape(2, 3)
    kept = by_mass(full, percent / 100)
    there = np.isfinite(kept)
    assert there.sum() == fewest(values, percent)
    assert kept[there].sum() * 100 >= percent * full.sum()
    np.testing.assert_array_equal(kept[there], full[there])


@given(COUNTS, st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_larger_share_keeps_what_a_smaller_one_kept(values: list[int], one: float, other: float) -> None:
    full = np.array(values, np.float32).reshape(2, 3)
    small, large = (np.isfinite(by_mass(full, share)) for share in sorted((one, other)))
    assert (large | ~small).all()


def test_cells_without_a_value_hold_nothing() -> None:
    full = np.array([[np.nan, 3.0], [1.0, np.nan]], np.float32)
    np.testing.assert_array_equal(by_mass(full, 0.5), [[np.nan, 3], [np.nan, np.nan]])
    assert np.isnan(by_mass(np.full((2, 2), np.nan), 0.5)).all()
    assert by_mass(full, 1.0) is full


def test_negative_values_have_no_mass() -> None:
    with pytest.raises(UsageError, match="negative values has no mass: leave out --mass"):
        by_mass(np.array([[1.0, -1.0]]), 0.5)


@pytest.mark.parametrize("span", [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf), (np.nan, 1.0)])
def test_ranges_that_are_none(span: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="is none: give LOW,HIGH"):
        ViewState(range=span)


@pytest.mark.parametrize("mass", [0.0, -1.0, 1.5, np.nan])
def test_masses_that_are_none(mass: float) -> None:
    with pytest.raises(UsageError, match="is no share of a map: give a number above 0, up to 1"):
        ViewState(mass=mass)


# Views


def drawn(analysis: Analysis, image: ImageSource, **asked: Any) -> Figure:
    rollout = reduction_view("Rollout", "Flow.", lambda a, layer, head, query: maps.rollout(a, query, head))
    return render(analysis, image, ViewState(**asked), True, {**VIEWS, "rollout": rollout})


def pixels(figure: Figure) -> list[np.ndarray]:
    return [item.pixels for item in figure.scene.items if isinstance(item, Picture)]


def said(figure: Figure) -> str:
    return " ".join(item.text for item in figure.scene.items if isinstance(item, Text))


def has(figure: Figure, wanted: np.ndarray) -> bool:
    return any(np.array_equal(found, wanted) for found in pixels(figure))


@pytest.mark.parametrize("view", ["attention", "rollout"])
def test_one_map_with_a_mass_and_a_range(analysis: Analysis, image: ImageSource, view: str) -> None:
    figure = drawn(analysis, image, view=view, mass=0.5, range=(0.01, 0.05))
    whole = drawn(analysis, image, view=view).heatmap
    assert whole is not None
    values = by_mass(whole.values, 0.5)
    np.testing.assert_array_equal(figure.data["heatmap"], values)
    cells = Heatmap(values, whole.grid)
    assert has(figure, overlay(photo_at(image, STAGE), cells, "viridis", 0.01, 0.05, 0.7, False))
    assert f"{np.isfinite(values).sum()} of 12 cells that hold 0.5 of the map" in said(figure)
    assert "Values beyond the colour bar have the colours of its ends." in said(figure)
    assert "0.05" in said(figure)  # the end of the colour bar


def test_the_scale_does_not_depend_on_the_mass(analysis: Analysis, image: ImageSource) -> None:
    whole = drawn(analysis, image).heatmap
    assert whole is not None
    shown = drawn(analysis, image, mass=0.3)
    top, cells = float(whole.values.max()), Heatmap(by_mass(whole.values, 0.3), whole.grid)
    assert has(shown, overlay(photo_at(image, STAGE), cells, "viridis", 0, top, 0.7, False))
    assert "beyond" not in said(shown)


def test_every_map_of_a_wall(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image, view="wall", mass=0.6, range=(0.0, 0.1))
    for layer in range(3):
        for values in maps.all_heads(analysis.attention, layer, None):
            assert has(figure, colorize(by_mass(values, 0.6), "viridis", 0.0, 0.1))
    assert "Each map has the scale of the colour bar" in said(figure)
    assert "the fewest cells are shown that hold 0.6 of it" in said(figure)
    assert "Each map has its own scale from 0" in said(drawn(analysis, image, view="wall"))


def test_every_head_of_a_layer(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image, view="heads", layer=1, mass=0.6, range=(0.0, 0.1))
    stack = maps.all_heads(analysis.attention, 1, None)
    shapes = {found.shape for found in pixels(figure)}
    for values in stack:
        cells = Heatmap(by_mass(values, 0.6), analysis.grid)
        wanted = [
            overlay(photo_at(image, max(shape[:2])), cells, "viridis", 0.0, 0.1, 0.7, False)
            for shape in shapes
        ]
        assert any(has(figure, one) for one in wanted)


@pytest.mark.parametrize("view", ["step", "caption-mean", "caption-wall", "caption"])
def test_views_of_a_caption(captioned: Analysis, photo: ImageSource, view: str) -> None:
    plain = drawn(captioned, photo, view=view)
    figure = drawn(captioned, photo, view=view, mass=0.5, range=(0.0, 0.001))
    assert "that hold 0.5 of" in said(figure) and "hold 0.5" not in said(plain)
    assert "colours of its ends" in said(figure)
    if plain.heatmap is not None:
        np.testing.assert_array_equal(figure.data["heatmap"], by_mass(plain.heatmap.values, 0.5))


@pytest.mark.parametrize("view", ["position", "panel", "position-norm", "norms", "entropy"])
def test_pictures_of_something_else_stay_as_they_are(
    analysis: Analysis, image: ImageSource, view: str
) -> None:
    plain, other = (
        drawn(analysis, image, view=view),
        drawn(analysis, image, view=view, range=(0.2, 0.4), mass=0.5),
    )
    assert all(np.array_equal(a, b) for a, b in zip(pixels(plain), pixels(other), strict=True))


def test_the_class_token_has_its_colour_on_the_range(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image, range=(0.0, 1e-6))  # every weight is beyond it

    swatches = [
        item for item in figure.scene.items if isinstance(item, Box) and item.width == item.height == 13
    ]
    top = colorize(np.ones(1), "viridis", 0, 1)[0, :3]
    assert "#{:02x}{:02x}{:02x}".format(*top) in [box.fill for box in swatches]


def test_a_wall_leaves_out_the_outliers_of_each_layer(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image, view="wall", hide_outliers=True)
    stack = figure.data["heatmaps"]
    hidden = np.isnan(stack)
    assert not hidden[0].any()
    assert hidden[1:, :, 1, 2].all() and hidden.sum() == 2 * 2
    assert "High-norm tokens of each layer are hidden." in said(figure)

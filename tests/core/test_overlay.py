"""Colours, maps on photos, mosaics."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid
from vizstudio.core.overlay import (
    COLORMAPS,
    UNSEEN_LIGHT,
    colorize,
    lookup_table,
    mosaic,
    overlay,
    sample_map,
    value_range,
)
from vizstudio.core.types import Heatmap


@pytest.mark.parametrize("name", COLORMAPS)
def test_every_colormap_offered_exists(name: str) -> None:
    table = lookup_table(name)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert len(np.unique(table, axis=0)) > 100


def test_viridis_has_its_published_ends() -> None:
    assert lookup_table("viridis")[[0, -1]].tolist() == [[68, 1, 84], [253, 231, 37]]


@pytest.mark.parametrize("name", ["viridis", "magma", "inferno", "plasma", "cividis", "batlow"])
def test_perceptual_colormaps_grow_lighter_all_the_way(name: str) -> None:
    light = lookup_table(name) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) > -1.5).all() and light[-1] - light[0] > 100


def test_an_unknown_colormap_suggests_a_near_one() -> None:
    with pytest.raises(UsageError, match="no colormap 'virdis': did you mean viridis"):
        lookup_table("virdis")
    with pytest.raises(UsageError, match="no colormap '': choose viridis"):
        lookup_table("")


def test_value_range() -> None:
    assert value_range(np.array([1, np.nan, 3])) == (1, 3)
    assert value_range(np.array([1, np.nan, 3]), from_zero=True) == (0, 3)
    assert value_range(np.array([np.nan, np.inf])) == (0, 1)
    assert value_range(np.zeros(3), from_zero=True) == value_range(np.zeros(3)) == (0, 1)


@pytest.mark.parametrize("value", [-3.0, 1e-12, 1.0, 1e6, 1e38])
def test_rounding_is_not_drawn_as_a_pattern(value: float) -> None:
    """The norms of sines are all the same in mathematics, and differ by rounding in a computer."""
    values = np.full(4, value) * (1 + np.array([0, 1e-7, -1e-7, 2e-7]))
    low, high = value_range(values.astype(np.float32))
    assert low < values.min() < values.max() < high
    colours = colorize(values, "viridis", low, high)
    assert len(np.unique(colours, axis=0)) == 1


def test_colours_follow_the_table() -> None:
    values = np.array([[0.0, 0.5, 1.0, np.nan, 2.0, -2.0]])
    pixels = colorize(values, "magma", 0, 1)
    table = lookup_table("magma")
    assert pixels.shape == (1, 6, 4)
    for i, index in ((0, 0), (1, 127), (2, 255), (4, 255), (5, 0)):
        assert pixels[0, i].tolist() == [*table[index].tolist(), 255]
    assert pixels[0, 3, 3] == 0


def square(rows: int, cols: int, size: tuple[int, int]) -> PatchGrid:
    cell = (size[0] / cols, size[1] / rows)
    return PatchGrid(rows, cols, cell, ImageFit(size, size, (1, 1)))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 60), st.integers(1, 60))
def test_a_map_is_sampled_as_its_grid_finds_cells(rows: int, cols: int, width: int, height: int) -> None:
    values = np.arange(rows * cols, dtype=float).reshape(rows, cols)
    grid = square(rows, cols, (100, 70))
    sampled = sample_map(values, grid.rect, (width, height), (100, 70), smooth=False)
    for y in range(height):
        for x in range(width):
            cell = grid.cell_at((x + 0.5) * 100 / width, (y + 0.5) * 70 / height)
            expected = values[cell]
            near = [(x + 0.5) / width * cols, (y + 0.5) / height * rows]
            if min(abs(v - round(v)) for v in near) > 1e-6:  # not on a line between two cells
                assert sampled[y, x] == expected


def test_smooth_maps_pass_through_the_cells_values() -> None:
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    sampled = sample_map(values, (0, 0, 50, 30), (50 * 3, 30 * 3), (50, 30), smooth=True)
    middles = sampled[15::30, 15::30]  # pixel 15 of 30 is half a pixel from the middle
    assert np.allclose(middles, values, atol=0.12)
    assert sampled.min() >= values.min() - 1e-6 and sampled.max() <= values.max() + 1e-6
    constant = sample_map(np.full((3, 5), 2.0), (0, 0, 50, 30), (50, 30), (50, 30), smooth=True)
    assert (constant == 2).all()


def test_smooth_maps_keep_empty_cells_empty() -> None:
    values = np.ones((2, 2))
    values[0, 0] = np.nan
    sampled = sample_map(values, (0, 0, 20, 20), (20, 20), (20, 20), smooth=True)
    assert np.isnan(sampled[:10, :10]).all() and np.isfinite(sampled[10:]).all()


def test_overlay_blends_colour_into_grey() -> None:
    photo = np.full((20, 20, 3), (200, 100, 50), np.uint8)
    heatmap = Heatmap(np.array([[0.0, 1.0], [np.nan, 0.5]]), square(2, 2, (10, 10)))
    out = overlay(photo, heatmap, "viridis", 0, 1, 0.25, smooth=False).astype(int)
    grey = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    for (y, x), index in (((5, 5), 0), ((5, 15), 255), ((15, 15), 127)):
        expected = 0.75 * grey + 0.25 * lookup_table("viridis")[index]
        assert np.abs(out[y, x] - expected).max() <= 0.5 + 1e-3
    assert np.abs(out[15, 5] - grey).max() <= 0.5 + 1e-3  # no value: the photo alone


@pytest.mark.parametrize("opacity", [0.0, 1.0])
def test_opacity_at_its_ends(opacity: float) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (10, 10, 3), np.uint8)
    heatmap = Heatmap(np.array([[0.0, 1.0]]), square(1, 2, (10, 10)))
    out = overlay(photo, heatmap, "gray", 0, 1, opacity, smooth=False)
    if opacity:
        assert (out[:, :5] == 0).all() and (out[:, 5:] == 255).all()
    else:
        assert np.allclose(out[..., 0], photo @ [0.299, 0.587, 0.114], atol=0.51)


def test_what_the_model_did_not_see_is_dark(grid: PatchGrid) -> None:
    photo = np.full((80, 120, 3), 100, np.uint8)
    out = overlay(photo, Heatmap(np.ones(grid.shape), grid), "viridis", 0, 1, 1.0, smooth=False)
    left, _, width, _ = grid.rect
    assert (out[:, : int(left)] == round(100 * UNSEEN_LIGHT)).all()
    assert (out[:, int(left + width) + 1 :] == round(100 * UNSEEN_LIGHT)).all()
    assert (out[:, int(left) + 1 : int(left + width)] == lookup_table("viridis")[255]).all()


def test_a_photo_of_other_proportions_still_carries_the_map() -> None:
    """A panorama is drawn stretched; its left half stays its left half."""
    grid = square(1, 2, (20000, 3))
    out = overlay(
        np.zeros((48, 640, 3), np.uint8), Heatmap(np.array([[0.0, 1.0]]), grid), "gray", 0, 1, 1.0, False
    )
    assert (out[:, :320] == 0).all() and (out[:, 320:] == 255).all()


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 3),
)
def test_every_panel_lies_at_its_place(
    down: int, across: int, rows: int, cols: int, zoom: int, gap: int
) -> None:
    panels = np.random.default_rng(0).normal(size=(down, across, rows, cols)).astype(np.float32)
    out = mosaic(panels, gap, zoom)
    assert out.shape == (down * (rows * zoom + gap) - gap, across * (cols * zoom + gap) - gap)
    for r, c in np.ndindex(down, across):
        top, left = r * (rows * zoom + gap), c * (cols * zoom + gap)
        part = out[top : top + rows * zoom, left : left + cols * zoom]
        assert np.array_equal(part, np.kron(panels[r, c], np.ones((zoom, zoom), np.float32)))
    assert np.isfinite(out).sum() == panels.size * zoom**2


def test_a_map_must_fit_its_grid(make_attention: Callable, grid: PatchGrid) -> None:
    with pytest.raises(GeometryError, match=r"a map of \(4, 3\) does not fit a grid of \(3, 4\)"):
        Heatmap(np.zeros((4, 3)), grid)

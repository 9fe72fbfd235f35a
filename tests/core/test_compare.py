"""Differences of maps, against sums over cells written out, and against what must hold of any two maps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vizstudio.core.compare import (
    at_same_place,
    map_pair,
    on_finer_grid,
    position_difference,
    reach_of,
    same_cells,
)
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.types import Heatmap, PositionEmbedding

SIZE = (120, 80)


@st.composite
def grids(draw: st.DrawFn) -> PatchGrid:
    """A grid over some part of the photo, or beyond it."""
    rows, cols = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    scale = draw(st.floats(0.3, 2)), draw(st.floats(0.3, 2))
    offset = draw(st.floats(-30, 30)), draw(st.floats(-30, 30))
    return PatchGrid(rows, cols, (16.0, 16.0), ImageFit(SIZE, (16 * cols, 16 * rows), scale, offset))


@st.composite
def heatmaps(draw: st.DrawFn) -> Heatmap:
    """A map of attention, some of whose cells may have no value."""
    grid, seed = draw(grids()), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(len(grid))).reshape(grid.shape)
    values[rng.random(grid.shape) < draw(st.sampled_from([0, 0.3]))] = np.nan
    return Heatmap(values.astype(np.float32), grid, "a", "attention")


def by_cells(first: Heatmap, second: Heatmap) -> list[tuple[tuple[int, int], tuple[int, int], float, float]]:
    """Return (cell, other cell, mass of the first, mass of the second) of every overlap, cell by cell."""
    found = []
    for cell in np.ndindex(*first.grid.shape):
        for other in np.ndindex(*second.grid.shape):
            x, y, w, h = first.grid.cell_rect(*cell)
            u, v, p, q = second.grid.cell_rect(*other)
            across, down = min(x + w, u + p) - max(x, u), min(y + h, v + q) - max(y, v)
            if (
                across > 1e-7
                and down > 1e-7
                and np.isfinite([first.values[cell], second.values[other]]).all()
            ):
                area = across * down
                found.append(
                    (cell, other, first.values[cell] * area / (w * h), second.values[other] * area / (p * q))
                )
    return found


@given(heatmaps(), heatmaps())
def test_overlaps_are_those_of_all_pairs_of_cells(first: Heatmap, second: Heatmap) -> None:
    overlaps = by_cells(first, second)
    assume(overlaps)
    (w, h), (p, q) = first.grid.cell_rect(0, 0)[2:], second.grid.cell_rect(0, 0)[2:]
    own = 0 if w * h <= p * q * (1 + 1e-9) else 1
    wanted = np.full((2, *(first, second)[own].grid.shape), np.nan)
    for overlap in overlaps:
        for side in (0, 1):
            wanted[side][overlap[own]] = np.nan_to_num(wanted[side][overlap[own]]) + overlap[2 + side]
    one, two = on_finer_grid(first, second)
    assert one.grid is two.grid is (first, second)[own].grid
    for got, right in zip((one, two), wanted, strict=True):
        slivers = np.isfinite(got.values) != np.isfinite(right)
        assert np.nan_to_num(got.values)[slivers] == pytest.approx(0, abs=1e-7)
        np.testing.assert_allclose(np.nan_to_num(got.values), np.nan_to_num(right), atol=1e-6)


@given(heatmaps(), heatmaps())
def test_mass_is_kept_where_both_saw_something(first: Heatmap, second: Heatmap) -> None:
    overlaps = by_cells(first, second)
    assume(overlaps and not same_cells(first.grid, second.grid))
    pair = map_pair(first, second, same_image=True)
    masses = [sum(overlap[2 + side] for overlap in overlaps) for side in (0, 1)]
    for heatmap, own, mass in zip((pair.first, pair.second), (first, second), masses, strict=True):
        assert np.nansum(heatmap.values) == pytest.approx(mass, abs=1e-5)
        assert mass <= np.nansum(own.values) + 1e-6
    difference = np.nansum(pair.difference.values)
    assert difference == pytest.approx(masses[0] - masses[1], abs=1e-5)
    assert pair.how == "overlap" and pair.moved >= abs(difference) / 2 - 1e-6


@given(heatmaps(), heatmaps())
def test_the_other_way_round_the_difference_has_the_other_sign(first: Heatmap, second: Heatmap) -> None:
    assume(by_cells(first, second))
    areas = [np.prod(heatmap.grid.cell_rect(0, 0)[2:]) for heatmap in (first, second)]
    assume(not np.isclose(*areas))  # of cells of one size the first grid is taken
    there, back = map_pair(first, second, True), map_pair(second, first, True)
    np.testing.assert_allclose(there.difference.values, -back.difference.values, atol=1e-7)
    assert there.moved == pytest.approx(back.moved, abs=1e-6)


def squashed(rows: int, cols: int, size: tuple[int, int] = SIZE) -> PatchGrid:
    fit = ImageFit.resized(size, (cols * 16, rows * 16), (cols * 16, rows * 16))
    return PatchGrid(rows, cols, (16.0, 16.0), fit)


def test_one_value_on_four_cells_becomes_four_quarters() -> None:
    coarse = Heatmap(np.array([[0.4, 0.6]], np.float32), squashed(1, 2), unit="attention")
    fine = Heatmap(np.full((2, 4), 0.125, np.float32), squashed(2, 4), unit="attention")
    pair = map_pair(coarse, fine, same_image=True)
    assert pair.how == "overlap" and pair.difference.grid is fine.grid
    np.testing.assert_allclose(pair.first.values, [[0.1, 0.1, 0.15, 0.15]] * 2)
    np.testing.assert_allclose(pair.difference.values, [[-0.025, -0.025, 0.025, 0.025]] * 2, atol=1e-7)
    assert pair.moved == pytest.approx(0.1)
    assert pair.span() == (0.0, pytest.approx(0.15)) and pair.reach() == pytest.approx(0.025)


def test_the_same_cells_are_subtracted_as_they_are(grid: PatchGrid) -> None:
    rng = np.random.default_rng(2)
    values = rng.random((2, 3, 4)).astype(np.float32)
    values[1, 0, 0] = np.nan
    other = replace(grid, fit=replace(grid.fit, offset=(grid.fit.offset[0] + 1e-9, 0.0)))
    pair = map_pair(Heatmap(values[0], grid), Heatmap(values[1], other), same_image=True)
    assert pair.how == "cells"
    np.testing.assert_array_equal(pair.difference.values, values[0] - values[1])
    np.testing.assert_array_equal(pair.first.values, values[0])


def test_no_difference_has_no_pattern() -> None:
    values = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    pair = map_pair(Heatmap(values, squashed(3, 4)), Heatmap(values + 1e-8, squashed(3, 4)), True)
    assert np.abs(pair.difference.values).max() < 0.01 * pair.reach()
    assert reach_of(np.zeros(3), np.zeros(3)) == 1.0
    assert reach_of(np.full(2, np.nan), np.full(2, np.nan)) == 1.0


def test_two_images_are_compared_by_cells_of_one_grid() -> None:
    first = Heatmap(np.ones((2, 3), np.float32), squashed(2, 3), unit="attention")
    second = Heatmap(np.zeros((2, 3), np.float32), squashed(2, 3, (50, 90)), unit="attention")
    assert map_pair(first, second, same_image=False).how == "other image"
    other = Heatmap(np.zeros((3, 3), np.float32), squashed(3, 3, (50, 90)), unit="attention")
    with pytest.raises(
        GeometryError, match=r"of 2×3 and of 3×3 cells .*choose models of one grid, or one image"
    ):
        map_pair(first, other, same_image=False)


def test_what_is_no_mass_is_not_shared_out() -> None:
    first = Heatmap(np.ones((2, 3), np.float32), squashed(2, 3), unit="saliency")
    second = Heatmap(np.ones((3, 3), np.float32), squashed(3, 3), unit="saliency")
    with pytest.raises(GeometryError, match=r"saliency on a grid of 2×3 and of 3×3 cells"):
        map_pair(first, second, same_image=True)
    with pytest.raises(GeometryError, match=r"maps of positions on a grid of 2×3 and of 3×3"):
        map_pair(first, second, same_image=True, on_photo=False)


def test_maps_that_have_nothing_in_common() -> None:
    first = Heatmap(np.array([[1.0, np.nan]], np.float32), squashed(1, 2), unit="attention")
    second = Heatmap(np.array([[np.nan] * 2 + [0.5] * 2], np.float32), squashed(1, 4), unit="attention")
    with pytest.raises(GeometryError, match="no place of the photo has a value in both"):
        map_pair(first, second, same_image=True)


def test_a_query_is_found_at_the_same_place(grid: PatchGrid) -> None:
    coarse, fine = TokenAxis(("cls",), squashed(2, 2)), TokenAxis(("cls",), squashed(6, 4))
    for row, col in np.ndindex(6, 4):
        assert at_same_place((row, col), fine, coarse, True) == (row // 3, col // 2)
    assert at_same_place((1, 1), coarse, fine, True) == (4, 3)
    assert (
        at_same_place("cls", fine, coarse, True) == "cls" and at_same_place(None, fine, coarse, False) is None
    )
    cropped = TokenAxis((), grid)
    assert not same_cells(grid, fine.grid)  # type: ignore[arg-type]
    far = PatchGrid(6, 40, (16.0, 16.0), ImageFit.resized(SIZE, (640, 96), (640, 96)))
    with pytest.raises(GeometryError, match="patch 0,0 of the first lies where the second saw nothing"):
        at_same_place((0, 0), TokenAxis((), far), cropped, True)
    assert at_same_place((1, 2), cropped, TokenAxis((), squashed(3, 4, (9, 9))), False) == (1, 2)
    with pytest.raises(GeometryError, match="grid of 6×4 is no patch of another image's grid of 2×2"):
        at_same_place((1, 2), fine, coarse, False)


def test_a_token_number_stands_for_the_same_token_on_both_sides() -> None:
    plain, registers = TokenAxis((), squashed(6, 4)), TokenAxis(("cls", "reg1"), squashed(6, 4))
    coarse = TokenAxis(("cls",), squashed(2, 2))
    assert at_same_place(7, registers, registers, True) == 7
    for token in range(2, 26):
        patch = divmod(token - 2, 4)
        assert at_same_place(token, registers, plain, True) == patch
        assert at_same_place(token, registers, coarse, True) == (patch[0] // 3, patch[1] // 2)
    assert at_same_place(0, registers, coarse, True) == "cls"
    assert at_same_place(0, plain, registers, True) == (0, 0)
    assert at_same_place(0, registers, plain, True) == "cls"  # which the second does not have, and says so
    words = TokenAxis(("token",))
    assert at_same_place(0, words, words, True) == 0


def test_positions_of_two_models() -> None:
    rng = np.random.default_rng(1)
    first, second = (
        PositionEmbedding("learned", rng.normal(size=(6, 5)).astype(np.float32), squashed(2, 3))
        for _ in range(2)
    )
    difference = position_difference(first, second)

    def cosine(vectors: np.ndarray, a: int, b: int) -> float:
        return float(vectors[a] @ vectors[b] / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b]))

    wanted = cosine(first.vectors, 4, 2) - cosine(second.vectors, 4, 2)
    assert difference.shape == (2, 3, 2, 3) and difference[1, 1, 0, 2] == pytest.approx(wanted, abs=1e-6)
    other = PositionEmbedding("learned", rng.normal(size=(4, 5)), squashed(2, 2))
    with pytest.raises(UsageError, match=r"of 2×3 and of 2×2 patches cannot be subtracted"):
        position_difference(first, other)

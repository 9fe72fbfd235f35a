"""The pointing game and mass in mask, against plain loops over pixels in exact fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vizstudio.core.errors import GeometryError
from vizstudio.core.geometry import ImageFit, PatchGrid
from vizstudio.core.pointing import Tally, find_mentions, mass, pointing, see, with_mean

Span = tuple[Fraction, Fraction]


@st.composite
def grids(draw: st.DrawFn) -> tuple[PatchGrid, list[Span], list[Span]]:
    """A grid on a photo that was squashed, cropped or padded, and its rows and columns on the photo exactly."""
    size = draw(st.integers(1, 23)), draw(st.integers(1, 23))
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    cell = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    scale = [Fraction(draw(st.integers(1, 12)), draw(st.integers(1, 6))) for _ in "xy"]
    offset = draw(st.integers(-20, 20)), draw(st.integers(-20, 20))
    fit = ImageFit(size, (99, 99), (float(scale[0]), float(scale[1])), (float(offset[0]), float(offset[1])))
    grid = PatchGrid(shape[0], shape[1], (float(cell[0]), float(cell[1])), fit)
    across, down = (
        [((i * cell[a] - offset[a]) / scale[a], ((i + 1) * cell[a] - offset[a]) / scale[a]) for i in range(n)]
        for a, n in ((0, shape[1]), (1, shape[0]))
    )
    clipped = [
        [(max(start, Fraction(0)), min(end, Fraction(length))) for start, end in spans]
        for spans, length in ((down, size[1]), (across, size[0]))
    ]
    assume(all(any(start < end for start, end in spans) for spans in clipped))
    return grid, clipped[0], clipped[1]


def on_pixel(span: Span, pixel: int) -> Fraction:
    return max(Fraction(0), min(span[1], Fraction(pixel + 1)) - max(span[0], Fraction(pixel)))


@given(grids(), st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_each_cell_is_what_loops_over_its_pixels_say(made, seed: int, filled: float) -> None:
    grid, rows, cols = made
    width, height = grid.fit.original_size
    mask = np.random.default_rng(seed).random((1, height, width)) < filled
    targets = see(mask, grid)
    whole = covered = Fraction(0)
    for r, row in enumerate(rows):
        for c, col in enumerate(cols):
            if row[0] >= row[1] or col[0] >= col[1]:  # on padding
                assert (targets.cover[0, r, c], targets.hits[0, r, c]) == (0, False)
                continue
            area = (row[1] - row[0]) * (col[1] - col[0])
            on = sum(
                on_pixel(row, y) * on_pixel(col, x) for y, x in np.argwhere(mask[0]).tolist()
            ) + Fraction(0)
            assert targets.cover[0, r, c] == pytest.approx(float(on / area), abs=1e-9)
            assert targets.hits[0, r, c] == mask[0, floor(sum(row) / 2), floor(sum(col) / 2)]
            whole, covered = whole + area, covered + on
    assert targets.chance[0] == pytest.approx(float(covered / whole), abs=1e-9)


@given(grids(), st.integers(0, 2**32 - 1))
def test_a_map_that_is_even_on_the_photo_scores_chance(made, seed: int) -> None:
    grid, rows, cols = made
    width, height = grid.fit.original_size
    masks = np.random.default_rng(seed).random((3, height, width)) < 0.4
    even = np.outer(*([float(max(Fraction(0), end - start)) for start, end in s] for s in (rows, cols)))
    targets = see(masks, grid)
    for number in range(3):
        assert mass(even, targets.cover[number]) == pytest.approx(targets.chance[number], abs=1e-9)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_on_a_whole_photo_chance_is_the_share_of_the_mask_and_an_even_map_scores_it(
    rows: int, cols: int, cell: int, seed: int
) -> None:
    size = cols * cell, rows * cell
    grid = PatchGrid(rows, cols, (float(cell), float(cell)), ImageFit(size, size, (1.0, 1.0)))
    masks = np.random.default_rng(seed).random((1, *size[::-1])) < 0.3
    targets, even = see(masks, grid), np.full((rows, cols), 0.25)
    assert targets.chance[0] == pytest.approx(masks.mean())
    assert mass(even, targets.cover[0]) == pytest.approx(masks.mean())
    centres = masks[0, cell // 2 :: cell, cell // 2 :: cell]
    assert pointing(even, targets.hits[0]) == pytest.approx(centres.mean())


@given(grids(), st.integers(0, 2**32 - 1))
def test_a_map_planted_on_a_cell_scores_as_the_cell_lies(made, seed: int) -> None:
    grid, _, _ = made
    rng = np.random.default_rng(seed)
    masks = rng.random((2, *grid.fit.original_size[::-1])) < 0.5
    targets, row, col = see(masks, grid), rng.integers(grid.rows), rng.integers(grid.cols)
    planted = np.zeros(grid.shape, np.float32)
    planted[row, col] = 0.37  # need not sum to 1: the rest went to the class token
    scores = targets.score(planted, 1)
    assert scores[0] == targets.hits[1, row, col]
    assert scores[1] == pytest.approx(targets.cover[1, row, col])


@given(st.integers(0, 2**32 - 1))
def test_scores_of_many_maps_are_those_of_each_and_do_not_depend_on_their_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = PatchGrid(4, 5, (3.0, 3.0), ImageFit((15, 12), (15, 12), (1.0, 1.0)))
    targets, maps = see(rng.random((1, 12, 15)) < 0.4, grid), rng.random((3, 4, 5))
    together = targets.score(maps, 0)
    for i, one in enumerate(maps):
        assert np.allclose(together[:, i], targets.score(one, 0))
        assert np.allclose(together[:, i], targets.score(one * 0.125, 0))
    assert np.allclose(with_mean(maps), [maps.mean(axis=0), *maps])


def test_cells_that_could_not_be_looked_at_count_for_nothing() -> None:
    hits, cover = np.array([[True, False], [False, True]]), np.array([[1.0, 0.0], [0.25, 0.5]])
    maps = np.array([[np.nan, 0.1], [0.3, np.nan]])
    assert pointing(maps, hits) == 0
    assert mass(maps, cover) == pytest.approx((0.1 * 0 + 0.3 * 0.25) / 0.4)
    assert mass(np.zeros((2, 2)), cover) == 0


def test_masks_of_another_photo_are_refused() -> None:
    grid = PatchGrid(2, 2, (4.0, 4.0), ImageFit((8, 6), (8, 8), (1.0, 1.0)))
    with pytest.raises(GeometryError, match=r"\(8, 6\) pixels do not fit a photo of \(6, 8\)"):
        see(np.ones((1, 8, 6), bool), grid)
    beyond = PatchGrid(2, 2, (4.0, 4.0), ImageFit((8, 8), (8, 8), (1.0, 1.0), (30.0, 0.0)))
    with pytest.raises(GeometryError, match="no cell"):
        see(np.ones((1, 8, 8), bool), beyond)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("a cat on a mat", [(1, 2, "cat")]),
        ("Cat above a cat", [(0, 1, "cat"), (3, 4, "cat")]),
        ("a hot dog and a dog", [(1, 3, "hot dog"), (5, 6, "dog")]),
        ("cats and a category", []),
        ("a hot", []),
        ("", []),
    ],
)
def test_names_are_found_where_they_stand(sentence: str, found: list[tuple[int, int, str]]) -> None:
    assert find_mentions(sentence.split(), ["dog", "cat", "hot dog"]) == found


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30), st.integers(1, 4))
def test_the_error_is_the_textbooks_and_repeating_within_an_image_tells_nothing_new(
    values: list[float], times: int
) -> None:
    tally = Tally()
    for image, value in enumerate(values):
        for _ in range(times):
            tally.add(image, np.array([value, -value]))
    estimate = tally.estimate()
    expected = np.std(values, ddof=1) / len(values) ** 0.5
    assert estimate.count == len(values) * times == len(tally)
    assert estimate.mean == pytest.approx([np.mean(values), -np.mean(values)], abs=1e-12)
    assert estimate.error == pytest.approx([expected, expected], abs=1e-9)


def test_of_one_image_the_error_is_not_known() -> None:
    tally = Tally()
    tally.add(3, 1.0)
    tally.add(3, 0.0)
    assert (tally.estimate().mean, np.isnan(tally.estimate().error)) == (0.5, True)


def test_differences_are_taken_thing_by_thing() -> None:
    right, late = Tally(), Tally()
    for image, value in enumerate([1.0, 0.0, 1.0, 1.0]):
        right.add(image, value)
        late.add(image, value / 2)
    gain = right.minus(late).estimate()
    assert (gain.mean, gain.count) == (0.375, 4)
    assert gain.error == pytest.approx(np.std([0.5, 0, 0.5, 0.5], ddof=1) / 2)

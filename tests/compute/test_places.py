"""Rectangles packed into numbers: joined, strided and resized like the pixels they stand for."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.compute.places import (
    LOST,
    MAX_SIDE,
    finer,
    is_constant,
    pack,
    pixels,
    resized,
    strided,
    union,
    unpack,
)

side = st.integers(0, MAX_SIDE)


def rectangles(places: torch.Tensor) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in values) for values in zip(*unpack(places.flatten()), strict=True)]


@given(st.lists(st.tuples(side, side, side, side), min_size=1, max_size=8))
def test_packing_loses_nothing_and_survives_a_double(corners: list[tuple[int, ...]]) -> None:
    places = pack(*torch.tensor(corners, dtype=torch.int64).T)
    assert rectangles(places) == corners
    assert torch.equal(places.double().long(), places)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
def test_blocks_of_pixels_are_cells(rows: int, cols: int, high: int, wide: int) -> None:
    places = strided(pixels(rows * high, cols * wide)[None, None], (high, wide), (rows, cols))
    assert places is not None
    expected = [
        (r * high, c * wide, (r + 1) * high, (c + 1) * wide) for r in range(rows) for c in range(cols)
    ]
    assert rectangles(places) == expected


@given(st.integers(5, 40), st.integers(2, 5))
def test_a_ragged_edge_is_cut_off_or_shortens_the_last_cell(length: int, step: int) -> None:
    line = pixels(length, step)[None, None]
    down = strided(line, (step, step), (length // step, 1))
    up = strided(line, (step, step), (-(-length // step), 1))
    assert down is not None and up is not None
    whole = [i * step for i in range(length // step)]
    assert [r[0] for r in rectangles(down)] == whole
    assert rectangles(up)[-1][2] == length
    assert strided(line, (step, step), (length // step + 2, 1)) is None


def test_a_kernel_without_padding_leaves_the_same_border_on_both_sides() -> None:
    # 16×16 kernels at stride 8 over 224 pixels: 27 outputs whose centres lie at 8, 16, …, 216.
    places = strided(pixels(224, 224)[None, None], (8, 8), (27, 27))
    assert places is not None
    top, left, bottom, right = rectangles(places)[0]
    assert ((top + bottom) / 2, (left + right) / 2) == (8, 8)
    top, left, bottom, right = rectangles(places)[-1]
    assert ((top + bottom) / 2, (left + right) / 2) == (216, 216)


def test_explicit_padding_does_not_shift_the_cells() -> None:
    padded = torch.nn.functional.pad(pixels(8, 8)[None, None], (1, 1, 1, 1))
    places = strided(padded, (2, 2), (4, 4))
    assert places is not None
    assert rectangles(places)[:2] == [(0, 0, 2, 2), (0, 2, 2, 4)]


def test_union_of_what_does_not_tile_a_rectangle_is_lost() -> None:
    grid = pixels(4, 4)
    assert int(union(torch.stack([grid[0, 0], grid[0, 1]]))) == int(pack(*torch.tensor([0, 0, 1, 2])))
    assert int(union(torch.stack([grid[0, 0], grid[0, 2]]))) == LOST  # a gap
    assert int(union(torch.stack([grid[0, 0], grid[1, 1]]))) == LOST  # a diagonal
    assert int(union(torch.stack([grid[0, 0], torch.tensor(LOST)]))) == LOST
    assert int(union(torch.tensor([-3, -3]))) == -3
    assert int(union(torch.tensor([-3, -4]))) == LOST
    assert int(union(torch.tensor([0, int(grid[1, 2])]))) == int(grid[1, 2])  # padding beside a pixel


def test_the_finer_of_two_places_wins_and_equals_that_disagree_are_lost() -> None:
    coarse, fine = pack(*torch.tensor([0, 0, 4, 4])), pack(*torch.tensor([2, 2, 3, 3]))
    other = pack(*torch.tensor([1, 1, 2, 2]))
    assert finer(coarse, fine) == fine == finer(fine, coarse)
    assert finer(fine, fine) == fine
    assert finer(fine, other) == LOST


@given(st.integers(3, 40), st.integers(3, 40), st.integers(2, 30), st.integers(2, 30))
def test_a_resized_image_still_covers_everything_once(height: int, width: int, rows: int, cols: int) -> None:
    if rows > height or cols > width:
        return
    cells = rectangles(resized(pixels(height, width)[None, None], (rows, cols)))
    assert sum((b - t) * (r - left) for t, left, b, r in cells) == height * width
    assert cells[0][:2] == (0, 0) and cells[-1][2:] == (height, width)


def test_constant_along_a_dimension() -> None:
    grid = pixels(3, 4)
    assert is_constant(grid[None].expand(5, 3, 4), 0)
    assert is_constant(grid[None].repeat(5, 1, 1), 0)
    assert not is_constant(grid, 0)

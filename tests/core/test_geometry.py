"""From cells to pixels of the original and back, for every way to fit an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vizstudio.core.errors import GeometryError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis

sides = st.integers(1, 900)
modes = st.sampled_from(["crop", "squash", "pad"])


def make_fit(original: tuple[int, int], size: tuple[int, int], mode: str) -> ImageFit:
    """Fit as a model's transforms do: resize to whole pixels, then cut off or pad around the middle."""
    ratios = [i / o for i, o in zip(size, original, strict=True)]
    if mode == "squash":
        resized = size
    else:
        ratio = max(ratios) if mode == "crop" else min(ratios)
        resized = (max(1, round(original[0] * ratio)), max(1, round(original[1] * ratio)))
    offset = ((size[0] - resized[0]) // 2, (size[1] - resized[1]) // 2)
    return ImageFit.resized(original, resized, size, offset, mode)


@st.composite
def grids(draw: st.DrawFn) -> PatchGrid:
    rows, cols = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    cell = (draw(st.sampled_from([7, 14, 16, 17])), draw(st.sampled_from([7, 14, 16, 17])))
    fit = make_fit((draw(sides), draw(sides)), (cols * cell[0], rows * cell[1]), draw(modes))
    return PatchGrid(rows, cols, (float(cell[0]), float(cell[1])), fit)


@given(grids())
def test_middle_of_a_cell_leads_back_to_the_cell(grid: PatchGrid) -> None:
    seen = 0
    for row in range(grid.rows):
        for col in range(grid.cols):
            left, top, width, height = grid.cell_rect(row, col)
            x, y = left + width / 2, top + height / 2
            inside = 0 <= x < grid.fit.original_size[0] and 0 <= y < grid.fit.original_size[1]
            assert grid.cell_at(x, y) == ((row, col) if inside else None)
            seen += inside
    assert seen or grid.fit.mode == "pad"


@given(grids(), st.floats(1e-9, 1 - 1e-9), st.floats(1e-9, 1 - 1e-9))
def test_pixel_lies_in_the_cell_found_for_it(grid: PatchGrid, u: float, v: float) -> None:
    x, y = u * grid.fit.original_size[0], v * grid.fit.original_size[1]
    slack = 1e-6 * max(grid.fit.original_size)
    cell = grid.cell_at(x, y)
    left, top, width, height = grid.rect if cell is None else grid.cell_rect(*cell)
    deep = min(x - left, left + width - x, y - top, top + height - y)  # how far within the rectangle
    if cell is not None:
        assert deep > -slack
    else:
        assert grid.fit.mode == "crop" and deep < slack  # squashed and padded images are seen whole


@given(grids())
def test_cells_tile_the_grids_rectangle(grid: PatchGrid) -> None:
    rects = np.array([[grid.cell_rect(r, c) for c in range(grid.cols)] for r in range(grid.rows)])
    left, top, width, height = grid.rect
    assert np.allclose(rects[0, 0, :2], (left, top))
    assert np.allclose(rects[-1, -1, :2] + rects[-1, -1, 2:], (left + width, top + height))
    assert np.allclose(rects[:, :-1, 0] + rects[:, :-1, 2], rects[:, 1:, 0])
    assert np.allclose(rects[:-1, :, 1] + rects[:-1, :, 3], rects[1:, :, 1])


@pytest.mark.parametrize("mode", ["crop", "squash", "pad"])
@pytest.mark.parametrize("original", [(301, 200), (200, 301), (64, 48), (97, 97)])
def test_cells_agree_with_resampled_pixels(mode: str, original: tuple[int, int]) -> None:
    """An image whose values are its own coordinates, resized by Pillow, says where each input pixel came from."""
    fit = make_fit(original, (64, 48), mode)
    grid = PatchGrid(3, 4, (16.0, 16.0), fit)
    ys, xs = np.indices((original[1], original[0])).astype(np.float32) + 0.5
    resized = tuple(round(o * s) for o, s in zip(original, fit.scale, strict=True))
    for axis, values in enumerate((xs, ys)):
        shrunk = Image.fromarray(values).resize(resized, Image.Resampling.BILINEAR)
        canvas = Image.new("F", fit.input_size, -1)
        canvas.paste(shrunk, tuple(int(v) for v in fit.offset))
        pixels = np.asarray(canvas)
        for row in range(3):
            for col in range(4):
                patch = pixels[row * 16 : row * 16 + 16, col * 16 : col * 16 + 16]
                if (patch < 0).any():
                    continue  # on padding
                rect = grid.cell_rect(row, col)
                middle = rect[axis] + rect[2 + axis] / 2
                assert patch.mean() == pytest.approx(middle, abs=0.35 / fit.scale[axis])


def test_a_point_outside_the_photo_or_the_crop_has_no_cell(grid: PatchGrid) -> None:
    assert grid.cell_at(-1, 40) is None
    assert grid.cell_at(120, 40) is None
    assert grid.cell_at(60, 80) is None
    assert grid.cell_at(5, 40) is None  # cut off: the crop begins at 4 / 0.6 = 6.67
    assert grid.cell_at(7, 40) == (1, 0)


def test_a_padded_cell_reaches_beyond_the_photo() -> None:
    grid = PatchGrid(4, 4, (16.0, 16.0), make_fit((100, 50), (64, 64), "pad"))
    assert grid.cell_rect(0, 0) == pytest.approx((0, -25, 25, 25))
    assert grid.cell_at(0, 0) == (1, 0)


@pytest.mark.parametrize("cell", [(3, 0), (0, 4), (-1, 0), (0, -1)])
def test_no_rectangle_for_a_cell_that_is_not_there(grid: PatchGrid, cell: tuple[int, int]) -> None:
    with pytest.raises(GeometryError, match=r"patch -?\d,-?\d is outside the grid of 3×4"):
        grid.cell_rect(*cell)


def test_senseless_sizes_are_refused(grid: PatchGrid) -> None:
    with pytest.raises(GeometryError, match="image sizes must be positive"):
        ImageFit((0, 5), (8, 8), (1, 1))
    with pytest.raises(GeometryError, match="scale from image to model input must be positive"):
        ImageFit((5, 5), (8, 8), (1, 0))
    with pytest.raises(GeometryError, match="a grid needs cells, got 0×4"):
        PatchGrid(0, 4, (16, 16), grid.fit)


def test_tokens_are_numbered_prefix_first(grid: PatchGrid) -> None:
    axis = TokenAxis(("cls", "reg1"), grid)
    assert (axis.num_prefix_tokens, axis.num_tokens, axis.length) == (2, 14, 14)
    assert axis.is_global
    assert axis.find(13) == (0, 13)
    with pytest.raises(GeometryError, match="token 14 does not take part"):
        axis.find(14)


def test_windows_are_found_by_token(grid: PatchGrid) -> None:
    tokens = np.arange(12).reshape(3, 4)
    axis = TokenAxis((), grid, np.stack([tokens[:, 2:].ravel(), tokens[:, :2].ravel()]))
    assert not axis.is_global
    for token in range(12):
        window, position = axis.find(token)
        assert axis.index[window, position] == token
    with pytest.raises(GeometryError, match="token -1 does not take part"):
        axis.find(-1)  # the mark of padding is no token


def test_an_index_beyond_the_tokens_is_refused(grid: PatchGrid) -> None:
    with pytest.raises(GeometryError, match="does not fit 12 tokens"):
        TokenAxis((), grid, np.array([[12]]))


def test_a_border_that_no_cell_covers() -> None:
    """A convolution without padding leaves pixels at the edge out."""
    fit = ImageFit((100, 100), (50, 50), (0.5, 0.5))
    grid = PatchGrid(3, 4, (10.0, 14.0), fit, origin=(5.0, 4.0))
    assert grid.rect == (10, 8, 80, 84)
    assert grid.cell_rect(2, 1) == (30, 64, 20, 28)
    assert grid.cell_at(30.5, 64.5) == (2, 1)
    assert grid.cell_at(9.9, 50) is None and grid.cell_at(90.1, 50) is None
    assert grid.cell_at(50, 7.9) is None and grid.cell_at(50, 92.1) is None


@given(grids())
def test_the_share_seen_is_the_share_of_points_seen(grid: PatchGrid) -> None:
    fit, steps = grid.fit, (np.arange(200) + 0.5) / 200
    x = steps * fit.original_size[0] * fit.scale[0] + fit.offset[0]
    y = steps * fit.original_size[1] * fit.scale[1] + fit.offset[1]
    counted = ((x >= 0) & (x < fit.input_size[0])).mean() * ((y >= 0) & (y < fit.input_size[1])).mean()
    assert fit.seen_share == pytest.approx(counted, abs=0.015)

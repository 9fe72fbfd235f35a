"""Values to colours, maps onto photos, panels into one mosaic: plain NumPy, fast enough to follow the mouse."""

import difflib
from functools import lru_cache

import numpy as np

from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import Rect
from vizstudio.core.types import Heatmap

COLORMAPS = ("viridis", "magma", "inferno", "plasma", "cividis", "turbo", "gray", "batlow", "RdBu_r")
_FULL_NAMES = {"RdBu_r": "colorbrewer:RdBu_r"}  # cmap prints a warning where a short name has two makers
EVEN = 1e-4  # relative; smaller differences are rounding
UNSEEN_LIGHT = 0.35  # what the model never saw
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's own conversion to grey


@lru_cache(maxsize=32)
def lookup_table(name: str) -> np.ndarray:
    """Return (256, 3) uint8 colours.

    Raises
    ------
    UsageError
        If the name is unknown; close names are suggested.
    """
    import cmap  # takes a while, and the window does without it at first

    try:
        colours = cmap.Colormap(_FULL_NAMES.get(name, name)).lut(256)
    except (ValueError, TypeError) as error:
        near = difflib.get_close_matches(name, COLORMAPS, 1, 0.3)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"no colormap {name!r}: {hint}choose {', '.join(COLORMAPS)}") from error
    table = np.round(np.asarray(colours)[:, :3] * 255).astype(np.uint8)
    table.setflags(write=False)
    return table


def value_range(values: np.ndarray, from_zero: bool = False) -> tuple[float, float]:
    """Return the (low, high) that colours span: the smallest and largest finite value, (0, 1) if none is.

    Of values that are all the same but for rounding the range is wider, so that rounding is not drawn as if
    it were a pattern.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (0.0 if from_zero else float(finite.min())), float(finite.max())
    if high - low > EVEN * max(abs(low), abs(high)):
        return low, high
    if high == 0:
        return 0.0, 1.0
    return low - 0.1 * abs(low), high + 0.1 * abs(high)


def colorize(values: np.ndarray, colormap: str, low: float, high: float) -> np.ndarray:
    """Return (…, 4) uint8 RGBA of values mapped linearly from [low, high]; NaN is transparent."""
    scaled = (values - low) * (255 / (high - low))
    missing = np.isnan(scaled)
    index = np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)
    out = np.empty((*values.shape, 4), np.uint8)
    out[..., :3] = lookup_table(colormap)[index]
    out[..., 3] = np.where(missing, 0, 255)
    return out


def sample_map(
    values: np.ndarray, rect: Rect, size: tuple[int, int], original_size: tuple[int, int], smooth: bool
) -> np.ndarray:
    """Sample a (rows, cols) map at every pixel of a scaled photo: (height, width), NaN outside the grid.

    Parameters
    ----------
    values : (rows, cols) float
        NaN cells stay NaN.
    rect : (left, top, width, height)
        Of the grid in the original photo.
    size, original_size : (int, int)
        Width and height in pixels of the scaled photo, and of the original.
    smooth : bool
        Bilinear between cell centres instead of flat cells.
    """
    rows, cols = values.shape
    y = ((np.arange(size[1]) + 0.5) * original_size[1] / size[1] - rect[1]) / rect[3] * rows
    x = ((np.arange(size[0]) + 0.5) * original_size[0] / size[0] - rect[0]) / rect[2] * cols
    inside_y, inside_x = (y >= 0) & (y < rows), (x >= 0) & (x < cols)
    row, col = np.clip(y, 0, rows - 1e-6).astype(int), np.clip(x, 0, cols - 1e-6).astype(int)
    flat = values[np.ix_(row, col)].astype(np.float32)
    out = flat
    if smooth:
        filled = np.nan_to_num(values, nan=float(np.nanmin(values)) if np.isfinite(values).any() else 0.0)
        out = np.where(np.isnan(flat), np.nan, _bilinear(filled, y - 0.5, x - 0.5))
    out = np.array(out, np.float32)
    out[~inside_y] = np.nan
    out[:, ~inside_x] = np.nan
    return out


def _bilinear(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    rows, cols = values.shape
    y, x = np.clip(y, 0, rows - 1), np.clip(x, 0, cols - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    below, right = np.minimum(top + 1, rows - 1), np.minimum(left + 1, cols - 1)
    down, across = (y - top)[:, None], (x - left)[None]
    upper = values[top] * (1 - down) + values[below] * down
    return upper[:, left] * (1 - across) + upper[:, right] * across


def overlay(
    photo: np.ndarray, heatmap: Heatmap, colormap: str, low: float, high: float, opacity: float, smooth: bool
) -> np.ndarray:
    """Return (height, width, 3) uint8: the photo in grey with the map on it in colour.

    Grey, so that a colour on the photo is a colour of the map. What the model never saw is dark; cells
    without a value show the photo alone.

    Parameters
    ----------
    photo : (height, width, 3) uint8
        The original scaled to any size.
    heatmap : Heatmap
        Its grid lies in original pixels.
    """
    size, rect = (photo.shape[1], photo.shape[0]), heatmap.grid.rect
    original = heatmap.grid.fit.original_size
    values = sample_map(heatmap.values, rect, size, original, smooth)
    seen = ~np.isnan(sample_map(np.zeros_like(heatmap.values), rect, size, original, False))
    grey = (photo.astype(np.float32) @ LUMA)[..., None]
    coloured = grey * (1 - opacity) + colorize(values, colormap, low, high)[..., :3] * opacity
    out = np.where(np.isnan(values)[..., None], grey, coloured)
    out = np.where(seen[..., None], out, grey * UNSEEN_LIGHT)
    return np.round(out).astype(np.uint8)


def mosaic(panels: np.ndarray, gap: int = 1, zoom: int = 1) -> np.ndarray:
    """Compose panels into one array, NaN in the gaps.

    Parameters
    ----------
    panels : (down, across, rows, cols) float
    gap : int
        Pixels between panels.
    zoom : int
        Pixels per cell.

    Returns
    -------
    (down * (rows * zoom + gap) - gap, across * (cols * zoom + gap) - gap) float32
    """
    if zoom > 1:
        panels = panels.repeat(zoom, axis=2).repeat(zoom, axis=3)
    down, across, rows, cols = panels.shape
    out = np.full((down, rows + gap, across, cols + gap), np.nan, np.float32)
    out[:, :rows, :, :cols] = panels.transpose(0, 2, 1, 3)
    return out.reshape(down * (rows + gap), across * (cols + gap))[
        : down * (rows + gap) - gap, : across * (cols + gap) - gap
    ]

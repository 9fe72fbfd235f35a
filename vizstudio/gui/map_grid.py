"""Many maps as one picture: all heads or pinned queries of a layer on the photo, or all layers. No Qt here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vizstudio.core import maps
from vizstudio.core.attention_views import columns_of, pinned_maps, pinned_range, queries_of
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.looks import by_mass, colour_range
from vizstudio.core.overlay import colorize, overlay
from vizstudio.core.state import ViewState
from vizstudio.core.statistics import outliers
from vizstudio.core.types import AttentionLayer, Head, Heatmap, Query
from vizstudio.gui.snapshot import Result

WIDEST = 1400  # pixels of all heads side by side
LINE = 0.05  # of the width of all heads: the height of a line of text in between
SIDE, GAP = 64, 6  # pixels of a map of the wall, where its cells allow, and between maps


@dataclass(frozen=True, eq=False)
class Tile:
    """One map: of which layer, head and query, where in the picture (left, top, width, height), and its cells there.

    `grid` says which patches of the photo the cells are.
    """

    layer: int
    head: Head
    rect: tuple[float, float, float, float]
    cells: tuple[float, float, float, float]  # of all cells together, in the picture
    values: np.ndarray
    grid: PatchGrid
    query: Query | None = None

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the (row, column) of the cell at a place in the picture, None beside the cells."""
        left, top, width, height = self.cells
        row = math.floor((y - top) / height * self.values.shape[0])
        col = math.floor((x - left) / width * self.values.shape[1])
        return (row, col) if 0 <= row < self.values.shape[0] and 0 <= col < self.values.shape[1] else None

    def cell_rect(self, row: int, col: int) -> tuple[float, float, float, float]:
        """Return where a cell lies in the picture."""
        left, top, width, height = self.cells
        tall, wide = height / self.values.shape[0], width / self.values.shape[1]
        return left + col * wide, top + row * tall, wide, tall


@dataclass(frozen=True, eq=False)
class MapGrid:
    """A picture of many maps.

    Parameters
    ----------
    result, state : Result, ViewState
        Of what, and how; resolved.
    pixels : (height, width, 4) uint8
        Transparent between the maps.
    tiles : tuple of Tile
        From left to right, from top to bottom.
    problems : dict of int to str
        Why a layer has no maps.
    span : (float, float) or None
        The values of the first and the last colour, None where every map has its own.
    """

    result: Result
    state: ViewState
    pixels: np.ndarray
    tiles: tuple[Tile, ...]
    problems: dict[int, str]
    span: tuple[float, float] | None = None

    def tile_at(self, x: float, y: float) -> Tile | None:
        """Return the map at a place in the picture."""
        for tile in self.tiles:
            left, top, width, height = tile.rect
            if left <= x < left + width and top <= y < top + height:
                return tile
        return None


def grid_key(result: Result, state: ViewState) -> tuple[object, ...]:
    """Return what the picture depends on."""
    looks = state.query, state.hide_outliers, state.colormap, state.range, state.mass
    if state.view == "heads":
        return result, state.view, *looks, state.layer, state.opacity, state.smooth
    if state.view == "pins":
        return result, state.view, *looks, state.layer, state.opacity, state.smooth, state.head, state.pins
    asked = result.analysis.attention.layers[state.layer].queries.grid  # in whose numbers the query is
    return result, state.view, *looks, asked


def map_grid(result: Result, state: ViewState) -> MapGrid:
    """Compose the picture of a view, ``"heads"``, ``"pins"`` or ``"wall"``.

    Raises
    ------
    VizstudioError
        If the layer in question has no maps.
    """
    if state.view == "wall":
        return _wall(result, state)
    hide, attention = _hide(result, state, state.layer), result.analysis.attention
    if state.view == "heads":
        stack = maps.all_heads(attention, state.layer, state.query, hide)
        spans = [colour_range(state, values, from_zero=True) for values in stack]
        return _on_photos(
            result, state, list(stack), spans, list(range(len(stack))), [state.query] * len(stack)
        )
    found = pinned_maps(result.analysis, state, hide)
    count, span = len(found), pinned_range(state, found)
    values = [heatmap.values for heatmap in found]
    return _on_photos(result, state, values, [span] * count, [state.head] * count, queries_of(state))


def _on_photos(
    result: Result,
    state: ViewState,
    stack: list[np.ndarray],
    spans: list[tuple[float, float]],
    heads: Sequence[Head],
    queries: Sequence[Query | None],
) -> MapGrid:
    """Draw maps of one layer on the photo, side by side."""
    grid = maps.key_grid(result.analysis.attention.layers[state.layer])
    columns = columns_of(len(stack))
    every = max(1, math.ceil(result.photo.shape[1] / (WIDEST / columns)))
    photo = result.photo[::every, ::every]
    high, wide = photo.shape[:2]
    gap, line = max(4, wide // 40), round(LINE * wide * columns)  # between columns; above each row, for names
    down = math.ceil(len(stack) / columns)
    pixels = np.zeros((down * (high + line) - line, columns * (wide + gap) - gap, 4), np.uint8)
    tiles = []
    for i, values in enumerate(stack):
        x, y = (i % columns) * (wide + gap), (i // columns) * (high + line)
        shown, span = by_mass(values, state.mass), spans[i]
        drawn = overlay(photo, Heatmap(shown, grid), state.colormap, *span, state.opacity, state.smooth)
        pixels[y : y + high, x : x + wide, :3] = drawn
        pixels[y : y + high, x : x + wide, 3] = 255
        cells = _on_photo(grid, x, y, wide, high)
        tiles.append(Tile(state.layer, heads[i], (x, y, wide, high), cells, shown, grid, queries[i]))
    same = spans[0] if state.view == "pins" and spans else state.range
    return MapGrid(result, state, pixels, tuple(tiles), {}, same)


def _on_photo(grid: PatchGrid, x: int, y: int, wide: int, high: int) -> tuple[float, float, float, float]:
    """Return where a grid lies on a photo that is drawn so large at a place."""
    (left, top, width, height), original = grid.rect, grid.fit.original_size
    across, down = wide / original[0], high / original[1]
    return x + left * across, y + top * down, width * across, height * down


def _wall(result: Result, state: ViewState) -> MapGrid:
    attention = result.analysis.attention
    grids = [layer.keys.grid.shape for layer in attention.layers if layer.keys.grid is not None]
    tall = max((rows for rows, _ in grids), default=1)
    broad = max((cols for _, cols in grids), default=1)
    zoom = max(1, round(SIDE / max(tall, broad)))
    high, wide, most = tall * zoom, broad * zoom, max(layer.heads for layer in attention.layers)
    pitch = high + GAP, wide + GAP
    pixels = np.zeros((len(attention.layers) * pitch[0] - GAP, most * pitch[1] - GAP, 4), np.uint8)
    tiles, problems = list[Tile](), dict[int, str]()
    for layer in range(len(attention.layers)):
        try:
            stack = maps.all_heads(
                attention, layer, _query(attention.layers, state, layer), _hide(result, state, layer)
            )
        except (UsageError, GeometryError) as error:
            problems[layer] = str(error)
            continue
        for head, values in enumerate(stack):
            x, y = head * pitch[1], layer * pitch[0]
            shown, span = by_mass(values, state.mass), colour_range(state, values, from_zero=True)
            rows = np.arange(high) * values.shape[0] // high  # coarser grids fill the same room
            cols = np.arange(wide) * values.shape[1] // wide
            drawn = colorize(shown, state.colormap, *span)[np.ix_(rows, cols)]
            pixels[y : y + high, x : x + wide] = drawn
            place = (x, y, wide, high)
            tiles.append(Tile(layer, head, place, place, shown, maps.key_grid(attention.layers[layer])))
    return MapGrid(result, state, pixels, tuple(tiles), problems, state.range)


def _query(layers: tuple[AttentionLayer, ...], state: ViewState, layer: int) -> Query | None:
    return maps.at_same_place(state.query, layers[state.layer].queries, layers[layer].queries)


def _hide(result: Result, state: ViewState, layer: int) -> list[int]:
    return outliers(result.analysis, layer) if state.hide_outliers else []

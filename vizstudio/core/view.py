"""What a view is: a function from an analysis to items on a page, and the parts that views share."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from vizstudio.core import page
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import overlay
from vizstudio.core.scene import Box, Item, Picture, Scene
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Heatmap

STAGE = 640
Data = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Figure:
    """A view that was drawn.

    Parameters
    ----------
    scene : Scene
        What to draw; `Scene.rasterize` and `Scene.to_svg` make files of it.
    data : dict of str to array
        The numbers behind the picture.
    title, explanation : str
        What is shown, and what its colours mean.
    state : ViewState
        Resolved: with the layer counted from 0 and a head and query that exist.
    heatmap : Heatmap or None
        The one map that the figure shows, if it shows one.
    """

    scene: Scene
    data: Data
    title: str
    explanation: str
    state: ViewState
    heatmap: Heatmap | None = None


@dataclass(frozen=True, eq=False)
class Request:
    """What a view's function is given."""

    analysis: Analysis
    image: ImageSource
    state: ViewState


@dataclass(frozen=True, eq=False)
class Body:
    """What a view's function gives: items in a width × height box, and what to say about them."""

    items: list[Item]
    width: float
    height: float
    subject: str
    explanation: str
    data: Data = field(default_factory=dict)
    heatmap: Heatmap | None = None


@dataclass(frozen=True)
class View:
    """A way to look at an analysis: `title` for menus, `measure` explains it in a sentence."""

    title: str
    measure: str
    draw: Callable[[Request], Body]


def about_grid(grid: PatchGrid) -> Data:
    return {"grid": np.array(grid.shape, np.int64), "rect": np.array(grid.rect, np.float64)}


def on_photo(request: Request, heatmap: Heatmap, low: float, high: float) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of a map on the photo with its colour bar."""
    state = request.state
    photo, scale = page.photo_at(request.image, STAGE)
    pixels = overlay(photo, heatmap, scale, state.colormap, low, high, state.opacity, state.smooth)
    height, width = pixels.shape[:2]
    bar, bar_width = page.colour_bar(width + 16, max(height, 120), state.colormap, low, high, heatmap.unit)
    items: list[Item] = [Picture(0, 0, width, height, pixels), *bar]
    return items, width + 16 + bar_width, max(height, 120)


def mark_cell(heatmap: Heatmap, cell: tuple[int, int], scale: float) -> list[Item]:
    left, top, width, height = (v * scale for v in heatmap.grid.cell_rect(*cell))
    return [
        Box(left - 1, top - 1, width + 2, height + 2, outline="#000000", line=1),
        Box(left, top, width, height, outline="#ffffff", line=2),
    ]

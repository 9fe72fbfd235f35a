"""What a view is: a function from an analysis to items on a page, and the parts that views share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from vizstudio.core import page
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import UNSEEN_LIGHT, colorize, overlay, sample_map
from vizstudio.core.scene import Box, Item, Picture, Scene
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Heatmap

STAGE = 640
THUMBNAIL = (120, 72)
CORNER = (26.0, 18.0)  # room for the numbers of rows and columns
Data = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of an animation and for how many seconds it is shown."""

    scene: Scene
    seconds: float


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
    frames : callable or None
        Returns the frames of an animation, all of one size; None for a figure that does not move.
    columns : mapping of str to (rows, cols) array
        Other maps on the grid of `heatmap`, for tables.
    facts : mapping
        What is to be told of it beside what is told of every figure.
    scale : float
        Pixels per unit of a scene, in files of pixels; an SVG is so much larger.
    width : int or None
        Of a file in pixels, in place of `scale`.
    transparent : bool
        Leave out the white page, in files that can; see `vizstudio.core.output`.
    """

    scene: Scene
    data: Data
    title: str
    explanation: str
    state: ViewState
    heatmap: Heatmap | None = None
    frames: Callable[[], list[Frame]] | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    scale: float = 1.0
    width: int | None = None
    transparent: bool = False

    def scale_of(self, scene: Scene) -> float:
        """Return at how many pixels per unit the scene, or one of the frames, is to be drawn."""
        return self.scale if self.width is None else self.width / scene.width


@dataclass(frozen=True, eq=False)
class Request:
    """What a view's function is given."""

    analysis: Analysis
    image: ImageSource
    state: ViewState


@dataclass(frozen=True, eq=False)
class Body:
    """What a view's function gives: items in a width × height box, and what to say about them.

    `subject` is the title, `detail` says which layer, heads and so on; `of_photo` is False where the photo
    has no part in what is shown.
    """

    items: list[Item]
    width: float
    height: float
    subject: str
    explanation: str
    data: Data = field(default_factory=dict)
    heatmap: Heatmap | None = None
    detail: str = ""
    of_photo: bool = True
    frames: Callable[[], list[Frame]] | None = None


@dataclass(frozen=True)
class View:
    """A way to look at an analysis: `title` for menus, `measure` explains it in a sentence."""

    title: str
    measure: str
    draw: Callable[[Request], Body]


def heading(request: Request, body: Body) -> page.Heading:
    """Return what stands above every figure: what it is, of which layer, model and photo."""
    analysis, fit = request.analysis, request.analysis.grid.fit
    weights = analysis.provenance.get("weights", "")
    model = f"{analysis.model_id} · {weights} weights" if weights else analysis.model_id
    size = "×".join(map(str, fit.input_size))
    if not body.of_photo:
        return page.Heading(body.subject, [*([body.detail] if body.detail else []), f"{model} at {size}"])
    how = {"crop": "cropped to", "squash": "squashed to", "pad": "padded to"}[fit.mode]
    if fit.mode == "squash" and abs(fit.scale[0] / fit.scale[1] - 1) < 0.01:
        how = "scaled to"
    share = fit.seen_share
    of_it = "" if share > 0.995 else f", {share:.0%} of it" if share >= 0.01 else f", {share:.1%} of it"
    photo = f"{request.image.name} · {'×'.join(map(str, request.image.size))} px, {how} {size}{of_it}"
    stretched = "; stretched here, it is so thin" if page.is_stretched(request.image, STAGE) else ""
    facts = [*([body.detail] if body.detail else []), model, photo + stretched]
    return page.Heading(body.subject, facts, _thumbnail(request))


def _thumbnail(request: Request) -> np.ndarray:
    """Return the photo in colour, dark where the model did not see it."""
    width, height = request.image.size
    image = request.image.pil()
    scale = min(THUMBNAIL[0] / width, THUMBNAIL[1] / height)
    image = image.resize((max(10, round(width * scale)), max(10, round(height * scale))))
    seen = sample_map(
        np.zeros(request.analysis.grid.shape), request.analysis.grid.rect, image.size, (width, height), False
    )
    light = np.where(np.isnan(seen), UNSEEN_LIGHT, 1.0)[..., None]
    return np.round(np.asarray(image) * light).astype(np.uint8)


def about_grid(grid: PatchGrid) -> Data:
    """Return the part of the numbers that says where a map lies."""
    return {"grid": np.array(grid.shape, np.int64), "rect": np.array(grid.rect, np.float64)}


def on_photo(request: Request, heatmap: Heatmap, low: float, high: float) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of a map on the photo with its colour bar."""
    state = request.state
    photo = page.photo_at(request.image, STAGE)
    pixels = overlay(photo, heatmap, state.colormap, low, high, state.opacity, state.smooth)
    height, width = pixels.shape[:2]
    bar, bar_width = page.colour_bar(width + 16, max(height, 120), state.colormap, low, high, heatmap.unit)
    items: list[Item] = [Picture(0, 0, width, height, pixels), *bar]
    return items, width + 16 + bar_width, max(height, 120)


def on_grid(request: Request, heatmap: Heatmap, low: float, high: float) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of a map with numbered rows and columns, its colour bar, and no photo."""
    rows, cols = heatmap.grid.shape
    left, top, side = *CORNER, cell_side(rows, cols)
    width, height = cols * side, rows * side
    colormap = request.state.colormap
    bar, bar_width = page.colour_bar(left + width + 16, top + height, colormap, low, high, heatmap.unit)
    items: list[Item] = [
        Picture(left, top, width, height, colorize(heatmap.values, colormap, low, high)),
        *page.grid_numbers(rows, cols, left, top, width, height),
        *bar,
    ]
    return items, left + width + 16 + bar_width, top + height


def cell_side(rows: int, cols: int) -> int:
    """Return the whole number of pixels per cell at which a grid fills about 480 pixels."""
    return max(1, round(480 / max(rows, cols)))


def mark_cell(grid: PatchGrid, cell: tuple[int, int], size: tuple[int, int]) -> list[Item]:
    """Return an outline around a cell on a photo that is drawn at `size` = (width, height)."""
    across, down = size[0] / grid.fit.original_size[0], size[1] / grid.fit.original_size[1]
    left, top, width, height = grid.cell_rect(*cell)
    left, right = max(left * across, 0), min((left + width) * across, size[0])
    top, bottom = max(top * down, 0), min((top + height) * down, size[1])
    if right <= left or bottom <= top:
        return []  # a cell of padding
    return outline(left, top, right - left, bottom - top)


def outline(left: float, top: float, width: float, height: float) -> list[Item]:
    """Return a line around a rectangle that is seen on light and on dark."""
    return [
        Box(left - 2, top - 2, width + 4, height + 4, outline="#000000", line=1),
        Box(left - 1, top - 1, width + 2, height + 2, outline="#ffffff", line=2),
    ]

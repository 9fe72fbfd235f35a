"""What the views show, made in the worker: a result of one run, and a map of it. No Qt here."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vizstudio.core.attention_views import Reduce, reduced_map
from vizstudio.core.caption import CaptionRequest
from vizstudio.core.comparison import Comparison, PositionComparison
from vizstudio.core.errors import VizstudioError
from vizstudio.core.images import ImageSource
from vizstudio.core.looks import colour_range, shown_cells
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.model import ModelChoice as ModelChoice
from vizstudio.core.model import ModelInfo
from vizstudio.core.overlay import mosaic, value_range
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.statistics import outliers
from vizstudio.core.types import Analysis, Heatmap

SHOWN_SIDE = 2048  # pixels; a larger photo is shown scaled down, so that painting it stays quick
GAP = 1  # cells between the panels of the position grid
GAP_LEVEL = 255


@dataclass(frozen=True, eq=False)
class Positions:
    """All panels of a position embedding, ready to be painted.

    Parameters
    ----------
    similarity : (rows, cols, rows, cols) float32
        Cosine similarity of every patch's position with every other's.
    levels : (height, width) uint8
        The panels as one picture: 0 to 254 from `low` to `high`, `GAP_LEVEL` between panels.
    low, high : float
        Smallest and largest similarity.
    """

    similarity: np.ndarray
    levels: np.ndarray
    low: float
    high: float

    @classmethod
    def of(cls, similarity: np.ndarray, span: tuple[float, float] | None = None) -> "Positions":
        """Compose the panels of a similarity; their colours go from its lowest to its highest, or over `span`."""
        low, high = span or value_range(similarity)
        levels = np.round((similarity - low) * ((GAP_LEVEL - 1) / (high - low)))
        composed = mosaic(levels, GAP)
        return cls(similarity, np.nan_to_num(composed, nan=GAP_LEVEL).astype(np.uint8), low, high)


@dataclass(frozen=True, eq=False)
class Result:
    """What one run brings back.

    Parameters
    ----------
    choice, info : ModelChoice, ModelInfo
        The model as it was asked for, and as it was loaded.
    image : ImageSource
        The original.
    photo : (height, width, 3) uint8
        The image as it is shown under a map: grey, its longest side at most `SHOWN_SIDE`.
    analysis : Analysis
        What the model computed.
    positions : Positions or None
        None if `position_problem` says why there are none.
    request : CaptionRequest or None
        What its caption was written with.
    model_key : hashable
        What tells its model, with the weights as they were, from others; see `vizstudio.gui.shelf.model_key`.
    fallback : str
        A sentence if memory was too small for where it was to be computed; see `vizstudio.models.LoadedModel`.
    """

    choice: ModelChoice
    info: ModelInfo
    image: ImageSource
    photo: np.ndarray
    analysis: Analysis
    positions: Positions | None
    position_problem: str = ""
    request: CaptionRequest | None = None
    model_key: Hashable = None
    fallback: str = ""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the views show: a result, and the view of it clamped to what exists.

    `title` is that of the reduction which made the map, empty for attention of one layer;
    `heatmap` is None where `problem` says why there is none; `low` and `high` are the ends of its colours.
    """

    result: Result
    state: ViewState
    heatmap: Heatmap | None
    low: float = 0.0
    high: float = 1.0
    problem: str = ""
    title: str = ""


@dataclass(frozen=True, eq=False)
class Compared:
    """What the views show of a comparison.

    Parameters
    ----------
    first, second : Result
        Both runs.
    state : ViewState
        What is asked, resolved for the first.
    maps : Comparison or None
        Of maps; None where all panels of positions are compared.
    positions : PositionComparison or None
        Of all panels.
    panels : tuple of Positions
        Those of the first, the second and the difference, ready to be painted; empty for maps.
    """

    first: Result
    second: Result
    state: ViewState
    maps: Comparison | None = None
    positions: PositionComparison | None = None
    panels: tuple[Positions, ...] = ()


def shown_size(image: ImageSource) -> tuple[int, int]:
    """Return (width, height) in pixels at which an image is shown: its own, or the largest that may be."""
    scale = min(1.0, SHOWN_SIDE / max(image.size))
    return max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale))


def shown_photo(image: ImageSource) -> np.ndarray:
    """Return (height, width, 3) uint8: the image in grey, scaled down if it is larger than a screen shows.

    Grey, so that a colour on the photo is a colour of the map.
    """
    photo = image.pil()
    if shown_size(image) != image.size:
        photo = photo.resize(shown_size(image), Image.Resampling.BOX, reducing_gap=2.0)
    return np.repeat(np.asarray(photo.convert("L"))[..., None], 3, axis=2)


def make_result(choice: ModelChoice, info: ModelInfo, image: ImageSource, analysis: Analysis) -> Result:
    """Add to an analysis what would take the window too long to compute."""
    photo = shown_photo(image)
    try:
        positions = Positions.of(analysis.position().similarity())
    except VizstudioError as error:
        return Result(choice, info, image, photo, analysis, None, str(error))
    return Result(choice, info, image, photo, analysis, positions)


def take_snapshot(
    result: Result, asked: ViewState, reductions: Mapping[str, tuple[str, Reduce]] | None = None
) -> Snapshot:
    """Clamp what is asked to what the result has and compute its one map.

    A view that is the name of one of the `reductions`, each a title and a function, is the map it makes; any
    other is attention of one layer.
    """
    state = resolve(result.analysis, asked)
    title, reduce = (reductions or {}).get(state.view, ("", None))
    try:
        hide = outliers(result.analysis, state.layer) if state.hide_outliers else ()
        if reduce is not None:
            heatmap, span = reduced_map(result.analysis, state, reduce, hide)
            return Snapshot(result, state, shown_cells(heatmap, state), *span, title=title)
        heatmap = attention_heatmap(result.analysis.attention, state.layer, state.head, state.query, hide)
    except VizstudioError as error:
        return Snapshot(result, state, None, problem=str(error), title=title)
    span = colour_range(state, heatmap.values, from_zero=True)
    return Snapshot(result, state, shown_cells(heatmap, state), *span)


def map_key(state: ViewState) -> tuple[object, ...]:
    """Return the fields of a resolved state that the map depends on; the others only change how it looks."""
    return state.view, state.layer, state.head, state.query, state.hide_outliers, state.range, state.mass

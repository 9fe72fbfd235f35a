"""Two analyses under one view: the layer, head and query of each, their maps, and what can be subtracted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from vizstudio.core import maps
from vizstudio.core.attention_views import Reduce, reduced_map
from vizstudio.core.compare import MapPair, at_same_place, map_pair, position_difference, reach_of
from vizstudio.core.errors import UsageError
from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import value_range
from vizstudio.core.positions import position_norms
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.statistics import outliers
from vizstudio.core.types import Analysis, Head, Heatmap

OF_POSITIONS = ("position", "panel", "position-norm")
"""The views of position embeddings that can be compared."""
Reductions = Mapping[str, tuple[str, Reduce]]
"""A title and a function by the name of each, see `vizstudio.views.reductions_of`."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of two that are compared.

    Parameters
    ----------
    analysis, image : Analysis, ImageSource
        What was kept of one run, and the image it was run on.
    layer : int or None
        Its own layer; None for that of the view.
    head : int, "mean", "max", "min" or None
        Its own head; None for that of the view.
    """

    analysis: Analysis
    image: ImageSource
    layer: int | None = None
    head: Head | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two maps of one view, and their difference.

    Parameters
    ----------
    sides : (Side, Side)
        First and second.
    states : (ViewState, ViewState)
        Resolved for each.
    own : (Heatmap, Heatmap)
        The map of each as it is without the other.
    pair : MapPair
        Both as they are subtracted.
    title : str
        What is compared, such as ``"Attention"``.
    span : (float, float)
        The values at the ends of the colours of both maps.
    reach : float
        The colours of the difference go from minus this to this.
    """

    sides: tuple[Side, Side]
    states: tuple[ViewState, ViewState]
    own: tuple[Heatmap, Heatmap]
    pair: MapPair
    title: str
    span: tuple[float, float]
    reach: float


@dataclass(frozen=True, eq=False)
class PositionComparison:
    """All position panels of two models, and their difference.

    Parameters
    ----------
    sides, states
        As in `Comparison`.
    first, second, difference : (rows, cols, rows, cols) float32
        Similarities, and first minus second.
    span, reach
        As in `Comparison`.
    """

    sides: tuple[Side, Side]
    states: tuple[ViewState, ViewState]
    first: np.ndarray
    second: np.ndarray
    difference: np.ndarray
    span: tuple[float, float]
    reach: float


def same_image(first: Side, second: Side) -> bool:
    """Return whether both are of one image, told by its hash."""
    return first.image.sha256 == second.image.sha256 and first.image.size == second.image.size


def comparable(reductions: Reductions) -> tuple[str, ...]:
    """Return the names of the views that can be compared."""
    return "attention", *reductions, *OF_POSITIONS


def compare_maps(
    first: Side, second: Side, state: ViewState, reductions: Reductions, strict: bool = False
) -> Comparison:
    """Compute one map of each side and subtract them.

    Parameters
    ----------
    first, second : Side
        What is compared.
    state : ViewState
        A view with one map, and how it looks; a patch as query is one of the first's.
    reductions : mapping
        See `Reductions`.
    strict : bool
        Raise rather than clamp a layer, head or panel that does not exist. A query must exist on both sides.

    Raises
    ------
    UsageError
        If the view has not one map, or on one side there is no such layer, head or query.
    GeometryError, AttentionError
        If the maps cannot be made or subtracted truthfully.
    """
    states = resolve_both(first, second, state, strict)
    sides = first, second
    if state.view in OF_POSITIONS:
        return _compare_position_maps(sides, states)
    if state.view not in ("attention", *reductions):
        raise UsageError(
            f"the view {state.view} cannot be compared: choose {', '.join(comparable(reductions))}"
        )
    title, reduce = reductions.get(state.view, ("Attention", maps.attention_heatmap))
    own = _own_map(first, states[0], reduce), _own_map(second, states[1], reduce)
    pair = map_pair(*own, same_image(first, second))
    return Comparison(sides, states, own, pair, title, state.range or pair.span(), pair.reach())


def _own_map(side: Side, state: ViewState, reduce: Reduce) -> Heatmap:
    hide = outliers(side.analysis, state.layer) if state.hide_outliers else ()
    return reduced_map(side.analysis, state, reduce, hide)[0]


def _compare_position_maps(sides: tuple[Side, Side], states: tuple[ViewState, ViewState]) -> Comparison:
    embeddings = [side.analysis.position() for side in sides]
    if states[0].view == "position-norm":
        own = position_norms(embeddings[0]), position_norms(embeddings[1])
        pair = map_pair(*own, same_image(*sides), on_photo=False)
        span = value_range(np.stack([pair.first.values, pair.second.values]))
        return Comparison(sides, states, own, pair, "Norms of position vectors", span, pair.reach())
    found = compare_positions(*sides, states[0])
    rows, cols = embeddings[0].grid.shape
    panel = states[0].panel or (rows // 2, cols // 2)
    first, second = (
        Heatmap(similarity[panel], embedding.grid, "position similarity", "cosine")
        for similarity, embedding in zip((found.first, found.second), embeddings, strict=True)
    )
    pair = map_pair(first, second, same_image(*sides), on_photo=False)
    # The scales are those of all panels, so that single panels can be compared.
    title = f"Position similarity of patch {panel[0]},{panel[1]}"
    return Comparison(sides, states, (first, second), pair, title, found.span, found.reach)


def compare_positions(
    first: Side, second: Side, state: ViewState, strict: bool = False
) -> PositionComparison:
    """Subtract the position similarities of two models.

    Raises
    ------
    UsageError
        If one of them has no position embedding, or their grids are of other shapes.
    """
    states = resolve_both(first, second, replace(state, view="position"), strict)
    embeddings = [side.analysis.position() for side in (first, second)]
    difference = position_difference(*embeddings)
    one, two = (embedding.similarity() for embedding in embeddings)
    span = value_range(np.array([one.min(), one.max(), two.min(), two.max()]))
    reach = reach_of(difference, one, two)
    return PositionComparison((first, second), states, one, two, difference, span, reach)


def resolve_both(first: Side, second: Side, state: ViewState, strict: bool) -> tuple[ViewState, ViewState]:
    """Resolve a view for each side; a patch as query is found again at its place. There are no pins.

    Raises
    ------
    UsageError
        If the second has no such query, or with `strict` a side has no such layer, head or panel.
    GeometryError
        If a patch of the first has no place in the second.
    """
    state = replace(state, pins=())  # one map is compared, and pins of the first need not exist in the second
    one = _of_side(first, state, strict)
    if state.view in OF_POSITIONS:
        return one, _of_side(second, replace(state, query=None), strict)
    two = _of_side(second, replace(state, query=None), strict)
    axes = [
        side.analysis.attention.layers[resolved.layer].queries
        for side, resolved in ((first, one), (second, two))
    ]
    query = at_same_place(one.query, axes[0], axes[1], same_image(first, second))
    try:
        maps.query_tokens(axes[1], query)
    except UsageError as error:
        raise UsageError(f"the second, {second.analysis.model_id}, has {error}") from error
    return one, replace(two, query=query)


def _of_side(side: Side, state: ViewState, strict: bool) -> ViewState:
    layer = state.layer if side.layer is None else side.layer
    head = state.head if side.head is None else side.head
    return resolve(side.analysis, replace(state, layer=layer, head=head), strict)

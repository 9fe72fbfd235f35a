"""What is asked to be seen, and the same clamped to what exists."""

import math
from dataclasses import dataclass, replace

from vizstudio.core.errors import UsageError
from vizstudio.core.maps import REDUCTIONS, query_tokens
from vizstudio.core.types import Analysis, AttentionLayer, Head, Query

CAPTION = ("caption", "step", "caption-mean", "caption-wall", "caption-entropy")
"""The views of a caption: their layers and heads are the decoder's."""
OF_WORD = ("step", "caption-wall")
"""Those that show one word."""

OF_POSITION = ("position", "position-norm", "position-pca", "position-distance")
"""The views of all positions."""


@dataclass(frozen=True)
class ViewState:
    """One view of an analysis.

    Parameters
    ----------
    view : str
        A name of `vizstudio.core.figures.VIEWS`.
    layer : int
        Counted from 0, or from -1 at the end.
    head : int, "mean", "max" or "min"
        One head, or how heads are fused.
    query : see `vizstudio.core.maps.query_tokens`
    panel : (int, int) or None
        The patch of a single position panel; None for the middle one.
    word : int
        Of a caption, counted from 0, or from -1 at the end; a repeated word is a word of its own.
    colormap : str
        A name that the ``cmap`` library knows.
    opacity : float
        Of a map over the photo, 0 to 1.
    smooth : bool
        Interpolate between cells; the values are those of the cells either way.
    hide_outliers : bool
        Leave high-norm tokens out of attention maps.
    range : (float, float) or None
        The values at the ends of the colours of all maps of attention; None for each map's own.
    mass : float
        Show of each map of attention only the fewest cells that hold this share of it, above 0; 1 shows all.
    pins : tuple of (int, int)
        Patches whose maps the view ``"pins"`` shows beside that of the query.

    Raises
    ------
    UsageError
        If a range, a mass or an opacity is none.
    """

    view: str = "attention"
    layer: int = -1
    head: Head = "mean"
    query: Query | None = None
    panel: tuple[int, int] | None = None
    word: int = 0
    colormap: str = "viridis"
    opacity: float = 0.7
    smooth: bool = False
    hide_outliers: bool = False
    range: tuple[float, float] | None = None
    mass: float = 1.0
    pins: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.range is not None and not (math.isfinite(sum(self.range)) and self.range[0] < self.range[1]):
            raise UsageError(
                f"range {self.range[0]:g},{self.range[1]:g} is none: give LOW,HIGH, the first below the second, "
                "such as 0,0.02"
            )
        if not 0 < self.mass <= 1:
            raise UsageError(f"mass {self.mass:g} is no share of a map: give a number above 0, up to 1")
        if math.isnan(self.opacity):
            raise UsageError("opacity nan is no number: give one from 0 to 1")


@dataclass(frozen=True)
class CaptionState:
    """What the window is asked to show of a caption.

    Parameters
    ----------
    step : int
        The step in view, from 0; of a word of several pieces, any of theirs.
    pieces : bool
        Show every piece of a word by itself rather than their mean.
    layer : int
        Of the decoder, from 0, or from -1 at the end.
    head : int, "mean", "max" or "min"
        One head, or how heads are fused.
    """

    step: int = 0
    pieces: bool = False
    layer: int = -1
    head: Head = "mean"


def toggled(pins: tuple[tuple[int, int], ...], patch: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the pins with a patch added at their end, or without it if it was among them."""
    return tuple(pin for pin in pins if pin != patch) if patch in pins else (*pins, patch)


def parse_head(text: str) -> Head:
    """Read ``"mean"``, ``"max"``, ``"min"`` or a head's number."""
    if text in REDUCTIONS:
        return text  # type: ignore[return-value]
    if text.isdecimal():
        return int(text)
    raise UsageError(f"no head {text!r}: give a number from 0, or {', '.join(REDUCTIONS)}")


def parse_query(text: str) -> Query:
    """Read ``"cls"``, another token's name or number, ``"mean"``, or ``"ROW,COL"``."""
    row, comma, col = text.partition(",")
    if comma:
        if row.strip().isdecimal() and col.strip().isdecimal():
            return int(row), int(col)
        raise UsageError(f"no query {text!r}: a patch is given as ROW,COL, such as 3,5")
    return int(text) if text.isdecimal() else text


def layers_of(analysis: Analysis, view: str) -> tuple[AttentionLayer, ...]:
    """Return the layers that a view shows: the decoder's for a view of a caption, else those of the image.

    Raises
    ------
    UsageError
        If it is a view of a caption and there is none.
    """
    if view not in CAPTION:
        return analysis.attention.layers
    if not analysis.steps:
        raise UsageError(f"the view {view} needs a caption, and {analysis.model_id} wrote none")
    return analysis.steps[0].cross.layers


def resolve(analysis: Analysis, state: ViewState, strict: bool = False) -> ViewState:
    """Clamp a view to what an analysis has: layers and words counted from 0, head and query that exist.

    Parameters
    ----------
    analysis : Analysis
        Of any model.
    state : ViewState
        What is asked.
    strict : bool
        Raise `UsageError` instead of clamping; the message says what exists.

    Raises
    ------
    UsageError
        If it is a view of a caption and there is none.
    """
    layers = layers_of(analysis, state.view)
    if strict and not -len(layers) <= state.layer < len(layers):
        whose = "the decoder" if state.view in CAPTION else analysis.model_id
        raise UsageError(f"layer {state.layer} does not exist: {whose} has layers {_counted(len(layers))}")
    layer = _from_start(state.layer, len(layers))
    head = _head(state.head, layer, layers[layer].heads, strict)
    state = replace(state, layer=layer, head=head, opacity=min(max(state.opacity, 0), 1))
    if state.view in CAPTION:
        return replace(
            state,
            word=_word(analysis, state.word, strict and state.view in OF_WORD),
            query=None,
            panel=None,
            pins=(),
        )
    found = [_query(layers[layer], pin, strict) for pin in state.pins]
    state = replace(state, pins=tuple(pin for pin in found if isinstance(pin, tuple)))
    query, panel = _query(layers[layer], state.query, strict), _panel(analysis, state.panel, strict)
    return replace(state, query=query, panel=panel)


def _from_start(index: int, count: int) -> int:
    return min(max(index + count if index < 0 else index, 0), count - 1)


def _counted(count: int) -> str:
    return f"0 to {count - 1}, or -{count} to -1"


def _word(analysis: Analysis, word: int, strict: bool) -> int:
    assert analysis.caption is not None
    count = len(analysis.caption.words)
    if strict and not -count <= word < count:
        raise UsageError(f"word {word} does not exist: the caption has words {_counted(count)}")
    return _from_start(word, count)


def _head(head: Head, layer: int, heads: int, strict: bool) -> Head:
    if not isinstance(head, int) or 0 <= head < heads:
        return head
    if strict:
        raise UsageError(f"head {head} does not exist: layer {layer} has heads 0 to {heads - 1}")
    return min(max(head, 0), heads - 1)


def _query(layer: AttentionLayer, query: Query | None, strict: bool) -> Query | None:
    """Return the query, or where the layer has no such one its default."""
    try:
        query_tokens(layer.queries, query)
    except UsageError:
        if strict:
            raise
        return None
    return query


def _panel(analysis: Analysis, panel: tuple[int, int] | None, strict: bool) -> tuple[int, int] | None:
    embedding = analysis.position_embedding
    rows, cols = (embedding.grid if embedding else analysis.grid).shape
    if panel is None or (0 <= panel[0] < rows and 0 <= panel[1] < cols):
        return panel
    if strict:
        raise UsageError(
            f"panel {panel[0]},{panel[1]} does not exist: there are panels 0,0 to {rows - 1},{cols - 1}"
        )
    return None

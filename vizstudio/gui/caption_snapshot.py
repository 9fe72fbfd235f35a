"""What the caption view shows: a caption, its maps for one layer and head, the word in view. No Qt here."""

from dataclasses import dataclass, replace

from vizstudio.core.caption import Caption, TokenStep, Word
from vizstudio.core.errors import VizstudioError
from vizstudio.core.looks import colour_range, shown_cells
from vizstudio.core.state import CaptionState as CaptionState
from vizstudio.core.state import ViewState
from vizstudio.core.types import AttentionLayer, Head, Heatmap
from vizstudio.gui.caption_tree import CaptionTree
from vizstudio.gui.snapshot import Result

MapKey = tuple[int, bool, int, Head]


@dataclass(frozen=True, eq=False)
class WordMaps:
    """What is stepped through, words or their pieces, and its maps for one layer and head.

    There are no maps where `problem` says why.
    """

    units: tuple[Word, ...]
    maps: tuple[Heatmap, ...]
    problem: str = ""


@dataclass(frozen=True, eq=False)
class CaptionSnapshot:
    """A caption as it is shown.

    Parameters
    ----------
    result : Result
        The run that it belongs to.
    tree : CaptionTree
        All captions of this photo and the one that is shown.
    state : CaptionState
        What is asked, clamped to what exists; its step is the first of the unit in view.
    looks : ViewState
        Colours, opacity and smoothing.
    at : int
        The word or piece in view.
    words : WordMaps
        All of them, with their maps.
    """

    result: Result
    tree: CaptionTree
    state: CaptionState
    looks: ViewState
    at: int
    words: WordMaps

    @property
    def caption(self) -> Caption:
        """Return the caption that is shown."""
        return self.tree.current.caption

    @property
    def units(self) -> tuple[Word, ...]:
        """Return the words or pieces of the caption."""
        return self.words.units

    @property
    def unit(self) -> Word:
        """Return the word or piece in view."""
        return self.units[self.at]

    @property
    def step(self) -> TokenStep:
        """Return the step whose alternatives are offered: the first of the unit in view."""
        return self.unit.steps[0]

    @property
    def layer(self) -> AttentionLayer:
        """Return the decoder's layer that is shown."""
        return self.step.cross.layers[self.state.layer]

    @property
    def heatmap(self) -> Heatmap | None:
        """Return the map in view, None if there is none."""
        return shown_cells(self.words.maps[self.at], self.looks) if self.words.maps else None

    @property
    def range(self) -> tuple[float, float]:
        """Return the ends of the map's colours."""
        if not self.words.maps:
            return 0.0, 1.0
        return colour_range(self.looks, self.words.maps[self.at].values, from_zero=True)


def units_of(caption: Caption, pieces: bool) -> tuple[Word, ...]:
    """Return the words of a caption, or every piece as a word of its own."""
    return tuple(Word(step.text, (step,)) for step in caption.steps) if pieces else caption.words


def unit_of(units: tuple[Word, ...], step: int) -> int:
    """Return which unit a step belongs to; the nearest one for a step that does not exist."""
    starts = [unit.steps[0].index for unit in units]
    return max(sum(start <= step for start in starts) - 1, 0)


def resolve_caption(caption: Caption, asked: CaptionState) -> CaptionState:
    """Clamp what is asked to the steps, layers and heads that a caption has."""
    units = units_of(caption, asked.pieces)
    first = units[unit_of(units, asked.step)].steps[0]
    layers = first.cross.layers
    count = len(layers)
    layer = min(max(asked.layer + count if asked.layer < 0 else asked.layer, 0), count - 1)
    head = asked.head
    if isinstance(head, int):
        head = min(max(head, 0), layers[layer].heads - 1)
    return replace(asked, step=first.index, layer=layer, head=head)


def word_maps(caption: Caption, state: CaptionState) -> WordMaps:
    """Compute the maps of all words for a layer and head: milliseconds, and each word is then there at once."""
    units = units_of(caption, state.pieces)
    try:
        return WordMaps(units, tuple(unit.heatmap(state.layer, state.head) for unit in units))
    except VizstudioError as error:
        return WordMaps(units, (), str(error))


def maps_key(tree: CaptionTree, state: CaptionState) -> MapKey:
    """Return what the maps of a resolved state depend on."""
    return tree.shown, state.pieces, state.layer, state.head

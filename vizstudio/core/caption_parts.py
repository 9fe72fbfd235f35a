"""What the views of a caption share: how words are called, sentences with a word marked, the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vizstudio.core import maps
from vizstudio.core.attention_parts import head_name
from vizstudio.core.caption import Caption, TokenStep, Word
from vizstudio.core.page import number
from vizstudio.core.scene import INK, PAPER, STRONG, Box, Item, Text, text_width
from vizstudio.core.state import layers_of
from vizstudio.core.types import Analysis, AttentionLayer, Head, Heatmap, Query
from vizstudio.core.view import Data, Request

END = "(end)"


def caption_of(request: Request) -> Caption:
    """Return the caption, which `resolve` has made sure of."""
    assert request.analysis.caption is not None
    return request.analysis.caption


def word_texts(caption: Caption) -> list[str]:
    """Return every word as it is shown; the end is a word in brackets."""
    return [END if word.steps[-1] is caption.ending else word.text for word in caption.words]


def token_texts(caption: Caption) -> list[str]:
    """Return every token as it is shown; a piece that continues a word begins with a hyphen."""
    pieces = [step.text if step.starts_word else f"-{step.text}" for step in caption.steps]
    return [*pieces[:-1], END] if caption.ending else pieces


def quoted(caption: Caption) -> str:
    """Return the whole caption in quotation marks; one that a limit cut off says so."""
    if not caption.text:
        return "An empty caption"
    return f"“{caption.text}”" if caption.finished else f"“{caption.text}…”"


def layer_and_head(request: Request) -> str:
    """Return which layer and heads of the decoder are shown."""
    state, layers = request.state, layers_of(request.analysis, request.state.view)
    return f"decoder layer {state.layer} of 0 to {len(layers) - 1} · " + head_name(
        state.head, layers[state.layer].heads
    )


def score_text(analysis: Analysis) -> str:
    """Return the log-probability of the whole caption, and which beam it is."""
    assert analysis.caption is not None
    told = f"log-probability {number(analysis.caption.log_prob, 2)}"
    beams = 1 + len(analysis.other_captions)
    return f"{told} · best of {beams} beams" if beams > 1 else told


@dataclass(frozen=True, eq=False)
class WordAttention:
    """Cross-attention of a word: the mean of its pieces, asked as any attention."""

    word: Word

    @property
    def layers(self) -> tuple[AttentionLayer, ...]:
        """The decoder's layers."""
        return self.word.steps[0].cross.layers

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        """Return float32 (heads, 1, keys), rows summing to 1."""
        return np.stack([s.cross.weights(layer, heads, queries) for s in self.word.steps]).mean(axis=0)

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """Return the mean of its pieces' maps."""
        return self.word.heatmap(layer, head)


def sentence(
    words: Sequence[str], current: int | None, width: float, size: float, later: str = INK, until: int = -1
) -> tuple[list[Item], float]:
    """Return (items, height) of words in lines of `width` pixels, the current one marked.

    Parameters
    ----------
    words : sequence of str
        All of them: their places do not change from word to word.
    current : int or None
        The one to mark.
    later : str
        Colour of the words after the current one.
    until : int
        Leave out the words after this one; -1 for none.
    """
    items: list[Item] = []
    x, y, line = 0.0, 0.0, size * 1.75
    for i, word in enumerate(words):
        wide = text_width(word, size)
        if x and x + wide > width:
            x, y = 0.0, y + line
        if until < 0 or i <= until:
            if i == current:
                items.append(Box(x - 4, y + 1, wide + 8, line - 4, fill=STRONG))
            colour = PAPER if i == current else later if current is not None and i > current else INK
            items.append(Text(x, y + line / 2 - 1, word, size, colour, "lm"))
        x += wide + size * 0.65
    return items, y + line


def steps_data(caption: Caption) -> Data:
    """Return the numbers of every step, and the words that they wrote."""
    return {
        "token_ids": np.array([s.token_id for s in caption.steps], np.int64),
        "log_probs": np.array([s.log_prob for s in caption.steps], np.float32),
        "entropies": np.array([s.entropy for s in caption.steps], np.float32),
        "forced": np.array([s.forced for s in caption.steps], bool),
        "taken": np.array([s.taken for s in caption.steps], bool),
        "tokens": np.array([s.text for s in caption.steps]),
        "words": np.array([w.text for w in caption.words]),
        "word_of_step": np.repeat(np.arange(len(caption.words)), [len(w.steps) for w in caption.words]),
    }


def cross_data(steps: Sequence[TokenStep]) -> Data:
    """Return ``cross_attention (steps, layers, heads, rows, cols)``, or an entry per layer where layers differ."""
    stacks = [
        np.stack([maps.all_heads(step.cross, layer, None) for step in steps])
        for layer in range(len(steps[0].cross.layers))
    ]
    if len({stack.shape for stack in stacks}) == 1:
        return {"cross_attention": np.stack(stacks, axis=1)}
    return {f"cross_attention_{i:02d}": stack for i, stack in enumerate(stacks)}

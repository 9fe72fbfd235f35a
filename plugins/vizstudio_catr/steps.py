"""From a draft of token numbers to a caption: words, probabilities, and the attention of every step."""

from functools import cached_property

import numpy as np

from vizstudio.api import (
    Alternative,
    AttentionLayer,
    AttentionTrace,
    Caption,
    Head,
    Heatmap,
    PatchGrid,
    Query,
    TokenAxis,
    TokenStep,
)
from vizstudio_catr.decoding import Kind, Node
from vizstudio_catr.search import Choice, Draft
from vizstudio_catr.vocabulary import Vocabulary


class StepAttention:
    """The attention of one step, every layer's one query; checked and laid out when somebody looks.

    Parameters
    ----------
    node : Node
        The token whose query it is.
    kind : {"self", "cross"}
        Which of a layer's two.
    written : str
        The token that the step wrote, by which its query is named.
    keys : TokenAxis
        What was attended to.
    """

    def __init__(self, node: Node, kind: Kind, written: str, keys: TokenAxis) -> None:
        self._node, self._kind, self._written, self._keys = node, kind, written, keys

    @cached_property
    def _trace(self) -> AttentionTrace:
        queries, calls = TokenAxis((self._written,)), self._node.calls(self._kind)
        layers = [
            AttentionLayer(call.name, self._kind, call.heads, queries, self._keys, call.max_error)
            for call in calls
        ]
        return AttentionTrace(layers, calls)

    @property
    def layers(self) -> tuple[AttentionLayer, ...]:
        """The decoder's layers."""
        return self._trace.layers

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        """Return float32 (heads, 1, keys); see `vizstudio.api.AttentionTrace`."""
        return self._trace.weights(layer, heads, queries)

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """Return the map of one layer on the photo; the step's only query may be left out."""
        return self._trace.heatmap(layer, head, query)


def to_caption(draft: Draft, vocabulary: Vocabulary, grid: PatchGrid, length_penalty: float) -> Caption:
    """Return the caption that a draft spells."""
    read = [vocabulary.tokens[vocabulary.start], *(vocabulary.tokens[token] for token in draft.tokens)]
    image = TokenAxis(grid=grid)
    steps = tuple(
        _step(index, choice, vocabulary, image, TokenAxis(tuple(read[: index + 1])))
        for index, choice in enumerate(draft.choices)
    )
    return Caption(steps, vocabulary.text(draft.tokens), draft.score(length_penalty), draft.finished)


def _step(index: int, choice: Choice, vocabulary: Vocabulary, image: TokenAxis, read: TokenAxis) -> TokenStep:
    text, starts_word = vocabulary.piece(choice.token_id)
    return TokenStep(
        index=index,
        token_id=choice.token_id,
        text=text,
        starts_word=starts_word,
        log_prob=choice.log_prob,
        entropy=choice.entropy,
        alternatives=tuple(
            Alternative(token, vocabulary.piece(token)[0], log_prob)
            for token, log_prob in choice.alternatives
        ),
        # The query at the token before decides this one, so its attention is the attention of this step.
        cross=StepAttention(choice.node, "cross", text, image),
        itself=StepAttention(choice.node, "self", text, read),
        forced=choice.forced,
    )

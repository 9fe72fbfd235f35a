"""What the writer of captions reads with: beginnings go to the decoder, its nodes come back as readings."""

from collections.abc import Sequence
from functools import partial

from vizstudio.api import PatchGrid, QueryCalls, Reading, TokenAxis
from vizstudio_catr.decoding import Decoding, Node, Prefix
from vizstudio_catr.vocabulary import Vocabulary


class Reader:
    """Reads beginnings of captions of one image; see `vizstudio.api.CaptionWriter`.

    Parameters
    ----------
    decoding : Decoding
        Of the image.
    vocabulary : Vocabulary
        Names the tokens, and says what every caption starts with.
    grid : PatchGrid
        The image's cells.
    """

    def __init__(self, decoding: Decoding, vocabulary: Vocabulary, grid: PatchGrid) -> None:
        self._decoding, self._vocabulary, self._image = decoding, vocabulary, TokenAxis(grid=grid)

    def __call__(self, beginnings: Sequence[Prefix]) -> list[Reading]:
        """Return what comes of reading each."""
        nodes = self._decoding.read([(self._vocabulary.start, *tokens) for tokens in beginnings])
        # Bound to the node, not to this reader: a step keeps no other captions of the image alive.
        return [
            Reading(
                log_probs, partial(_on_image, node, self._image), partial(_on_text, node, self._vocabulary)
            )
            for node, log_probs in zip(nodes, self._decoding.log_probs(nodes), strict=True)
        ]


def _on_image(node: Node, image: TokenAxis) -> QueryCalls:
    return QueryCalls("cross", node.calls("cross"), image)


def _on_text(node: Node, vocabulary: Vocabulary) -> QueryCalls:
    names = tuple(vocabulary.tokens[read.token_id] for read in node.path)
    return QueryCalls("self", node.calls("self"), TokenAxis(names))

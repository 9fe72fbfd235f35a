"""Photos, attention and figures that contracts are checked with; needs no torch."""

from collections.abc import Sequence

import numpy as np

from vizstudio.core.caption import Alternative, Caption, TokenStep
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.types import Analysis, AttentionLayer, Head, Heatmap, PositionEmbedding, Prediction, Query

PHOTO_SIZES = ((96, 64), (45, 90), (61, 61), (150, 40))
"""Width and height: wide, tall, square and very wide."""
WORDS = ("a", "red", "cup", "[end]")


def photo(size: tuple[int, int] = PHOTO_SIZES[0], seed: int = 0) -> ImageSource:
    """Return a colourful photo of ``(width, height)`` pixels."""
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    shades = np.stack([across, down, 1 - across], axis=2) * 160
    noise = np.random.default_rng(seed).integers(0, 96, (height, width, 3))
    return read_image((shades + noise).astype(np.uint8))


class PlainAttention:
    """Attention whose whole matrices are held: one (heads, queries, keys) per layer."""

    def __init__(self, layers: Sequence[AttentionLayer], seed: int) -> None:
        self.layers = tuple(layers)
        rng = np.random.default_rng(seed)
        scores = [
            np.exp(2 * rng.normal(size=(a.heads, a.queries.num_tokens, a.keys.num_tokens)))
            for a in self.layers
        ]
        self._matrices = [(s / s.sum(-1, keepdims=True)).astype(np.float32) for s in scores]

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        """See `vizstudio.api.Attention.weights`."""
        chosen = self._matrices[layer] if heads is None else self._matrices[layer][heads]
        return chosen.copy() if queries is None else chosen[:, queries]

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """See `vizstudio.api.Attention.heatmap`."""
        return attention_heatmap(self, layer, head, query)


def grid_of(image: ImageSource) -> PatchGrid:
    """Return two rows of three cells over the whole image."""
    return PatchGrid(2, 3, (10.0, 10.0), ImageFit.resized(image.size, (30, 20), (30, 20)))


def plain_attention(grid: PatchGrid, labels: tuple[str, ...] = ("cls",)) -> PlainAttention:
    """Return three layers of global self-attention with two heads."""
    axis = TokenAxis(labels, grid)
    return PlainAttention([AttentionLayer(f"blocks.{i}", "self", 2, axis, axis, 0.0) for i in range(3)], 0)


def analysis_of(image: ImageSource, caption: bool = False) -> Analysis:
    """Return what a small model would leave behind; with `caption` that of a model which writes."""
    grid = grid_of(image)
    vectors = np.random.default_rng(1).normal(size=(len(grid), 8)).astype(np.float32)
    return Analysis(
        model_id="sample:sample",
        grid=grid,
        attention=plain_attention(grid),
        predictions=(Prediction("cup", 1, 0.75), Prediction("pot", 0, 0.25)),
        logits=np.array([0.0, np.log(3.0)], np.float32),
        position_embedding=PositionEmbedding("learned", vectors, grid),
        token_norms=np.ones((3, len(grid) + 1), np.float32),
        provenance={"weights": "untrained", "image": image.name},
        caption=_caption(grid) if caption else None,
    )


def _caption(grid: PatchGrid) -> Caption:
    steps = []
    for index, word in enumerate(WORDS):
        one, read = TokenAxis(("query",)), TokenAxis(("[start]", *WORDS[:index]))
        cross = [AttentionLayer(f"cross.{i}", "cross", 2, one, TokenAxis((), grid), 0.0) for i in range(2)]
        itself = [AttentionLayer(f"self.{i}", "self", 2, one, read, 0.0) for i in range(2)]
        choices = (Alternative(index, word, -0.5), Alternative(9, "the", -1.0))
        seen, past = PlainAttention(cross, index), PlainAttention(itself, index)
        steps.append(TokenStep(index, index, word, True, -0.5, 1.0, choices, seen, past))
    return Caption(tuple(steps), "a red cup", -0.5, True)

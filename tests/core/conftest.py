"""An attention made of random softmax matrices, and what surrounds it; no torch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_captioner import FakeCaptioner
from hypothesis import settings

from vizstudio.core.caption import CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.types import Analysis, AttentionLayer, PositionEmbedding, Prediction

settings.register_profile("untimed", deadline=None)  # a slow machine is no failure
settings.load_profile("untimed")


def softmax(logits: np.ndarray) -> np.ndarray:
    exps = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


class FakeAttention:
    """Full matrices (heads, queries, keys), one per layer."""

    def __init__(self, layers: Sequence[AttentionLayer], matrices: Sequence[np.ndarray]) -> None:
        self.layers = tuple(layers)
        self.matrices = [np.asarray(m, np.float32) for m in matrices]

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        full = self.matrices[layer]
        full = full if heads is None else full[heads]
        return full if queries is None else full[:, queries]


Make = Callable[..., FakeAttention]


@pytest.fixture
def grid() -> PatchGrid:
    """3×4 cells of 16 pixels; the photo of 120×80 pixels was cropped."""
    fit = ImageFit.resized((120, 80), (72, 48), (64, 48), (-4, 0), "crop")
    return PatchGrid(3, 4, (16.0, 16.0), fit)


@pytest.fixture
def make_attention(grid: PatchGrid) -> Make:
    """Make random attention of some layers over `labels` and the grid."""

    def make(
        layers: int = 3, heads: int = 2, labels: tuple[str, ...] = ("cls",), seed: int = 0
    ) -> FakeAttention:
        rng = np.random.default_rng(seed)
        axis = TokenAxis(labels, grid)
        about = [AttentionLayer(f"blocks.{i}.attn", "self", heads, axis, axis, 1e-6) for i in range(layers)]
        side = axis.num_tokens
        return FakeAttention(about, [softmax(rng.normal(0, 2, (heads, side, side))) for _ in about])

    return make


@pytest.fixture
def windowed(grid: PatchGrid) -> FakeAttention:
    """One layer in two windows, the grid's left half and its right half, and no class token."""
    tokens = np.arange(len(grid)).reshape(grid.shape)
    index = np.stack([tokens[:, :2].ravel(), tokens[:, 2:].ravel()]).astype(np.int32)
    axis = TokenAxis((), grid, index, "2 windows of 3×2")
    full = np.zeros((2, len(grid), len(grid)))
    rng = np.random.default_rng(3)
    for window in index:
        full[np.ix_([0, 1], window, window)] = softmax(rng.normal(size=(2, len(window), len(window))))
    return FakeAttention([AttentionLayer("layers.0.attn", "self", 2, axis, axis)], [full])


@pytest.fixture
def embedding(grid: PatchGrid) -> PositionEmbedding:
    return PositionEmbedding("learned", np.random.default_rng(5).normal(size=(12, 8)), grid)


@pytest.fixture
def analysis(make_attention: Make, grid: PatchGrid, embedding: PositionEmbedding) -> Analysis:
    """A whole analysis: 3 layers of 2 heads, 5 classes, patch 1,2 a high-norm outlier after block 1 and 2."""
    rng = np.random.default_rng(7)
    logits = rng.normal(size=5).astype(np.float32)
    probabilities = softmax(logits)
    order = np.argsort(-probabilities)
    norms = rng.uniform(1, 2, (3, 13)).astype(np.float32)
    norms[1:, 1 + 1 * 4 + 2] = 40
    return Analysis(
        "vit:fake",
        grid,
        make_attention(),
        tuple(Prediction(f"class <{i}> & é", int(i), float(probabilities[i])) for i in order),
        logits,
        embedding,
        norms,
        {"forward": 0.5},
        {"weights": "checkpoint", "weights_hash": "abc"},
    )


@pytest.fixture
def untrained(analysis: Analysis) -> Analysis:
    return replace(analysis, notes=("untrained weights: the maps show the architecture",))


@pytest.fixture
def image() -> ImageSource:
    """A photo of 120×80 pixels in which every pixel differs."""
    y, x = np.indices((80, 120))
    source = read_image(np.stack([x * 2, y * 3, (x + y) % 256], axis=-1).astype(np.uint8))
    return replace(source, name="photo.jpg")


@pytest.fixture
def photo(photos: Path) -> ImageSource:
    """A photo of 600×400 pixels, which the scripted captioner sees as 13×19 cells."""
    return read_image(photos / "coffee.jpg")


@pytest.fixture
def captioned(photo: ImageSource) -> Analysis:
    """A caption of 11 steps and 10 words ("a" twice, "skateboard" of two pieces, the end) with two more beams."""
    return FakeCaptioner().caption(photo, CaptionRequest(beams=3), RunContext())

"""A captioner that needs no torch: it follows a script, and looks at a spot of its own at every step."""

import zlib
from collections.abc import Sequence
from math import ceil
from typing import NoReturn

import numpy as np

from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.model import ModelInfo, ModelRequest
from vizstudio.core.types import Analysis, AttentionLayer, Head, Heatmap, Query
from vizstudio.entries import ModelListing

VOCABULARY = (
    "[end]", "a", "woman", "in", "an", "orange", "suit", "with", "##board", "skate", "the", "of", "front", "flag",
)  # fmt: skip
END = 0
SCRIPT = (1, 2, 3, 4, 5, 6, 7, 1, 9, 8, END)
"""a woman in an orange suit with a skate ##board [end]"""
LAYERS, HEADS, ENCODER_LAYERS = 3, 4, 2


def list_models() -> list[ModelListing]:
    return [ModelListing("scripted")]


def load(name: str, request: ModelRequest, context: RunContext) -> "FakeCaptioner":
    return FakeCaptioner()


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

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        return attention_heatmap(self, layer, head, query)


def distribution(before: Sequence[int]) -> np.ndarray:
    """Return the log-probabilities of the next token: mostly the script's, some random mass elsewhere."""
    rng = np.random.default_rng(zlib.crc32(bytes(before)))
    logits = rng.normal(0, 1.2, len(VOCABULARY))
    logits[SCRIPT[min(len(before), len(SCRIPT) - 1)]] += 4.5
    return logits - np.log(np.exp(logits).sum())


def spots(grid: PatchGrid, heads: int, seed: int) -> np.ndarray:
    """Return (heads, 1, cells) weights that sum to 1: a round spot somewhere, and a little everywhere."""
    rng = np.random.default_rng(seed)
    row, col = np.indices(grid.shape)
    out = np.empty((heads, 1, len(grid)))
    for head in range(heads):
        y, x = rng.uniform(0.1, 0.9, 2) * grid.shape
        width = rng.uniform(0.08, 0.25) * max(grid.shape)
        spot = np.exp(-((row - y) ** 2 + (col - x) ** 2) / (2 * width**2)) + 0.02 * rng.random(grid.shape)
        out[head, 0] = (spot / spot.sum()).ravel()
    return out


def make_step(grid: PatchGrid, before: Sequence[int], token: int, forced: bool, kept: int) -> TokenStep:
    """Return the step that writes `token` after the tokens `before`."""
    log_probs = distribution(before)
    order = np.argsort(-log_probs)[:kept]
    one, read = TokenAxis(("query",)), TokenAxis(("[start]", *(VOCABULARY[t] for t in before)))
    cross = [
        AttentionLayer(f"decoder.{i}.cross", "cross", HEADS, one, TokenAxis((), grid)) for i in range(LAYERS)
    ]
    itself = [AttentionLayer(f"decoder.{i}.self", "self", HEADS, one, read) for i in range(LAYERS)]
    even = np.full((HEADS, 1, read.num_tokens), 1 / read.num_tokens)
    seeds = [zlib.crc32(bytes([*before, token, layer])) for layer in range(LAYERS)]
    return TokenStep(
        index=len(before),
        token_id=token,
        text=VOCABULARY[token].removeprefix("##"),
        starts_word=not VOCABULARY[token].startswith("##"),
        log_prob=float(log_probs[token]),
        entropy=float(-(np.exp(log_probs) * log_probs).sum()),
        alternatives=tuple(
            Alternative(int(t), VOCABULARY[t].removeprefix("##"), float(log_probs[t])) for t in order
        ),
        cross=FakeAttention(cross, [spots(grid, HEADS, seed) for seed in seeds]),
        itself=FakeAttention(itself, [even] * LAYERS),
        forced=forced,
    )


def make_caption(
    grid: PatchGrid, given: Sequence[int], most: int, kept: int, length_penalty: float
) -> Caption:
    """Return the caption that begins with `given` and goes on with what is most probable."""
    tokens = [*given]
    while len(tokens) < most and END not in tokens:
        tokens.append(int(distribution(tokens).argmax()))
    tokens = tokens[:most]
    steps = tuple(make_step(grid, tokens[:i], token, i < len(given), kept) for i, token in enumerate(tokens))
    text = " ".join(VOCABULARY[t] for t in tokens if t != END).replace(" ##", "")
    score = sum(step.log_prob for step in steps) / len(steps) ** length_penalty
    return Caption(steps, text, score, END in tokens)


class FakeCaptioner:
    """Scales the longest side to 299 pixels and cuts the image into cells of 16 pixels, as CATR does."""

    info = ModelInfo("fake:scripted", "untrained", "none", (299, 299), 1234, "cpu")

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        scale = 299 / max(image.size)
        size = (max(1, int(image.size[0] * scale)), max(1, int(image.size[1] * scale)))
        grid = PatchGrid(
            ceil(size[1] / 16), ceil(size[0] / 16), (16.0, 16.0), ImageFit.resized(image.size, size, size)
        )
        axis = TokenAxis((), grid)
        about = [AttentionLayer(f"encoder.{i}.self", "self", 2, axis, axis) for i in range(ENCODER_LAYERS)]
        even = np.full((2, len(grid), len(grid)), 1 / len(grid))
        note = "untrained weights: the maps show the architecture, not anything learned"
        return Analysis(
            "fake:scripted", grid, FakeAttention(about, [even] * ENCODER_LAYERS),
            provenance={"weights": "untrained", "image": image.sha256}, notes=(note,),
        )  # fmt: skip

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        from dataclasses import replace

        analysis, most = self.analyze(image, context), request.max_tokens or 40

        def write(given: Sequence[int]) -> Caption:
            return make_caption(analysis.grid, given, most, request.alternatives, request.length_penalty)

        def continued(given: Sequence[int], context: RunContext | None) -> Analysis:
            return replace(analysis, caption=write(given), continued=continued)

        best = write([_token(word) for word in (request.prefix or "").split()])
        others = [
            write([s.alternatives[k].token_id]) for k, s in enumerate([best.steps[0]] * request.beams) if k
        ]
        return replace(
            analysis, caption=best, other_captions=tuple(others), continued=continued,
            provenance={**analysis.provenance, "request": repr(request)},
        )  # fmt: skip


def _token(word: str) -> int:
    return VOCABULARY.index(word) if word in VOCABULARY else _unknown(word)


def _unknown(word: str) -> NoReturn:
    raise UsageError(f"the vocabulary has no word {word!r}")

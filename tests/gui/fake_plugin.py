"""A plugin whose models need no torch: random attention over 4×6 patches, an image that is cropped.

Those whose names end in "writer" write captions: what they write, and its maps, depend on the tokens before.
"""

import threading
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep
from vizstudio.core.context import RunContext
from vizstudio.core.errors import ModelError, UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.model import ModelInfo, ModelRequest
from vizstudio.core.types import Analysis, AttentionLayer, Head, Heatmap, PositionEmbedding, Prediction, Query
from vizstudio.entries import ModelListing

LAYERS, HEADS, ROWS, COLS, CELL = 3, 2, 4, 6, 16
WRITERS = ("writer", "slow_writer", "mute_writer")
NAMES = ("small", "other", "flat", "slow", "deaf", "broken", "refused", *WRITERS)
DECODER_LAYERS, DECODER_HEADS, LIMIT = 2, 3, 9
END, A, BI, CYCLE, ON, MAT, CAT = 0, 1, 2, 3, 4, 5, 6
VOCABULARY = ("[SEP]", "a", "bi", "##cycle", "on", "mat", "cat", "dog", "red")
SCRIPT = (A, BI, CYCLE, ON, A, MAT, END)  # what is probable at each place

release = threading.Event()
"""Lets the models "slow" and "deaf" end."""
started = threading.Event()
"""Set when one of them has begun."""
loads: list[tuple[str, ModelRequest]] = []
"""What was loaded, in order."""
continuations: list[tuple[int, ...]] = []
"""The tokens that captions were continued from, in order."""


def list_models() -> list[ModelListing]:
    return [ModelListing(name) for name in NAMES]


def load(name: str, request: ModelRequest, context: RunContext) -> "FakeModel":
    loads.append((name, request))
    if name == "refused":
        raise ModelError("the model refused cannot be built: choose another")
    if name not in NAMES:
        raise ModelError(f"no fake model {name!r}")
    return FakeWriter(name, request) if name in WRITERS else FakeModel(name, request)


class FakeAttention:
    """Full matrices (layers, heads, queries, keys)."""

    def __init__(self, layers: list[AttentionLayer], seed: int) -> None:
        self.layers = tuple(layers)
        about = layers[0]
        shape = (len(layers), about.heads, about.queries.num_tokens, about.keys.num_tokens)
        logits = np.exp(np.random.default_rng(seed).normal(0, 2, shape))
        self.matrices = (logits / logits.sum(-1, keepdims=True)).astype(np.float32)

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        return attention_heatmap(self, layer, head, query)

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        full = self.matrices[layer]
        full = full if heads is None else full[heads]
        return full if queries is None else full[:, queries]


class FakeModel:
    """Its attention depends on its name and the image."""

    def __init__(self, name: str, request: ModelRequest) -> None:
        self._name = name
        weights = "checkpoint" if request.checkpoint else "pretrained" if request.pretrained else "untrained"
        self.info = ModelInfo(
            f"fake:{name}", weights, "none", (COLS * CELL, ROWS * CELL), 1234567, "cpu", request.precision
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        if self._name in ("slow", "deaf"):
            started.set()
            for step in range(100_000):
                if release.wait(0.005):
                    break
                if self._name == "slow":
                    context.check()
                    context.report(min(0.9, 0.1 + step / 1000), "running slowly")
        if self._name == "broken":
            raise RuntimeError("a fuse blew")
        width, height = image.size
        resized = (round(width * 0.9), round(height * 0.9))
        fit = ImageFit.resized((width, height), resized, (COLS * CELL, ROWS * CELL), (-6, -4), "crop")
        grid = PatchGrid(ROWS, COLS, (float(CELL), float(CELL)), fit)
        axis = TokenAxis(("cls",), grid)
        about = [
            AttentionLayer(f"blocks.{i}.attn", "self", HEADS, axis, axis, 1e-7 * (i + 1))
            for i in range(LAYERS)
        ]
        seed = zlib.crc32(f"{self._name} {image.sha256}".encode())
        vectors = np.random.default_rng(seed).normal(size=(ROWS * COLS, 8)).astype(np.float32)
        embedding = None if self._name == "flat" else PositionEmbedding("learned", vectors, grid)
        notes = ["no position embedding to draw: this model is flat"] if embedding is None else []
        if self.info.weights == "untrained":
            notes.insert(0, "untrained weights: the maps show the architecture, not anything learned")
        return Analysis(
            model_id=self.info.model_id,
            grid=grid,
            attention=FakeAttention(about, seed),
            predictions=(Prediction("tabby", 0, 0.75), Prediction("tiger <cat>", 1, 0.25)),
            position_embedding=embedding,
            timings={"forward": 0.5},
            notes=tuple(notes),
        )


class FakeWriter(FakeModel):
    """Writes captions greedily; "slow_writer" branches slowly, "mute_writer" cannot branch."""

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        unknown = [word for word in (request.prefix or "").split() if word not in VOCABULARY]
        if unknown:
            raise UsageError(f"the vocabulary has no word {unknown[0]!r}: choose another beginning")
        prefix = [VOCABULARY.index(word) for word in (request.prefix or "").split()]
        encoded, limit = self.analyze(image, context), request.max_tokens or LIMIT

        def write(tokens: Sequence[int], beams: int = 1) -> Analysis:
            first = next_step(encoded, tokens, False)
            starts = [[*tokens, other.token_id] for other in first.alternatives[1:beams]]
            captions = [complete(encoded, start, limit) for start in [list(tokens), *starts]]
            rest = tuple(captions[1:])
            return replace(encoded, caption=captions[0], other_captions=rest, continued=go_on)

        def go_on(tokens: Sequence[int], context: RunContext | None) -> Analysis:
            continuations.append(tuple(tokens))
            if self._name == "mute_writer":
                raise UsageError("this caption cannot be continued: write another")
            if self._name == "slow_writer":
                started.set()
                while not release.wait(0.005):
                    assert context is not None
                    context.check()
                    context.report(0.5, "writing slowly")
            return write(tokens)

        return write(prefix, request.beams)


def complete(encoded: Analysis, start: Sequence[int], limit: int) -> Caption:
    """Write a caption that begins with some tokens."""
    steps: list[TokenStep] = []
    tokens: list[int] = []
    while len(steps) < limit and END not in tokens:
        forced = start[len(steps)] if len(steps) < len(start) else None
        steps.append(next_step(encoded, tokens, forced is not None, forced))
        tokens.append(steps[-1].token_id)
    text = " ".join(VOCABULARY[t] for t in tokens if t != END).replace(" ##", "")
    score = sum(step.log_prob for step in steps) / len(steps)
    return Caption(tuple(steps), text, score, END in tokens)


def next_step(encoded: Analysis, before: Sequence[int], forced: bool, token: int | None = None) -> TokenStep:
    """Write one token: the most probable one unless it is given."""
    seed = zlib.crc32(f"{encoded.model_id} {list(before)}".encode())
    logits = np.random.default_rng(seed).normal(0, 1, len(VOCABULARY))
    logits[SCRIPT[min(len(before), len(SCRIPT) - 1)]] += 3
    logits[CYCLE] = 6 if before and before[-1] == BI else -9
    log_probs = logits - np.log(np.exp(logits).sum())
    order = np.argsort(-log_probs)
    chosen = int(order[0]) if token is None else token
    keys = TokenAxis((), encoded.grid)
    about = [
        AttentionLayer(f"decoder.{i}.cross", "cross", DECODER_HEADS, TokenAxis(("token",)), keys, 0.0)
        for i in range(DECODER_LAYERS)
    ]
    itself = TokenAxis(tuple(f"t{i}" for i in range(len(before) + 1)))
    masked = AttentionLayer("decoder.0.self", "self", DECODER_HEADS, TokenAxis(("token",)), itself, 0.0)
    return TokenStep(
        index=len(before),
        token_id=chosen,
        text=VOCABULARY[chosen].removeprefix("##"),
        starts_word=not VOCABULARY[chosen].startswith("##"),
        log_prob=float(log_probs[chosen]),
        entropy=float(-(np.exp(log_probs) * log_probs).sum()),
        alternatives=tuple(Alternative(int(t), VOCABULARY[t], float(log_probs[t])) for t in order[:6]),
        cross=FakeAttention(about, seed),
        itself=FakeAttention([masked], seed),
        forced=forced,
    )

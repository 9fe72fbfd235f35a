"""A plugin whose models need no torch: random attention over 4×6 patches, an image that is cropped."""

import threading
import zlib

import numpy as np

from vizstudio.core.context import RunContext
from vizstudio.core.errors import ModelError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource
from vizstudio.core.model import ModelInfo, ModelRequest
from vizstudio.core.types import Analysis, AttentionLayer, PositionEmbedding, Prediction
from vizstudio.entries import ModelListing

LAYERS, HEADS, ROWS, COLS, CELL = 3, 2, 4, 6, 16
NAMES = ("small", "other", "flat", "slow", "deaf", "broken", "refused")

release = threading.Event()
"""Lets the models "slow" and "deaf" end."""
started = threading.Event()
"""Set when one of them has begun."""
loads: list[tuple[str, ModelRequest]] = []
"""What was loaded, in order."""


def list_models() -> list[ModelListing]:
    return [ModelListing(name) for name in NAMES]


def load(name: str, request: ModelRequest, context: RunContext) -> "FakeModel":
    loads.append((name, request))
    if name == "refused":
        raise ModelError("the model refused cannot be built: choose another")
    if name not in NAMES:
        raise ModelError(f"no fake model {name!r}")
    return FakeModel(name, request)


class FakeAttention:
    """Full matrices, one per layer."""

    def __init__(self, layers: list[AttentionLayer], seed: int) -> None:
        self.layers = tuple(layers)
        rng = np.random.default_rng(seed)
        tokens = layers[0].queries.num_tokens
        logits = np.exp(rng.normal(0, 2, (LAYERS, HEADS, tokens, tokens)))
        self.matrices = (logits / logits.sum(-1, keepdims=True)).astype(np.float32)

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
        self.info = ModelInfo(f"fake:{name}", weights, "none", (COLS * CELL, ROWS * CELL), 1234567, "cpu")

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

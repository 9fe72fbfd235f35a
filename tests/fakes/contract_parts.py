"""Captions, reductions, formats and data sets that keep every contract but the one that is named."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vizstudio.api import (
    Alternative,
    Analysis,
    AttentionLayer,
    Caption,
    CaptionRequest,
    Heatmap,
    RunContext,
    Sample,
    TokenAxis,
    TokenStep,
    UsageError,
    attention_heatmap,
    fuse,
    key_grid,
    query_rows,
    to_map,
)

SCRIPT = (5, 3, 8, 1, 7, 2, 6)


class PlainAttention:
    """Even attention, or off by one tenth."""

    def __init__(self, layers: list[AttentionLayer], total: float) -> None:
        self.layers, self._total = tuple(layers), total

    def weights(self, layer: int, heads: Any = None, queries: Any = None) -> np.ndarray:
        about = self.layers[layer]
        shape = (about.heads if heads is None else len(heads), 1, about.keys.num_tokens)
        return np.full(shape, self._total / shape[2], np.float32)

    def heatmap(self, layer: int = -1, head: Any = "mean", query: Any = None) -> Heatmap:
        return attention_heatmap(self, layer, head, query)


@dataclass(frozen=True)
class Given:
    """Tokens to begin with, and what was asked."""

    tokens: tuple[int, ...]
    request: CaptionRequest


def caption_of(analysis: Analysis, given: Given, fault: str, context: RunContext | None) -> Analysis:
    """Return the analysis with the script as its caption."""
    asked = given.request.max_tokens or len(SCRIPT)
    count = len(SCRIPT) if fault == "caption-goes-on" else min(asked, len(SCRIPT))
    steps = []
    for index in range(count):
        if context is not None and fault != "caption-cancel":
            context.check()
        steps.append(
            _step(analysis, index, index < len(given.tokens), 1.1 if fault == "caption-steps" else 1.0)
        )

    def go_on(tokens: Any, context: RunContext | None) -> Analysis:
        return caption_of(analysis, Given(tuple(tokens), given.request), fault, context)

    return replace(analysis, caption=Caption(tuple(steps), "a text", -1.0, False), continued=go_on)


def _step(analysis: Analysis, index: int, forced: bool, total: float) -> TokenStep:
    one, read = TokenAxis(("query",)), TokenAxis(tuple(f"token{i}" for i in range(index + 1)))
    cross = AttentionLayer("cross", "cross", 2, one, TokenAxis((), analysis.grid), 0.0)
    itself = AttentionLayer("self", "self", 2, one, read, 0.0)
    token = SCRIPT[index]
    choices = (Alternative(token, f"w{token}", -0.2), Alternative(99, "other", -2.0))
    seen, past = PlainAttention([cross], total), PlainAttention([itself], 1.0)
    return TokenStep(index, token, f"w{token}", True, -0.2, 0.6, choices, seen, past, forced)


def reduce_healthy(attention: Any, layer: int, head: Any, query: Any) -> Heatmap:
    about = attention.layers[layer]
    row = fuse(query_rows(attention, layer, query), head)
    return Heatmap(to_map(row, about.keys).astype(np.float32), key_grid(about), "a map", "attention")


def reduce_no_unit(attention: Any, layer: int, head: Any, query: Any) -> Heatmap:
    return replace(reduce_healthy(attention, layer, head, query), unit="")


def reduce_random(attention: Any, layer: int, head: Any, query: Any) -> Heatmap:
    found = reduce_healthy(attention, layer, head, query)
    noise = np.random.default_rng().random(found.values.shape).astype(np.float32)
    return replace(found, values=noise)


def write_healthy(figure: Any, analysis: Analysis) -> bytes:
    return figure.title.encode()


def write_never(figure: Any, analysis: Analysis) -> bytes:
    raise UsageError("this format cannot hold any figure: choose another one")


def write_random(figure: Any, analysis: Analysis) -> bytes:
    return np.random.default_rng().bytes(8)


@dataclass
class Squares:
    """A square somewhere."""

    size: int
    count: int
    seed: int
    split: str
    class_names = ("dark", "light")
    fault = ""

    def __post_init__(self) -> None:
        if self.split not in ("train", "val") or self.size < 8:
            raise UsageError(f"no squares of {self.size} pixels, split {self.split!r}")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count and self.fault != "dataset-errors":
            raise IndexError(index)
        seed = [self.seed, len(self.split), index]
        if self.fault == "other-seed-other-samples":
            seed = [index]
        rng = np.random.default_rng(None if self.fault == "same-sample-again" else seed)
        mask = np.zeros((1, self.size, self.size), np.bool_)
        row, col = rng.integers(0, self.size - 4, 2)
        mask[0, row : row + 4, col : col + 4] = True
        kind = int(rng.integers(2))
        image = np.where(mask[0][..., None], 255 * kind, rng.integers(90, 160, (self.size, self.size, 3)))
        text = f"A {self.class_names[kind]} square" if self.fault == "samples" else "a square"
        return Sample(image=image.astype(np.uint8), masks=mask, classes=(kind,), caption=text)


class Samples(Squares):
    fault = "samples"


class SameSampleAgain(Squares):
    fault = "same-sample-again"


class OtherSeedOtherSamples(Squares):
    fault = "other-seed-other-samples"


class DatasetErrors(Squares):
    fault = "dataset-errors"

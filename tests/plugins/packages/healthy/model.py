"""A model without torch: two layers of uniform and of one-hot attention over a 2×3 grid."""

import numpy as np

from vizstudio.api import (
    Analysis,
    AttentionLayer,
    Heatmap,
    ImageFit,
    ModelInfo,
    ModelListing,
    PatchGrid,
    Prediction,
    TokenAxis,
    UsageError,
    attention_heatmap,
    fuse,
    key_grid,
    query_rows,
    to_map,
)


def names():
    return [ModelListing(name, "toys") for name in ("bear", "raises", "exits", "wrong", "gone", "tall")]


class Attention:
    """Layer 0 looks everywhere alike, in layer 1 every token looks at itself alone."""

    def __init__(self, grid):
        axis = TokenAxis((), grid)
        self.layers = tuple(AttentionLayer(f"layer{i}", "self", 2, axis, axis, 0.0) for i in range(2))

    def weights(self, layer, heads=None, queries=None):
        count = self.layers[layer].queries.num_tokens
        full = np.full((count, count), 1 / count) if layer % 2 == 0 else np.eye(count)
        rows = full if queries is None else full[list(queries)]
        return np.stack([rows] * (2 if heads is None else len(heads))).astype(np.float32)

    def heatmap(self, layer=-1, head="mean", query=None):
        return attention_heatmap(self, layer, head, query)


class Toy:
    def __init__(self, name, device):
        self._name = name
        self.info = ModelInfo(f"toy:{name}", "untrained", "none", (30, 20), 0, device)

    def analyze(self, image, context):
        context.report(0.5, "playing")
        if self._name == "raises":
            raise ZeroDivisionError("toys cannot divide")
        if self._name == "exits":
            raise SystemExit(3)
        if self._name == "wrong":
            return "an analysis"
        if self._name == "gone" and image.size[0] > image.size[1]:
            raise UsageError(f"{image.name} is too wide")
        shape = (3, 2) if self._name == "tall" and image.size[1] > image.size[0] else (2, 3)
        size = (10 * shape[1], 10 * shape[0])
        grid = PatchGrid(*shape, (10.0, 10.0), ImageFit.resized(image.size, size, size))
        logits = np.array([0.0, np.log(3.0)], np.float32)
        predictions = (Prediction("bear", 1, 0.75), Prediction("doll", 0, 0.25))
        return Analysis(self.info.model_id, grid, Attention(grid), predictions, logits)


def load(name, request, context):
    if name == "unloadable":
        raise OverflowError("too big a toy")
    if name == "nothing":
        return None
    return Toy(name, context.device)


def first_layer(attention, layer, head, query):
    about = attention.layers[0]
    row = fuse(query_rows(attention, 0, query), head)
    return Heatmap(to_map(row, about.keys), key_grid(about), "first", "attention")


def sick(attention, layer, head, query):
    raise RuntimeError("sick")


def to_txt(figure, analysis):
    return figure.title.encode()


def to_bad(figure, analysis):
    return figure.title

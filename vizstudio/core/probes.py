"""What a training run keeps of a few probe images after an epoch: an analysis as small arrays, and back.

A snapshot is one ``.npz`` file. It holds ``position (rows * cols, dim)`` float16 with ``position_grid (2,)`` and
``position_kind``, where the model has a position embedding, ``class_names``, and for each probe, i from 0:

====================== ================================================================================
``photo_i``            (height, width, 3) uint8, the image, its longest side at most `PHOTO_SIDE` pixels
``name_i``             what people call it
``grid_i``             (2,) rows and columns of the keys
``rect_i``             (4,) the grid's left, top, width and height, as shares of the photo's width and height
``labels_i``           names of the keys that lie nowhere on the photo, such as ``cls``
``query_i``            whose rows these are: ``cls``, another of the labels, or ``mean`` of the patches
``attention_i``        (layers, heads, keys) float16, weights that sum to 1
``layers_i``           (layers,) which layers these are, as some may have other heads or keys
``probabilities_i``    (classes,) float16, in class order, of a classifier
``tokens_i``           (steps,) what a captioner wrote, piece by piece
``starts_word_i``      (steps,) bool, False for a piece that continues the word before
``log_probs_i``        (steps,) float32, in nats
``entropies_i``        (steps,) float32, in nats
``cross_i``            (steps, layers, heads, keys) float16, what each step attended to as it wrote its token
``cross_grid_i``       (2,), ``cross_rect_i`` (4,) and ``cross_labels_i``: where those keys lie
``text_i``             the caption without marks
``finished_i``         whether the captioner ended it itself
====================== ================================================================================

A probe has those that its model has; whoever reads a snapshot goes by what is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vizstudio.core.caption import Caption, TokenStep
from vizstudio.core.errors import GeometryError, UsageError, VizstudioError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.maps import attention_heatmap, query_rows, query_tokens
from vizstudio.core.types import (
    Analysis,
    Attention,
    AttentionLayer,
    Head,
    Heatmap,
    PositionEmbedding,
    Prediction,
    Query,
)

PHOTO_SIDE = 224  # pixels
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class KeptRows:
    """Attention rows that were kept, one query each; an `Attention`.

    Parameters
    ----------
    layers : tuple of AttentionLayer
        With one query each.
    rows : (layers, heads, keys) float32
        Weights.
    """

    layers: tuple[AttentionLayer, ...]
    rows: np.ndarray

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        """Return float32 (heads, queries, keys); the one query is token 0."""
        if queries is not None and set(queries) - {0}:
            raise UsageError("of this attention one query was kept, token 0")
        kept = self.rows[layer] if heads is None else self.rows[layer][heads]
        return np.repeat(kept[:, None], 1 if queries is None else len(queries), axis=1)

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """Return the map of one layer; see `vizstudio.core.maps.attention_heatmap`."""
        return attention_heatmap(self, layer, head, query)


def pack_probe(number: int, image: ImageSource, analysis: Analysis) -> Arrays:
    """Return what is kept of one probe image; see the top of this module.

    Parameters
    ----------
    number : int
        Which probe it is, from 0.
    image : ImageSource
        What the model saw.
    analysis : Analysis
        What it computed: attention, position embedding, predictions, caption, as far as it has them.
    """
    photo = image.pil()
    photo.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BOX)
    found: Arrays = {"photo": np.asarray(photo), "name": np.array(image.name)}
    found |= _pack_rows(analysis.attention)
    if analysis.predictions:
        ordered = sorted(analysis.predictions, key=lambda p: p.index)
        found["probabilities"] = np.array([p.probability for p in ordered], np.float16)
    if analysis.caption is not None and analysis.caption.steps:
        found |= _pack_caption(analysis.caption)
    arrays = {f"{name}_{number}": values for name, values in found.items()}
    if analysis.predictions:
        arrays["class_names"] = np.array([p.label for p in ordered])
    if analysis.position_embedding is not None:
        embedding = analysis.position_embedding
        arrays["position"] = embedding.vectors.astype(np.float16)
        arrays["position_grid"], arrays["position_kind"] = (
            np.array(embedding.grid.shape),
            np.array(embedding.kind),
        )
    return arrays


def _share_of_photo(grid: PatchGrid) -> np.ndarray:
    width, height = grid.fit.original_size
    return np.array(grid.rect) / [width, height, width, height]


def _pack_rows(attention: Attention) -> Arrays:
    """Keep the default query's row of every layer that is like the last one."""
    if not attention.layers:
        return {}
    last = attention.layers[-1].keys
    if last.grid is None:
        return {}
    alike = [
        i
        for i, layer in enumerate(attention.layers)
        if (layer.heads, layer.keys.labels, layer.keys.grid and layer.keys.grid.shape)
        == (attention.layers[-1].heads, last.labels, last.grid.shape)
    ]
    queries = attention.layers[-1].queries
    tokens = query_tokens(queries, None)
    return {
        "attention": np.stack([query_rows(attention, i, None) for i in alike]).astype(np.float16),
        "layers": np.array(alike),
        "grid": np.array(last.grid.shape),
        "rect": _share_of_photo(last.grid),
        "labels": np.array(last.labels, np.str_),
        "query": np.array(queries.labels[tokens[0]] if len(tokens) == 1 and queries.labels else "mean"),
    }


def _pack_caption(caption: Caption) -> Arrays:
    steps, about = caption.steps, caption.steps[0].cross.layers[0].keys
    kept: Arrays = {
        "tokens": np.array([step.text for step in steps]),
        "starts_word": np.array([step.starts_word for step in steps]),
        "log_probs": np.array([step.log_prob for step in steps], np.float32),
        "entropies": np.array([step.entropy for step in steps], np.float32),
        "text": np.array(caption.text),
        "finished": np.array(caption.finished),
    }
    if about.grid is not None:
        rows = [[query_rows(s.cross, i, 0) for i in range(len(s.cross.layers))] for s in steps]
        kept["cross"] = np.array(rows, np.float16)
        kept["cross_grid"], kept["cross_rect"] = np.array(about.grid.shape), _share_of_photo(about.grid)
        kept["cross_labels"] = np.array(about.labels, np.str_)
    return kept


def count_probes(arrays: Mapping[str, np.ndarray]) -> int:
    """Return how many probes a snapshot has that can be shown on their photo."""
    count = 0
    while f"photo_{count}" in arrays and (f"attention_{count}" in arrays or f"tokens_{count}" in arrays):
        count += 1
    return count


def unpack_probe(
    number: int, arrays: Mapping[str, np.ndarray], model_id: str
) -> tuple[ImageSource, Analysis]:
    """Return a probe's photo and what the model computed of it, as far as it was kept.

    Raises
    ------
    UsageError
        If the snapshot has no such probe, or its arrays do not fit together.
    """
    if not 0 <= number < count_probes(arrays):
        raise UsageError(
            f"no probe image {number} in this snapshot: it has {count_probes(arrays)} with their photos"
        )
    found = {name.removesuffix(f"_{number}"): arrays[name] for name in arrays if name.endswith(f"_{number}")}
    try:
        image = read_image(np.asarray(found["photo"]))
        image = ImageSource(image.pixels, str(found["name"]), None, image.sha256)
        attention, grid = _unpack_rows(found, image.size)
        caption = _unpack_caption(found, image.size) if "tokens" in found else None
        if grid is None:
            assert caption is not None
            keys = caption.steps[0].cross.layers[0].keys
            grid = keys.grid or PatchGrid(1, 1, (1.0, 1.0), ImageFit(image.size, (1, 1), (1.0, 1.0)))
        embedding = _unpack_position(arrays, image.size)
        predictions = _unpack_predictions(found, arrays)
    except (LookupError, ValueError, TypeError, ArithmeticError, VizstudioError) as error:
        raise UsageError(
            f"probe {number} of this snapshot is damaged ({error}): move it away, or choose another epoch"
        ) from error
    return image, Analysis(
        model_id, grid, attention, predictions, position_embedding=embedding, caption=caption
    )


def _placed(shape: np.ndarray, rect: np.ndarray, size: tuple[int, int]) -> PatchGrid:
    """Return a grid of which the rectangle on the photo is known: cells of one input pixel."""
    rows, cols = (int(side) for side in shape)
    left, top, width, height = np.asarray(rect, np.float64) * [size[0], size[1], size[0], size[1]]
    if not (np.isfinite([left, top]).all() and 0 < width < np.inf and 0 < height < np.inf):
        raise GeometryError(f"a grid cannot lie at {rect}")
    scale = (float(cols / width), float(rows / height))
    fit = ImageFit(size, (cols, rows), scale, (float(-left * scale[0]), float(-top * scale[1])))
    return PatchGrid(rows, cols, (1.0, 1.0), fit)


def _unpack_rows(found: Arrays, size: tuple[int, int]) -> tuple[KeptRows, PatchGrid | None]:
    if "attention" not in found:
        return KeptRows((), np.empty((0, 0, 0), np.float32)), None
    grid = _placed(found["grid"], found["rect"], size)
    keys, queries = TokenAxis(_names(found["labels"]), grid), TokenAxis((str(found["query"]),))
    rows = _checked(found["attention"], keys)
    layers = tuple(
        AttentionLayer(f"layer {int(i)}", "self", rows.shape[1], queries, keys) for i in found["layers"]
    )
    return KeptRows(layers, rows), grid


def _names(labels: np.ndarray) -> tuple[str, ...]:
    return tuple(str(label) for label in labels)


def _checked(rows: np.ndarray, keys: TokenAxis) -> np.ndarray:
    if rows.shape[-1] != keys.num_tokens:
        raise GeometryError(f"{rows.shape[-1]} keys do not fit {keys.num_tokens} tokens")
    return rows.astype(np.float32)


def _unpack_caption(found: Arrays, size: tuple[int, int]) -> Caption:
    count = len(found["tokens"])
    rows, layers = np.empty((count, 0, 0, 0), np.float32), tuple[AttentionLayer, ...]()
    if "cross" in found:
        grid = _placed(found["cross_grid"], found["cross_rect"], size)
        keys, queries = TokenAxis(_names(found["cross_labels"]), grid), TokenAxis(("token",))
        rows = _checked(found["cross"], keys)
        layers = tuple(
            AttentionLayer(f"decoder layer {i}", "cross", rows.shape[2], queries, keys)
            for i in range(rows.shape[1])
        )
    nothing = KeptRows((), np.empty((0, 0, 0), np.float32))
    steps = tuple(
        TokenStep(
            index=i,
            token_id=-1,
            text=str(found["tokens"][i]),
            starts_word=bool(found["starts_word"][i]),
            log_prob=float(found["log_probs"][i]),
            entropy=float(found["entropies"][i]),
            alternatives=(),
            cross=KeptRows(layers, rows[i]),
            itself=nothing,
        )
        for i in range(count)
    )
    score = sum(step.log_prob for step in steps) / max(count, 1)
    return Caption(steps, str(found["text"]), score, bool(found["finished"]))


def _unpack_position(arrays: Mapping[str, np.ndarray], size: tuple[int, int]) -> PositionEmbedding | None:
    if "position" not in arrays:
        return None
    grid = _placed(arrays["position_grid"], np.array([0.0, 0.0, 1.0, 1.0]), size)
    kind = str(arrays["position_kind"])
    if kind not in ("learned", "sincos", "rotary"):
        raise ValueError(f"no kind of position embedding {kind!r}")
    return PositionEmbedding(kind, arrays["position"].astype(np.float32), grid)  # type: ignore[arg-type]


def _unpack_predictions(found: Arrays, arrays: Mapping[str, np.ndarray]) -> tuple[Prediction, ...]:
    if "probabilities" not in found:
        return ()
    names = arrays["class_names"]
    order = np.argsort(-found["probabilities"].astype(np.float32), kind="stable")
    return tuple(Prediction(str(names[i]), int(i), float(found["probabilities"][i])) for i in order)

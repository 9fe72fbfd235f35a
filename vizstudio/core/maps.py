"""Cheap questions to what was kept: whose row of attention, of which heads, laid on the grid; rollout."""

from collections.abc import Callable, Sequence

import numpy as np

from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import PatchGrid, TokenAxis
from vizstudio.core.types import Attention, AttentionLayer, Head, Heatmap, Query

REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "max": np.max, "min": np.min}


def query_tokens(axis: TokenAxis, query: Query | None) -> list[int]:
    """Return the canonical tokens that a query stands for; their rows are averaged.

    Parameters
    ----------
    axis : TokenAxis
        The queries of a layer.
    query : str, int, (row, col) or None
        A prefix token's name, ``"mean"`` for all patches, a patch, or a token number. None stands for the
        class token, or the only token there is, or the mean of the patches.

    Raises
    ------
    UsageError
        If the layer has no such query; the message lists what it has.
    """
    prefix = axis.num_prefix_tokens
    if query is None:
        query = "cls" if "cls" in axis.labels else 0 if axis.num_tokens == 1 else "mean"
    if isinstance(query, str) and query in axis.labels:
        return [axis.labels.index(query)]
    if isinstance(query, int) and 0 <= query < axis.num_tokens:
        return [query]
    if axis.grid is not None and query == "mean":
        return list(range(prefix, axis.num_tokens))
    if axis.grid is not None and isinstance(query, tuple):
        row, col = query
        if 0 <= row < axis.grid.rows and 0 <= col < axis.grid.cols:
            return [prefix + row * axis.grid.cols + col]
    raise UsageError(f"no query {format_query(query)}: choose {_choices(axis)}")


def _choices(axis: TokenAxis) -> str:
    names = list(axis.labels[:8])
    if axis.grid is not None:
        names += ["mean", f"a patch from 0,0 to {axis.grid.rows - 1},{axis.grid.cols - 1}"]
    return ", ".join(names)


def format_query(query: Query | None) -> str:
    """Return a query as it is typed on the command line."""
    if query is None:
        return "default"
    return f"{query[0]},{query[1]}" if isinstance(query, tuple) else str(query)


def token_name(label: str) -> str:
    """Return what a prefix token is called in a sentence."""
    if label.startswith("reg") and label[3:].isdecimal():
        return f"register {label[3:]}"
    return {"cls": "class token", "dist": "distillation token"}.get(label, f"token {label}")


def query_name(axis: TokenAxis, query: Query | None) -> str:
    """Return what a query is called in a title, such as "the class token"."""
    tokens = query_tokens(axis, query)
    if len(tokens) > 1:
        return "the average patch"
    if tokens[0] < axis.num_prefix_tokens:
        label = axis.labels[tokens[0]]
        return f"the {token_name(label)}" if label in ("cls", "dist") else token_name(label)
    if axis.grid is None:
        return f"token {tokens[0]}"
    row, col = divmod(tokens[0] - axis.num_prefix_tokens, axis.grid.cols)
    return f"patch {row},{col}"


def told_by_what(query: Query | None, source: TokenAxis, target: TokenAxis) -> Query | None:
    """Return a query that is a number by what it stands for, where `target` numbers its tokens otherwise."""
    if not isinstance(query, int) or _numbered_alike(source, target):
        return query
    if query < source.num_prefix_tokens:
        return source.labels[query]
    if source.grid is None:
        return query
    row, col = divmod(query - source.num_prefix_tokens, source.grid.cols)
    return row, col


def _numbered_alike(first: TokenAxis, second: TokenAxis) -> bool:
    shapes = [axis.grid and axis.grid.shape for axis in (first, second)]
    return first.labels == second.labels and shapes[0] == shapes[1]


def at_same_place(query: Query | None, source: TokenAxis, target: TokenAxis) -> Query | None:
    """Return a query of `source` in the numbers of `target`: of another grid, the cell under its middle."""
    query = told_by_what(query, source, target)
    if not isinstance(query, tuple) or source.grid is None or target.grid is None:
        return query
    (row, col), old, new = query, source.grid, target.grid
    x = old.origin[0] + (col + 0.5) * old.cell[0] - new.origin[0]
    y = old.origin[1] + (row + 0.5) * old.cell[1] - new.origin[1]
    cell = int(y // new.cell[1]), int(x // new.cell[0])
    return min(max(cell[0], 0), new.rows - 1), min(max(cell[1], 0), new.cols - 1)


def key_grid(layer: AttentionLayer) -> PatchGrid:
    """Return the grid of a layer's keys.

    Raises
    ------
    GeometryError
        If they lie nowhere that is known.
    """
    if layer.keys.grid is None:
        raise GeometryError(
            f"attention of {layer.name} cannot be drawn on the image: {layer.note or 'no grid'}"
        )
    return layer.keys.grid


def query_rows(attention: Attention, layer: int, query: Query | None) -> np.ndarray:
    """Return float32 (heads, keys): the mean over the query's tokens of one layer's weights.

    Parameters
    ----------
    attention : Attention
        Of one run.
    layer : int
        Counted from 0, or from -1 at the end.
    query : see `query_tokens`
    """
    tokens = query_tokens(attention.layers[layer].queries, query)
    return attention.weights(layer, None, tokens).mean(axis=1)


def fuse(rows: np.ndarray, head: Head) -> np.ndarray:
    """Return float32 (keys,): one head of (heads, keys), or their mean, maximum or minimum.

    Parameters
    ----------
    rows : (heads, keys) float32
        A row of each head; see `query_rows`.
    head : int, "mean", "max" or "min"
    """
    if isinstance(head, int):
        if not 0 <= head < len(rows):
            raise UsageError(f"head {head} does not exist: this layer has heads 0 to {len(rows) - 1}")
        return rows[head]
    if head not in REDUCTIONS:
        raise UsageError(f"no head {head!r}: give a number, or {', '.join(REDUCTIONS)}")
    return np.asarray(REDUCTIONS[head](rows, axis=0), np.float32)


def to_map(values: np.ndarray, axis: TokenAxis, hide: Sequence[int] = ()) -> np.ndarray:
    """Lay (…, keys) over the grid: (…, rows, cols) float32, prefix keys dropped and not redistributed.

    Parameters
    ----------
    values : (…, keys) array
        One per key.
    axis : TokenAxis
        The keys; they must lie on a grid, see `key_grid`.
    hide : sequence of int
        Keys to show as NaN.
    """
    assert axis.grid is not None
    shown = np.array(values, np.float32)
    shown[..., list(hide)] = np.nan
    return shown[..., axis.num_prefix_tokens :].reshape(*values.shape[:-1], *axis.grid.shape)


def _hidden_keys(layer: AttentionLayer, tokens: Sequence[int], hide: Sequence[int]) -> list[int]:
    """Return `hide` and the keys that a query's tokens cannot see because they lie in other windows."""
    if layer.keys.is_global:
        return list(hide)
    windows = {layer.queries.find(token)[0] for token in tokens}
    seen = {int(t) for w in windows for t in layer.keys.index[w] if t >= 0}
    return [*hide, *(t for t in range(layer.keys.num_tokens) if t not in seen)]


def attention_heatmap(
    attention: Attention,
    layer: int = -1,
    head: Head = "mean",
    query: Query | None = None,
    hide: Sequence[int] = (),
) -> Heatmap:
    """Return where a query looks: one row of attention weights on the grid.

    Rows sum to 1 over all keys; what went to prefix tokens is not on the map and is told as `prefix_mass`.

    Parameters
    ----------
    attention : Attention
        Of one analysis.
    layer : int
        Counted from 0, or from -1 at the end.
    head : int, "mean", "max" or "min"
        One head, or how heads are fused.
    query : see `query_tokens`
    hide : sequence of int
        Canonical tokens to leave out (NaN), such as outliers.

    Raises
    ------
    UsageError
        If layer, head or query does not exist.
    GeometryError
        If the layer's keys lie nowhere on the image.
    AttentionError
        If the weights do not explain the call's own output.
    """
    about = _layer(attention, layer)
    grid = key_grid(about)
    tokens = query_tokens(about.queries, query)
    rows = query_rows(attention, layer, query)
    fused = fuse(rows, head)
    values = to_map(fused, about.keys, _hidden_keys(about, tokens, hide))
    mass = float(fused[: about.keys.num_prefix_tokens].sum()) if head not in ("max", "min") else None
    return Heatmap(values, grid, about.name, "attention", mass)


def _layer(attention: Attention, layer: int) -> AttentionLayer:
    count = len(attention.layers)
    if not -count <= layer < count:
        raise UsageError(f"layer {layer} does not exist: this model has layers 0 to {count - 1}")
    return attention.layers[layer]


def all_heads(attention: Attention, layer: int, query: Query | None, hide: Sequence[int] = ()) -> np.ndarray:
    """Return (heads, rows, cols): the query's map in every head of one layer; see `attention_heatmap`."""
    about = _layer(attention, layer)
    key_grid(about)
    hidden = _hidden_keys(about, query_tokens(about.queries, query), hide)
    return to_map(query_rows(attention, layer, query), about.keys, hidden)


def on_padding(grid: PatchGrid) -> np.ndarray:
    """Return (rows, cols) bool: the cells that lie beyond the photo altogether, on padding."""
    out = np.zeros(grid.shape, bool)
    width, height = grid.fit.original_size
    for row in range(grid.rows):
        _, top, _, tall = grid.cell_rect(row, 0)
        out[row] |= top + tall <= 1e-6 or top >= height - 1e-6
    for col in range(grid.cols):
        left, _, wide, _ = grid.cell_rect(0, col)
        out[:, col] |= left + wide <= 1e-6 or left >= width - 1e-6
    return out


def rollout(
    attention: Attention, query: Query | None = None, head: Head = "mean", layer: int = -1
) -> Heatmap:
    """Return attention rollout of a query of a layer through all self-attention layers up to it.

    Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers: the product over layers of
    ``0.5 A + 0.5 I`` with rows normalised to 1, A fused over heads. Only the query's row is computed.

    Raises
    ------
    UsageError
        If a layer attends within windows or over other tokens, so that layers cannot be multiplied.
    """
    _layer(attention, layer)
    last = layer % len(attention.layers)
    layers = [i for i, about in enumerate(attention.layers[: last + 1]) if about.kind == "self"]
    if not layers:
        raise UsageError("rollout needs self-attention, and this model has none")
    first = attention.layers[layers[0]]
    for i in layers:
        about = attention.layers[i]
        same = (
            about.queries.num_tokens == first.queries.num_tokens
            and about.queries.labels == first.queries.labels
        )
        if not (same and about.keys.is_global and about.queries.is_global and about.keys.grid):
            raise UsageError(
                f"rollout needs layers that attend to all tokens, and {about.name} does not: "
                f"{about.note or 'its tokens are others'}"
            )
    row = np.zeros(first.queries.num_tokens, np.float32)
    tokens = query_tokens(attention.layers[layers[-1]].queries, query)
    row[tokens] = 1 / len(tokens)
    for i in reversed(layers):
        fused = fuse(attention.weights(i), head)
        mixed = 0.5 * fused + 0.5 * np.eye(len(fused), dtype=np.float32)
        row = row @ (mixed / mixed.sum(axis=1, keepdims=True))
    mass = float(row[: first.keys.num_prefix_tokens].sum())
    return Heatmap(to_map(row, first.keys), key_grid(first), "rollout", "attention rollout", mass)


def outlier_tokens(norms: np.ndarray, num_prefix_tokens: int, factor: float = 3.0) -> np.ndarray:
    """Return the patch tokens whose norm is far above the others'.

    Darcet et al. 2024, Vision Transformers Need Registers, find them by a fixed cut-off in a bimodal
    distribution; here the cut-off is ``factor`` times the median norm of the image's own patches, which holds
    for any width.

    Parameters
    ----------
    norms : (tokens,) float
        Of one layer, prefix tokens first.
    num_prefix_tokens : int
        Prefix tokens are never outliers: they are meant to be different.
    """
    patches = norms[num_prefix_tokens:]
    return num_prefix_tokens + np.nonzero(patches > factor * np.median(patches))[0]

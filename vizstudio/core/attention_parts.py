"""What the views of attention share: how layer, heads and query are called, and the weights behind them."""

import numpy as np

from vizstudio.core import maps, statistics
from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.scene import Item
from vizstudio.core.types import AttentionLayer, Head, Heatmap, Query
from vizstudio.core.view import Data, Request, mark_cell


def layer_name(request: Request) -> str:
    state, layers = request.state, request.analysis.attention.layers
    layer = f"layer {state.layer} of 0 to {len(layers) - 1}"
    note = layers[state.layer].note
    return f"{layer} ({note})" if note else layer


def head_name(state_head: Head, heads: int) -> str:
    if isinstance(state_head, int):
        return f"head {state_head} of 0 to {heads - 1}"
    word = {"max": "maximum", "min": "minimum"}.get(state_head, state_head)
    return f"{word} of {heads} heads" if heads > 1 else "its one head"


def asked(request: Request) -> tuple[AttentionLayer, str]:
    """Return the layer in question, and what its query is called."""
    about = request.analysis.attention.layers[request.state.layer]
    return about, maps.query_name(about.queries, request.state.query)


def hidden(request: Request) -> tuple[list[int], str]:
    """Return the tokens to hide, and a sentence on them."""
    if not request.state.hide_outliers:
        return [], ""
    found = statistics.outliers(request.analysis, request.state.layer)
    if not found:
        return [], " No token is a high-norm outlier, so none is hidden."
    many = "token is" if len(found) == 1 else "tokens are"
    return found, f" {len(found)} high-norm {many} hidden."


def query_mark(request: Request, grid: PatchGrid | None, size: tuple[int, int]) -> list[Item]:
    """Return an outline around the query, if it is a patch that lies on the photo."""
    query = request.state.query
    return mark_cell(grid, query, size) if isinstance(query, tuple) and grid is not None else []


def prefix_sentence(request: Request, heatmap: Heatmap) -> str:
    """Say what share is not on the map because it went to prefix tokens."""
    names = request.analysis.attention.layers[request.state.layer].keys.labels
    if not heatmap.prefix_mass or not names:
        return ""
    who = f"the {maps.token_name(names[0])}" if len(names) == 1 else f"{len(names)} tokens outside the image"
    return f" {heatmap.prefix_mass:.1%} of it went to {who} and is not on the map."


def padding_sentence(heatmap: Heatmap) -> str:
    """Say what share is not to be seen because it went to padding around the photo."""
    share = float(np.nansum(heatmap.values[maps.on_padding(heatmap.grid)]))
    return f" {share:.1%} went to the padding around the photo and is not seen." if share > 0 else ""


def weights_data(request: Request) -> Data:
    """Return ``weights (layers, heads, keys)`` of the query, or an entry per layer where layers differ."""
    attention = request.analysis.attention
    rows = {}
    for i, layer in enumerate(attention.layers):
        query = query_of_layer(request, i)
        try:
            maps.query_tokens(layer.queries, query)
        except UsageError:
            continue  # such as a pooling layer, which has one query of its own
        rows[i] = maps.query_rows(attention, i, query)
    if len(rows) == len(attention.layers) and len({r.shape for r in rows.values()}) == 1:
        return {"weights": np.stack(list(rows.values()))}
    return {f"weights_{i:02d}": row for i, row in rows.items()}


def query_of_layer(request: Request, layer: int) -> Query | None:
    """Return the query in the numbers of a layer, whose grid may be coarser or finer than the one asked of."""
    layers, state = request.analysis.attention.layers, request.state
    return maps.at_same_place(state.query, layers[state.layer].queries, layers[layer].queries)


def window_sentence(about: AttentionLayer) -> str:
    """Say why a map is partly empty."""
    return "" if about.keys.is_global else " Patches without colour lie outside the query's window."

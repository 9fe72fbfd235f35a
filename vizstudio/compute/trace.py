"""`AttentionTrace`: the attention of one forward pass, computed for what is asked and nothing more."""

from collections.abc import Sequence

import numpy as np
import torch

from vizstudio.compute.calls import AttentionCall
from vizstudio.compute.devices import is_out_of_memory
from vizstudio.core.errors import DeviceError, UsageError
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.types import AttentionLayer, Head, Heatmap, Query


class AttentionTrace:
    """What one forward pass left behind, a layer per attention call; keeps q and k, not the matrices.

    Parameters
    ----------
    layers : sequence of AttentionLayer
        What the rows and columns of each call stand for.
    calls : sequence of AttentionCall
        The calls themselves, in the same order.
    """

    def __init__(self, layers: Sequence[AttentionLayer], calls: Sequence[AttentionCall]) -> None:
        assert len(layers) == len(calls)
        self._layers, self._calls = tuple(layers), tuple(calls)

    @property
    def layers(self) -> tuple[AttentionLayer, ...]:
        """The attention calls in the order in which they were made."""
        return self._layers

    def weights(
        self, layer: int, heads: Sequence[int] | None = None, queries: Sequence[int] | None = None
    ) -> np.ndarray:
        """Return attention weights of one layer.

        Parameters
        ----------
        layer : int
            Counted from 0, or from -1 at the end.
        heads : sequence of int, optional
            All for None.
        queries : sequence of int, optional
            Canonical token numbers (prefix tokens first, then the grid row by row); for None every token of
            the layer's queries.

        Returns
        -------
        (heads, queries, keys) float32
            Rows sum to 1. Keys are canonical tokens too; in windowed attention those outside the query's
            window have weight 0. Where a model attends to padding, that share is missing from the sum.

        Raises
        ------
        UsageError
            If a layer, head or query does not exist.
        AttentionError
            If the weights do not explain the call's own output.
        DeviceError
            If the device's memory is too small for so many of them at once.
        """
        index = self._index(layer)
        about, call = self._layers[index], self._calls[index]
        chosen = self._heads(heads, about)
        tokens = list(range(about.queries.num_tokens)) if queries is None else list(queries)
        try:
            call.require_verified()
            with torch.no_grad():
                if about.queries.is_global and about.keys.is_global:
                    self._require_tokens(tokens, about)
                    positions = None if queries is None else tokens
                    return call.rows(0, chosen, positions).cpu().numpy()
                return self._windowed(about, call, chosen, tokens)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(
                f"memory is too small for the attention of {len(tokens)} tokens in {len(chosen)} heads of "
                f"{about.name}: ask for fewer, or choose another device or a smaller input"
            ) from error

    def _index(self, layer: int) -> int:
        count = len(self._layers)
        if not -count <= layer < count:
            raise UsageError(f"layer {layer} does not exist: this model has layers 0 to {count - 1}")
        return layer % count

    @staticmethod
    def _heads(heads: Sequence[int] | None, about: AttentionLayer) -> list[int]:
        chosen = list(range(about.heads)) if heads is None else list(heads)
        for head in chosen:
            if not 0 <= head < about.heads:
                raise UsageError(f"head {head} does not exist: {about.name} has heads 0 to {about.heads - 1}")
        return chosen

    @staticmethod
    def _require_tokens(tokens: Sequence[int], about: AttentionLayer) -> None:
        for token in tokens:
            if not 0 <= token < about.queries.num_tokens:
                last = about.queries.num_tokens - 1
                raise UsageError(f"token {token} does not exist: {about.name} has tokens 0 to {last}")

    @staticmethod
    def _windowed(
        about: AttentionLayer, call: AttentionCall, heads: list[int], tokens: list[int]
    ) -> np.ndarray:
        """Compute each window once and lay its keys where they belong."""
        out = np.zeros((len(heads), len(tokens), about.keys.num_tokens), np.float32)
        places = [about.queries.find(token) for token in tokens]
        read = call.reader()
        for window in sorted({window for window, _ in places}):
            mine = [i for i, (w, _) in enumerate(places) if w == window]
            rows = read(window, heads, [places[i][1] for i in mine]).cpu().numpy()
            keys = about.keys.index[window]
            real = keys >= 0
            out[np.ix_(range(len(heads)), mine, keys[real])] = rows[..., real]
        return out

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """Return the map of one layer on the grid; see `vizstudio.core.maps.attention_heatmap`."""
        return attention_heatmap(self, layer, head, query)

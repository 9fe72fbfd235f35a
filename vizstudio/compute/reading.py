"""Attention of the one token that a decoder reads at a time: its rows are kept as they were computed.

A decoder with a cache cannot be run again for its weights, as the cache has grown by then, and to keep the keys of
every step would take far more than the few rows do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from vizstudio.compute.calls import AttentionCall, Reader
from vizstudio.compute.capture import OnModule, Recorder, recording
from vizstudio.compute.products import Product
from vizstudio.compute.record import Frame, fused_call, module_call
from vizstudio.compute.split import by_convention


@dataclass(eq=False, kw_only=True)
class RowsCall(AttentionCall):
    """A call whose weights are kept themselves.

    Parameters
    ----------
    matrix : (windows, heads, queries, keys) Tensor
        Float32 weights.
    """

    matrix: Tensor

    @classmethod
    def of(cls, call: AttentionCall, matrix: Tensor) -> "RowsCall":
        """Keep these weights of a call, check them at once, and let go of the call's inputs."""
        kept = cls(
            name=call.name,
            module=call.module,
            windows=call.windows,
            heads=call.heads,
            queries=call.queries,
            keys=call.keys,
            check=call.check,
            tolerance=call.tolerance,
            note=call.note,
            refusal=call.refusal,
            matrix=matrix.float(),
        )
        _ = kept.max_error
        return kept

    def reader(self) -> Reader:
        def read(window: int, heads: list[int], positions: list[int] | None) -> Tensor:
            chosen = self.matrix[window, heads]
            return chosen if positions is None else chosen[:, positions]

        return read


class _RowsRecorder(Recorder):
    """Keeps each call as `RowsCall`."""

    def see_fused(self, out: Tensor, *args: Any, **kwargs: Any) -> None:
        call = fused_call(self.stack[-1] if self.stack else None, out, *args, **kwargs)
        self.calls.append(RowsCall.of(call, call.inputs.weights(call.name, slice(None), None, None)))

    def _keep_product(self, frame: Frame, product: Product, ordinal: int) -> None:
        call, matrix = module_call(frame, product, lambda: product.matrix)
        self.calls.append(RowsCall.of(call, by_convention(matrix.shape, frame.module)(matrix)))


@contextmanager
def capture_rows(model: nn.Module, on_module: OnModule | None = None) -> Iterator[Recorder]:
    """See the attention of every forward pass of a decoder, as `capture` does, and keep the weights themselves.

    For passes with few queries: a decoder that reads one token at a time and keeps a cache of keys and values.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode; nothing of it is changed, and every hook comes off at the end.
    on_module : callable, optional
        Called as a module starts; see `capture`.

    Raises
    ------
    AttentionError
        If the model is in training mode, where dropout falsifies the weights.
    """
    recorder = _RowsRecorder()
    with recording(model, recorder, on_module):
        yield recorder

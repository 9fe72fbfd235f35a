"""A fused call put together from what was kept of it: the weights of the call that was made, or an error."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vizstudio.compute.calls import FusedCall, Kept
from vizstudio.compute.capture import Recorder
from vizstudio.compute.trace import AttentionTrace
from vizstudio.core.errors import AttentionError, DeviceError
from vizstudio.core.geometry import TokenAxis
from vizstudio.core.types import AttentionLayer

HEADS, QUERIES, KEYS, DIM = 2, 6, 7, 5


def _tensors() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((QUERIES, DIM), (KEYS, DIM), (KEYS, DIM))
    query, key, value = (torch.randn(1, HEADS, *shape, generator=generator) for shape in shapes)
    return query, key, value


def _mask() -> Tensor:
    mask = torch.ones(1, 1, 1, KEYS, dtype=torch.bool)
    mask[..., 3:] = False
    return mask


@pytest.mark.parametrize("mask", [None, _mask(), torch.linspace(-3, 3, KEYS)[None, None, None]])
def test_it_equals_the_call_that_was_seen(mask: Tensor | None) -> None:
    query, key, value = _tensors()
    with Recorder() as recorder:
        out = F.scaled_dot_product_attention(query, key, value, mask)
    [seen] = recorder.calls
    kept = FusedCall.of_kept("decoder", query, Kept(key), Kept(value), KEYS, out, mask)
    assert (kept.windows, kept.heads, kept.queries, kept.keys) == (1, HEADS, QUERIES, KEYS)
    for heads, positions in (([0, 1], None), ([1], [5, 2])):
        torch.testing.assert_close(kept.rows(0, heads, positions), seen.rows(0, heads, positions))
    kept.require_verified()
    assert kept.max_error < 1e-5


@pytest.mark.parametrize("wrong", ["key", "value", "out"])
def test_anything_that_is_not_of_this_call_is_noticed(wrong: str) -> None:
    query, key, value = _tensors()
    tensors = {"key": key, "value": value, "out": F.scaled_dot_product_attention(query, key, value)}
    tensors[wrong] = tensors[wrong].flip(1)  # that of the other head
    kept = FusedCall.of_kept(
        "decoder", query, Kept(tensors["key"]), Kept(tensors["value"]), KEYS, tensors["out"]
    )
    with pytest.raises(AttentionError, match="attention of decoder is not shown"):
        kept.require_verified()


def test_another_recorder_may_keep_less_of_a_call() -> None:
    class Outputs(Recorder):
        def see_fused(self, out: Tensor, *args: Tensor, **kwargs: Tensor) -> None:
            found.append(out)

    found: list[Tensor] = []
    with Outputs() as recorder:
        out = F.scaled_dot_product_attention(*_tensors())
    assert len(found) == 1 and found[0] is out and recorder.calls == []


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        MemoryError(),
    ],
    ids=lambda error: str(error)[:4],
)
def test_too_little_memory_for_a_map_is_said_in_a_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, key, value = _tensors()
    out = F.scaled_dot_product_attention(query, key, value)
    call = FusedCall.of_kept("blocks.3.attn", query, Kept(key), Kept(value), KEYS, out)
    axes = (TokenAxis(tuple(f"t{i}" for i in range(count))) for count in (QUERIES, KEYS))
    trace = AttentionTrace([AttentionLayer("blocks.3.attn", "cross", HEADS, *axes)], [call])
    assert trace.weights(0).shape == (HEADS, QUERIES, KEYS)

    def full(*_: object) -> Tensor:
        raise error

    monkeypatch.setattr(call, "rows", full)
    with pytest.raises(
        DeviceError, match=rf"of {QUERIES} tokens in {HEADS} heads of blocks\.3\.attn: ask for fewer"
    ):
        trace.weights(0)

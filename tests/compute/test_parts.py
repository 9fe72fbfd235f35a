"""One window of a fused call as a call of its own: the same weights, checked, and nothing else kept alive."""

import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vizstudio.compute.calls import FusedCall, Kept
from vizstudio.compute.capture import Recorder
from vizstudio.core.errors import AttentionError

WINDOWS, HEADS, QUERIES, KEYS, DIM = 3, 2, 4, 7, 5


def _call(mask: Tensor | None = None) -> tuple[FusedCall, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    query = torch.randn(WINDOWS, HEADS, QUERIES, DIM)
    key, value = torch.randn(2, WINDOWS, HEADS, KEYS, DIM)
    with Recorder() as recorder:
        F.scaled_dot_product_attention(query, key, value, mask)
    call = recorder.calls[0]
    assert isinstance(call, FusedCall)
    return call, query, key, value


@pytest.mark.parametrize("masked", [False, True])
def test_a_part_has_the_weights_of_its_window(masked: bool) -> None:
    mask = torch.ones(WINDOWS, 1, 1, KEYS, dtype=torch.bool)
    mask[1, ..., 3:] = False
    call, query, key, value = _call(mask if masked else None)
    for window in range(WINDOWS):
        one = slice(window, window + 1)
        part = call.part(window, Kept(key[one]), Kept(value[one]))
        scores = query[window] @ key[window].mT * DIM**-0.5
        if masked:
            scores = scores.masked_fill(~mask[window], -torch.inf)
        assert part.windows == 1
        torch.testing.assert_close(part.rows(0, [0, 1], None), scores.softmax(-1))
        part.require_verified()
        assert part.max_error < 1e-5


def test_wrong_keys_are_noticed() -> None:
    call, _, key, value = _call()
    part = call.part(0, Kept(key[1:2]), Kept(value[:1]))
    with pytest.raises(AttentionError, match="differs from the call's own output"):
        part.require_verified()


def test_a_part_keeps_no_keys_alive_that_are_stored_elsewhere() -> None:
    call, _, key, value = _call()
    part = call.part(2, Kept(key[2:].clone()), Kept(value[2:].clone()))
    there = weakref.ref(key)
    del call, key, value
    gc.collect()
    assert there() is None
    part.require_verified()

"""Rows of attention are kept as they were, though the decoder's cache has grown since."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizstudio.api import AttentionError, AttentionTrace, QueryCalls, TokenAxis, capture_rows


class Layer(nn.Module):
    """Self-attention of one token with a cache that it changes, fused or by its own softmax."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused, self.num_heads = fused, 2
        self.project = nn.Linear(8, 24)
        self.cache: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (t.view(1, -1, 2, 4).transpose(1, 2) for t in self.project(x).chunk(3, -1))
        self.cache.append((key, value))
        key, value = (torch.cat(tensors, 2) for tensors in zip(*self.cache, strict=True))
        if self.fused:
            return F.scaled_dot_product_attention(query, key, value)
        return (query @ key.mT / math.sqrt(4)).softmax(-1) @ value


class Decoder(nn.Module):
    """Two such layers."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer(fused), Layer(fused)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x).transpose(1, 2).flatten(2)
        return x


@pytest.mark.parametrize("fused", [True, False])
def test_rows_of_every_step_stay(fused: bool) -> None:
    decoder = Decoder(fused).eval()
    tokens = 3 * torch.randn(5, 1, 1, 8)
    steps, queries = [], []
    with torch.no_grad():
        for token in tokens:
            with capture_rows(decoder) as seen:
                decoder(token)
            steps.append(seen.calls)
            queries.append(decoder.layers[0].project(token)[0, 0, :8].view(2, 4))
    for place, calls in enumerate(steps):
        assert [call.name for call in calls] == ["layers.0", "layers.1"]
        trace = QueryCalls("self", calls, TokenAxis(tuple("abcde"[: place + 1]))).trace("x")
        keys = torch.cat([key for key, _ in decoder.layers[0].cache[: place + 1]], 2)[0]
        wanted = (queries[place][:, None] @ keys.mT / 2).softmax(-1)
        assert torch.allclose(torch.from_numpy(trace.weights(0)), wanted, atol=1e-6)
        assert trace.weights(1, [1]).shape == (1, 1, place + 1)
        assert trace.layers[0].queries.labels == ("x",) and trace.layers[1].max_error < 1e-5


def test_it_keeps_no_keys_of_the_pass() -> None:
    decoder = Decoder(fused=True).eval()
    with torch.no_grad(), capture_rows(decoder) as seen:
        decoder(torch.randn(1, 1, 8))
    kept = {name for name, value in vars(seen.calls[0]).items() if isinstance(value, Tensor)}
    assert kept == {"matrix"} and seen.calls[0].check is None
    assert isinstance(QueryCalls("self", seen.calls, TokenAxis(("a",))).trace("b"), AttentionTrace)


def test_nothing_is_left_behind_and_training_is_refused() -> None:
    decoder = Decoder(fused=True)
    with pytest.raises(AttentionError, match="eval"), capture_rows(decoder):
        pass
    with pytest.raises(ZeroDivisionError), capture_rows(decoder.eval()):
        raise ZeroDivisionError
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in decoder.modules())

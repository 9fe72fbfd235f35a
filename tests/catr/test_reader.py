"""Steps: their attention is that of the query that decided them, recomputed here in full without a cache."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vizstudio.api import ImageSource, RunContext
from vizstudio_catr.model import Catr
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.preprocess import prepare

Ask = Callable[..., Any]


def _attention(query: Tensor, key: Tensor, module: Any, causal: bool) -> Tensor:
    """Return (heads, queries, keys) by the textbook's formula from the layer's weights."""
    width, heads = query.shape[-1], module.num_heads
    weight, bias = module.in_proj_weight, module.in_proj_bias
    q = (query @ weight[:width].T + bias[:width]).view(-1, heads, width // heads)
    k = (key @ weight[width : 2 * width].T + bias[width : 2 * width]).view(-1, heads, width // heads)
    scores = torch.einsum("qhd,khd->hqk", q, k) / (width // heads) ** 0.5
    if causal:
        scores += torch.full(scores.shape[1:], -torch.inf).triu(1)
    return scores.softmax(-1)


def _recomputed(network: CaptionNetwork, pixels: Tensor, tokens: list[int]) -> dict[str, np.ndarray]:
    """Run all positions at once; catch what goes into every attention by hooks of our own."""
    found: dict[str, Any] = {}
    with torch.no_grad():
        encoded = network(pixels)
        image = network.readable(encoded)
        for number, layer in enumerate(network.transformer.decoder.layers):
            for kind in ("self_attn", "multihead_attn"):
                module = getattr(layer, kind)
                module.register_forward_pre_hook(
                    lambda m, args, name=(number, kind): found.__setitem__(name, args[0][0])
                )
        states, _ = network.read(torch.tensor([tokens]), image)
        for layer in network.transformer.decoder.layers:
            layer.self_attn._forward_pre_hooks.clear()
            layer.multihead_attn._forward_pre_hooks.clear()
        placed = (encoded.memory + encoded.positions)[0]
        out: dict[str, Any] = {"log_probs": network.scores(states)[0].log_softmax(-1)}
        for (number, kind), query in found.items():
            module = getattr(network.transformer.decoder.layers[number], kind)
            keys = query if kind == "self_attn" else placed
            out[f"{kind}{number}"] = _attention(query, keys, module, kind == "self_attn")
    return {key: value.numpy() for key, value in out.items()}


def _assert_equals_recomputation(model: Catr, photo: ImageSource, steps: Any) -> None:
    network, start = model._network, model._vocabulary.start
    tokens = [start, *(step.token_id for step in steps)]
    full = _recomputed(network, prepare(photo, network.config.image_size).pixels, tokens)
    for i, step in enumerate(steps):
        expected = full["log_probs"][i]  # the query at position i decides token i + 1, which this step wrote
        assert abs(step.log_prob - expected[step.token_id]) < 1e-4
        assert abs(step.entropy + (np.exp(expected) * expected).sum()) < 1e-3
        best = np.sort(expected)[::-1][: len(step.alternatives)]
        np.testing.assert_allclose([a.log_prob for a in step.alternatives], best, atol=1e-4)
        for layer in range(network.config.decoder_layers):
            np.testing.assert_allclose(
                step.cross.weights(layer)[:, 0], full[f"multihead_attn{layer}"][:, i], atol=1e-4
            )
            np.testing.assert_allclose(
                step.itself.weights(layer)[:, 0], full[f"self_attn{layer}"][:, i, : i + 1], atol=1e-4
            )


def test_greedy_equals_the_full_recomputation(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = ask(model, photo)
    assert len({step.token_id for step in analysis.steps}) > 3
    _assert_equals_recomputation(model, photo, analysis.steps)


@pytest.mark.parametrize("beams", [2, 5])
def test_every_beam_carries_its_own_attention_and_scores(
    beams: int, model: Catr, photo: ImageSource, ask: Ask
) -> None:
    analysis = ask(model, photo, beams=beams, max_tokens=9)
    captions = [analysis.caption, *analysis.other_captions]
    assert len({tuple(s.token_id for s in c.steps) for c in captions}) == beams
    for caption in captions:
        _assert_equals_recomputation(model, photo, caption.steps)


def test_a_forced_caption_and_a_branch(model: Catr, photo: ImageSource, ask: Ask) -> None:
    forced = ask(model, photo, prefix="the cats on a table", max_tokens=9)
    assert [s.text for s in forced.steps[:6]] == ["the", "cat", "s", "on", "a", "table"]
    assert [s.forced for s in forced.steps] == [True] * 6 + [False] * 3
    _assert_equals_recomputation(model, photo, forced.steps)
    _assert_equals_recomputation(model, photo, forced.branch(2, 3).steps)


@settings(deadline=None, max_examples=15)
@given(tokens=st.lists(st.integers(4, 49), min_size=1, max_size=8))
def test_any_beginning(tokens: list[int], shared_model: Catr, shared_photo: ImageSource) -> None:
    analysis = shared_model.analyze(shared_photo, RunContext()).continued(tokens, None)
    assert [s.token_id for s in analysis.steps[: len(tokens)]] == tokens
    _assert_equals_recomputation(shared_model, shared_photo, analysis.steps[: len(tokens) + 2])


def test_a_prefix_is_read_at_once_with_the_attention_of_one_token_after_another(
    model: Catr, photo: ImageSource, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = ask(model, photo, max_tokens=9)
    tokens = [s.token_id for s in slow.steps]
    model.forget()
    read, plain = [], model._network.read
    monkeypatch.setattr(
        model._network, "read", lambda tokens, *rest: (read.append(tokens.shape[1]), plain(tokens, *rest))[1]
    )
    fast = model.analyze(photo, RunContext()).continued(tokens[:7], None)
    assert read[0] == 1 + 6 and set(read[1:]) == {1}  # the start token and all but the last; then one by one
    assert [s.token_id for s in fast.steps[:9]] == tokens
    for one, other in zip(slow.steps, fast.steps, strict=False):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-5)
        for layer in range(2):
            for kind in ("cross", "itself"):
                ours, theirs = getattr(one, kind), getattr(other, kind)
                np.testing.assert_allclose(ours.weights(layer), theirs.weights(layer), atol=1e-5)
                assert theirs.layers[layer].max_error < 1e-5


def test_several_tokens_after_a_known_beginning(
    model: Catr, photo: ImageSource, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder reads them at once, after a past, and none may look ahead."""
    analysis = ask(model, photo, max_tokens=12)
    tokens = [s.token_id for s in analysis.steps[:3]]
    read, plain = [], model._network.read
    monkeypatch.setattr(
        model._network, "read", lambda tokens, *rest: (read.append(tokens.tolist()), plain(tokens, *rest))[1]
    )
    longer = analysis.continued([*tokens, 5, 9, 11, 7, 4], None)
    assert read[:2] == [[[5, 9, 11, 7]], [[4]]]
    _assert_equals_recomputation(model, photo, longer.steps)


def test_what_was_forgotten_is_read_again(
    model: Catr, photo: ImageSource, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vizstudio_catr.decoding.MOST_KEPT", 5)
    analysis = ask(model, photo, beams=3, max_tokens=9)
    for caption in (analysis.caption, *analysis.other_captions):
        _assert_equals_recomputation(model, photo, caption.steps)


def test_a_map_belongs_to_the_token_that_the_step_wrote(model: Catr, photo: ImageSource, ask: Ask) -> None:
    """The last token written was never read, so its map can only come from the token before."""
    analysis = ask(model, photo, max_tokens=5)
    tokens = [model._vocabulary.start, *(s.token_id for s in analysis.steps)]
    for step in analysis.steps:
        assert step.cross.layers[0].queries.labels == (step.text,)
        read = step.itself.layers[0].keys.labels
        assert read == tuple(model._vocabulary.tokens[t] for t in tokens[: step.index + 1])
    # Another last token leaves the map as it is: the decoder had not read it when it looked.
    other = analysis.branch(4, 1)
    np.testing.assert_allclose(other.steps[4].heatmap().values, analysis.steps[4].heatmap().values, atol=1e-6)
    assert other.steps[4].token_id != analysis.steps[4].token_id
    # Another first token changes the map of the second step, not its own.
    first = analysis.branch(0, 1)
    np.testing.assert_allclose(first.steps[0].heatmap().values, analysis.steps[0].heatmap().values, atol=1e-6)
    assert np.abs(first.steps[1].heatmap().values - analysis.steps[1].heatmap().values).max() > 1e-4


def test_rows_sum_to_one_and_are_verified(model: Catr, photo: ImageSource, ask: Ask) -> None:
    for step in ask(model, photo, beams=3, max_tokens=6).steps:
        for attention in (step.cross, step.itself):
            assert len(attention.layers) == 2
            for number, layer in enumerate(attention.layers):
                np.testing.assert_allclose(attention.weights(number).sum(-1), 1, atol=1e-5)
                assert layer.max_error is not None and layer.max_error < 1e-5
                assert layer.kind == ("cross" if attention is step.cross else "self")
                kind = "multihead_attn" if attention is step.cross else "self_attn"
                assert layer.name == f"transformer.decoder.layers.{number}.{kind}"


def test_keys_of_the_image_are_kept_once(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = ask(model, photo, beams=3, max_tokens=8)
    kept = {
        call.inputs.key.get("").data_ptr()
        for caption in (analysis.caption, *analysis.other_captions)
        for step in caption.steps
        for call in step.cross._trace._calls
    }
    assert len(kept) == model._network.config.decoder_layers


def test_a_map_lies_on_the_photo(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = ask(model, photo, max_tokens=3)
    heatmap = analysis.steps[1].heatmap(0, 2)
    assert heatmap.grid == analysis.grid and heatmap.values.shape == (4, 6)
    assert heatmap.grid.cell_rect(0, 0) == (0.0, 0.0, 15.0, 15.0)  # 16 of 96 pixels, of a photo of 90
    weights = analysis.steps[1].cross.weights(0, [2])
    np.testing.assert_array_equal(heatmap.values.ravel(), weights[0, 0])

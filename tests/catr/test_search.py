"""Greedy, beams, chance and prefixes, each against another way to compute the same."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vizstudio.api import CaptionRequest, ImageSource, UsageError
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.decoding import Decoding
from vizstudio_catr.model import Catr
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.preprocess import prepare
from vizstudio_catr.search import Draft, Search, sample

Ask = Callable[..., Any]
START, END = 2, 3


def _texts(analysis: Any) -> list[list[int]]:
    return [[s.token_id for s in c.steps] for c in (analysis.caption, *analysis.other_captions)]


def _decoding(network: CaptionNetwork, photo: ImageSource) -> Decoding:
    with torch.no_grad():
        return Decoding(network, network(prepare(photo, network.config.image_size).pixels))


def _search(decoding: Decoding, limit: int, **request: Any) -> Search:
    return Search(decoding, START, END, limit, CaptionRequest(**request))


@pytest.mark.parametrize("seed", range(4))
def test_one_beam_is_greedy(
    seed: int, small: CatrConfig, make_network: Callable[..., CaptionNetwork], photo: ImageSource
) -> None:
    """The beam search itself, which a width of 1 does not ask for otherwise."""
    search = _search(_decoding(make_network(small, seed), photo), 15)
    [beam] = search._beams(Draft())
    [greedy] = search.run()
    assert beam.tokens == greedy.tokens and beam.log_prob == pytest.approx(greedy.log_prob, abs=1e-5)


def _all_captions(network: CaptionNetwork, photo: ImageSource, limit: int) -> list[tuple[float, list[int]]]:
    """Return (log-probability, tokens) of every caption there is, computed without decoder cache or search."""
    with torch.no_grad():
        image = network.readable(network(prepare(photo, network.config.image_size).pixels))
    size, found = network.config.vocab_size, []
    others = [token for token in range(size) if token != END]
    ended = [(*body, END) for n in range(limit) for body in itertools.product(others, repeat=n)]
    for tokens in [*ended, *itertools.product(others, repeat=limit)]:
        with torch.no_grad():
            states, _ = network.read(torch.tensor([[START, *tokens[:-1]]]), image)
            log_probs = network.scores(states)[0].double().log_softmax(-1)
        found.append((float(log_probs[range(len(tokens)), list(tokens)].sum()), list(tokens)))
    return found


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
def test_a_beam_that_holds_everything_equals_exhaustive_search(
    length_penalty: float,
    small: CatrConfig,
    make_network: Callable[..., CaptionNetwork],
    photo: ImageSource,
) -> None:
    network = make_network(replace(small, vocab_size=5), 3)
    captions = _all_captions(network, photo, 3)
    assert len(captions) == 1 + 4 + 16 + 64
    ranked = sorted(captions, key=lambda c: -c[0] / len(c[1]) ** length_penalty)
    drafts = _search(_decoding(network, photo), 3, beams=500, length_penalty=length_penalty).run()
    assert [list(draft.tokens) for draft in drafts[:20]] == [tokens for _, tokens in ranked[:20]]
    assert len(drafts) == len(captions)
    np.testing.assert_allclose(
        [d.score(length_penalty) for d in drafts],
        [p / len(t) ** length_penalty for p, t in ranked],
        rtol=1e-4,
    )
    assert all(draft.finished == (draft.tokens[-1] == END) for draft in drafts)


def test_a_narrow_beam_equals_one_written_down_plainly(
    small: CatrConfig, make_network: Callable[..., CaptionNetwork], photo: ImageSource
) -> None:
    """Keep the best of all continuations of one length; one that ends takes its place along."""
    network, width, limit = make_network(replace(small, vocab_size=6), 2), 3, 4
    probability = {tuple(tokens): p for p, tokens in _all_captions(network, photo, limit)}
    partial: dict[tuple[int, ...], float] = {}
    for n in range(1, limit):
        partial |= {tuple(tokens): p for p, tokens in _all_captions(network, photo, n)}
    partial |= probability
    live: list[tuple[int, ...]] = [()]
    done: list[tuple[int, ...]] = []
    while live:
        grown = sorted(((*b, t) for b in live for t in range(6)), key=lambda x: -partial[x])
        kept = grown[: width - len(done)]
        done += [x for x in kept if x[-1] == END or len(x) == limit]
        live = [x for x in kept if not (x[-1] == END or len(x) == limit)]
    expected = sorted(done, key=lambda x: -partial[x] / len(x))
    drafts = _search(_decoding(network, photo), limit, beams=width).run()
    assert [draft.tokens for draft in drafts] == expected


def test_beams_find_what_greedy_misses(
    small: CatrConfig, make_network: Callable[..., CaptionNetwork], photo: ImageSource
) -> None:
    better = 0
    for seed in range(8):
        decoding = _decoding(make_network(small, seed), photo)
        [greedy] = _search(decoding, 6).run()
        best = _search(decoding, 6, beams=6, length_penalty=0.0).run()[0]
        better += best.log_prob > greedy.log_prob + 1e-4
    assert better >= 1


def test_a_branch_equals_a_decode_with_that_prefix_forced(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = ask(model, photo, max_tokens=12)
    for step, alternative in ((0, 1), (3, 2), (7, 4)):
        branch = analysis.branch(step, alternative)
        tokens = _texts(branch)[0]
        fresh = ask(model, photo, max_tokens=12).continued(tokens[: step + 1], None)
        assert _texts(fresh)[0] == tokens
        for ours, theirs in zip(branch.steps, fresh.steps, strict=True):
            assert ours.log_prob == pytest.approx(theirs.log_prob, abs=1e-5)
            np.testing.assert_allclose(ours.heatmap().values, theirs.heatmap().values, atol=1e-6)


def test_a_branch_equals_a_forced_prefix_of_words(model: Catr, photo: ImageSource, ask: Ask) -> None:
    words = ask(model, photo, prefix="a cat on", max_tokens=9)
    numbers = [model._vocabulary.tokens.index(word) for word in ("a", "cat", "on")]
    assert _texts(ask(model, photo, max_tokens=9).continued(numbers, None)) == _texts(words)


def test_a_branch_encodes_nothing_and_reads_no_prefix_again(
    model: Catr, photo: ImageSource, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = ask(model, photo, max_tokens=8)
    network, read = model._network, []
    plain = network.read
    monkeypatch.setattr(network, "forward", None)
    monkeypatch.setattr(network, "read", lambda tokens, *rest: (read.append(tokens), plain(tokens, *rest))[1])
    branch = analysis.branch(5, 1)
    assert len(branch.steps) == 8
    assert [tuple(t.shape) for t in read] == [(1, 1)] * 2  # the token taken, and the one after it


def test_beams_can_branch(model: Catr, photo: ImageSource, ask: Ask) -> None:
    branch = ask(model, photo, beams=3, max_tokens=7).branch(2, 1)
    assert len(branch.other_captions) == 2
    assert all(tokens[:3] == _texts(branch)[0][:3] for tokens in _texts(branch))


def test_a_seed_gives_the_same_caption_again(model: Catr, photo: ImageSource, ask: Ask) -> None:
    told = [_texts(ask(model, photo, temperature=1.5, seed=seed, max_tokens=12)) for seed in (1, 1, 2, 3)]
    assert told[0] == told[1]
    assert told[0] != told[2] != told[3]


def test_sampled_tokens_tell_their_probability_under_the_model(
    model: Catr, photo: ImageSource, ask: Ask
) -> None:
    step = ask(model, photo, temperature=3.0, seed=5, max_tokens=2, alternatives=50).steps[0]
    of_model = {a.token_id: a.log_prob for a in step.alternatives}
    assert step.log_prob == pytest.approx(of_model[step.token_id], abs=1e-6)
    assert sum(np.exp(p) for p in of_model.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.6)])
def test_frequencies_follow_the_distribution(temperature: float, top_p: float) -> None:
    probs = np.array([0.05, 0.4, 0.25, 0.1, 0.2])
    expected = probs ** (1 / temperature)
    expected /= expected.sum()
    if top_p < 1:
        expected = np.array([0, 0.4, 0.25, 0, 0]) / 0.65  # 0.4 is too little, 0.65 is enough
    generator = torch.Generator().manual_seed(0)
    draws = [sample(torch.tensor(np.log(probs)), temperature, top_p, generator) for _ in range(8000)]
    seen = np.bincount(draws, minlength=5) / len(draws)
    # five standard deviations of a share of 8000 draws
    assert (np.abs(seen - expected) <= 5 * np.sqrt(expected * (1 - expected) / 8000)).all()


@settings(deadline=None, max_examples=60)
@given(scores=st.lists(st.floats(-20, 20), min_size=1, max_size=12), top_p=st.floats(0.01, 1))
def test_top_p_takes_the_fewest_that_reach_it(scores: list[float], top_p: float) -> None:
    log_probs = torch.tensor(scores, dtype=torch.float64).log_softmax(-1)
    generator = torch.Generator().manual_seed(1)
    token = sample(log_probs, 1.0, top_p, generator)
    more_probable = float(log_probs.exp()[log_probs > log_probs[token]].sum())
    assert more_probable < top_p + 1e-9


def test_a_small_top_p_is_greedy(model: Catr, photo: ImageSource, ask: Ask) -> None:
    assert _texts(ask(model, photo, temperature=1.0, top_p=1e-6)) == _texts(ask(model, photo))


def test_alternatives_and_score(model: Catr, photo: ImageSource, ask: Ask) -> None:
    caption = ask(model, photo, alternatives=4, length_penalty=0.5, max_tokens=6).caption
    for step in caption.steps:
        assert len(step.alternatives) == 4
        assert step.alternatives[0].token_id == step.token_id
        assert list(step.alternatives) == sorted(step.alternatives, key=lambda a: -a.log_prob)
    assert caption.score == pytest.approx(caption.log_prob / len(caption.steps) ** 0.5)
    assert len(ask(model, photo, alternatives=999, max_tokens=1).steps[0].alternatives) == 50


def test_the_end_ends_it(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = ask(model, photo, prefix="a cat [SEP]")
    assert [s.text for s in analysis.steps] == ["a", "cat", "[SEP]"]
    assert analysis.caption.finished and analysis.caption.text == "a cat"
    assert analysis.caption.ending is analysis.steps[-1]
    limited = ask(model, photo, prefix="a cat", max_tokens=2)
    assert not limited.caption.finished and len(limited.steps) == 2


def test_a_beginning_that_cannot_be(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = ask(model, photo, max_tokens=5)
    for tokens, message in (
        ([4, 50], "token 50, and the vocabulary has 0 to 49"),
        ([4, -1], "token -1"),
        ([4, END, 5], r"goes on after \[SEP\]"),
        ([START], r"holds \[CLS\], which no caption can"),
        ([4] * 6, "has 6 tokens, and the caption may have 5"),
    ):
        with pytest.raises(UsageError, match=message):
            analysis.continued(tokens, None)

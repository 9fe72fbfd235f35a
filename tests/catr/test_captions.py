"""Captions of CATR: beams against every caption there is, branches, prefixes, and what cannot be."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from vizstudio.api import CaptionRequest, ImageSource, RunContext, UsageError
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.model import Catr
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.preprocess import prepare

Ask = Callable[..., Any]
START, END = 2, 3


def _texts(analysis: Any) -> list[list[int]]:
    return [[s.token_id for s in c.steps] for c in (analysis.caption, *analysis.other_captions)]


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
    make_model: Callable[..., Catr],
    photo: ImageSource,
    ask: Ask,
) -> None:
    model = make_model(replace(small, vocab_size=5), 3)
    captions = _all_captions(model._network, photo, 3)
    assert len(captions) == 1 + 4 + 16 + 64
    ranked = sorted(captions, key=lambda c: -c[0] / len(c[1]) ** length_penalty)
    analysis = ask(model, photo, beams=500, length_penalty=length_penalty, max_tokens=3)
    assert _texts(analysis)[:20] == [tokens for _, tokens in ranked[:20]]
    written = [analysis.caption, *analysis.other_captions]
    assert len(written) == len(captions)
    np.testing.assert_allclose(
        [caption.score for caption in written],
        [p / len(t) ** length_penalty for p, t in ranked],
        rtol=1e-4,
    )
    assert all(caption.finished == (caption.steps[-1].token_id == END) for caption in written)


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


def test_progress_tells_the_words_so_far_and_costs_nothing_unheard(
    model: Catr, photo: ImageSource, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, str]] = []
    context = RunContext(report=lambda share, message: told.append((share, message)))
    analysis = model.caption(photo, CaptionRequest(prefix="a cat", max_tokens=5), context)
    spelled = [model._vocabulary.text([s.token_id for s in analysis.steps[:count]]) for count in (0, 2, 3, 4)]
    assert [message for _, message in told[-4:]] == [f"writing: {text}" for text in spelled]
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    decoded, plain = [], model._vocabulary.text
    monkeypatch.setattr(
        model._vocabulary, "text", lambda numbers: (decoded.append(numbers), plain(numbers))[1]
    )
    ask(model, photo, max_tokens=5)
    assert len(decoded) == 1  # the whole caption

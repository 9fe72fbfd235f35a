"""Captions of a made-up language model, against every caption that there is."""

import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vizstudio.api import CaptionRequest, CaptionWriter, QueryCalls, Reading, TokenAxis
from vizstudio.compute.writing import sample_token

SIZE, END = 4, 3


class Letters:
    """Tokens are letters, each a word; see `Spelling`."""

    def piece(self, token_id: int) -> tuple[str, bool]:
        return "abc."[token_id], True

    def text(self, token_ids: tuple[int, ...]) -> str:
        return "".join("abc"[t] for t in token_ids if t != END)


class Language:
    """Probabilities of the next token that depend on all before; counts how often it reads what."""

    def __init__(self, seed: int) -> None:
        self.seed, self.read_before = seed, Counter[tuple[int, ...]]()

    def log_probs(self, tokens: tuple[int, ...]) -> torch.Tensor:
        generator = torch.Generator().manual_seed(hash((self.seed, *tokens)) % 2**31)
        return (2 * torch.randn(SIZE, generator=generator)).log_softmax(-1)

    def __call__(self, tokens: tuple[int, ...]) -> Reading:
        self.read_before[tokens] += 1
        nothing = QueryCalls("cross", (), TokenAxis(("image",)))
        return Reading(self.log_probs(tokens), nothing, nothing)

    def total(self, tokens: tuple[int, ...]) -> float:
        return sum(float(self.log_probs(tokens[:i])[t]) for i, t in enumerate(tokens))

    def captions(self, limit: int) -> list[tuple[int, ...]]:
        """Return every caption that ends itself or is cut off."""
        others = [t for t in range(SIZE) if t != END]
        ended = [(*body, END) for n in range(limit) for body in itertools.product(others, repeat=n)]
        return [*ended, *itertools.product(others, repeat=limit)]


def write(language: Language, limit: int, prefix: tuple[int, ...] = (), **request: object) -> list:
    asked = CaptionRequest(**request)  # type: ignore[arg-type]
    return CaptionWriter(language, Letters(), {END}, limit, asked).write(prefix)


def tokens_of(caption) -> tuple[int, ...]:
    return tuple(step.token_id for step in caption.steps)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_greedy_takes_the_most_probable_token_each_time(seed: int, limit: int) -> None:
    language = Language(seed)
    [caption] = write(language, limit)
    tokens = tokens_of(caption)
    for place, step in enumerate(caption.steps):
        log_probs = language.log_probs(tokens[:place])
        assert step.token_id == int(log_probs.argmax()) == step.alternatives[0].token_id
        assert step.index == place and step.text == "abc."[step.token_id] and not step.forced
        assert [a.log_prob for a in step.alternatives] == sorted(log_probs.tolist(), reverse=True)
        assert step.entropy == pytest.approx(-float((log_probs.exp() * log_probs).sum()), abs=1e-5)
    assert caption.finished == (tokens[-1] == END) and END not in tokens[:-1]
    assert caption.finished or len(tokens) == limit
    assert caption.log_prob == pytest.approx(language.total(tokens), abs=1e-5)
    assert set(language.read_before.values()) == {1}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0, 2))
def test_enough_beams_find_the_best_of_all_captions(seed: int, limit: int, penalty: float) -> None:
    language = Language(seed)
    everything = language.captions(limit)
    found = write(language, limit, beams=len(everything), length_penalty=penalty)
    wanted = {tokens: language.total(tokens) / len(tokens) ** penalty for tokens in everything}
    assert {tokens_of(c) for c in found} == set(wanted)
    assert [c.score for c in found] == pytest.approx(sorted(wanted.values(), reverse=True), abs=1e-5)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 2), max_size=4), st.sampled_from([1, 2, 3]))
@settings(max_examples=25, deadline=None)
def test_what_is_given_is_forced_and_scored(seed: int, prefix: list[int], beams: int) -> None:
    language = Language(seed)
    for caption in write(language, 6, tuple(prefix), beams=beams):
        tokens = tokens_of(caption)
        assert tokens[: len(prefix)] == tuple(prefix)
        assert [step.forced for step in caption.steps] == [i < len(prefix) for i in range(len(tokens))]
        assert caption.log_prob == pytest.approx(language.total(tokens), abs=1e-5)


def test_a_prefix_that_ends_or_fills_the_caption_is_all_of_it() -> None:
    assert tokens_of(*write(Language(1), 6, (0, END))) == (0, END)
    assert tokens_of(*write(Language(1), 2, (0, 1), beams=3)) == (0, 1)


def test_tokens_are_drawn_as_often_as_they_are_probable() -> None:
    log_probs = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    generator = torch.Generator().manual_seed(0)
    drawn = Counter(sample_token(log_probs, 1.0, 1.0, generator) for _ in range(4000))
    assert [drawn[t] / 4000 for t in range(4)] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)
    nucleus = Counter(sample_token(log_probs, 1.0, 0.7, generator) for _ in range(2000))
    assert set(nucleus) == {0, 1} and nucleus[0] / 2000 == pytest.approx(0.625, abs=0.04)
    hot = Counter(sample_token(log_probs, 1e6, 1.0, generator) for _ in range(4000))
    assert min(hot.values()) > 850


def test_it_reports_before_every_token_and_can_be_stopped() -> None:
    told: list[tuple[str, int]] = []

    def on_token(text: str, count: int) -> None:
        told.append((text, count))
        if count == 2:
            raise KeyboardInterrupt

    writer = CaptionWriter(Language(3), Letters(), (), 9, CaptionRequest(), on_token)
    with pytest.raises(KeyboardInterrupt):
        writer.write((0, 1))
    assert told == [("", 0), ("a", 1), ("ab", 2)]

"""Captions of a made-up language model, against every caption that there is."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vizstudio.api import CaptionRequest, CaptionWriter, QueryCalls, Reading, TokenAxis
from vizstudio.compute.reading import RowsCall
from vizstudio.compute.writing import entropy, sample_token

SIZE, END = 4, 3
Tokens = tuple[int, ...]


class Letters:
    """Tokens are letters, each a word; see `Spelling`."""

    def piece(self, token_id: int) -> tuple[str, bool]:
        return "abc."[token_id], True

    def text(self, token_ids: Tokens) -> str:
        return "".join("abc"[t] for t in token_ids if t != END)


class Language:
    """Probabilities of the next token that depend on all before; notes what is read and what is looked at."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.asked: list[list[Tokens]] = []
        self.looked: list[tuple[str, Tokens]] = []

    def log_probs(self, tokens: Tokens) -> torch.Tensor:
        generator = torch.Generator().manual_seed(hash((self.seed, *tokens)) % 2**31)
        return (2 * torch.randn(SIZE, generator=generator)).log_softmax(-1)

    def __call__(self, beginnings: Sequence[Tokens]) -> list[Reading]:
        self.asked.append([*beginnings])
        return [self._reading(tokens) for tokens in beginnings]

    def _reading(self, tokens: Tokens) -> Reading:
        def look(kind: Literal["self", "cross"]) -> QueryCalls:
            self.looked.append((kind, tokens))
            matrix = torch.full((1, 2, 1, 1 + len(tokens)), 1 / (1 + len(tokens)))
            about = {"windows": 1, "heads": 2, "queries": 1, "keys": 1 + len(tokens)}
            call = RowsCall(
                name="layer", module=None, check=lambda: torch.zeros(()), tolerance=1, matrix=matrix, **about
            )
            return QueryCalls(kind, [call], TokenAxis(("start", *("abc."[t] for t in tokens))))

        return Reading(self.log_probs(tokens), partial(look, "cross"), partial(look, "self"))

    def total(self, tokens: Tokens) -> float:
        return sum(float(self.log_probs(tokens[:i])[t]) for i, t in enumerate(tokens))

    def captions(self, limit: int) -> list[Tokens]:
        """Return every caption that ends itself or is cut off."""
        others = [t for t in range(SIZE) if t != END]
        ended = [(*body, END) for n in range(limit) for body in itertools.product(others, repeat=n)]
        return [*ended, *itertools.product(others, repeat=limit)]


def write(language: Language, limit: int, prefix: Tokens = (), **request: object) -> list:
    asked = CaptionRequest(**request)  # type: ignore[arg-type]
    return CaptionWriter(language, Letters(), {END}, limit, asked).write(prefix)


def tokens_of(caption) -> Tokens:
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
    assert language.asked == [[tokens[:place]] for place in range(len(tokens))]


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


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 5))
def test_a_narrow_beam_equals_one_written_down_plainly(seed: int, width: int, limit: int) -> None:
    """Keep the best of all continuations of one length; one that ends takes its place along."""
    language = Language(seed)
    live: list[Tokens] = [()]
    done: list[Tokens] = []
    lengths = []
    while live:
        lengths.append(len(live))
        grown = sorted(((*b, t) for b in live for t in range(SIZE)), key=lambda x: -language.total(x))
        kept = grown[: width - len(done)]
        done += [x for x in kept if x[-1] == END or len(x) == limit]
        live = [x for x in kept if not (x[-1] == END or len(x) == limit)]
    found = write(language, limit, beams=width)
    assert [tokens_of(c) for c in found] == sorted(done, key=lambda x: -language.total(x) / len(x))
    assert [len(asked) for asked in language.asked] == lengths  # all beams in one question
    assert all({len(tokens) for tokens in asked} == {place} for place, asked in enumerate(language.asked))


def test_all_beginnings_of_a_prefix_are_one_question() -> None:
    language = Language(2)
    write(language, 6, (0, 1, 2))
    assert language.asked[0] == [(), (0,), (0, 1)] and language.asked[1] == [(0, 1, 2)]
    full = Language(2)
    write(full, 3, (0, 1, 2))  # nothing comes after it, so its last token is never read
    assert full.asked == [[(), (0,), (0, 1)]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 5), st.floats(0.1, 1), st.integers(1, 9))
def test_tokens_by_chance_tell_their_probability_under_the_model(
    seed: int, temperature: float, top_p: float, alternatives: int
) -> None:
    language = Language(seed)
    asked = {"temperature": temperature, "top_p": top_p, "seed": seed, "alternatives": alternatives}
    [caption] = write(language, 5, **asked)
    tokens = tokens_of(caption)
    for place, step in enumerate(caption.steps):
        log_probs = language.log_probs(tokens[:place])
        assert step.log_prob == float(log_probs[step.token_id])
        best = sorted(range(SIZE), key=lambda t: -log_probs[t])[:alternatives]
        assert [a.token_id for a in step.alternatives] == best
    assert tokens_of(*write(Language(seed), 5, **asked)) == tokens
    [greedy] = write(Language(seed), 5)
    assert tokens_of(*write(Language(seed), 5, temperature=1.0, top_p=1e-9)) == tokens_of(greedy)


@pytest.mark.parametrize("beams", [1, 3])
def test_attention_is_put_together_when_somebody_looks_and_once(beams: int) -> None:
    language = Language(4)
    captions = write(language, 4, (0,), beams=beams)
    assert not language.looked
    # Beams that go on from the same steps share them.
    steps = {step: tokens_of(caption)[: step.index] for caption in captions for step in caption.steps}
    for step in steps:
        for kind, attention in (("cross", step.cross), ("self", step.itself)):
            assert attention.weights(0).shape == (2, 1, 1 + step.index)
            assert attention.weights(-1, [1]).sum() == pytest.approx(1)
            [layer] = attention.layers
            assert (layer.kind, layer.queries.labels) == (kind, (step.text,))
    assert language.looked == [(kind, read) for read in steps.values() for kind in ("cross", "self")]


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.6)])
def test_frequencies_follow_the_distribution(temperature: float, top_p: float) -> None:
    probs = np.array([0.05, 0.4, 0.25, 0.1, 0.2])
    expected = probs ** (1 / temperature)
    expected /= expected.sum()
    if top_p < 1:
        expected = np.array([0, 0.4, 0.25, 0, 0]) / 0.65  # 0.4 is too little, 0.65 is enough
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.tensor(np.log(probs))
    draws = [sample_token(log_probs, temperature, top_p, generator) for _ in range(8000)]
    seen = np.bincount(draws, minlength=5) / len(draws)
    # five standard deviations of a share of 8000 draws
    assert (np.abs(seen - expected) <= 5 * np.sqrt(expected * (1 - expected) / 8000)).all()


@settings(deadline=None, max_examples=60)
@given(scores=st.lists(st.floats(-20, 20), min_size=1, max_size=12), top_p=st.floats(0.01, 1))
def test_top_p_takes_the_fewest_that_reach_it(scores: list[float], top_p: float) -> None:
    log_probs = torch.tensor(scores, dtype=torch.float64).log_softmax(-1)
    token = sample_token(log_probs, 1.0, top_p, torch.Generator().manual_seed(1))
    more_probable = float(log_probs.exp()[log_probs > log_probs[token]].sum())
    assert more_probable < top_p + 1e-9


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 40_000), st.floats(0.1, 30))
def test_the_entropy_is_that_of_the_formula_in_double_precision(seed: int, size: int, spread: float) -> None:
    scores = spread * torch.randn(size, generator=torch.Generator().manual_seed(seed))
    scores[1::3] = -torch.inf  # tokens that a model forbids
    probs = scores.double().softmax(-1)
    wanted = float(torch.special.entr(probs).sum())
    assert entropy(scores.log_softmax(-1)) == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_it_tells_the_leading_caption_before_every_reading_and_can_be_stopped() -> None:
    told: list[Tokens] = []

    def on_token(tokens: Tokens) -> None:
        told.append(tokens)
        if len(tokens) == 4:
            raise KeyboardInterrupt

    language = Language(3)
    writer = CaptionWriter(language, Letters(), (), 9, CaptionRequest(), on_token)
    with pytest.raises(KeyboardInterrupt):
        writer.write((0, 1))
    assert [len(tokens) for tokens in told] == [0, 2, 3, 4]
    assert told == [*(asked[0] for asked in language.asked), told[-1]] and told[1] == (0, 1)

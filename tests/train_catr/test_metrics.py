"""Scores of captions against values worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio_train_catr.metrics import cider_d, is_exact, text_scores, words

CAPTIONS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=9).map(" ".join)


def test_words_are_what_people_take_for_words() -> None:
    assert words("A  Dog, on a T-shirt: it's \u00c9tienne's!") == [
        "a",
        "dog",
        "on",
        "a",
        "t-shirt",
        "it's",
        "etienne's",
    ]
    assert is_exact("A dog.", ["a cat", "a dog"])
    assert not is_exact("a dog a", ["a dog"])


def test_cider_of_one_word_in_common_by_hand() -> None:
    # Three images, one reference each of two words, the caption has one of the words right: a red | a blue | the sky.
    # ln 3 - ln 2 is the weight of "a", ln 3 that of words of one image; caption "a sky" of the first.
    a, own = math.log(3 / 2), math.log(3)
    unigrams = a * a / (math.hypot(a, own) * math.hypot(a, own))  # "sky" is no word of the reference
    found = cider_d(
        [["a", "sky"], ["a", "blue"], ["the", "sky"]], [[["a", "red"]], [["a", "blue"]], [["the", "sky"]]]
    )
    assert found[0] == pytest.approx(10 * unigrams / 4)
    assert found[1] == pytest.approx(10 * (1 + 1) / 4)  # words and pairs are right, longer there are none
    assert found[2] == pytest.approx(5)


def test_cider_clips_repetition_and_punishes_length_by_hand() -> None:
    # "red red" has twice what the reference has: min(2w, w) * w / (2w * w) is a half, and the length is off by one.
    found = cider_d([["red", "red"], ["blue"]], [[["red"]], [["blue"]]])
    assert found[0] == pytest.approx(10 * 0.5 * math.exp(-1 / 72) / 4)
    two = cider_d([["red"], ["blue"]], [[["red"], ["green"]], [["blue"]]])
    assert two[0] == pytest.approx(10 * (1 + 0) / 2 / 4)


def test_bleu_and_rouge_by_hand() -> None:
    # 6 words, 5 of which are in the reference of 6; word pairs 3 of 5; no length penalty
    scores = text_scores(["a cat sat on my mat"], [["a cat sat on the mat"]])
    assert scores["bleu1"] == pytest.approx(5 / 6)
    assert scores["bleu2"] == pytest.approx(math.sqrt(5 / 6 * 3 / 5))
    assert scores["bleu3"] == pytest.approx((5 / 6 * 3 / 5 * 2 / 4) ** (1 / 3))
    assert scores["bleu4"] == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4))
    assert scores["rouge_l"] == pytest.approx(5 / 6)  # a cat sat on … mat: 5 of 6 either way
    short = text_scores(["a cat"], [["a cat sat on the mat", "a cat"]])
    assert short["bleu1"] == pytest.approx(1)  # of the nearest length
    assert short["rouge_l"] == pytest.approx(1)
    assert text_scores(["a cat"], [["a cat sat on"]])["bleu1"] == pytest.approx(math.exp(1 - 4 / 2))


@given(captions=st.lists(CAPTIONS, min_size=2, max_size=5))
def test_what_is_said_exactly_scores_highest_and_order_does_not_matter(captions: list[str]) -> None:
    references = [[caption] for caption in captions]
    scores = text_scores(captions, references)
    assert scores["bleu1"] == pytest.approx(1)
    assert scores["rouge_l"] == pytest.approx(1)
    backwards = text_scores(captions[::-1], references[::-1])
    assert backwards == pytest.approx(scores)
    best = cider_d([words(c) for c in captions], [[words(c)] for c in captions])
    assert all(0 <= value <= 10 + 1e-9 for value in best)
    other = cider_d([words(captions[0]) for _ in captions], [[words(c)] for c in captions])
    assert all(value <= top + 1e-9 for value, top in zip(other, best, strict=True))


def test_nothing_said_scores_nothing() -> None:
    assert set(text_scores([""], [["a cat"]]).values()) == {0.0}

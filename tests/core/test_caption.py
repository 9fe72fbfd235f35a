"""Captions: steps grouped into words, what a request refuses, and branches."""

import math
from dataclasses import replace

import numpy as np
import pytest
from fake_captioner import END, VOCABULARY, FakeCaptioner, distribution
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.caption import Caption, CaptionRequest, TokenStep
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.images import ImageSource
from vizstudio.core.types import Analysis


def test_pieces_are_grouped_and_repeated_words_are_not(captioned: Analysis) -> None:
    words = captioned.caption.words
    expected = ["a", "woman", "in", "an", "orange", "suit", "with", "a", "skateboard", "[end]"]
    assert [word.text for word in words] == expected
    assert [step for word in words for step in word.steps] == [*captioned.steps]
    assert [len(word.steps) for word in words] == [1] * 8 + [2, 1]
    first, second = (words[i].heatmap().values for i in (0, 7))
    assert np.abs(first - second).max() > 1e-3


def test_a_word_has_the_mean_of_its_pieces_maps_and_the_product_of_their_probabilities(
    captioned: Analysis,
) -> None:
    word = captioned.caption.words[8]
    for head in (1, "mean", "max"):
        fuse = {"mean": np.mean, "max": np.max}.get(head, lambda rows, axis: rows[1])
        by_hand = [fuse(step.cross.matrices[1][:, 0].astype(float), axis=0) for step in word.steps]
        heatmap = word.heatmap(1, head)
        np.testing.assert_allclose(heatmap.values.ravel(), (by_hand[0] + by_hand[1]) / 2, rtol=1e-5)
    assert word.probability == pytest.approx(math.prod(step.probability for step in word.steps))
    assert word.heatmap().prefix_mass == pytest.approx(0)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.booleans())
def test_every_step_is_in_one_word_and_the_end_is_alone(starts: list[bool], finished: bool) -> None:
    steps = tuple(
        TokenStep(i, 5, f"t{i}", start, -0.5, 1.0, (), None, None)  # type: ignore[arg-type]
        for i, start in enumerate(starts)
    )
    caption = Caption(steps, "", 0.0, finished)
    words = caption.words
    assert [s for word in words for s in word.steps] == [*steps]
    assert all(not s.starts_word for word in words for s in word.steps[1:])
    assert (caption.ending is steps[-1]) == finished
    if finished:
        assert words[-1].steps == steps[-1:]
    assert caption.log_prob == pytest.approx(sum(word.log_prob for word in words))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"beams": 0}, "beams must be at least 1, not 0"),
        ({"max_tokens": 0}, "max tokens must be at least 1, not 0"),
        ({"temperature": 0.0}, "temperature must be above 0, not 0.0"),
        ({"top_p": 0.0}, "top-p must be above 0 and at most 1, not 0.0"),
        ({"top_p": 1.5}, "top-p must be above 0 and at most 1, not 1.5"),
        ({"top_p": math.nan}, "top-p must be above 0 and at most 1, not nan"),
        ({"alternatives": 0}, "alternatives must be at least 1, not 0"),
        ({"beams": 2, "temperature": 1.0}, "beam search takes no temperature: choose one of the two"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(asked: dict, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        CaptionRequest(**asked)
    assert str(error.value) == sentence


def test_a_branch_begins_with_the_tokens_before_and_the_alternative(captioned: Analysis) -> None:
    branch = captioned.branch(3, 2)
    before = [step.token_id for step in captioned.steps[:3]]
    taken = int(np.argsort(-distribution(before))[2])
    assert [step.token_id for step in branch.steps[:4]] == [*before, taken]
    assert [step.forced for step in branch.steps[:5]] == [False] * 3 + [True, False]
    assert [step.taken for step in branch.steps[:5]] == [False] * 3 + [True, False]
    assert branch.steps[3].text == VOCABULARY[taken].removeprefix("##")
    assert branch.branch(0, 0).steps[0].token_id == captioned.steps[0].token_id


def test_a_branch_of_a_branch_knows_who_chose_each_token(photo: ImageSource) -> None:
    request = CaptionRequest(prefix="a woman", beams=2)
    analysis = FakeCaptioner().caption(photo, request, RunContext())
    again = analysis.branch(4, 1).branch(6, 2)
    assert [step.forced for step in again.steps[:8]] == [True, True, False, False, True, False, True, False]
    assert [i for i, step in enumerate(again.steps) if step.taken] == [4, 6]
    early = again.branch(1, 1)  # leaves before both, and replaces a given word
    assert [(step.forced, step.taken) for step in early.steps[:3]] == [
        (True, False),
        (True, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("step", "alternative", "sentence"),
    [
        (11, 0, "step 11 does not exist: the caption has steps 0 to 10"),
        (-1, 0, "step -1 does not exist: the caption has steps 0 to 10"),
        (2, 10, "alternative 10 does not exist: step 2 has 0 to 9"),
    ],
)
def test_a_branch_that_does_not_exist(
    captioned: Analysis, step: int, alternative: int, sentence: str
) -> None:
    with pytest.raises(UsageError) as error:
        captioned.branch(step, alternative)
    assert str(error.value) == sentence


def test_a_model_without_captions_has_no_branches(captioned: Analysis) -> None:
    with pytest.raises(UsageError, match="fake:scripted writes no captions, so there is none to branch from"):
        replace(captioned, caption=None, continued=None).branch(0, 0)
    assert captioned.steps[-1].token_id == END

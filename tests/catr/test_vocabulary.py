"""Words to token numbers and back, with the vocabulary that ships and with others."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.api import CheckpointError, UsageError
from vizstudio_catr.vocabulary import Vocabulary

SHIPPED = Vocabulary.shipped()


def test_the_vocabulary_that_ships() -> None:
    assert len(SHIPPED) == 30522
    assert [SHIPPED.tokens[i] for i in (0, 100, 101, 102)] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    assert (SHIPPED.start, SHIPPED.end) == (101, 102)
    assert SHIPPED.encode("A woman holding a cat.") == [1037, 2450, 3173, 1037, 4937, 1012]


def test_pieces_of_a_word() -> None:
    numbers = SHIPPED.encode("snowboarding")
    assert [SHIPPED.piece(n) for n in numbers] == [("snow", True), ("boarding", False)]
    assert SHIPPED.text(numbers) == "snowboarding"


@pytest.mark.parametrize(
    "text",
    [
        "a woman's hand",
        "a black-and-white cat.",
        "two dogs, one cat",
        "don't",
        "a cat",
        "the t-shirt's colour",
    ],
)
def test_a_sentence_comes_back_as_it_was(text: str) -> None:
    assert SHIPPED.text(SHIPPED.encode(text)) == text


def test_special_tokens_are_no_text() -> None:
    assert SHIPPED.text([101, 1037, 4937, 102]) == "a cat"
    assert SHIPPED.piece(102) == ("[SEP]", True)


def test_case_and_accents_do_not_matter() -> None:
    assert SHIPPED.encode("CAFÉ") == SHIPPED.encode("cafe")


@pytest.mark.parametrize(("text", "named"), [("a 🐈 sits", "'🐈'"), ("a ☃ and 🐈 and ☃", "'☃', '🐈'")])
def test_unknown_characters_are_named(text: str, named: str) -> None:
    with pytest.raises(UsageError, match=f"the vocabulary has no {named}: leave it out"):
        SHIPPED.encode(text)


def test_unknown_words_of_a_small_vocabulary_are_named(make_vocabulary: Callable[[int], Vocabulary]) -> None:
    with pytest.raises(UsageError, match="has no 'Zebra'"):
        make_vocabulary(20).encode("a Zebra on the table")


@pytest.mark.parametrize("text", ["[CLS] a cat", "a [PAD]", "a [SEP] cat", "a [UNK]"])
def test_special_tokens_written_out(text: str) -> None:
    with pytest.raises(UsageError, match=r"\[(CLS|PAD|SEP|UNK)\]"):
        SHIPPED.encode(text)


@given(st.lists(st.integers(1000, 30521), max_size=12))
def test_any_tokens_make_a_sentence(numbers: list[int]) -> None:
    text = SHIPPED.text(numbers)
    assert "##" not in text.replace("# #", "") or any("#" in SHIPPED.tokens[n] for n in numbers)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["[PAD]", "[UNK]", "[CLS]", "a"], r"lacks \[SEP\]"),
        ([], r"lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\]"),
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "a"], "names a token twice"),
    ],
)
def test_an_unfit_vocabulary(tokens: list[str], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        Vocabulary(tokens)

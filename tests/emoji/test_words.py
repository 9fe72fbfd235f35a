"""Captions as words."""

import pytest
from PIL import Image

from vizstudio.resources import resource_path
from vizstudio_emoji.words import GROUNDS, NOUNS, RELATIONS, caption, phrase, vocabulary

WITH_AN = {"airplane", "apple", "elephant", "owl", "umbrella"}
OTHERWISE = {
    "bread": "a loaf of bread",
    "glasses": "a pair of glasses",
    "moon": "the moon",
    "pizza": "a slice of pizza",
    "scissors": "a pair of scissors",
    "sun": "the sun",
}


def test_every_picture_is_a_class_and_every_texture_has_its_name() -> None:
    assert sorted(p.stem for p in resource_path("emoji").glob("*.png")) == [*NOUNS]
    assert {p.stem for p in resource_path("textures").glob("*.jpg")} == set(GROUNDS)
    for noun in NOUNS:
        with Image.open(resource_path(f"emoji/{noun}.png")) as picture:
            assert picture.mode == "RGBA"


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_has_its_article(noun: str) -> None:
    wanted = OTHERWISE.get(noun, f"an {noun}" if noun in WITH_AN else f"a {noun}")
    assert phrase(NOUNS.index(noun)) == wanted


@pytest.mark.parametrize(
    ("nouns", "relations", "ground", "wanted"),
    [
        ("cat", (), "", "a cat"),
        ("sun", (), "bricks", "the sun on bricks"),
        ("umbrella dog", ("above",), "grass", "an umbrella above a dog on grass"),
        ("cat bicycle", ("to the left of",), "", "a cat to the left of a bicycle"),
        (
            "cat bicycle owl",
            ("to the left of", "above"),
            "gravel",
            "a cat to the left of a bicycle and above an owl on gravel",
        ),
        ("cat bicycle owl", ("below", "below"), "", "a cat below a bicycle and an owl"),
    ],
)
def test_captions(nouns: str, relations: tuple[str, ...], ground: str, wanted: str) -> None:
    assert caption(tuple(map(NOUNS.index, nouns.split())), relations, ground) == wanted


def test_the_vocabulary_is_what_captions_are_made_of() -> None:
    nouns = range(len(NOUNS))
    possible = [caption((a, 0, b), (r, s), g) for a, b in zip(nouns, nouns[::-1], strict=True) for r in RELATIONS
                for s in RELATIONS for g in ("", *GROUNDS.values())]  # fmt: skip
    assert vocabulary() == sorted({word for text in possible for word in text.split()})
    assert all(word.isascii() and word.islower() for word in vocabulary())

"""The search, the catalogue of models and the shelf, without Qt."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.context import RunContext
from vizstudio.entries import ModelListing
from vizstudio.gui.catalogue import Catalogue
from vizstudio.gui.search import find
from vizstudio.gui.shelf import ModelShelf
from vizstudio.gui.snapshot import ModelChoice

TEXTS = ["open photo", "open weights", "zoom in", "photo of an open door"]
WORDS = st.text(st.sampled_from("abc .:_"), max_size=8)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("OPEN", [0, 1, 3]),
        ("pho open", [0, 3]),
        ("open weights door", []),
        ("eight", [1]),
        ("opw", []),
        ("o", [0, 1, 3, 2]),  # where a word begins with it before where one has it inside
    ],
)
def test_words_are_found(typed: str, found: list[int]) -> None:
    assert find(typed, TEXTS) == found


def test_letters_with_others_between_come_last() -> None:
    assert find("opw", TEXTS, scattered=True) == [1]
    assert find("poto", ["photo", "a potoo bird"], scattered=True) == [1, 0]


def test_what_is_behind_the_first_line_counts_less() -> None:
    texts = [
        "davit_base\nvit:davit_base",
        "vit_base_patch16\nvit:vit_base_patch16",
        "nest_base\nvit:nest_base",
    ]
    assert find("vit base", texts) == [1, 0, 2] and find("base vit:", texts) == [2, 0, 1]


@given(WORDS, st.lists(WORDS, max_size=6))
def test_what_is_found_has_every_word(typed: str, texts: list[str]) -> None:
    wanted = [i for i, text in enumerate(texts) if all(word in text for word in typed.split())]
    assert sorted(find(typed, texts)) == wanted
    assert set(wanted) <= set(find(typed, texts, scattered=True))


class Kept(dict[str, list[str]]):
    def load(self, name: str) -> list[str]:
        return self.get(name, [])

    def save(self, name: str, texts: list[str]) -> None:
        self[name] = texts


@pytest.fixture
def catalogue() -> Catalogue:
    made = Catalogue(Kept())
    listings = [
        ModelListing("vit_tiny_patch16_224", "vit", "weights: dino"),
        ModelListing("swin_tiny", "swin"),
    ]
    listings += [
        ModelListing("vit_base_patch16_384", "vit"),
        ModelListing("vit_base_patch16_384_long", "vit"),
    ]
    made.set_models({f"vit:{listing.name}": listing for listing in listings})
    return made


def test_models_are_found_by_name_family_and_summary(catalogue: Catalogue) -> None:
    assert catalogue.find("tiny") == ["vit:swin_tiny", "vit:vit_tiny_patch16_224"]
    assert catalogue.find("dino") == ["vit:vit_tiny_patch16_224"]
    assert catalogue.find("384 base")[0] == "vit:vit_base_patch16_384"
    assert catalogue.find("nothing") == [] and len(catalogue.find("")) == 4


def test_favourites_come_first_and_are_kept(catalogue: Catalogue) -> None:
    catalogue.like("vit:vit_base_patch16_384_long", True)
    catalogue.like("vit:vit_tiny_patch16_224", True)
    catalogue.like("vit:vit_tiny_patch16_224", False)
    assert catalogue.find("")[0] == "vit:vit_base_patch16_384_long"
    assert catalogue.find("384")[0] == "vit:vit_base_patch16_384_long"
    assert catalogue.find("", "favourites") == Catalogue(catalogue._kept).favourites
    assert catalogue.find("tiny", "favourites") == []


def test_models_that_were_used_come_by_when(catalogue: Catalogue) -> None:
    for name in ("vit:swin_tiny", "vit:vit_tiny_patch16_224", "vit:swin_tiny", "gone:away"):
        catalogue.note(name)
    assert catalogue.find("", "recent") == ["vit:swin_tiny", "vit:vit_tiny_patch16_224"]
    assert catalogue.find("tiny", "recent") == ["vit:swin_tiny", "vit:vit_tiny_patch16_224"]
    assert catalogue.find("patch", "recent") == ["vit:vit_tiny_patch16_224"]


# The shelf


def take(shelf: ModelShelf, name: str, **options: Any) -> object:
    return shelf.take(ModelChoice(f"fake:{name}", device="cpu", **options), RunContext())


def test_without_a_budget_the_last_model_is_kept(host: Any, fake: ModuleType) -> None:
    shelf = ModelShelf(host)
    first = take(shelf, "small")
    assert take(shelf, "small") is first and shelf.kept().models == 1
    take(shelf, "other")
    assert shelf.kept().models == 1 and take(shelf, "small") is not first


def test_models_are_kept_within_the_budget(host: Any, fake: ModuleType) -> None:
    shelf = ModelShelf(host, budget=2 * 4 * 1234567)
    small, other = take(shelf, "small"), take(shelf, "other")
    assert take(shelf, "small") is small
    assert (shelf.kept().models, shelf.kept().size) == (2, 2 * 4 * 1234567)
    take(shelf, "flat")  # the one that was not used for longest is let go of
    assert take(shelf, "small") is small and take(shelf, "other") is not other
    shelf.budget = 0
    shelf.trim()
    assert shelf.kept().models == 1


def test_weights_that_have_changed_are_read_again(host: Any, fake: ModuleType, tmp_path: Path) -> None:
    shelf, file = ModelShelf(host), tmp_path / "best.safetensors"
    file.write_bytes(b"1")
    first = take(shelf, "small", checkpoint=file)
    assert take(shelf, "small", checkpoint=file) is first
    file.write_bytes(b"22")
    assert take(shelf, "small", checkpoint=file) is not first


def test_the_name_counts_more_than_the_scheme_and_the_family(catalogue: Catalogue) -> None:
    assert catalogue.find("vit")[:3] == [f"vit:{n}" for n in sorted(NAMES_OF_VIT, key=len)]
    assert catalogue.find("vit")[3] == "vit:swin_tiny"


NAMES_OF_VIT = ("vit_tiny_patch16_224", "vit_base_patch16_384", "vit_base_patch16_384_long")

"""What is asked, read from text and clamped to what exists, or refused."""

from dataclasses import replace

import pytest

from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.state import ViewState, parse_head, parse_query, resolve
from vizstudio.core.types import Analysis, PositionEmbedding


@pytest.mark.parametrize(("text", "head"), [("mean", "mean"), ("max", "max"), ("min", "min"), ("7", 7)])
def test_heads_as_typed(text: str, head: object) -> None:
    assert parse_head(text) == head


@pytest.mark.parametrize("text", ["", "median", "-1", "1.5", "²"])
def test_heads_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="give a number from 0, or mean, max, min"):
        parse_head(text)


@pytest.mark.parametrize(
    ("text", "query"),
    [("cls", "cls"), ("mean", "mean"), ("3,5", (3, 5)), (" 3 , 5 ", (3, 5)), ("reg1", "reg1")],
)
def test_queries_as_typed(text: str, query: object) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize("text", ["3,", ",5", "a,b", "-1,2", "1,2,3", "1.5,2", "²,3"])
def test_queries_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="a patch is given as ROW,COL, such as 3,5"):
        parse_query(text)


@pytest.mark.parametrize(("asked", "layer"), [(-1, 2), (-3, 0), (0, 0), (2, 2), (7, 2), (-9, 0)])
def test_layers_are_clamped(analysis: Analysis, asked: int, layer: int) -> None:
    assert resolve(analysis, ViewState(layer=asked)).layer == layer


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({"head": 5}, {"head": 1}),
        ({"head": -2}, {"head": 0}),
        ({"head": "max"}, {"head": "max"}),
        ({"query": (9, 9)}, {"query": None}),
        ({"query": "reg1"}, {"query": None}),
        ({"query": (2, 3)}, {"query": (2, 3)}),
        ({"panel": (3, 0)}, {"panel": None}),
        ({"panel": (0, -1)}, {"panel": None}),
        ({"panel": (2, 3)}, {"panel": (2, 3)}),
        ({"opacity": 7.0}, {"opacity": 1}),
        ({"opacity": -1.0}, {"opacity": 0}),
    ],
)
def test_the_rest_is_clamped(analysis: Analysis, asked: dict, got: dict) -> None:
    state = resolve(analysis, ViewState(**asked))
    assert {key: getattr(state, key) for key in got} == got


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"layer": 3}, "layer 3 does not exist: vit:fake has layers 0 to 2, or -3 to -1"),
        ({"layer": -4}, "layer -4 does not exist: vit:fake has layers 0 to 2, or -3 to -1"),
        ({"head": 2}, "head 2 does not exist: layer 2 has heads 0 to 1"),
        ({"head": -1}, "head -1 does not exist: layer 2 has heads 0 to 1"),
        ({"query": "reg1"}, "no query reg1: choose cls, mean, a patch from 0,0 to 2,3"),
        ({"query": (3, 0)}, "no query 3,0: choose cls, mean, a patch from 0,0 to 2,3"),
        ({"panel": (0, 4)}, "panel 0,4 does not exist: there are panels 0,0 to 2,3"),
    ],
)
def test_strictly_what_does_not_exist_is_refused(analysis: Analysis, asked: dict, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        resolve(analysis, ViewState(**asked), strict=True)
    assert str(error.value) == sentence


def test_resolving_again_changes_nothing(analysis: Analysis) -> None:
    once = resolve(analysis, ViewState(layer=-2, head=99, query=(1, 1), panel=(0, 0)))
    assert resolve(analysis, once, strict=True) == once


def test_panels_are_those_of_the_position_embedding(analysis: Analysis, grid: PatchGrid) -> None:
    small = PatchGrid(1, 2, (32.0, 48.0), grid.fit)
    other = replace(
        analysis, position_embedding=PositionEmbedding("learned", analysis.position().vectors[:2], small)
    )
    assert resolve(other, ViewState(panel=(0, 1))).panel == (0, 1)
    assert resolve(other, ViewState(panel=(1, 0))).panel is None

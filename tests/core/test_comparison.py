"""Two analyses under one view: what each is asked, what the figure shows and tells."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vizstudio.core import maps
from vizstudio.core.comparison import Side, compare_maps, compare_positions, resolve_both
from vizstudio.core.comparison_figure import DIVERGING, render_comparison
from vizstudio.core.comparison_text import side_names
from vizstudio.core.errors import UsageError
from vizstudio.core.export import to_csv, to_json, to_npz, to_png
from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import colorize, lookup_table
from vizstudio.core.scene import Picture, Text
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Head, PositionEmbedding
from vizstudio.reproduce import Drawn, as_command


@pytest.fixture
def other(analysis: Analysis, make_attention: object) -> Analysis:
    """The same with other weights and fewer layers."""
    vectors = np.random.default_rng(9).normal(size=(12, 8))
    return replace(
        analysis,
        attention=make_attention(2, 3, seed=4),  # type: ignore[operator]
        position_embedding=PositionEmbedding("learned", vectors, analysis.grid),
        provenance={"weights": "checkpoint", "weights_hash": "fed9876543210"},
        notes=("untrained weights: the maps show the architecture",),
    )


def test_the_scale_is_that_of_both(analysis: Analysis, other: Analysis, image: ImageSource) -> None:
    found = compare_maps(
        Side(analysis, image), Side(other, image), ViewState(layer=1, query=(1, 2)), {}, True
    )
    own = [a.attention for a in (analysis, other)]
    values = [maps.attention_heatmap(attention, 1, "mean", (1, 2)).values for attention in own]
    np.testing.assert_array_equal(found.pair.difference.values, values[0] - values[1])
    assert found.span == (0.0, pytest.approx(max(v.max() for v in values)))
    assert found.reach == pytest.approx(np.abs(values[0] - values[1]).max())
    asked = ViewState(layer=1, range=(0.1, 0.2))
    assert compare_maps(Side(analysis, image), Side(other, image), asked, {}).span == (0.1, 0.2)


def test_each_side_has_its_layers(analysis: Analysis, other: Analysis, image: ImageSource) -> None:
    first, second = Side(analysis, image), Side(other, image)
    assert [s.layer for s in resolve_both(first, second, ViewState(), True)] == [2, 1]
    with pytest.raises(UsageError, match="layer 2 does not exist"):
        resolve_both(first, second, ViewState(layer=2), True)
    assert [s.layer for s in resolve_both(first, second, ViewState(layer=2), False)] == [2, 1]
    own = replace(second, layer=0, head=2)
    states = resolve_both(first, own, ViewState(layer=2, head=1), True)
    assert [(s.layer, s.head) for s in states] == [(2, 1), (0, 2)]
    with pytest.raises(UsageError, match="no query reg1: choose cls, mean"):
        resolve_both(first, second, ViewState(query="reg1"), True)


def test_a_token_that_the_second_does_not_have_is_none_of_its_others(
    analysis: Analysis, make_attention: object, image: ImageSource
) -> None:
    bare = replace(analysis, attention=make_attention(labels=()))  # type: ignore[operator]
    sides = Side(analysis, image), Side(bare, image)
    with pytest.raises(UsageError, match=r"the second, .* has no query cls"):
        compare_maps(*sides, ViewState(query=0), {}, True)
    found = compare_maps(*sides, ViewState(query=6), {}, True)
    wanted = maps.attention_heatmap(bare.attention, -1, "mean", 5)
    np.testing.assert_array_equal(found.own[1].values, wanted.values)


def test_a_comparison_has_no_pins(analysis: Analysis, image: ImageSource) -> None:
    sides = Side(analysis, image), Side(analysis, image, 0)
    states = resolve_both(*sides, ViewState(pins=((0, 0), (99, 99))), True)
    assert [state.pins for state in states] == [(), ()]
    drawn = Drawn(Path("a.png"), "vit:demo", state=states[0])
    line = as_command(replace(drawn, second=replace(drawn, state=states[1])), False)
    assert "--pins" not in line and "--with-layer 0" in line


def test_hidden_outliers_have_no_difference(analysis: Analysis, image: ImageSource) -> None:
    found = compare_maps(
        Side(analysis, image),
        Side(analysis, image, layer=0),
        ViewState(layer=2, hide_outliers=True),
        {},
        True,
    )
    assert (
        np.isnan(found.pair.difference.values[1, 2]) and np.isfinite(found.pair.difference.values).sum() == 11
    )


def test_a_view_of_many_maps_is_refused(analysis: Analysis, image: ImageSource) -> None:
    with pytest.raises(
        UsageError, match="the view wall cannot be compared: choose attention, position, panel"
    ):
        render_comparison(Side(analysis, image), Side(analysis, image), ViewState("wall"), {})


def pictures(figure: object) -> list[Picture]:
    return [item for item in figure.scene.items if isinstance(item, Picture)]  # type: ignore[attr-defined]


def test_the_panel_figure_has_the_colours_of_its_numbers(
    analysis: Analysis, other: Analysis, image: ImageSource
) -> None:
    sides = Side(analysis, image), Side(other, image)
    figure = render_comparison(*sides, ViewState("panel", panel=(0, 1), colormap="magma"), {}, True)
    both = compare_positions(*sides, ViewState())
    shown = pictures(figure)
    np.testing.assert_array_equal(shown[0].pixels, colorize(both.first[0, 1], "magma", *both.span))
    np.testing.assert_array_equal(shown[1].pixels, colorize(both.second[0, 1], "magma", *both.span))
    difference = colorize(both.first[0, 1] - both.second[0, 1], DIVERGING, -both.reach, both.reach)
    assert any(np.array_equal(difference, picture.pixels) for picture in shown)
    ramps = [picture.pixels[:, 0] for picture in shown if picture.smooth]
    for ramp, name in zip(ramps, ("magma", DIVERGING), strict=True):
        np.testing.assert_array_equal(ramp, lookup_table(name)[::-1])


def test_zero_is_white_and_signs_have_their_colours() -> None:
    below, zero, above = colorize(np.array([-1.0, 0.0, 1.0]), DIVERGING, -1, 1)[:, :3].astype(int)
    assert zero.min() > 240 and below[2] > below[0] + 50 and above[0] > above[2] + 50


def test_what_is_told(analysis: Analysis, other: Analysis, image: ImageSource) -> None:
    sides = Side(analysis, image), Side(other, image)
    assert side_names(*sides) == (
        "vit:fake · checkpoint weights abc",
        "vit:fake · checkpoint weights fed98765",
    )
    figure = render_comparison(*sides, ViewState(layer=1, mass=0.5), {}, True)
    texts = " ".join(item.text for item in figure.scene.items if isinstance(item, Text))
    assert "Untrained weights: the maps show the architecture (the second)." in texts
    first, second = figure.data["first"], figure.data["second"]
    assert (
        f"{first.sum():.1%} of the first's attention and {second.sum():.1%} of the second's"
        in figure.explanation
    )
    assert f"differences is {np.abs(first - second).sum() / 2:.1%}" in figure.explanation
    assert "that hold 0.5 of it; the difference is that of all cells" in figure.explanation
    assert "photo.jpg" in figure.title
    facts = json.loads(to_json(figure, analysis))
    assert facts["comparison"]["second"]["provenance"]["weights_hash"] == "fed9876543210"
    lines = to_csv(figure, analysis).decode().splitlines()
    assert lines[0] == "row,col,value,first,second,left,top,width,height" and len(lines) == 13
    assert to_png(figure, analysis) == to_png(render_comparison(*sides, figure.state, {}, True), analysis)


def test_all_panels_have_no_table(
    analysis: Analysis, other: Analysis, image: ImageSource, tmp_path: Path
) -> None:
    figure = render_comparison(Side(analysis, image), Side(other, image), ViewState("position"), {}, True)
    with pytest.raises(UsageError, match="choose npz"):
        to_csv(figure, analysis)
    (tmp_path / "a.npz").write_bytes(to_npz(figure, analysis))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        np.testing.assert_array_equal(data["difference"], data["first"] - data["second"])


@pytest.mark.parametrize("head", ["mean", "max", "min", 0, 1])
def test_a_side_against_itself_has_no_difference(head: Head, analysis: Analysis, image: ImageSource) -> None:
    side = Side(analysis, image)
    for query in np.ndindex(3, 4):
        found = compare_maps(side, side, ViewState(query=query, head=head), {}, True)
        assert (found.pair.difference.values == 0).all() and found.pair.moved == 0 and found.reach > 0


def test_precision_and_device_are_told_where_they_alone_differ(
    analysis: Analysis, image: ImageSource
) -> None:
    exact, half = (
        replace(
            analysis,
            provenance={"weights": "demo", "weights_hash": "12", "precision": precision, "device": "cpu"},
        )
        for precision in ("float32", "bfloat16")
    )
    names = side_names(Side(exact, image), Side(half, image))
    assert [name.split(" · ")[1:] for name in names] == [
        ["demo weights", "float32"],
        ["demo weights", "bfloat16"],
    ]
    figure = render_comparison(Side(exact, image), Side(half, image), ViewState(), {})
    told = [item.text for item in figure.scene.items if isinstance(item, Text)]
    assert any("bfloat16" in text for text in told) and any("float32" in text for text in told)

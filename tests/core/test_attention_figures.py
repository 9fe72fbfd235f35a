"""Views of attention and norms: what is outlined, told, hidden and handed out."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from seen_figure import pictures, texts

from vizstudio.core import maps
from vizstudio.core.attention_views import reduction_view
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.figures import render
from vizstudio.core.geometry import PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import colorize, lookup_table
from vizstudio.core.scene import Box
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, AttentionLayer, Heatmap

ROLLOUT = reduction_view(
    "Rollout",
    "How attention flows.",
    lambda attention, layer, head, query: maps.rollout(attention, query, head),
)


def test_attention(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(layer=1, head="max", query=(1, 2)))
    weights = np.stack([full[:, 1 + 6] for full in analysis.attention.matrices])
    assert np.array_equal(figure.data["weights"], weights)  # (layers, heads, keys) of the query asked
    assert np.array_equal(figure.data["heatmap"], weights[1].max(axis=0)[1:].reshape(3, 4))
    assert figure.title.startswith("Attention of patch 1,2 · layer 1 of 0 to 2 · maximum of 2 heads")
    assert figure.explanation.endswith("The query is outlined.")


@pytest.mark.parametrize("query", ["cls", "mean", (0, 0)])
def test_weights_are_those_of_the_query(analysis: Analysis, image: ImageSource, query: object) -> None:
    figure = render(analysis, image, ViewState(query=query))
    rows = {"cls": [0], "mean": range(1, 13), (0, 0): [1]}[query]
    expected = np.stack([full[:, rows].mean(axis=1) for full in analysis.attention.matrices])
    assert np.allclose(figure.data["weights"], expected, atol=1e-7)
    assert np.allclose(figure.data["weights"].sum(axis=-1), 1, atol=1e-5)


def test_every_token_off_the_photo_is_told_with_its_weight(
    make_attention: Callable, analysis: Analysis, image: ImageSource
) -> None:
    attention = make_attention(labels=("cls", "reg1", "reg2"))
    analysis = replace(analysis, attention=attention)
    row = attention.matrices[2][:, 1].mean(axis=0)
    figure = render(analysis, image, ViewState(query="reg1", colormap="magma"))
    assert f"class token {row[0]:.1%}" in texts(figure)
    assert f"register 1 {row[1]:.1%} (the query)" in texts(figure)
    assert f"register 2 {row[2]:.1%}" in texts(figure)
    swatches = [i for i in figure.scene.items if isinstance(i, Box) and i.fill and i.width == i.height]
    table, high = lookup_table("magma"), row[3:].max()
    for swatch, weight in zip(swatches, row[:3], strict=True):
        assert swatch.fill == "#{:02x}{:02x}{:02x}".format(*table[min(255, int(255 * weight / high))])


def test_the_outlined_cell_is_the_query(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(query=(1, 2)))
    photo = next(p for p in pictures(figure) if p.width == 640)
    (white,) = (i for i in figure.scene.items if isinstance(i, Box) and i.outline == "#ffffff")
    middle = (white.x + white.width / 2 - photo.x, white.y + white.height / 2 - photo.y)
    scale = photo.width / image.size[0]
    assert analysis.grid.cell_at(middle[0] / scale, middle[1] / scale) == (1, 2)


def test_heads(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="heads", layer=0))
    rows = analysis.attention.matrices[0][:, 0]
    assert np.array_equal(figure.data["heatmaps"], rows[:, 1:].reshape(2, 3, 4))
    for head in range(2):
        label = next(t for t in texts(figure) if t.startswith(f"head {head} "))
        assert float(re.search(r"max ([\d.]+)", label)[1]) == pytest.approx(rows[head, 1:].max(), rel=0.05)
        assert label.endswith(f"class token {rows[head, 0]:.1%}")


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 12, 16, 25])
def test_any_number_of_heads(
    make_attention: Callable, analysis: Analysis, image: ImageSource, count: int
) -> None:
    analysis = replace(analysis, attention=make_attention(layers=1, heads=count))
    for view, extra in (("heads", 2), ("wall", 2)):  # the thumbnail and the colour bar
        figure = render(analysis, image, ViewState(view=view))
        assert len(pictures(figure)) == count + extra
        assert figure.scene.width < 1300


def test_wall(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="wall", query=(0, 1)))
    full = np.stack([m[:, 2, 1:].reshape(2, 3, 4) for m in analysis.attention.matrices])
    assert np.array_equal(figure.data["heatmaps"], full)  # (layers, heads, rows, cols)
    places = {}
    for layer, head in np.ndindex(3, 2):
        pixels = colorize(full[layer, head], "viridis", 0.0, float(full[layer, head].max()))
        (places[layer, head],) = (p for p in pictures(figure) if np.array_equal(p.pixels, pixels))
    assert places[0, 0].x == places[2, 0].x < places[0, 1].x
    assert places[0, 0].y == places[0, 1].y < places[1, 0].y < places[2, 0].y
    assert places[0, 0].width % 4 == 0  # whole pixels per cell


def test_a_wall_goes_on_past_a_layer_that_cannot_be_drawn(
    make_attention: Callable, analysis: Analysis, image: ImageSource
) -> None:
    attention = make_attention()
    nowhere = TokenAxis(("cls", *(f"w{i}" for i in range(12))), note="tokens of unknown place")
    attention.layers = (
        attention.layers[0],
        AttentionLayer("odd", "self", 2, nowhere, nowhere),
        attention.layers[2],
    )
    figure = render(replace(analysis, attention=attention), image, ViewState(view="wall"))
    assert sorted(k for k in figure.data if k.startswith("heatmaps")) == ["heatmaps_00", "heatmaps_02"]
    assert any(t.startswith("attention of odd cannot be drawn") for t in texts(figure))
    with pytest.raises(
        GeometryError, match="attention of odd cannot be drawn on the image: tokens of unknown"
    ):
        render(replace(analysis, attention=attention), image, ViewState(layer=1))


def test_a_coarser_layer_is_asked_at_the_same_place(
    make_attention: Callable, analysis: Analysis, image: ImageSource, grid: PatchGrid
) -> None:
    attention = make_attention(layers=2, labels=())
    coarse = TokenAxis((), PatchGrid(1, 2, (32.0, 48.0), grid.fit))
    attention.layers = (attention.layers[0], AttentionLayer("late", "self", 2, coarse, coarse))
    attention.matrices[1] = np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.8, 0.2], [0.4, 0.6]]], np.float32)
    stages = replace(analysis, attention=attention, token_norms=None)
    figure = render(stages, image, ViewState(view="wall", layer=0, query=(2, 3)))
    assert np.array_equal(figure.data["heatmaps_00"], attention.matrices[0][:, 11].reshape(2, 3, 4))
    assert np.array_equal(figure.data["heatmaps_01"], attention.matrices[1][:, 1].reshape(2, 1, 2))
    assert np.array_equal(figure.data["weights_01"], attention.matrices[1][:, 1])
    assert "in other layers the patch at the same place" in figure.explanation
    back = render(stages, image, ViewState(view="wall", layer=1, query=(0, 0)))
    assert np.array_equal(back.data["weights_00"], attention.matrices[0][:, 1 * 4 + 1])


def test_a_reduction_below_zero_has_a_scale_below_zero(analysis: Analysis, image: ImageSource) -> None:
    def signed(attention: object, layer: int, head: object, query: object) -> Heatmap:
        return Heatmap(np.linspace(-1, 1, 12).reshape(3, 4), analysis.grid, "signed", "share")

    figure = render(
        analysis, image, ViewState(view="x"), views={"x": reduction_view("Signed", "Both signs.", signed)}
    )
    assert "−1.0" in texts(figure) and "1.0" in texts(figure)


def test_rollout_is_a_view_like_any_reduction(analysis: Analysis, image: ImageSource) -> None:
    views = {"rollout": ROLLOUT}
    figure = render(analysis, image, ViewState(view="rollout", query=(2, 0)), True, views)
    expected = maps.rollout(analysis.attention, (2, 0))
    assert np.array_equal(figure.data["heatmap"], expected.values)
    assert f"{expected.prefix_mass:.1%} of it went to the class token" in figure.explanation
    hidden = render(analysis, image, ViewState(view="rollout", query=(2, 0), hide_outliers=True), True, views)
    assert np.argwhere(np.isnan(hidden.data["heatmap"])).tolist() == [[1, 2]]


@pytest.mark.parametrize("view", ["attention", "heads"])
def test_outliers_are_hidden_on_request(analysis: Analysis, image: ImageSource, view: str) -> None:
    key = {"attention": "heatmap", "heads": "heatmaps"}[view]
    shown = render(analysis, image, ViewState(view=view))
    hidden = render(analysis, image, ViewState(view=view, hide_outliers=True))
    assert np.isfinite(shown.data[key]).all()
    assert np.argwhere(np.isnan(hidden.data[key]))[:, -2:].tolist() == [[1, 2]] * (
        2 if view == "heads" else 1
    )
    assert "1 high-norm token is hidden." in hidden.explanation
    none = render(analysis, image, ViewState(view=view, layer=0, hide_outliers=True))
    assert "No token is a high-norm outlier" in none.explanation
    with pytest.raises(UsageError, match="vit:fake gives no token norms"):
        render(replace(analysis, token_norms=None), image, ViewState(view=view, hide_outliers=True))


def test_norms(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="norms", layer=1))
    assert np.array_equal(figure.data["norms"], analysis.token_norms)
    assert figure.data["outliers"].tolist() == [7]
    assert np.array_equal(figure.data["heatmap"], analysis.token_norms[1, 1:].reshape(3, 4))
    assert "1 of 12 patches are outliers" in figure.explanation
    assert len([i for i in figure.scene.items if isinstance(i, Box) and i.outline == "#ffffff"]) == 1
    hidden = render(analysis, image, ViewState(view="norms", layer=1, hide_outliers=True))
    assert np.isnan(hidden.data["heatmap"][1, 2]) and hidden.explanation.endswith("they are hidden.")

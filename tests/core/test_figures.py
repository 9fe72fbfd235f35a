"""Every view: what it says, what it draws, and the numbers it hands out."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vizstudio.core import maps, statistics
from vizstudio.core.attention_views import reduction_view
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.figures import VIEWS, Figure, render
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.overlay import colorize, lookup_table, mosaic
from vizstudio.core.scene import Box, Picture, Text, text_width
from vizstudio.core.state import CAPTION, ViewState
from vizstudio.core.types import Analysis, AttentionLayer, Heatmap, PositionEmbedding

OF_IMAGE = tuple(name for name in VIEWS if name not in CAPTION)
OF_POSITION = ("position", "panel", "position-norm", "position-pca")
ROLLOUT = reduction_view(
    "Rollout",
    "How attention flows.",
    lambda attention, layer, head, query: maps.rollout(attention, query, head),
)


def texts(figure: Figure) -> list[str]:
    return [item.text for item in figure.scene.items if isinstance(item, Text)]


def said(figure: Figure) -> str:
    return " ".join(texts(figure))


def pictures(figure: Figure) -> list[Picture]:
    return [item for item in figure.scene.items if isinstance(item, Picture)]


def contains(figure: Figure, pixels: np.ndarray) -> bool:
    return any(np.array_equal(p.pixels[..., :3], pixels[..., :3]) for p in pictures(figure))


@pytest.fixture(params=[*OF_IMAGE, "rollout"])
def figure(request: pytest.FixtureRequest, untrained: Analysis, image: ImageSource) -> Figure:
    return render(untrained, image, ViewState(view=request.param), True, {**VIEWS, "rollout": ROLLOUT})


def test_a_figure_says_what_it_shows(figure: Figure) -> None:
    told = said(figure)
    assert "vit:fake · checkpoint weights" in told
    assert "Untrained weights: the maps show the architecture." in told
    if figure.state.view in OF_POSITION:
        assert "photo.jpg" not in told and "learned position embedding · 3×4 patches" in told
    else:
        assert "photo.jpg · 120×80 px, cropped to 64×48, 89% of it" in told
    for part in figure.title.split(" · "):
        assert part in told
    assert figure.explanation.endswith(".") and "  " not in figure.explanation
    for line in figure.explanation.split():
        assert line in told


def test_nothing_is_drawn_beyond_the_page(figure: Figure) -> None:
    for item in figure.scene.items:
        if isinstance(item, Text):
            width = text_width(item.text, item.size)
            left = item.x - {"l": 0, "m": width / 2, "r": width}[item.anchor[0]]
            assert left >= 0 and left + width <= figure.scene.width
            assert 0 <= item.y <= figure.scene.height - item.size / 2
        elif isinstance(item, (Picture, Box)):
            assert item.x >= 0 and item.x + item.width <= figure.scene.width
            assert item.y >= 0 and item.y + item.height <= figure.scene.height


def test_both_files_come_from_one_description(figure: Figure) -> None:
    pixels = figure.scene.rasterize()
    assert pixels.shape == (figure.scene.height, figure.scene.width, 4)
    root = ET.fromstring(figure.scene.to_svg(figure.title, figure.explanation))
    assert [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")] == texts(figure)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == len(pictures(figure))


def test_numbers_of_every_view(figure: Figure, untrained: Analysis) -> None:
    data = figure.data
    assert data["grid"].tolist() == [3, 4]
    assert data["rect"] == pytest.approx(untrained.grid.rect)
    assert np.array_equal(data["logits"], untrained.logits)
    order = np.argsort(-data["probabilities"])
    assert [data["labels"][i] for i in order] == [p.label for p in untrained.predictions]
    assert data["probabilities"][order] == pytest.approx([p.probability for p in untrained.predictions])
    if figure.heatmap is not None:
        assert np.array_equal(data["heatmap"], figure.heatmap.values, equal_nan=True)


def test_the_same_question_gives_the_same_picture(
    figure: Figure, untrained: Analysis, image: ImageSource
) -> None:
    again = render(untrained, image, figure.state, True, {**VIEWS, "rollout": ROLLOUT})
    assert np.array_equal(again.scene.rasterize(), figure.scene.rasterize())


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


def test_position_is_every_panel_at_its_place(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="position"))
    similarity = analysis.position().similarity()
    assert np.array_equal(figure.data["similarity"], similarity)
    zoom = 84 // 4
    pixels = colorize(
        mosaic(similarity, 6, zoom), "viridis", float(similarity.min()), float(similarity.max())
    )
    assert contains(figure, pixels)


def test_a_fine_grid_draws_every_second_panel(analysis: Analysis, image: ImageSource) -> None:
    grid = PatchGrid(3, 50, (1.0, 1.0), ImageFit((50, 3), (50, 3), (1, 1)))
    vectors = np.random.default_rng(0).normal(size=(150, 6))
    fine = replace(analysis, position_embedding=PositionEmbedding("rotary", vectors, grid))
    figure = render(fine, image, ViewState(view="position"))
    assert figure.data["similarity"].shape == (3, 50, 3, 50)
    assert "Every 2nd" in figure.explanation
    assert "48" in texts(figure) and "49" not in texts(figure)
    low, high = (float(f(figure.data["similarity"])) for f in (np.min, np.max))
    assert contains(figure, colorize(mosaic(figure.data["similarity"][::2, ::2], 2, 1), "viridis", low, high))


@pytest.mark.parametrize(("panel", "shown"), [(None, (1, 2)), ((0, 3), (0, 3)), ((2, 0), (2, 0))])
def test_a_single_panel(
    analysis: Analysis, image: ImageSource, panel: object, shown: tuple[int, int]
) -> None:
    figure = render(analysis, image, ViewState(view="panel", panel=panel), strict=True)
    assert np.array_equal(figure.data["heatmap"], analysis.position().similarity()[shown])
    assert figure.title.startswith(f"Position similarity of patch {shown[0]},{shown[1]}")
    with pytest.raises(UsageError, match="panel 3,0 does not exist"):
        render(analysis, image, ViewState(view="panel", panel=(3, 0)), strict=True)


def test_position_pca_tells_the_share_of_the_variance(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="position-pca"))
    assert figure.data["pca"].shape == (3, 4, 3)
    red, green, blue = figure.data["variance"]
    assert f"red {red:.0%}, green {green:.0%}, blue {blue:.0%}" in figure.explanation
    assert contains(figure, np.round(figure.data["pca"] * 255).astype(np.uint8))


@pytest.mark.parametrize("view", OF_POSITION)
def test_no_position_embedding(analysis: Analysis, image: ImageSource, view: str) -> None:
    without = replace(analysis, position_embedding=None)
    with pytest.raises(UsageError, match=r"^vit:fake: no position embedding to draw$"):
        render(without, image, ViewState(view=view))
    why = "no position embedding to draw: the positions are relative biases"
    with pytest.raises(UsageError, match=f"^vit:fake: {why}$"):
        render(replace(without, notes=("untrained", why)), image, ViewState(view=view))


@pytest.mark.parametrize(
    ("view", "measure"), [("entropy", statistics.entropies), ("distance", statistics.distances)]
)
def test_statistics_of_all_heads(
    analysis: Analysis, image: ImageSource, view: str, measure: Callable
) -> None:
    figure = render(analysis, image, ViewState(view=view))
    assert np.array_equal(figure.data[view], np.stack(measure(analysis.attention)))  # (layers, heads)


def test_layers_of_unlike_heads_have_an_entry_each(
    make_attention: Callable, analysis: Analysis, image: ImageSource
) -> None:
    attention, other = make_attention(), make_attention(layers=1, heads=3)
    attention.layers = (*attention.layers, *other.layers)
    attention.matrices += other.matrices
    mixed = replace(analysis, attention=attention)
    assert render(mixed, image, ViewState(view="entropy")).data["entropy_03"].shape == (3,)
    weights = render(mixed, image, ViewState(view="attention")).data
    assert weights["weights_03"].shape == (3, 13) and "weights" not in weights
    assert render(mixed, image, ViewState(view="wall")).data["heatmaps_03"].shape == (3, 3, 4)


def test_predictions(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="predictions"))
    names = [t for t in texts(figure) if t.startswith("class <")]
    assert names == [p.label for p in analysis.predictions]
    with pytest.raises(UsageError, match="vit:fake has no classifier"):
        render(replace(analysis, predictions=(), logits=None), image, ViewState(view="predictions"))


def test_attention_on_padding_is_told(
    make_attention: Callable, analysis: Analysis, image: ImageSource
) -> None:
    fit = ImageFit.resized((120, 80), (48, 32), (64, 48), (0, 16), "pad")
    grid = PatchGrid(3, 4, (16.0, 16.0), fit)
    axis, attention = TokenAxis(("cls",), grid), make_attention(layers=1)
    attention.layers = (AttentionLayer("a", "self", 2, axis, axis),)
    padded = replace(analysis, attention=attention, grid=grid)
    row = attention.matrices[0][:, 0].mean(axis=0)[1:].reshape(3, 4)
    share = row[0].sum() + row[1:, 3].sum()
    figure = render(padded, image, ViewState())
    assert f"{share:.1%} went to the padding around the photo and is not seen." in figure.explanation
    on_padding = render(padded, image, ViewState(query=(0, 0)))
    assert on_padding.explanation.endswith("The query itself lies on the padding.")
    assert "The maps show the padding" in render(padded, image, ViewState(view="wall")).explanation


def test_windows_are_named_and_not_drawn_as_if_global(
    windowed: object, analysis: Analysis, image: ImageSource
) -> None:
    local = replace(analysis, attention=windowed, token_norms=None)
    figure = render(local, image, ViewState(query=(0, 0)))
    assert "2 windows of 3×2" in figure.title
    assert np.isnan(figure.data["heatmap"][:, 2:]).all()
    assert "Patches without colour lie outside the query's window." in figure.explanation
    assert "Grey: outside the query's window." in render(local, image, ViewState(view="wall")).explanation


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (3, 2000)])
@pytest.mark.parametrize("view", ["attention", "heads", "wall", "norms"])
def test_images_of_any_shape(
    make_attention: Callable, analysis: Analysis, size: tuple[int, int], view: str
) -> None:
    fit = ImageFit.resized(size, (64, 48), (64, 48))
    grid = PatchGrid(3, 4, (16.0, 16.0), fit)
    axis, attention = TokenAxis(("cls",), grid), make_attention(layers=1)
    attention.layers = (AttentionLayer("a", "self", 2, axis, axis),)
    figure = render(
        replace(analysis, attention=attention, grid=grid),
        read_image(np.zeros((size[1], size[0], 3), np.uint8)),
        ViewState(view=view, query=(1, 1)),
    )
    pixels = figure.scene.rasterize()[..., :3].reshape(-1, 3)
    assert (np.ptp(pixels.astype(int), axis=1) > 60).sum() > 500  # colours of a map are to be seen


@pytest.mark.parametrize(
    ("size", "resized", "mode", "told"),
    [
        ((120, 80), (72, 48), "crop", "cropped to 64×48, 89% of it"),
        ((64, 48), (64, 48), "crop", "cropped to 64×48"),
        ((12000, 8), (72000, 48), "crop", "cropped to 64×48, 0.1% of it"),
        ((120, 80), (64, 48), "squash", "squashed to 64×48"),
        ((120, 80), (64, 43), "pad", "padded to 64×48"),
    ],
)
def test_how_much_the_model_saw(
    analysis: Analysis, size: tuple[int, int], resized: tuple[int, int], mode: str, told: str
) -> None:
    offset = ((64 - resized[0]) // 2, (48 - resized[1]) // 2)
    grid = PatchGrid(3, 4, (16.0, 16.0), ImageFit.resized(size, resized, (64, 48), offset, mode))
    photo = read_image(np.zeros((size[1], size[0], 3), np.uint8))
    figure = render(replace(analysis, grid=grid), photo, ViewState(view="predictions"))
    assert f"px, {told}" in said(figure)
    assert ("% of it" in said(figure)) == ("% of it" in told)


def test_an_unknown_view(analysis: Analysis, image: ImageSource) -> None:
    with pytest.raises(UsageError, match="no view 'saliency': choose attention, heads, pins, wall, position"):
        render(analysis, image, ViewState(view="saliency"))

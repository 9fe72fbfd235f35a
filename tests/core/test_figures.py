"""Every view: what it says, what it draws, and the numbers it hands out."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from seen_figure import contains, pictures, said, texts

from vizstudio.core import maps, statistics
from vizstudio.core.attention_views import reduction_view
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import VIEWS, Figure, render
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.overlay import colorize, mosaic
from vizstudio.core.scene import STRONG, Box, Dot, Picture, Polygon, Text, text_width
from vizstudio.core.state import CAPTION, ViewState
from vizstudio.core.types import Analysis, AttentionLayer, PositionEmbedding

OF_IMAGE = tuple(name for name in VIEWS if name not in CAPTION)
OF_POSITION = ("position", "panel", "position-norm", "position-pca", "position-distance")
ROLLOUT = reduction_view(
    "Rollout",
    "How attention flows.",
    lambda attention, layer, head, query: maps.rollout(attention, query, head),
)


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


def test_similarity_over_distance_is_drawn_to_scale(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="position-distance"))
    data, dots = figure.data, [item for item in figure.scene.items if isinstance(item, Dot)]
    dots = [dot for dot in dots if dot.fill == STRONG]
    assert len(dots) == len(data["distance"])
    # Similarities are a linear function of heights, distances of places across.
    for drawn, known in (([d.y for d in dots], data["mean"]), ([d.x for d in dots], data["distance"])):
        slope, offset = np.polyfit(drawn, known, 1)
        assert np.polyval((slope, offset), drawn) == pytest.approx(known, abs=1e-6)
    (band,) = [item for item in figure.scene.items if isinstance(item, Polygon)]
    slope, offset = np.polyfit([d.y for d in dots], data["mean"], 1)
    heights = np.polyval((slope, offset), [band.y + y for _, y in band.points])
    assert heights == pytest.approx([*data["upper"], *data["lower"][::-1]], abs=1e-6)
    assert {"all pairs", "same row", "same column", "quartiles"} <= set(texts(figure))


def test_patches_in_a_row_have_no_line_of_columns(analysis: Analysis, image: ImageSource) -> None:
    grid = PatchGrid(1, 5, (1.0, 1.0), ImageFit((5, 1), (5, 1), (1, 1)))
    embedding = PositionEmbedding("learned", np.random.default_rng(0).normal(size=(5, 6)), grid)
    row = replace(analysis, position_embedding=embedding)
    figure = render(row, image, ViewState(view="position-distance"))
    assert "same row" in texts(figure) and "same column" not in texts(figure)
    assert np.isnan(figure.data["vertical"]).all()


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

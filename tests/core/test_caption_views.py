"""Views of a caption: the map of every word, what is said of it, and the numbers that are handed out."""

import io
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fake_captioner import HEADS, LAYERS, FakeAttention, FakeCaptioner
from PIL import Image

from vizstudio.core import export, page
from vizstudio.core.caption import Caption, CaptionRequest, TokenStep
from vizstudio.core.caption_views import CAPTION_VIEWS
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import VIEWS, Figure, render
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.overlay import overlay
from vizstudio.core.scene import Box, Dot, Picture, Text, text_width
from vizstudio.core.state import CAPTION, ViewState, resolve
from vizstudio.core.types import Analysis, Heatmap

WORDS = ["a", "woman", "in", "an", "orange", "suit", "with", "a", "skateboard", "(end)"]


def texts(figure: Figure) -> list[str]:
    return [item.text for item in figure.scene.items if isinstance(item, Text)]


def said(figure: Figure) -> str:
    return " ".join(texts(figure))


def pictures(figure: Figure) -> list[np.ndarray]:
    return [item.pixels for item in figure.scene.items if isinstance(item, Picture)]


def by_hand(step: TokenStep, layer: int, head: int | None) -> np.ndarray:
    """Return a step's map straight from the fake's matrices."""
    rows = step.cross.matrices[layer][:, 0]
    grid = step.cross.layers[layer].keys.grid
    return (rows.mean(axis=0) if head is None else rows[head]).reshape(grid.shape)


def with_text(caption: Caption, *words: str) -> Caption:
    """Return a caption of other words of one piece each, and no end."""
    steps = tuple(
        replace(caption.steps[i % 7], index=i, text=word, starts_word=True) for i, word in enumerate(words)
    )
    return Caption(steps, " ".join(words), -1.0, False)


def test_the_names_of_the_views_are_those_that_a_state_knows() -> None:
    assert tuple(CAPTION_VIEWS) == CAPTION
    assert set(CAPTION) <= set(VIEWS)


@pytest.mark.parametrize("kind", ["cross", "self"])
def test_what_the_maps_are_is_said(kind: str, photos: object) -> None:
    """A decoder without cross-attention has the image among the tokens of its self-attention."""
    image = read_image(photos / "coffee.jpg")
    analysis = FakeCaptioner().caption(image, CaptionRequest(), RunContext())
    for step in analysis.steps:
        step.cross.layers = tuple(replace(layer, kind=kind) for layer in step.cross.layers)
    for view in ("caption", "step", "caption-mean"):
        words = said(render(analysis, image, ViewState(view=view), strict=True))
        assert ("cross-attention" in words) == (kind == "cross")
        assert ("the image and the tokens read before" in words) == (kind == "self")


@pytest.mark.parametrize("view", CAPTION)
@pytest.mark.parametrize("name", ["coffee", "rocket", "panorama", "tower"])
def test_nothing_lies_outside_the_page(view: str, name: str, photos: object) -> None:
    sizes = {"panorama": (900, 30), "tower": (30, 900)}
    image = read_image(
        np.zeros((*sizes[name][::-1], 3), np.uint8) if name in sizes else photos / f"{name}.jpg"
    )
    analysis = FakeCaptioner().caption(image, CaptionRequest(beams=2), RunContext())
    figure = render(analysis, image, ViewState(view=view, word=8), strict=True)
    for item in figure.scene.items:
        assert item.y >= 0
        if isinstance(item, Text):
            wide = text_width(item.text, item.size) * {"l": 0, "m": 0.5, "r": 1}[item.anchor[0]]
            left, right = item.x - wide, item.x - wide + text_width(item.text, item.size)
            assert item.y <= figure.scene.height - item.size * 0.8
        elif isinstance(item, Dot):
            left, right = item.x - item.radius, item.x + item.radius
        else:
            left, right = item.x, item.x + item.width
            assert item.y + item.height <= figure.scene.height
        assert left >= 0 and right <= figure.scene.width, item
    ET.fromstring(export.to_svg(figure, analysis))


@pytest.mark.parametrize("view", CAPTION)
def test_a_model_without_a_caption_is_told_so(analysis: Analysis, image: ImageSource, view: str) -> None:
    for strict in (True, False):
        with pytest.raises(UsageError, match=f"the view {view} needs a caption, and vit:fake wrote none"):
            render(analysis, image, ViewState(view=view), strict)


def test_the_strip_shows_every_word_on_its_own_map(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="caption", layer=1, head=2), strict=True)
    steps = captioned.steps
    maps = [by_hand(step, 1, 2) for step in steps]
    expected = [*maps[:8], (maps[8] + maps[9]) / 2, maps[10]]
    tiles = [p for p in pictures(figure) if min(p.shape[:2]) > 100]
    assert len(tiles) == len(WORDS)
    small = page.photo_at(photo, max(tiles[0].shape))
    for tile, values in zip(tiles, expected, strict=True):
        heatmap = Heatmap(values, captioned.grid)
        drawn = overlay(small, heatmap, "viridis", 0, float(values.max()), 0.7, False)
        assert np.abs(drawn.astype(int) - tile).max() <= 1
    shown = texts(figure)
    places = [shown.index("a")]
    for word in WORDS[1:]:
        places.append(shown.index(word, places[-1] + 1))  # in order, "a" twice
    for place, word in zip(places, captioned.caption.words, strict=True):
        assert shown[place + 1] == page.percent(math.exp(sum(s.log_prob for s in word.steps)))


def test_probabilities_are_as_long_as_they_are_large(captioned: Analysis, photo: ImageSource) -> None:
    items = render(captioned, photo, ViewState(view="caption")).scene.items
    boxes = [item for item in items if isinstance(item, Box)]
    pairs = [(a, b) for a, b in pairwise(boxes) if (a.x, a.y) == (b.x, b.y)]
    lengths = [b.width / a.width for a, b in pairs]
    assert lengths == pytest.approx([word.probability for word in captioned.caption.words], abs=0.01)


def test_the_strip_says_which_caption_it_is(captioned: Analysis, photo: ImageSource) -> None:
    told = said(render(captioned, photo, ViewState(view="caption", head="max")))
    assert "“a woman in an orange suit with a skateboard”" in told
    total = sum(step.log_prob for step in captioned.steps)
    assert (
        f"decoder layer 2 of 0 to 2 · maximum of 4 heads · log-probability −{-total:.2f} · best of 3 beams"
        in told
    )
    assert "coffee.jpg · 600×400 px, scaled to 299×199" in told
    for other in captioned.other_captions:
        assert f"“{other.text}”" in told
        assert f"−{-other.score:.3f}" in told
    assert "A word of several pieces has the mean of their maps" in told
    assert "given · " not in told and "limit" not in told


def test_typed_words_and_a_limit_are_told(photo: ImageSource) -> None:
    request = CaptionRequest(prefix="the front", max_tokens=4)
    analysis = FakeCaptioner().caption(photo, request, RunContext())
    figure = render(analysis, photo, ViewState(view="caption"))
    assert [t.startswith("given · ") for t in texts(figure) if t.endswith("%")] == [True, True, False, False]
    assert "“the front in an…”" in said(figure)
    assert "Given words were set beforehand, not chosen. A limit ended the caption." in said(figure)
    assert "(end)" not in texts(figure)
    word = said(render(analysis, photo, ViewState(view="step", word=1)))
    assert "given, not chosen by the model" in word


def test_a_branch_tells_the_word_that_was_taken_and_no_other(captioned: Analysis, photo: ImageSource) -> None:
    branch = captioned.branch(2, 1)
    figure = render(branch, photo, ViewState(view="caption"))
    marked = [t.startswith("taken · ") for t in texts(figure) if t.endswith("%")]
    assert marked[:4] == [False, False, True, False] and not any(marked[4:])
    assert "given · " not in " ".join(texts(figure)) and "Given words" not in said(figure)
    assert "A taken word was picked from the alternatives" in said(figure)
    assert "taken, not chosen by the model" in said(render(branch, photo, ViewState(view="step", word=2)))


def test_a_long_caption_goes_on_in_rows(captioned: Analysis, photo: ImageSource) -> None:
    words = [f"word{i}" for i in range(33)]
    analysis = replace(captioned, caption=with_text(captioned.caption, *words), other_captions=())
    figure = render(analysis, photo, ViewState(view="caption"))
    tiles = [i for i in figure.scene.items if isinstance(i, Picture) and i.width > 60 and i.y > 100]
    assert len(tiles) == 33 and len({t.y for t in tiles}) == 5
    assert figure.scene.width < 1200
    entropy = render(analysis, photo, ViewState(view="caption-entropy"))
    assert entropy.scene.width < 1200
    dots = [i for i in entropy.scene.items if isinstance(i, Dot)]
    assert len(dots) == 33 + 1  # and one in the legend
    assert [i.text for i in entropy.scene.items if isinstance(i, Text) and i.anchor == "ma"] == words


def test_one_word_large_with_what_else_it_might_have_been(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="step", word=4, layer=0), strict=True)
    step = captioned.steps[4]
    np.testing.assert_allclose(figure.heatmap.values, by_hand(step, 0, None), rtol=1e-5)
    shown = texts(figure)
    assert "“orange”" in shown
    below = shown[shown.index(f"Entropy {step.entropy:.2f} nats") + 1 :][:20]
    assert below[::2] == [a.text.replace("[end]", "(end)") for a in step.alternatives]
    assert below[1::2] == [page.percent(math.exp(a.log_prob)) for a in step.alternatives]
    assert f"word 4 of 0 to 9 · {step.probability:.1%}, log-probability −{-step.log_prob:.2f}" in said(figure)
    marked = [i for i in figure.scene.items if isinstance(i, Text) and i.colour == "#ffffff"]
    assert [item.text for item in marked] == ["orange"]


def test_a_word_of_pieces_shows_the_choices_of_each(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="step", word=-2), strict=True)
    assert figure.state.word == 8
    told = said(figure)
    for i, step in enumerate(captioned.steps[8:10]):
        assert f"Piece {i + 1} of 2, “{step.text}” · entropy {step.entropy:.2f} nats" in told
    assert "the mean over its 2 pieces" in told


def test_a_token_that_is_not_among_the_alternatives_is_shown_with_them(photo: ImageSource) -> None:
    analysis = FakeCaptioner().caption(photo, CaptionRequest(prefix="flag", alternatives=2), RunContext())
    assert "flag" not in [a.text for a in analysis.steps[0].alternatives]
    items = render(analysis, photo, ViewState(view="step")).scene.items
    labels = [i for i in items if isinstance(i, Text) and i.anchor == "lm" and i.size == page.BODY]
    assert [i.text for i in labels] == [*(a.text for a in analysis.steps[0].alternatives), "flag"]
    shares = [i.text for i in items if isinstance(i, Text) and i.anchor == "rm" and i.text.endswith("%")]
    assert shares[-1] == page.percent(analysis.steps[0].probability)


def test_the_end_is_a_word(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="step", word=-1), strict=True)
    assert "The end of the caption" in texts(figure)
    np.testing.assert_allclose(figure.heatmap.values, by_hand(captioned.steps[-1], 2, None), rtol=1e-5)
    assert "the decoder ending the caption" in said(
        render(captioned, photo, ViewState(view="caption-wall", word=9))
    )


def test_the_mean_map_is_that_of_all_steps(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="caption-mean", layer=1))
    whole = render(captioned, photo, ViewState(view="caption")).data["cross_attention"]
    np.testing.assert_allclose(figure.heatmap.values, whole[:, 1].mean(axis=(0, 1)), rtol=1e-5)
    assert "the mean over its 11 steps, the end among them" in said(figure)


def test_the_wall_has_every_head_of_every_decoder_layer(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="caption-wall", word=8), strict=True)
    maps = figure.data["heatmaps"]
    assert maps.shape == (LAYERS, HEADS, 13, 19)
    for layer in range(LAYERS):
        for head in range(HEADS):
            pieces = [by_hand(step, layer, head) for step in captioned.steps[8:10]]
            np.testing.assert_allclose(maps[layer, head], (pieces[0] + pieces[1]) / 2, rtol=1e-5)
    assert "Attention of the decoder writing “skateboard”" in figure.title
    assert "word 8 of 0 to 9" in said(figure)


def test_entropy_and_log_probability_of_every_step(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="caption-entropy"))
    items = figure.scene.items
    labels = [*WORDS[:8], "skate", "-board", "(end)"]
    columns = [i for i in items if isinstance(i, Text) and i.anchor == "ma"]
    assert [item.text for item in columns] == labels
    zero = next(i.y for i in items if isinstance(i, Box) and i.height == 1 and i.y == max(
        b.y for b in items if isinstance(b, Box) and b.height == 1
    ))  # fmt: skip
    dots = [i for i in items if isinstance(i, Dot)][:11]
    bars = [i for i in items if isinstance(i, Box) and i.height > 1][:11]
    per_nat = bars[0].height / captioned.steps[0].entropy
    for dot, bar, column, step in zip(dots, bars, columns, captioned.steps, strict=True):
        assert dot.x == pytest.approx(column.x) == pytest.approx(bar.x + bar.width / 2)
        assert bar.height == pytest.approx(step.entropy * per_nat, rel=1e-6)
        assert zero - dot.y == pytest.approx(-step.log_prob * per_nat, abs=0.6)


def test_an_empty_caption_and_one_of_one_token(photo: ImageSource) -> None:
    ended = FakeCaptioner().caption(photo, CaptionRequest(prefix="[end]"), RunContext())
    short = FakeCaptioner().caption(photo, CaptionRequest(max_tokens=1), RunContext())
    for view in CAPTION:
        for analysis in (ended, short):
            figure = render(analysis, photo, ViewState(view=view), strict=True)
            assert min(figure.scene.width, figure.scene.height) > 100
            if view == "caption":
                assert texts(figure)[0] == ("An empty caption" if analysis is ended else "“a…”")


def test_the_attention_views_show_the_encoder(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="attention", query=(2, 3)), strict=True)
    assert "layer 1 of 0 to 1" in said(figure)
    assert figure.data["weights"].shape == (2, 2, 13 * 19)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"layer": 3}, "layer 3 does not exist: the decoder has layers 0 to 2, or -3 to -1"),
        ({"head": 4}, "head 4 does not exist: layer 2 has heads 0 to 3"),
        ({"word": 10}, "word 10 does not exist: the caption has words 0 to 9, or -10 to -1"),
        ({"word": -11}, "word -11 does not exist: the caption has words 0 to 9, or -10 to -1"),
    ],
)
def test_layers_heads_and_words_are_the_decoders(captioned: Analysis, asked: dict, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        resolve(captioned, ViewState(view="step", **asked), strict=True)
    assert str(error.value) == sentence
    state = resolve(captioned, ViewState(view="step", **asked))
    assert resolve(captioned, state, strict=True) == state


def test_maps_are_where_the_photo_is(captioned: Analysis, photo: ImageSource) -> None:
    data = render(captioned, photo, ViewState(view="step")).data
    assert data["grid"].tolist() == [13, 19]
    scale = 600 / 299  # 13 × 19 cells of 16 pixels reach a little beyond the 299 × 199 pixels
    assert data["rect"] == pytest.approx([0, 0, 19 * 16 * scale, 13 * 16 * 400 / 199])


def test_what_went_to_tokens_that_are_no_patch_is_told(captioned: Analysis, photo: ImageSource) -> None:
    step = captioned.steps[0]
    layer = replace(
        step.cross.layers[0], keys=replace(step.cross.layers[0].keys, labels=("cls",), index=np.empty((0, 0)))
    )
    rows = np.concatenate([np.full((HEADS, 1, 1), 0.25), 0.75 * step.cross.matrices[0]], axis=2)
    one = replace(step, cross=FakeAttention([layer], [rows]))
    analysis = replace(captioned, caption=Caption((one,), "a", -1.0, False))
    figure = render(analysis, photo, ViewState(view="step"), strict=True)
    assert "25.0% of it went to the class token and is not on the map." in said(figure)


def test_a_picture_of_a_caption_is_the_scene(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="caption"))
    picture = Image.open(io.BytesIO(export.to_png(figure, captioned)))
    assert np.array_equal(np.asarray(picture), figure.scene.rasterize()[..., :3])
    assert '"caption": "a woman in an orange suit with a skateboard"' in picture.text["vizstudio"]

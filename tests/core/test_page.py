"""The parts of a page: lines that fit, round numbers, bars and tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core import charts, page
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.overlay import lookup_table
from vizstudio.core.scene import Box, Dot, Picture, Text, text_width


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=120), st.integers(40, 400))
def test_wrapped_lines_keep_every_letter_and_fit(text: str, width: int) -> None:
    lines = page.wrap(text, 12, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert text_width(line, 12) <= width


def test_only_words_too_long_for_a_line_are_broken() -> None:
    lines = page.wrap("short words and vit:a_name_of_a_model_that_is_longer_than_a_line end", 12, 120)
    assert lines[0] == "short words and"
    assert "".join(lines[1:]).replace(" end", "") == "vit:a_name_of_a_model_that_is_longer_than_a_line"
    assert lines[-1].endswith(" end")


@given(st.text("abc WM", max_size=60), st.integers(30, 300))
def test_shortened_text_fits_and_is_a_beginning(text: str, width: int) -> None:
    short = page.shorten(text, 12, width)
    assert text_width(short, 12) <= width
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(st.floats(-1e4, 1e4), st.floats(1e-4, 1e4), st.floats(1e-12, 1), st.integers(3, 9))
def test_ticks_are_round_even_and_within(start: float, relative: float, unit: float, most: int) -> None:
    """Over every range that `value_range` gives: no narrower than 1e-4 of its ends."""
    low, extent = start * unit, max(abs(start), 1) * relative * unit
    values, decimals = page.ticks(low, low + extent, most)
    slack = extent * 1e-3
    assert 1 <= len(values) <= most
    assert all(low - slack <= v <= low + extent + slack for v in values)
    if len(values) > 2:
        assert np.allclose(np.diff(values), values[1] - values[0], rtol=1e-3)
    printed = [page.number(v, decimals) for v in values]
    assert len(set(printed)) == len(printed)  # no two ticks read the same


@pytest.mark.parametrize(
    ("low", "high", "printed"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 0.0026, ["0.0000", "0.0005", "0.0010", "0.0015", "0.0020", "0.0025"]),
        (-0.6, 1, ["−0.5", "0.0", "0.5", "1.0"]),
        (0, 167, ["0", "50", "100", "150"]),
    ],
)
def test_ticks_as_printed(low: float, high: float, printed: list[str]) -> None:
    values, decimals = page.ticks(low, high)
    assert [page.number(v, decimals) for v in values] == printed


@pytest.mark.parametrize(
    ("value", "text"), [(0.00423, "0.0042"), (0.9, "0.90"), (12.3, "12"), (0, "0"), (3e-9, "3.0e−09")]
)
def test_short_numbers(value: float, text: str) -> None:
    assert page.short_number(value) == text


def bar_pictures(items: list) -> list[Picture]:
    return [item for item in items if isinstance(item, Picture)]


@pytest.mark.parametrize("height", [120, 400])
def test_colour_bar_numbers_stand_at_their_colours(height: int) -> None:
    items, width = page.colour_bar(10, height, "magma", -0.5, 1.5, "cosine")
    (bar,) = bar_pictures(items)
    assert np.array_equal(bar.pixels[::-1, 0], lookup_table("magma"))
    for tick, label in zip(
        [i for i in items if isinstance(i, Box)], [i for i in items if isinstance(i, Text)][1:], strict=True
    ):
        value = float(label.text.replace("−", "-"))
        expected = bar.y + bar.height * (1.5 - value) / 2
        assert tick.y + 0.5 == pytest.approx(expected, abs=1)
        assert label.y == pytest.approx(expected, abs=7)
        assert label.x + text_width(label.text, label.size) <= 10 + width + 0.01


def test_tiles_neither_overlap_nor_clip_their_labels() -> None:
    pictures = [np.zeros((30, 20, 3), np.uint8)] * 5
    labels = ["a long label over a narrow picture", "b", "c", "d", "e"]
    mark = Box(3, 4, 5, 5, fill="#000000")
    items, width, height = page.tiles(pictures, labels, 2, [mark])
    shown = bar_pictures(items)
    texts = [i for i in items if isinstance(i, Text)]
    marks = [i for i in items if isinstance(i, Box)]
    assert [t.text for t in texts] == labels
    assert {(p.width, p.height) for p in shown} == {(20, 30)}
    assert [(m.x - p.x, m.y - p.y) for m, p in zip(marks, shown, strict=True)] == [(3, 4)] * 5
    assert texts[0].x + text_width(labels[0], page.SMALL) < texts[1].x
    assert shown[2].y > shown[0].y + 30 and shown[2].x == shown[0].x
    assert max(p.x + p.width for p in shown) <= width and max(p.y + p.height for p in shown) == height


@pytest.mark.parametrize("size", [(20000, 3), (3, 20000), (1, 1), (640, 427), (5000, 3000)])
def test_a_photo_is_scaled_to_its_longest_side_and_never_vanishes(size: tuple[int, int]) -> None:
    image = read_image(np.zeros((size[1], size[0], 3), np.uint8))
    photo = page.photo_at(image, 640)
    assert max(photo.shape[:2]) == 640 and min(photo.shape[:2]) >= page.THIN
    same = abs(photo.shape[1] / photo.shape[0] - size[0] / size[1]) < 0.01 * size[0] / size[1]
    assert page.is_stretched(image, 640) is not same


def test_page_holds_everything_within_its_edges(image: ImageSource) -> None:
    heading = page.Heading("A title that is long " * 6, ["a fact", "another " * 30], image.pixels[:60, :90])
    body = [Picture(0, 0, 300, 200, image.pixels), Box(290, 190, 10, 10, fill="#000000")]
    scene = page.page(heading, "What it means. " * 12, ["untrained weights", "a note"], 300, 200, body)
    for item in scene.items:
        assert item.x >= 0 and item.y >= 0
        if isinstance(item, Text):
            assert item.x + text_width(item.text, item.size) <= scene.width - page.MARGIN + 0.5
            assert item.y + item.size <= scene.height
        else:
            assert item.x + item.width <= scene.width and item.y + item.height <= scene.height
    thumbnail, photo = (i for i in scene.items if isinstance(i, Picture))
    assert thumbnail.y + thumbnail.height < photo.y
    for text in scene.items:  # the heading does not run under the thumbnail
        if isinstance(text, Text) and text.y < thumbnail.y + thumbnail.height:
            assert text.x + text_width(text.text, text.size) <= thumbnail.x


def test_dots_stand_at_their_values() -> None:
    values = [np.array([0.0, 2.0, 4.0]), np.array([np.nan, 1.0, 3.0]), np.full(3, np.nan)]
    items, width = charts.scatter(values, 380, "entropy (nats)", "viridis", (5.0, "uniform"))
    dots = [i for i in items if isinstance(i, Dot)]
    assert len(dots) == 5
    known = np.array([0.0, 2, 4, 1, 3])
    heights = np.array([d.y for d in dots])
    slope, start = np.polyfit(known, heights, 1)
    assert np.allclose(heights, start + slope * known) and slope < 0
    line = next(i for i in items if isinstance(i, Box) and i.fill == charts.ACCENT)
    assert line.y == pytest.approx(start + slope * 5)
    assert dots[0].x < dots[1].x < dots[2].x < dots[3].x < width
    assert "–" in [i.text for i in items if isinstance(i, Text)]


def test_bars_are_as_long_as_their_probabilities() -> None:
    items, height = charts.bars(["a", "a name " * 40], [0.5, 0.25], 600)
    filled = [i for i in items if isinstance(i, Box) and i.fill != charts.RULE]
    tracks = [i for i in items if isinstance(i, Box) and i.fill == charts.RULE]
    assert [f.width / t.width for f, t in zip(filled, tracks, strict=True)] == pytest.approx([0.5, 0.25])
    texts = [i for i in items if isinstance(i, Text)]
    assert [t.text for t in texts if t.anchor == "rm"] == ["50.0%", "25.0%"]
    assert text_width(texts[2].text, texts[2].size) <= tracks[1].x
    assert height == 52


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100.0%"), (0.5, "50.0%"), (0.0123, "1.2%"), (0.001, "0.1%"), (0.0004, "0.04%"),
        (0.00099, "0.1%"), (0.000012, "0.001%"), (1e-5, "0.001%"), (9e-6, "<0.001%"), (0.0, "<0.001%"),
    ],
)  # fmt: skip
def test_percentages_never_call_a_chance_nothing(value: float, text: str) -> None:
    assert page.percent(value) == text

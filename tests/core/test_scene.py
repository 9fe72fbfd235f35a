"""One description, two files: pixels, and SVG that holds shapes and text."""

import base64
import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from vizstudio.core.scene import Box, Dot, Picture, Polygon, Scene, Text, text_width

SVG = "{http://www.w3.org/2000/svg}"
CHECKER = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 0, 0]]], np.uint8)


def rgb(scene: Scene, scale: float = 1.0) -> np.ndarray:
    pixels = scene.rasterize(scale)
    assert pixels.shape[2] == 4 and (pixels[..., 3] == 255).all()
    return pixels[..., :3]


def parse(scene: Scene) -> ET.Element:
    return ET.fromstring(scene.to_svg("a title", "what <it> & is"))


def test_an_empty_page_is_white() -> None:
    assert (rgb(Scene(7, 5)) == 255).all()
    assert rgb(Scene(7, 5), 2.0).shape == (10, 14, 3)


def test_a_picture_is_enlarged_in_flat_cells() -> None:
    scene = Scene(20, 20, [Picture(4, 6, 10, 10, CHECKER)])
    out = rgb(scene)
    assert np.array_equal(out[6:16, 4:14], np.kron(CHECKER, np.ones((5, 5, 1), np.uint8)))
    assert (out[:6] == 255).all() and (out[:, 14:] == 255).all()


def test_transparent_pixels_show_the_page() -> None:
    cell = np.zeros((1, 1, 4), np.uint8)
    assert (rgb(Scene(4, 4, [Picture(0, 0, 4, 4, cell)])) == 255).all()


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_a_filled_box_covers_exactly_its_pixels(scale: int) -> None:
    out = rgb(Scene(10, 10, [Box(2, 3, 4, 5, fill="#102030")]), scale)
    inside = (out == [16, 32, 48]).all(axis=2)
    assert inside[3 * scale : 8 * scale, 2 * scale : 6 * scale].all()
    assert inside.sum() == 20 * scale**2


def test_an_outline_lies_inside_its_rectangle() -> None:
    out = rgb(Scene(12, 12, [Box(2, 3, 6, 5, outline="#000000", line=2)]))
    black = (out == 0).all(axis=2)
    expected = np.zeros((12, 12), bool)
    expected[3:8, 2:8] = True
    expected[5:6, 4:6] = False
    assert np.array_equal(black, expected)


def test_a_dot_is_round_and_where_it_was_put() -> None:
    out = rgb(Scene(40, 40, [Dot(20, 18, 8, "#000000")]))
    dark = 1 - out[..., 0] / 255.0
    y, x = np.indices(dark.shape) + 0.5
    assert dark.sum() == pytest.approx(np.pi * 64, rel=0.03)
    assert (dark * x).sum() / dark.sum() == pytest.approx(20, abs=0.2)
    assert (dark * y).sum() / dark.sum() == pytest.approx(18, abs=0.2)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_polygon_is_filled_between_its_corners(scale: int) -> None:
    scene = Scene(40, 40, [Polygon(4, 6, ((0, 0), (30, 0), (0, 20)), "#000000")])
    dark = 1 - rgb(scene, scale)[..., 0] / 255.0
    y, x = (np.indices(dark.shape) + 0.5) / scale
    assert dark.sum() / scale**2 == pytest.approx(300, rel=0.05)
    assert (dark * x).sum() / dark.sum() == pytest.approx(14, abs=0.3)  # the centre of a triangle
    assert (dark * y).sum() / dark.sum() == pytest.approx(6 + 20 / 3, abs=0.3)
    drawn = parse(scene).find(SVG + "polygon")
    assert (drawn.get("points"), drawn.get("fill")) == ("4,6 34,6 4,26", "#000000")


@pytest.mark.parametrize(("anchor", "left"), [("la", 60), ("ma", 60 - 0.5), ("ra", 60 - 1)])
def test_text_is_anchored(anchor: str, left: float) -> None:
    width = text_width("Hxg", 20)
    out = rgb(Scene(140, 60, [Text(60, 20, "Hxg", 20, "#000000", anchor)]))
    columns = np.nonzero((out[..., 0] < 128).any(axis=0))[0]
    start = 60 + (left - 60) * width
    assert start - 1 <= columns[0] <= start + 4
    assert start + width - 4 <= columns[-1] <= start + width + 1


def test_svg_is_xml_with_its_title_and_size() -> None:
    root = parse(Scene(30, 20))
    assert root.tag == SVG + "svg"
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("30", "20", "0 0 30 20")
    assert root.findtext(SVG + "title") == "a title"
    assert root.findtext(SVG + "desc") == "what <it> & is"


def test_text_stays_text_in_svg() -> None:
    told = 'müsli & <tag> "quoted" − ×'
    root = parse(Scene(90, 20, [Text(5, 2, told, 12, "#123456", "la"), Text(50, 10, "end", 12, anchor="rm")]))
    first, last = root.findall(SVG + "text")
    assert first.text == told and first.get("fill") == "#123456" and first.get("font-size") == "12"
    assert (first.get("text-anchor"), last.get("text-anchor")) == ("start", "end")


@pytest.mark.parametrize("anchor", ["la", "lm"])
def test_svg_text_stands_on_the_line_it_is_drawn_on(anchor: str) -> None:
    scene = Scene(90, 80, [Text(10, 30, "HHH", 30, "#000000", anchor)])  # H has no descender
    rows = np.nonzero((rgb(scene)[..., 0] < 128).any(axis=1))[0]
    assert float(parse(scene).find(SVG + "text").get("y")) == pytest.approx(rows[-1] + 1, abs=1)


def test_pictures_are_embedded_whole() -> None:
    image = parse(Scene(20, 20, [Picture(1, 2, 10, 10, CHECKER)])).find(SVG + "image")
    head, _, data = image.get("href").partition(",")
    assert head == "data:image/png;base64"
    embedded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(embedded, np.kron(CHECKER, np.ones((5, 5, 1), np.uint8)))
    assert [image.get(k) for k in ("x", "y", "width", "height")] == ["1", "2", "10", "10"]


def test_svg_outlines_cover_the_same_pixels() -> None:
    """A stroke lies on both sides of its path, so the path runs along the middle of the line."""
    rect = parse(Scene(12, 12, [Box(2, 3, 6, 5, outline="#000000", line=2)])).findall(SVG + "rect")[1]
    assert [float(rect.get(k)) for k in ("x", "y", "width", "height")] == [3, 4, 4, 3]
    assert (rect.get("stroke-width"), rect.get("fill")) == ("2", "none")


def test_every_item_is_in_the_svg() -> None:
    scene = Scene(20, 20, [Dot(3, 4, 2, "#0000ff"), Box(1, 1, 2, 2, fill="#00ff00")])
    root = parse(scene)
    dot, (_, box) = root.find(SVG + "circle"), root.findall(SVG + "rect")
    assert [dot.get(k) for k in ("cx", "cy", "r", "fill")] == ["3", "4", "2", "#0000ff"]
    assert (box.get("fill"), box.get("stroke")) == ("#00ff00", None)

"""Pictures of an exact size and on no page: against the same scene drawn on a known ground."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vizstudio.core import animation, export
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure, render
from vizstudio.core.images import ImageSource
from vizstudio.core.output import PictureOptions, pixel_size
from vizstudio.core.scene import Box, Dot, Picture, Scene, Text
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis


@pytest.fixture
def figure(analysis: Analysis, photo: ImageSource) -> Figure:
    return render(analysis, photo, ViewState())


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("width", [333, 1000, 1921])
def test_a_picture_has_the_width_asked(figure: Figure, analysis: Analysis, width: int) -> None:
    picture = opened(export.to_png(PictureOptions(width=width).applied(figure), analysis))
    assert picture.width == width and picture.mode == "RGB"
    assert picture.height == round(figure.scene.height * width / figure.scene.width)


@given(st.integers(16, 9000), st.floats(50, 4000))
def test_any_width_is_met_exactly(width: int, units: float) -> None:
    figure = Figure(Scene(units, 1), {}, "", "", ViewState(), width=width)
    assert pixel_size(figure)[0] == width


def test_a_scale_is_that_of_the_scene(figure: Figure, analysis: Analysis) -> None:
    doubled = PictureOptions(scale=2).applied(figure)
    pixels = np.asarray(opened(export.to_png(doubled, analysis)))
    assert np.array_equal(pixels, figure.scene.rasterize(2)[..., :3])
    root = ET.fromstring(export.to_svg(doubled, analysis))
    plain = ET.fromstring(export.to_svg(figure, analysis))
    assert float(root.attrib["width"]) == 2 * float(plain.attrib["width"])
    assert root.attrib["viewBox"] == plain.attrib["viewBox"]


def test_no_page_laid_on_any_colour_is_the_scene_on_that_colour(figure: Figure, analysis: Analysis) -> None:
    clear = opened(export.to_png(PictureOptions(transparent=True).applied(figure), analysis))
    assert clear.mode == "RGBA"
    alpha = np.asarray(clear)[..., 3]
    assert alpha[0, 0] == 0 and alpha.max() == 255
    page = Image.new("RGBA", clear.size, "#ffffff")
    laid = np.asarray(Image.alpha_composite(page, clear))[..., :3].astype(int)
    assert np.abs(laid - figure.scene.rasterize()[..., :3].astype(int)).max() <= 2


def test_what_is_drawn_without_a_page_has_its_own_colour() -> None:
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    half = np.full((1, 1, 4), (0, 0, 255, 128), np.uint8)
    items = [Picture(0, 0, 10, 10, red), Picture(20, 0, 10, 10, half), Box(40, 0, 10, 10, fill="#ffffff")]
    pixels = Scene(60, 30, [*items, Dot(10, 20, 5, "#00ff00"), Text(30, 15, "i", 13)]).rasterize(1, True)
    assert tuple(pixels[5, 5]) == (255, 0, 0, 255)
    assert np.abs(pixels[5, 25].astype(int) - (0, 0, 255, 128)).max() <= 2
    assert tuple(pixels[5, 45]) == (255, 255, 255, 255)
    assert tuple(pixels[20, 10]) == (0, 255, 0, 255)
    assert pixels[25, 55, 3] == 0


def test_an_svg_without_a_page(figure: Figure, analysis: Analysis) -> None:
    page = '<rect width="100%"'
    assert page in export.to_svg(figure, analysis).decode()
    clear = export.to_svg(PictureOptions(transparent=True).applied(figure), analysis).decode()
    assert page not in clear and ET.fromstring(clear) is not None


def test_the_same_view_gives_the_same_bytes(figure: Figure, analysis: Analysis) -> None:
    assert "timings" not in opened(export.to_png(figure, analysis)).text["vizstudio"]
    assert b'"timings"' in export.to_json(figure, analysis)


@pytest.mark.parametrize("write", [animation.to_gif, animation.to_webp])
def test_an_animation_has_the_width_asked(captioned: Analysis, photo: ImageSource, write: object) -> None:
    figure = render(captioned, photo, ViewState(view="caption"))
    content = write(PictureOptions(width=333).applied(figure), captioned)  # type: ignore[operator]
    assert opened(content).width == 333


def test_an_animation_needs_its_page(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="caption"))
    with pytest.raises(UsageError, match="GIF has no transparent background: choose png or svg"):
        animation.to_gif(PictureOptions(transparent=True).applied(figure), captioned)


def test_a_video_of_an_odd_width(captioned: Analysis, photo: ImageSource) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    figure = render(captioned, photo, ViewState(view="caption"))
    content = animation.to_mp4(PictureOptions(width=333).applied(figure), captioned)
    with av.open(io.BytesIO(content)) as container:
        assert container.streams.video[0].width == 332


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"scale": 2.0, "width": 100}, "give one of them"),
        ({"scale": 0.0}, "give a number above 0"),
        ({"scale": float("nan")}, "give a number above 0"),
        ({"scale": float("inf")}, "give a number above 0"),
        ({"width": 3}, "too small"),
        ({"scale": 1e4}, "more than the 100 million"),
        ({"scale": 1e-6}, "nothing is left"),
    ],
)
def test_sizes_that_cannot_be(figure: Figure, options: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        PictureOptions(**options).applied(figure)  # type: ignore[arg-type]

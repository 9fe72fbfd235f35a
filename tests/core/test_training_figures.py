"""The pictures of a training run say what the numbers say."""

import numpy as np
import pytest

from vizstudio.core.images import read_image
from vizstudio.core.overlay import lookup_table
from vizstudio.core.scene import Line, Picture, Scene, Text
from vizstudio.core.training_figures import confusion_scene, gallery_scene, rate_scene


def texts(scene: Scene) -> list[str]:
    return [item.text for item in scene.items if isinstance(item, Text)]


def test_the_curve_goes_through_every_rate_to_scale() -> None:
    rates = [0.001 * step for step in range(1, 11)] + [0.01 * 0.9**step for step in range(30)]
    scene = rate_scene(rates, "Rates", ["facts"], [(10, "warm")])
    (line,) = [item for item in scene.items if isinstance(item, Line)]
    x, y = np.array(line.points).T
    assert len(x) == 40
    assert np.corrcoef(x, np.arange(40))[0, 1] == pytest.approx(1)
    assert np.corrcoef(y, rates)[0, 1] == pytest.approx(-1)  # pixels count downwards
    assert {"warm", "0", "Rates"} <= {*texts(scene)}
    assert len(rate_scene([0.1] * 100_000, "Rates", [], []).items) < 40


def test_a_line_is_drawn_where_it_is_and_written_to_svg() -> None:
    scene = Scene(40, 30, [Line(10, 5, ((0, 0), (20, 20)), "#ff0000", 3)])
    pixels = scene.rasterize(2)[..., :3].astype(int)
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 90)
    rows, cols = np.nonzero(red)
    assert np.abs((cols - 20) - (rows - 10)).max() <= 6
    assert (rows.min(), rows.max()) == (pytest.approx(10, abs=3), pytest.approx(50, abs=3))
    assert '<polyline points="10,5 30,25"' in scene.to_svg("t", "d")


def test_a_confusion_matrix_shows_shares_of_rows_and_counts() -> None:
    matrix = np.array([[6, 2, 0], [0, 0, 0], [1, 0, 3]])
    scene = confusion_scene(matrix, ("ant", "bee", "cat"), "a model")
    picture = next(item for item in scene.items if isinstance(item, Picture))
    ramp = lookup_table("cividis")
    shares = np.array([[0.75, 0.25, 0], [0, 0, 0], [0.25, 0, 0.75]])
    np.testing.assert_array_equal(picture.pixels[..., :3], ramp[(shares * 255).astype(int)])
    told = texts(scene)
    assert [text for text in told if text in ("6", "2", "3")].count("6") == 1
    assert any("accuracy 75.0% of 12 images" in text for text in told)
    assert any("ant for bee (2), cat for ant (1)" in text for text in told)


@pytest.mark.parametrize("classes", [2, 25, 66, 1000])
def test_a_confusion_matrix_of_any_size_fits_on_a_page(classes: int) -> None:
    scene = confusion_scene(np.eye(classes, dtype=int), [f"class {i}" for i in range(classes)], "a model")
    assert scene.width < 4200
    picture = next(item for item in scene.items if isinstance(item, Picture))
    assert picture.width % classes == 0  # whole pixels per cell


def test_a_gallery_tells_what_was_taken_for_what() -> None:
    image = read_image(np.full((20, 60, 3), 99, np.uint8))
    scene = gallery_scene([(image, "cat", 0.875, "dog")], 3, "a model")
    assert {"cat 87.5%", "is dog", "1 of 3 mistakes, those with the highest probability first"} <= {
        *texts(scene)
    }
    (picture,) = [item for item in scene.items if isinstance(item, Picture)]
    assert picture.width / picture.height == pytest.approx(3, rel=0.03)
    assert "Every image was taken for what it is." in texts(gallery_scene([], 0, "a model"))

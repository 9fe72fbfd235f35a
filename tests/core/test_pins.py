"""Pinned queries: the maps of several patches side by side, in the same colours."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure, render
from vizstudio.core.images import ImageSource
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.overlay import overlay
from vizstudio.core.page import photo_at
from vizstudio.core.scene import Picture, Text
from vizstudio.core.state import ViewState, resolve, toggled
from vizstudio.core.types import Analysis, Heatmap

CELLS = st.tuples(st.integers(0, 3), st.integers(0, 3))


def drawn(analysis: Analysis, image: ImageSource, **asked: Any) -> Figure:
    return render(analysis, image, ViewState(view="pins", **asked), True)


def said(figure: Figure) -> list[str]:
    return [item.text for item in figure.scene.items if isinstance(item, Text)]


def test_the_query_comes_first_and_each_patch_once(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image, layer=1, head=0, pins=((0, 1), (2, 3), (0, 1)))
    wanted = [attention_heatmap(analysis.attention, 1, 0, query).values for query in (None, (0, 1), (2, 3))]
    np.testing.assert_array_equal(figure.data["heatmaps"], np.stack(wanted))
    names = [text for text in said(figure) if text in ("the class token", "patch 0,1", "patch 2,3")]
    assert names == ["the class token", "patch 0,1", "patch 2,3"]


def test_all_maps_have_one_scale(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image, query=(1, 1), pins=((2, 3),))
    high = max(float(values.max()) for values in figure.data["heatmaps"])
    found = [item.pixels for item in figure.scene.items if isinstance(item, Picture)]
    for values in figure.data["heatmaps"]:
        cells = Heatmap(values, analysis.grid)
        alike = []
        for pixels in found:
            photo = photo_at(image, max(pixels.shape[:2]))
            if photo.shape[:2] == pixels.shape[:2]:
                wanted = overlay(photo, cells, "viridis", 0.0, high, 0.7, False)
                alike.append(float((pixels[..., :3] == wanted).all(axis=-1).mean()))
        assert 0.85 < max(alike) < 1  # all but the outline of the query


def test_without_pins_it_is_the_query_alone(analysis: Analysis, image: ImageSource) -> None:
    figure = drawn(analysis, image)
    assert len(figure.data["heatmaps"]) == 1 and "No patch is pinned." in " ".join(said(figure))


def test_pins_that_do_not_exist(analysis: Analysis, image: ImageSource) -> None:
    with pytest.raises(UsageError, match="no query 3,0: choose cls, mean, a patch from 0,0 to 2,3"):
        drawn(analysis, image, pins=((3, 0),))
    assert resolve(analysis, ViewState(pins=((3, 0), (2, 3)))).pins == ((2, 3),)


@given(st.lists(CELLS))
def test_a_patch_is_pinned_if_it_was_asked_for_an_odd_number_of_times(cells: list[tuple[int, int]]) -> None:
    pins: tuple[tuple[int, int], ...] = ()
    for cell in cells:
        pins = toggled(pins, cell)
    assert sorted(pins) == sorted(cell for cell in set(cells) if cells.count(cell) % 2)

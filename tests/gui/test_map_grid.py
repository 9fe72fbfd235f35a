"""Many maps in one picture: the picture itself, without Qt, and the window's view of it, with real events."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt

from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import TokenAxis
from vizstudio.core.looks import by_mass
from vizstudio.core.maps import all_heads, attention_heatmap
from vizstudio.core.overlay import colorize, overlay
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.types import Heatmap
from vizstudio.entries import ReductionEntry
from vizstudio.gui import more_tabs
from vizstudio.gui.map_grid import grid_key, map_grid
from vizstudio.gui.snapshot import ModelChoice, Result

Settle = Callable[[Any], None]
TIMEOUT = 30_000


# The picture


@pytest.fixture
def result(desk: Any, photo: Path) -> Result:
    desk.controller.choose_model(ModelChoice("fake:small", device="cpu"))
    desk.controller.open_image(photo)
    made: Result = desk.finish()
    return made


def composed(result: Result, **asked: Any) -> Any:
    return map_grid(result, resolve(result.analysis, ViewState(**asked)))


@pytest.mark.parametrize("looks", [{}, {"mass": 0.5, "range": (0.0, 0.1), "colormap": "magma"}])
def test_the_wall_has_every_map_at_its_place(result: Result, looks: dict[str, Any]) -> None:
    made = composed(result, view="wall", query=(1, 2), **looks)
    assert [(t.layer, t.head) for t in made.tiles] == [(i, h) for i in range(3) for h in range(2)]
    for tile in made.tiles:
        values = all_heads(result.analysis.attention, tile.layer, (1, 2))[tile.head]
        shown = by_mass(values, looks.get("mass", 1.0))
        np.testing.assert_array_equal(tile.values, shown)
        span = looks.get("range", (0.0, values.max()))
        colours = colorize(shown, looks.get("colormap", "viridis"), *span)
        for row in range(4):
            for col in range(6):
                left, top, wide, tall = tile.cell_rect(row, col)
                pixel = made.pixels[int(top + tall / 2), int(left + wide / 2)]
                np.testing.assert_array_equal(pixel, colours[row, col])
                assert tile.cell_at(left + wide / 2, top + tall / 2) == (row, col)
                assert made.tile_at(left + wide / 2, top + tall / 2) is tile


def test_all_heads_lie_on_the_photo(result: Result) -> None:
    made = composed(result, view="heads", layer=1, opacity=0.4)
    stack = all_heads(result.analysis.attention, 1, None)
    assert len(made.tiles) == len(stack) == 2
    for tile, values in zip(made.tiles, stack, strict=True):
        x, y, wide, high = map(int, tile.rect)
        cells = Heatmap(values, result.analysis.grid)
        wanted = overlay(result.photo, cells, "viridis", 0, float(values.max()), 0.4, False)
        np.testing.assert_array_equal(made.pixels[y : y + high, x : x + wide, :3], wanted)
    assert made.tile_at(*made.tiles[0].rect[:2]) is made.tiles[0]
    assert (made.pixels[..., 3] == 0).any()  # between them


def test_a_layer_without_a_place_says_why(result: Result) -> None:
    layers = list(result.analysis.attention.layers)
    keys = TokenAxis(tuple(f"t{i}" for i in range(25)))
    layers[1] = replace(layers[1], keys=keys)
    attention = type(result.analysis.attention)(layers, 0)
    mixed = replace(result, analysis=replace(result.analysis, attention=attention))
    made = composed(mixed, view="wall")
    assert {tile.layer for tile in made.tiles} == {0, 2}
    assert list(made.problems) == [1] and "blocks.1.attn cannot be drawn on the image" in made.problems[1]


def test_what_a_picture_depends_on(result: Result) -> None:
    def key(**asked: Any) -> tuple[object, ...]:
        return grid_key(result, resolve(result.analysis, ViewState(**asked)))

    assert key(view="wall", layer=0, head=1) == key(view="wall", layer=2)
    assert key(view="heads", layer=0) != key(view="heads", layer=2)
    for change in ({"query": (0, 0)}, {"colormap": "magma"}, {"mass": 0.5}, {"range": (0.0, 1.0)}):
        assert key(view="wall", **change) != key(view="wall")


# The window


@pytest.fixture
def wall(studio: Any, qtbot: Any, settle: Settle) -> Any:
    """The wall of the photo in view."""
    choose(studio, qtbot, "Every head of every layer")
    shown(studio, qtbot, settle)
    return studio.attention.grid


def choose(studio: Any, qtbot: Any, text: str) -> None:
    """Choose what is shown by key, as a user does."""
    box = studio.attention.which
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    for _ in range(box.count()):
        if box.currentText() == text:
            return
        qtbot.keyClick(box, Qt.Key.Key_Down)
    raise AssertionError(text)


def shown(studio: Any, qtbot: Any, settle: Settle) -> None:
    settle(studio)
    qtbot.waitUntil(lambda: studio.more.maps.latest.number is None, timeout=TIMEOUT)


def at(grid: Any, layer: int, head: int, cell: tuple[int, int]) -> QPoint:
    (tile,) = [tile for tile in grid.tiles if (tile.layer, tile.head) == (layer, head)]
    place: QPoint = grid.canvas.mapFromScene(grid.place_of(tile, cell))
    return place


def test_a_click_on_a_map_goes_to_its_layer_and_head(
    studio: Any, wall: Any, qtbot: Any, settle: Settle
) -> None:
    assert wall.isVisible() and not studio.attention.frame.isVisible()
    qtbot.mouseClick(wall.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at(wall, 1, 0, (2, 3)))
    settle(studio)
    state = studio.controller.state
    assert (state.view, state.layer, state.head) == ("attention", 1, 0)
    assert studio.attention.frame.isVisible() and not wall.isVisible()
    values = studio.attention._snapshot.heatmap.values
    np.testing.assert_array_equal(
        values, attention_heatmap(studio.controller._result.analysis.attention, 1, 0).values
    )


def test_back_returns_to_the_wall(studio: Any, wall: Any, qtbot: Any, settle: Settle) -> None:
    qtbot.mouseClick(wall.canvas.viewport(), Qt.MouseButton.LeftButton, pos=at(wall, 1, 0, (2, 3)))
    settle(studio)
    studio.controller.travel.back()
    shown(studio, qtbot, settle)
    assert studio.controller.state.view == "wall" and wall.isVisible()


def test_the_value_under_the_pointer_in_every_map(studio: Any, wall: Any, qtbot: Any) -> None:
    place = at(wall, 2, 1, (3, 5))

    def told() -> bool:
        qtbot.mouseMove(wall.canvas.viewport(), place)
        return "layer 2, head 1" in str(wall.frame.readout.text())

    qtbot.waitUntil(told, timeout=TIMEOUT)
    value = attention_heatmap(studio.controller._result.analysis.attention, 2, 1).values[3, 5]
    assert wall.frame.readout.text() == f"layer 2, head 1 · patch 3,5: attention {value:.5f}"
    marked = wall.pointer.path()
    for tile in wall.tiles:
        assert marked.contains(wall.place_of(tile, (3, 5)))
        assert not marked.contains(wall.place_of(tile, (0, 0)))


def test_arrow_keys_mark_maps_and_enter_opens_one(studio: Any, wall: Any, qtbot: Any, settle: Settle) -> None:
    studio.controller.change(layer=2, head=0)
    shown(studio, qtbot, settle)
    wall.canvas.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(wall.canvas, key)
        shown(studio, qtbot, settle)
    assert (studio.controller.state.layer, studio.controller.state.head) == (1, 1)
    place, wanted = wall.current.rect().center(), middle(wall, 1, 1)
    assert (place.x(), place.y()) == pytest.approx((wanted.x(), wanted.y()))
    qtbot.keyClick(wall.canvas, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller.state == replace(studio.controller.state, view="attention", layer=1, head=1)


def middle(grid: Any, layer: int, head: int) -> QPointF:
    (tile,) = [tile for tile in grid.tiles if (tile.layer, tile.head) == (layer, head)]
    left, top, wide, high = grid._shifted(tile.rect)
    return QPointF(left + wide / 2, top + high / 2)


def test_heads_of_the_layer_follow_the_layer(studio: Any, qtbot: Any, settle: Settle) -> None:
    choose(studio, qtbot, "Every head of the layer")
    shown(studio, qtbot, settle)
    studio.controller.change(layer=0)
    shown(studio, qtbot, settle)
    assert {tile.layer for tile in studio.attention.grid.tiles} == {0}
    assert studio.attention.grid.frame.heading.text() == "Attention of the class token · layer 0, every head"


def test_a_layer_that_has_no_maps_is_a_sentence(
    studio: Any, fake: ModuleType, qtbot: Any, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.controller.change(view="heads", hide_outliers=True)  # the fake keeps no norms
    shown(studio, qtbot, settle)
    assert studio.attention.grid.problem.isVisible()
    assert "gives no token norms" in studio.attention.grid.problem.text()
    studio.controller.change(hide_outliers=False)
    shown(studio, qtbot, settle)
    assert not studio.attention.grid.problem.isVisible() and len(studio.attention.grid.tiles) == 2


# Reductions


def test_a_plugins_reduction(
    host: Any, fake: ModuleType, look: Callable[[Any], Any], qtbot: Any, settle: Settle
) -> None:
    def halved(attention: Any, layer: int, head: Any, query: Any) -> Heatmap:
        whole = attention_heatmap(attention, layer, head, query)
        return replace(whole, values=whole.values / 2, unit="half attention")

    fake.halved = halved  # type: ignore[attr-defined]
    entry = ReductionEntry("halved", "Halved", measure="Half of it.", reduce=f"{fake.__name__}:halved")
    host.reductions.add(entry, "fake")
    window = look(host)
    choose(window, qtbot, "Halved")
    settle(window)
    analysis = window.controller._result.analysis
    np.testing.assert_array_equal(
        window.attention._snapshot.heatmap.values, attention_heatmap(analysis.attention).values / 2
    )
    assert window.attention.frame.heading.text() == "Halved of the class token · layer 2 · mean of heads"
    assert window.attention.frame.colours.unit == "half attention"
    window.close()


# Query and wipe by the mouse


def test_where_there_are_no_maps_those_of_before_do_not_stay(
    wall: Any, studio: Any, qtbot: Any, settle: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise UsageError("this layer has no map")

    monkeypatch.setattr(more_tabs, "map_grid", fails)
    studio.controller.open_image(photos / "coffee.jpg")
    settle(studio)
    qtbot.waitUntil(lambda: wall.problem.text() == "this layer has no map", timeout=TIMEOUT)
    assert not wall.canvas.isVisible() and not wall.tiles
    monkeypatch.undo()
    studio.controller.change(layer=0, view="heads")
    qtbot.waitUntil(lambda: bool(wall.tiles), timeout=TIMEOUT)
    assert wall.canvas.isVisible() and not wall.problem.isVisible()


def drag(qtbot: Any, canvas: Any, start: QPoint, end: QPoint) -> None:
    qtbot.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    for share in (0.3, 0.6, 1.0):
        qtbot.mouseMove(canvas.viewport(), start + (end - start) * share)
    qtbot.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=end)


def test_the_query_is_dragged(studio: Any, qtbot: Any, settle: Settle) -> None:
    studio.controller.change(query=(1, 1))
    settle(studio)
    canvas, grid = studio.attention.canvas, studio.attention.query_grid
    places = []
    for cell in ((1, 1), (2, 4)):
        x, y, wide, tall = grid.cell_rect(*cell)
        places.append(canvas.position_of(x + wide / 2, y + tall / 2))
    drag(qtbot, canvas, *places)
    settle(studio)
    assert studio.controller.state.query == (2, 4)


def test_the_wipe_shows_the_photo_on_its_left(
    studio: Any, qtbot: Any, settle: Settle, tmp_path: Path
) -> None:
    red = (200, 30, 30)
    Image.new("RGB", (120, 80), red).save(tmp_path / "red.png")
    studio.controller.open_image(tmp_path / "red.png")
    settle(studio)
    canvas, wipe = studio.attention.canvas, studio.attention.wipe
    wipe.slider.setFocus()
    for _ in range(5):
        qtbot.keyClick(wipe.slider, Qt.Key.Key_PageUp)
    assert wipe.slider.value() == 50
    image = canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    for x, y, is_photo in ((20, 40, True), (50, 60, True), (70, 40, False)):
        place = canvas.position_of(x + 0.5, y + 0.5)
        pixel = image.pixelColor(round(place.x() * ratio), round(place.y() * ratio))
        assert ((pixel.red(), pixel.green(), pixel.blue()) == red) == is_photo


def test_the_edge_of_the_wipe_is_dragged(studio: Any, qtbot: Any) -> None:
    canvas, wipe = studio.attention.canvas, studio.attention.wipe
    before = studio.controller.state
    wipe.slider.setValue(50)
    drag(qtbot, canvas, canvas.position_of(60, 40), canvas.position_of(30, 40))
    assert wipe.slider.value() == pytest.approx(25, abs=1)
    drag(qtbot, canvas, canvas.position_of(30, 40), canvas.position_of(-50, 40))
    assert wipe.slider.value() == 1 and studio.controller.state == before


# Pins


def patch_at(studio: Any, cell: tuple[int, int]) -> QPoint:
    x, y, wide, tall = studio.attention.query_grid.cell_rect(*cell)
    place: QPoint = studio.attention.canvas.position_of(x + wide / 2, y + tall / 2)
    return place


def shift_click(qtbot: Any, canvas: Any, place: QPoint) -> None:
    left, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    qtbot.mouseClick(canvas.viewport(), left, shift, place)


def test_a_click_with_shift_pins_a_patch_beside_the_query(studio: Any, qtbot: Any, settle: Settle) -> None:
    shift_click(qtbot, studio.attention.canvas, patch_at(studio, (1, 4)))
    shown(studio, qtbot, settle)
    grid = studio.attention.grid
    assert studio.controller.state.pins == ((1, 4),) and studio.controller.state.query is None
    assert grid.isVisible() and studio.attention.which.currentText() == "Pinned queries"
    attention = studio.controller._result.analysis.attention
    wanted = [attention_heatmap(attention, query=query).values for query in (None, (1, 4))]
    for tile, values in zip(grid.tiles, wanted, strict=True):
        np.testing.assert_array_equal(tile.values, values)
    assert [item.text() for item in grid._numbers] == ["class token", "patch 1,4"]
    assert grid.queries.path().boundingRect().center() == grid.place_of(grid.tiles[1], (1, 4))


def test_more_are_pinned_and_released_in_any_map(studio: Any, qtbot: Any, settle: Settle) -> None:
    shift_click(qtbot, studio.attention.canvas, patch_at(studio, (1, 4)))
    shown(studio, qtbot, settle)
    grid = studio.attention.grid
    for cell, pins in (((2, 2), ((1, 4), (2, 2))), ((1, 4), ((2, 2),)), ((2, 2), ())):
        shift_click(qtbot, grid.canvas, grid.canvas.mapFromScene(grid.place_of(grid.tiles[0], cell)))
        shown(studio, qtbot, settle)
        assert studio.controller.state.pins == pins and len(grid.tiles) == 1 + len(pins)


def test_a_click_on_a_pinned_map_opens_it(studio: Any, qtbot: Any, settle: Settle) -> None:
    studio.controller.change(view="pins", pins=((3, 5), (0, 1)))
    shown(studio, qtbot, settle)
    grid = studio.attention.grid
    place = grid.canvas.mapFromScene(grid.place_of(grid.tiles[2], (3, 0)))
    qtbot.mouseClick(grid.canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settle(studio)
    state = studio.controller.state
    assert (state.view, state.query, state.pins) == ("attention", (0, 1), ((3, 5), (0, 1)))


def test_maps_of_the_same_colours_have_a_bar_that_tells_them(studio: Any, qtbot: Any, settle: Settle) -> None:
    grid = studio.attention.grid
    studio.controller.change(view="heads")
    qtbot.waitUntil(lambda: len(grid.tiles) == 2, timeout=TIMEOUT)
    assert not grid.bar.isVisible()  # each map has colours of its own
    studio.controller.change(view="pins", pins=((3, 5), (0, 1)))
    qtbot.waitUntil(lambda: grid.bar.isVisible(), timeout=TIMEOUT)
    assert (grid.bar.low, grid.bar.high) == (0.0, max(tile.values.max() for tile in grid.tiles))
    studio.controller.change(view="wall", range=(0.0, 0.25))
    qtbot.waitUntil(lambda: grid.bar.isVisible() and grid.bar.high == 0.25, timeout=TIMEOUT)
    assert "Rows are layers" in grid.frame.readout.text()

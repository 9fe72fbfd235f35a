"""The views and the inspector through real mouse and key events, with models that need no torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, QPointF, Qt

from vizstudio.core.maps import attention_heatmap
from vizstudio.core.overlay import colorize
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
TIMEOUT = 30_000


def attention_of(studio: Any, **asked: Any) -> np.ndarray:
    """Return the map that a view should show, computed anew."""
    attention = studio.controller._result.analysis.attention
    return attention_heatmap(attention, **asked).values


def shown(studio: Any) -> np.ndarray:
    values: np.ndarray = studio.attention._snapshot.heatmap.values
    return values


def centre_of(canvas: Any, rect: tuple[float, float, float, float]) -> QPoint:
    place: QPoint = canvas.position_of(rect[0] + rect[2] / 2, rect[1] + rect[3] / 2)
    return place


def hover(qtbot: Any, canvas: Any, place: QPoint, told: Callable[[], bool]) -> None:
    """Move the pointer until it is noticed: on a real display, its true place may be reported in between."""

    def move() -> bool:
        qtbot.mouseMove(canvas.viewport(), place)
        return told()

    qtbot.waitUntil(move, timeout=TIMEOUT)


def colour_at(canvas: Any, place: QPoint) -> tuple[int, int, int]:
    pixel = canvas.grab().toImage().pixelColor(place)
    return pixel.red(), pixel.green(), pixel.blue()


# Attention


@pytest.mark.parametrize("cell", [(0, 0), (1, 4), (3, 5)])
def test_a_click_makes_a_patch_the_query(studio: Any, qtbot: Any, settle: Settle, cell: Any) -> None:
    canvas, grid = studio.attention.canvas, studio.attention.query_grid
    qtbot.mouseClick(
        canvas.viewport(), Qt.MouseButton.LeftButton, pos=centre_of(canvas, grid.cell_rect(*cell))
    )
    settle(studio)
    np.testing.assert_array_equal(shown(studio), attention_of(studio, query=cell))
    assert studio.attention.query.isVisible()
    assert studio.attention.query.rect().getRect() == pytest.approx(grid.cell_rect(*cell))
    assert studio.inspector.query.currentText() == f"patch {cell[0]},{cell[1]}"


def test_a_click_where_the_model_saw_nothing_changes_nothing(studio: Any, qtbot: Any) -> None:
    canvas = studio.attention.canvas
    before = studio.controller.state
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=canvas.position_of(1.0, 1.0))
    assert studio.controller.state == before


def test_a_drag_is_no_click(studio: Any, qtbot: Any) -> None:
    canvas, grid = studio.attention.canvas, studio.attention.query_grid
    before = studio.controller.state
    start, end = centre_of(canvas, grid.cell_rect(1, 1)), centre_of(canvas, grid.cell_rect(3, 4))
    qtbot.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(canvas.viewport(), (start + end) / 2)
    qtbot.mouseMove(canvas.viewport(), end)
    qtbot.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=end)
    assert studio.controller.state == before


def test_clicks_find_their_patch_when_zoomed(studio: Any, qtbot: Any, settle: Settle) -> None:
    canvas, grid = studio.attention.canvas, studio.attention.query_grid
    for _ in range(4):
        qtbot.keyClick(studio, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert canvas._zoom > 2
    canvas.centerOn(QPointF(*grid.cell_rect(3, 1)[:2]))
    qtbot.mouseClick(
        canvas.viewport(), Qt.MouseButton.LeftButton, pos=centre_of(canvas, grid.cell_rect(3, 1))
    )
    settle(studio)
    assert studio.controller.state.query == (3, 1)
    qtbot.keyClick(studio, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert canvas._zoom == 1


def test_arrow_keys_move_the_query(studio: Any, qtbot: Any, settle: Settle) -> None:
    canvas = studio.attention.canvas
    canvas.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Down):
        qtbot.keyClick(canvas, key)
        settle(studio)
    assert studio.controller.state.query == (2, 2)  # first the middle (2, 3), then up, left, down
    np.testing.assert_array_equal(shown(studio), attention_of(studio, query=(2, 2)))


@pytest.mark.parametrize("cell", [(0, 0), (2, 3), (3, 5)])
def test_the_pointer_tells_the_value_under_it(studio: Any, qtbot: Any, cell: Any) -> None:
    view = studio.attention
    grid = view._snapshot.heatmap.grid
    value = attention_of(studio)[cell]
    text, place = (
        f"patch {cell[0]},{cell[1]}: attention {value:.5f}",
        centre_of(view.canvas, grid.cell_rect(*cell)),
    )
    hover(
        qtbot,
        view.canvas,
        place,
        lambda: view.frame.readout.text() == text and view.frame.colours.value == value,
    )
    assert view.frame.pointer.rect().getRect() == pytest.approx(grid.cell_rect(*cell))
    hover(qtbot, view.canvas, QPoint(2, 2), lambda: "Click a patch" in view.frame.readout.text())
    assert view.frame.colours.value is None and not view.frame.pointer.isVisible()


def test_the_picture_has_the_maps_colours(studio: Any, qtbot: Any, settle: Settle) -> None:
    studio.controller.change(opacity=1.0, colormap="magma")
    values = attention_of(studio)
    expected = colorize(values, "magma", 0.0, float(values.max()))
    canvas, grid = studio.attention.canvas, studio.attention._snapshot.heatmap.grid
    for cell in np.ndindex(values.shape):
        place = centre_of(canvas, grid.cell_rect(*cell))
        assert colour_at(canvas, place) == tuple(expected[cell][:3])


def test_what_the_model_never_saw_is_dark(studio: Any) -> None:
    canvas, grey = studio.attention.canvas, studio.controller._result.photo
    seen = colour_at(canvas, canvas.position_of(0.5, 0.5))
    assert seen[0] == pytest.approx(grey[0, 0, 0] * 0.35, abs=6)


def test_smoothing_keeps_the_values_at_the_centres(studio: Any) -> None:
    studio.controller.change(opacity=1.0, smooth=True)
    values = attention_of(studio)
    expected = colorize(values, "viridis", 0.0, float(values.max()))
    canvas, grid = studio.attention.canvas, studio.attention._snapshot.heatmap.grid
    place = centre_of(canvas, grid.cell_rect(2, 2))
    assert np.abs(np.subtract(colour_at(canvas, place), expected[2, 2][:3].astype(int))).max() < 12


# The inspector


def test_arrow_keys_on_the_layer_slider(studio: Any, qtbot: Any, settle: Settle) -> None:
    slider = studio.inspector.layer
    slider.setFocus()
    assert slider.value() == 2
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    settle(studio)
    np.testing.assert_array_equal(shown(studio), attention_of(studio, layer=1))
    qtbot.waitUntil(lambda: "blocks.1.attn" in studio.inspector.facts.text(), timeout=TIMEOUT)
    assert "layer 1" in studio.attention.frame.heading.text()


def test_choosing_a_head_and_a_query_by_key(studio: Any, qtbot: Any, settle: Settle) -> None:
    head, query = studio.inspector.head, studio.inspector.query
    assert [head.itemText(i) for i in range(head.count())][-2:] == ["head 0", "head 1"]
    head.setFocus()
    qtbot.keyClick(head, Qt.Key.Key_End)
    settle(studio)
    np.testing.assert_array_equal(shown(studio), attention_of(studio, head=1))
    assert [query.itemText(i) for i in range(query.count())] == ["class token", "mean of patches"]
    query.setFocus()
    qtbot.keyClick(query, Qt.Key.Key_End)
    settle(studio)
    np.testing.assert_allclose(shown(studio), attention_of(studio, head=1, query="mean"))


def test_the_controls_never_write_back(studio: Any) -> None:
    told: list[Any] = []
    studio.inspector.changed.connect(told.append)
    state = studio.controller._snapshot.state
    from dataclasses import replace

    studio.inspector.show_controls(
        studio.controller._result,
        replace(state, layer=0, head=1, query=(1, 1), opacity=0.1, smooth=True, colormap="gray"),
    )
    assert studio.inspector.layer.value() == 0 and studio.inspector.query.currentText() == "patch 1,1"
    assert told == []


def test_the_facts(studio: Any) -> None:
    sections = dict(studio.inspector.facts.sections(studio.controller._snapshot))
    assert dict(sections["Attention"])["Check"] == "✓ verified to 3e-07"
    heatmap = studio.controller._snapshot.heatmap
    assert dict(sections["Attention"])["Off the map"] == f"{100 * heatmap.prefix_mass:.1f} % on class token"
    assert dict(sections["Model"])["Weights"] == "✗ untrained"
    assert sections["Prediction"][0] == ("75.0 %", "tabby")
    assert "tiger &lt;cat&gt;" in studio.inspector.facts.text()


def test_untrained_weights_are_marked_and_can_be_replaced(studio: Any, qtbot: Any, settle: Settle) -> None:
    assert studio.banner.isVisible()
    qtbot.mouseClick(studio.banner.published, Qt.MouseButton.LeftButton)
    settle(studio)
    assert studio.controller.choice.pretrained and not studio.banner.isVisible()
    assert "published weights" in studio.inspector.facts.text()
    assert studio.windowTitle() == "photo.png – fake:small – vizstudio"


# Positions


def panel_place(view: Any, patch: Any, other: Any) -> QPoint:
    """Return where in the grid the cell `other` of the panel of `patch` lies."""
    rows, cols = view._positions.similarity.shape[:2]
    x, y = patch[1] * (cols + 1) + other[1] + 0.5, patch[0] * (rows + 1) + other[0] + 0.5
    place: QPoint = view.canvas.position_of(x, y)
    return place


def test_hovering_the_grid_enlarges_the_panel_and_tells_the_value(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    view = studio.position
    similarity = studio.controller._result.analysis.position_embedding.similarity()
    for patch, other in [((0, 0), (0, 0)), ((1, 4), (3, 2)), ((3, 5), (0, 5))]:
        value = similarity[(*patch, *other)]
        told = f"patch {patch[0]},{patch[1]} with {other[0]},{other[1]}: similarity {value:.4f}"
        place = panel_place(view, patch, other)
        hover(qtbot, view.canvas, place, lambda t=told: view.grid_frame.readout.text() == t)
        assert view.shown == patch
        assert view.bar.value == pytest.approx(value)


def test_the_enlarged_panel_is_the_similaritys(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    view, similarity = studio.position, studio.controller._result.positions.similarity
    hover(qtbot, view.canvas, panel_place(view, (2, 1), (0, 0)), lambda: view.shown == (2, 1))
    expected = colorize(similarity[2, 1], "viridis", float(similarity.min()), float(similarity.max()))
    for cell in [(0, 0), (3, 3), (1, 5)]:
        place = view.panel_canvas.position_of(cell[1] + 0.5, cell[0] + 0.5)
        assert colour_at(view.panel_canvas, place) == tuple(expected[cell][:3])
        told = f"patch 2,1 with {cell[0]},{cell[1]}: similarity {similarity[(2, 1, *cell)]:.4f}"
        hover(qtbot, view.panel_canvas, place, lambda t=told: view.panel_frame.readout.text() == t)


def test_a_click_pins_a_panel_and_another_releases_it(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    view = studio.position
    viewport = view.canvas.viewport()
    hover(qtbot, view.canvas, panel_place(view, (1, 1), (0, 0)), lambda: view.shown == (1, 1))
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=panel_place(view, (1, 1), (0, 0)))
    other = "patch 3,3 with 1,1"
    readout = view.grid_frame.readout
    hover(qtbot, view.canvas, panel_place(view, (3, 3), (1, 1)), lambda: readout.text().startswith(other))
    assert view.shown == (1, 1) == studio.controller.state.panel
    assert "pinned" in view.panel_frame.heading.text()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=panel_place(view, (1, 1), (2, 2)))
    hover(qtbot, view.canvas, panel_place(view, (3, 3), (0, 0)), lambda: view.shown == (3, 3))
    assert studio.controller.state.panel is None


def test_arrow_keys_choose_a_panel(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    assert studio.position.shown == (2, 3)
    qtbot.keyClick(studio.position.canvas, Qt.Key.Key_Up)
    qtbot.keyClick(studio.position.panel_canvas, Qt.Key.Key_Right)
    assert studio.position.shown == (1, 4)


def test_a_model_without_positions_says_so(studio: Any, settle: Settle) -> None:
    studio.choose_model(ModelChoice("fake:flat", device="cpu"))
    settle(studio)
    studio.tabs.setCurrentWidget(studio.position)
    assert studio.position.problem.isVisible() and not studio.position.splitter.isVisible()
    assert "this model is flat" in studio.position.problem.text()

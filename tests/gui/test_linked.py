"""The patch under the pointer is shown in all views on screen; the query runs through them all."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, QPointF, Qt

from vizstudio.gui.plot import Dot
from vizstudio.gui.pointing import Pointing
from vizstudio.gui.snapshot import GAP

Settle = Callable[[Any], None]
TIMEOUT = 30_000
LEFT = Qt.MouseButton.LeftButton
CELLS = [(0, 0), (1, 4), (3, 5)]


def split(studio: Any, qtbot: Any, page: Any) -> None:
    """Put a page into a pane of its own, beside the attention."""
    studio.tabs.setCurrentWidget(page)
    qtbot.keyClick(studio, Qt.Key.Key_F7)
    studio.tabs.setCurrentWidget(studio.attention)


def hover(qtbot: Any, canvas: Any, x: float, y: float, told: Callable[[], bool]) -> None:
    """Move the pointer over a place of a canvas's picture until it is noticed."""

    def move() -> bool:
        qtbot.mouseMove(canvas.viewport(), canvas.position_of(x, y))
        return told()

    qtbot.waitUntil(move, timeout=TIMEOUT)


def hover_photo(qtbot: Any, studio: Any, cell: tuple[int, int], told: Callable[[], bool]) -> None:
    left, top, width, height = studio.attention.query_grid.cell_rect(*cell)
    hover(qtbot, studio.attention.canvas, left + width / 2, top + height / 2, told)


def hover_panels(qtbot: Any, studio: Any, patch: tuple[int, int], told: Callable[[], bool]) -> None:
    rows, cols = studio.controller.shown.result.positions.similarity.shape[:2]
    x, y = patch[1] * (cols + GAP) + cols / 2, patch[0] * (rows + GAP) + rows / 2
    hover(qtbot, studio.position.canvas, x, y, told)


def marked_on_photo(frame: Any) -> Any:
    return frame.pointer.rect().getRect() if frame.pointer.isVisible() else None


@pytest.mark.parametrize("cell", CELLS)
def test_a_patch_of_the_photo_is_shown_among_the_positions(studio: Any, qtbot: Any, cell: Any) -> None:
    split(studio, qtbot, studio.position)
    panels, position = studio.linked.panels, studio.position
    hover_photo(qtbot, studio, cell, lambda: position.shown == cell and panels.panel.isVisible())
    rows, cols = studio.controller.shown.result.positions.similarity.shape[:2]
    expected = (cell[1] * (cols + GAP), cell[0] * (rows + GAP), cols, rows)
    assert panels.panel.rect().getRect() == expected
    assert panels.cell.rect().getRect() == (cell[1], cell[0], 1, 1)


def test_beside_a_pinned_panel_the_similarity_with_the_patch_is_told(studio: Any, qtbot: Any) -> None:
    split(studio, qtbot, studio.position)
    studio.controller.change(panel=(2, 1))
    similarity = studio.controller.shown.result.analysis.position_embedding.similarity()
    position = studio.position
    told = f"patch 2,1 with 1,4: similarity {similarity[2, 1, 1, 4]:.4f}"
    hover_photo(qtbot, studio, (1, 4), lambda: position.panel_frame.readout.text() == told)
    assert position.shown == (2, 1) and position.bar.value == pytest.approx(similarity[2, 1, 1, 4])
    qtbot.mouseMove(studio.attention.canvas.viewport(), QPoint(2, 2))  # beside the photo
    qtbot.waitUntil(lambda: not studio.linked.panels.cell.isVisible(), timeout=TIMEOUT)
    assert "similarity" not in position.panel_frame.readout.text() and position.bar.value is None


@pytest.mark.parametrize("cell", CELLS)
def test_a_panel_is_shown_on_the_photo_with_its_attention(studio: Any, qtbot: Any, cell: Any) -> None:
    split(studio, qtbot, studio.position)
    frame, grid = studio.attention.frame, studio.attention.query_grid
    value = studio.controller.shown.heatmap.values[cell]
    told = f"patch {cell[0]},{cell[1]}: attention {value:.5f}"
    hover_panels(qtbot, studio, cell, lambda: frame.readout.text() == told)
    assert marked_on_photo(frame) == pytest.approx(grid.cell_rect(*cell))
    assert frame.colours.value == pytest.approx(value)
    gap = studio.controller.shown.result.positions.similarity.shape[1] + GAP / 2
    hover(qtbot, studio.position.canvas, gap, gap, lambda: marked_on_photo(frame) is None)
    assert "attention" not in frame.readout.text()


def test_a_cell_of_the_enlarged_panel_is_shown_on_the_photo(studio: Any, qtbot: Any) -> None:
    split(studio, qtbot, studio.position)
    frame, grid = studio.attention.frame, studio.attention.query_grid
    expected = pytest.approx(grid.cell_rect(3, 2))
    hover(qtbot, studio.position.panel_canvas, 2.5, 3.5, lambda: marked_on_photo(frame) == expected)
    assert studio.position.shown == (2, 3)  # the panel stays


def test_a_patch_is_shown_in_every_map_of_the_wall(studio: Any, qtbot: Any, settle: Settle) -> None:
    split(studio, qtbot, studio.position)
    studio.controller.change(view="wall", layer=1, head=0)
    settle(studio)
    grid = studio.attention.grid
    qtbot.waitUntil(lambda: len(grid.tiles) == 6, timeout=TIMEOUT)
    tile = next(tile for tile in grid.tiles if (tile.layer, tile.head) == (1, 0))
    told = f"layer 1, head 0 · patch 2,5: attention {tile.values[2, 5]:.5f}"
    hover_panels(qtbot, studio, (2, 5), lambda: grid.frame.readout.text() == told)
    path = grid.pointer.path()
    assert path.elementCount() == 5 * 6  # a rectangle in each
    for other in grid.tiles:
        assert path.contains(grid.place_of(other, (2, 5))) and not path.contains(grid.place_of(other, (2, 4)))


def test_a_patch_in_a_map_of_a_head_is_shown_among_the_positions(
    studio: Any, qtbot: Any, settle: Settle
) -> None:
    split(studio, qtbot, studio.position)
    studio.controller.change(view="heads")
    settle(studio)
    grid = studio.attention.grid
    qtbot.waitUntil(lambda: len(grid.tiles) == 2, timeout=TIMEOUT)
    place = grid.place_of(grid.tiles[1], (3, 4))
    hover(qtbot, grid.canvas, place.x(), place.y(), lambda: studio.position.shown == (3, 4))
    assert marked_on_photo(studio.attention.frame) is None  # it is not on screen


def test_the_caption_and_the_attention_show_the_same_patch(writer: Any, qtbot: Any) -> None:
    qtbot.keyClick(writer, Qt.Key.Key_F7)
    grid, frame = writer.attention.query_grid, writer.caption.frame
    expected = pytest.approx(grid.cell_rect(1, 1))
    hover_photo(qtbot, writer, (1, 1), lambda: marked_on_photo(frame) == expected)
    left, top, width, height = grid.cell_rect(2, 4)
    expected = pytest.approx((left, top, width, height))
    own = writer.attention.frame
    hover(qtbot, frame.canvas, left + 1, top + 1, lambda: marked_on_photo(own) == expected)


def outlier(studio: Any, cell: tuple[int, int]) -> Dot:
    """Have the plot of norms show the dot of a patch in layer 2, as a model with outliers would."""
    from dataclasses import replace

    from vizstudio.gui.head_numbers import Norms

    heads = studio.more.heads
    norms = tuple(Norms(1.0, {}, ((cell, 9.0),)) for _ in range(3))
    heads.show_numbers(replace(heads._numbers, norms=norms))
    return next(dot for dot in heads.plots["norms"].dots if dot.key == {"layer": 2, "query": cell})


def test_an_outliers_dot_and_its_patch(studio: Any, qtbot: Any) -> None:
    split(studio, qtbot, studio.more.heads)
    heads, frame = studio.more.heads, studio.attention.frame
    qtbot.waitUntil(lambda: heads._numbers is not None, timeout=TIMEOUT)
    plot, dot = heads.plots["norms"], outlier(studio, (1, 4))
    expected = pytest.approx(studio.attention.query_grid.cell_rect(1, 4))
    qtbot.waitUntil(
        lambda: qtbot.mouseMove(plot, plot.place_of(dot).toPoint()) or marked_on_photo(frame) == expected,
        timeout=TIMEOUT,
    )
    hover_photo(qtbot, studio, (0, 0), lambda: plot.hovered is None)
    hover_photo(qtbot, studio, (1, 4), lambda: plot.hovered is not None)
    assert plot.hovered.key == {"layer": 2, "query": (1, 4)}


def test_a_panel_that_is_enlarged_for_its_patch_tells_no_similarity_with_itself(
    studio: Any, qtbot: Any
) -> None:
    split(studio, qtbot, studio.position)
    hover_photo(qtbot, studio, (1, 4), lambda: studio.position.shown == (1, 4))
    assert studio.position.panel_frame.readout.text() == "The outlined cell is itself."


def test_a_hidden_view_is_told_nothing_and_forgets(studio: Any, qtbot: Any) -> None:
    split(studio, qtbot, studio.position)
    frame = studio.attention.frame
    hover_panels(qtbot, studio, (1, 1), lambda: marked_on_photo(frame) is not None)
    studio.tabs.setCurrentWidget(studio.more.predictions)
    hover_panels(qtbot, studio, (2, 2), lambda: marked_on_photo(frame) is None)


def test_another_image_forgets_the_place(studio: Any, qtbot: Any, settle: Settle) -> None:
    from vizstudio.gui.snapshot import ModelChoice

    split(studio, qtbot, studio.position)
    frame = studio.attention.frame
    hover_panels(qtbot, studio, (1, 1), lambda: marked_on_photo(frame) is not None)
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    assert marked_on_photo(frame) is None


class Recorder:
    """A view that tells again when it is told would be an endless loop."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def point_at(self, place: Any) -> None:
        self.told.append(place)

    def isVisible(self) -> bool:
        return True


def test_each_view_is_told_once_and_tells_nobody(studio: Any, qtbot: Any) -> None:
    split(studio, qtbot, studio.position)
    recorder = Recorder()
    studio.linked.pointing.add(recorder)
    place = QPointF(*studio.attention.query_grid.cell_rect(1, 1)[:2]) + QPointF(2, 2)
    studio.linked.pointing.point(recorder, place)
    assert recorder.told == []
    viewport = studio.attention.canvas.viewport()
    qtbot.mouseMove(viewport, studio.attention.canvas.position_of(place.x(), place.y()))
    qtbot.waitUntil(lambda: bool(recorder.told), timeout=TIMEOUT)
    assert len(recorder.told) == 1


def test_the_hub_tells_all_but_the_teller(qapp: Any) -> None:
    pointing, views = Pointing(qapp), [Recorder() for _ in range(3)]
    pointing.add(*views)
    pointing.point(views[1], QPointF(3, 4))
    pointing.forget()
    assert [view.told for view in views] == [[QPointF(3, 4), None], [], [QPointF(3, 4), None]]
    pointing.deleteLater()


# The query


@pytest.mark.parametrize("cell", CELLS)
def test_a_query_enlarges_its_panel(studio: Any, qtbot: Any, settle: Settle, cell: Any) -> None:
    split(studio, qtbot, studio.position)
    left, top, width, height = studio.attention.query_grid.cell_rect(*cell)
    place = studio.attention.canvas.position_of(left + width / 2, top + height / 2)
    qtbot.mouseClick(studio.attention.canvas.viewport(), LEFT, pos=place)
    settle(studio)
    assert studio.position.shown == cell and studio.controller.state.panel is None


def test_a_clicked_panel_is_pinned_and_is_the_query(studio: Any, qtbot: Any, settle: Settle) -> None:
    split(studio, qtbot, studio.position)
    position, viewport = studio.position, studio.position.canvas.viewport()
    hover_panels(qtbot, studio, (1, 4), lambda: position.shown == (1, 4))
    rows, cols = studio.controller.shown.result.positions.similarity.shape[:2]
    place = position.canvas.position_of(4 * (cols + GAP) + 2, 1 * (rows + GAP) + 2)
    qtbot.mouseClick(viewport, LEFT, pos=place)
    settle(studio)
    state = studio.controller.shown.state
    assert state.panel == (1, 4) == state.query
    assert studio.attention.query.rect().getRect() == pytest.approx(
        studio.attention.query_grid.cell_rect(1, 4)
    )
    studio.takeaway.actions["undo"].trigger()  # one change, taken back at once
    settle(studio)
    state = studio.controller.shown.state
    assert state.panel is None and state.query is None


def test_a_released_panel_leaves_the_query(studio: Any, settle: Settle) -> None:
    studio.controller.pin_panel((1, 4))
    settle(studio)
    studio.controller.pin_panel(None)
    settle(studio)
    assert studio.controller.shown.state.panel is None and studio.controller.shown.state.query == (1, 4)

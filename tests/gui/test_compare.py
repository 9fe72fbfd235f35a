"""The tab of comparisons, by mouse and key."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from vizstudio.core.session import Beside
from vizstudio.gui.snapshot import ModelChoice

TIMEOUT = 30_000
OTHER = ModelChoice("fake:other", device="cpu")


@pytest.fixture
def done(qtbot: Any, settle: Any) -> Any:
    """Wait until the comparison has nothing left to do either."""

    def wait(window: Any) -> None:
        comparing = window.compare.comparing
        qtbot.waitUntil(
            lambda: comparing.runs.number is None and comparing.maps.latest.number is None, timeout=TIMEOUT
        )
        settle(window)

    return wait


@pytest.fixture
def pair(studio: Any, qtbot: Any, done: Any) -> Any:
    """The window with fake:small and fake:other on the photo, chosen in the list of models by key."""
    qtbot.keyClick(
        studio, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    from vizstudio.gui.dialogs.model_picker import ModelPicker

    picker = studio.findChildren(ModelPicker)[0]
    qtbot.keyClicks(picker.line, "other")
    qtbot.keyClick(picker.line, Qt.Key.Key_Return)
    done(studio)
    qtbot.waitUntil(lambda: studio.compare.view.maps.isVisible(), timeout=TIMEOUT)
    with qtbot.waitActive(studio, timeout=TIMEOUT):  # shortcuts go to the active window
        studio.activateWindow()
    return studio


def at_cell(canvas: Any, grid: Any, row: int, col: int) -> QPoint:
    left, top, width, height = grid.cell_rect(row, col)
    return canvas.position_of(left + width / 2, top + height / 2)


def test_the_empty_tab_says_what_to_do_and_its_buttons_do_it(
    studio: Any, qtbot: Any, done: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = studio.compare.view
    studio.tabs.setCurrentWidget(view)
    assert view.message.isVisible() and not view.top.isVisible() and view.zoomed is None
    assert [button.text() for button in view.buttons] == [
        "Another model…",
        "Other weights…",
        "Another image…",
        "Keep this view",
    ]
    chosen = str(photos / "coffee.jpg")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (chosen, ""))
    qtbot.mouseClick(view.buttons[2], Qt.MouseButton.LeftButton)
    done(studio)
    qtbot.waitUntil(lambda: view.maps.isVisible(), timeout=TIMEOUT)
    assert studio.controller.travel.beside == Beside(Path(chosen))
    assert [p.heading.text() for p in view.maps.pictures] == [
        "First: photo.png",
        "Second: coffee.jpg",
        "First minus second",
    ]


def test_two_models_stand_side_by_side(pair: Any) -> None:
    view, controller = pair.compare.view, pair.controller
    assert pair.tabs.currentWidget() is view and controller.shown.result.choice.model_id == "fake:small"
    first, second = controller.shown.result.analysis, controller.second.analysis
    difference = first.attention.heatmap().values - second.attention.heatmap().values
    compared = view.maps._compared
    np.testing.assert_allclose(compared.maps.pair.difference.values, difference, atol=1e-7)
    assert view.maps.pictures[1].heading.text() == "Second: fake:other · untrained"
    bars = view.maps.row.bar, view.maps.row.difference_bar
    assert (bars[0].low, bars[0].high) == compared.maps.span
    assert bars[1].high == -bars[1].low == pytest.approx(np.abs(difference).max())


def test_the_cell_under_the_pointer_is_marked_and_told_in_all_three(pair: Any, qtbot: Any) -> None:
    maps = pair.compare.view.maps
    found = maps._compared.maps.pair
    for at, picture in enumerate(maps.pictures):
        canvas = picture.canvas
        qtbot.mouseMove(canvas.viewport(), QPoint(1, 1))
        qtbot.mouseMove(canvas.viewport(), at_cell(canvas, found.first.grid, 2, 3 + at))
        for other, heatmap in zip(maps.pictures, (found.first, found.second, found.difference), strict=True):
            assert other.pointer.isVisible()
            assert other.readout.text().endswith(f"{heatmap.values[2, 3 + at]:.5f}")
            assert f"patch 2,{3 + at}" in other.readout.text()
        hovered = (found.first, found.second)[min(at, 1)].values[2, 3 + at]
        assert maps.row.bar.value == pytest.approx(hovered)
        assert maps.row.difference_bar.value == pytest.approx(found.difference.values[2, 3 + at])


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_click_in_any_makes_the_patch_the_query_of_both(pair: Any, qtbot: Any, done: Any, at: int) -> None:
    maps, controller = pair.compare.view.maps, pair.controller
    canvas, grid = maps.pictures[at].canvas, maps._compared.maps.pair.first.grid
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=at_cell(canvas, grid, 1, 2))
    done(pair)
    assert controller.state.query == (1, 2)
    qtbot.waitUntil(lambda: maps._compared.state.query == (1, 2), timeout=TIMEOUT)
    second = controller.second.analysis.attention.heatmap(-1, "mean", (1, 2)).values
    np.testing.assert_allclose(maps._compared.maps.pair.second.values, second)
    assert all(mark.isVisible() for mark in maps.queries)
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    done(pair)
    assert controller.state.query == (2, 2)


def test_zoom_and_pan_are_linked(pair: Any, qtbot: Any) -> None:
    canvases = [picture.canvas for picture in pair.compare.view.maps.pictures]
    viewport = canvases[1].viewport()
    place = QPointF(viewport.rect().center() + QPoint(20, 10))
    wheel = QWheelEvent(
        place,
        QPointF(viewport.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 480),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, wheel)
    zoomed = canvases[1].sight()
    assert zoomed[0] == pytest.approx(1.0015**480)
    for canvas in canvases:
        assert canvas.sight() == pytest.approx(zoomed, abs=0.02)
    middle = canvases[2].viewport().rect().center()
    qtbot.mousePress(canvases[2].viewport(), Qt.MouseButton.LeftButton, pos=middle)
    for step in range(1, 5):
        qtbot.mouseMove(canvases[2].viewport(), middle + QPoint(10 * step, 0))
    qtbot.mouseRelease(canvases[2].viewport(), Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 0))
    panned = canvases[2].sight()
    assert panned[1] < zoomed[1] - 0.02
    for canvas in canvases:
        assert canvas.sight() == pytest.approx(panned, abs=0.02)
    qtbot.keyClick(pair, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert [canvas.sight()[0] for canvas in canvases] == [1.0, 1.0, 1.0]


def test_layers_heads_and_colours_are_those_of_both(pair: Any, done: Any, qtbot: Any) -> None:
    maps = pair.compare.view.maps
    pair.inspector.layer.setValue(0)
    done(pair)
    qtbot.waitUntil(lambda: maps._compared.state.layer == 0, timeout=TIMEOUT)
    assert [state.layer for state in maps._compared.maps.states] == [0, 0]
    pair.controller.change(colormap="magma", range=(0.0, 0.5))
    done(pair)
    qtbot.waitUntil(lambda: maps._compared.maps.span == (0.0, 0.5), timeout=TIMEOUT)
    assert maps._compared.state.colormap == "magma"


def test_positions_of_both_are_hovered_and_one_is_enlarged(pair: Any, qtbot: Any, done: Any) -> None:
    view, controller = pair.compare.view, pair.controller
    view.which.setFocus()
    qtbot.keyClick(view.which, Qt.Key.Key_Down)
    done(pair)
    qtbot.waitUntil(lambda: view.panels.isVisible(), timeout=TIMEOUT)
    first, second = (r.positions.similarity for r in (controller.shown.result, controller.second))
    canvas = view.panels.frames[2].canvas
    rows, cols = first.shape[:2]
    place = canvas.position_of(3 * (cols + 1) + 2.5, 1 * (rows + 1) + 0.5)  # panel 1,3, cell 0,2
    qtbot.mouseMove(canvas.viewport(), place)
    texts = [frame.readout.text() for frame in view.panels.frames]
    values = first[1, 3, 0, 2], second[1, 3, 0, 2], first[1, 3, 0, 2] - second[1, 3, 0, 2]
    assert [text.split()[-1] for text in texts] == [f"{value:.4f}" for value in values]
    assert all(text.startswith("patch 1,3 with 0,2") for text in texts)
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    done(pair)
    qtbot.waitUntil(lambda: view.panels._compared.state.panel == (1, 3), timeout=TIMEOUT)
    np.testing.assert_array_equal(
        view.panels._compared.maps.pair.difference.values, first[1, 3] - second[1, 3]
    )
    middle = canvas.viewport().rect().center()
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    done(pair)
    assert controller.state.panel is None


def test_keep_this_view_then_another_photo(studio: Any, qtbot: Any, done: Any, photos: Path) -> None:
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(studio, Qt.Key.Key_K, keys)
    view = studio.compare.view
    assert view.message_title.text() == "Kept for comparison" and view.message_title.isVisible()
    studio.controller.open_image(photos / "rocket.jpg")
    done(studio)
    qtbot.waitUntil(lambda: view.maps.isVisible(), timeout=TIMEOUT)
    assert "rocket.jpg" in view.maps.pictures[0].heading.text()
    assert "photo.png" in view.maps.pictures[1].heading.text()
    canvas = view.maps.pictures[1].canvas
    grid = view.maps._compared.maps.pair.second.grid
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=at_cell(canvas, grid, 3, 4))
    done(studio)
    assert studio.controller.state.query == (3, 4)


def test_enter_releases_a_panel(pair: Any, qtbot: Any, done: Any) -> None:
    pair.compare.comparing.show_positions(True)
    done(pair)
    qtbot.waitUntil(lambda: pair.compare.view.panels.isVisible(), timeout=TIMEOUT)
    canvas = pair.compare.view.panels.frames[1].canvas
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    done(pair)
    assert pair.controller.state.panel is not None
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    done(pair)
    assert pair.controller.state.panel is None
    pair.tabs.setCurrentWidget(pair.position)
    done(pair)
    shown = pair.position.shown
    for pinned in (shown, None):  # Enter pins what is enlarged, and releases it
        qtbot.keyClick(pair.position.canvas, Qt.Key.Key_Return)
        done(pair)
        assert pair.controller.state.panel == pinned


def test_cancel_by_key(studio: Any, qtbot: Any, done: Any, fake: Any) -> None:
    view = studio.compare.view
    studio.compare.choice.choose(choice=ModelChoice("fake:slow", device="cpu"))
    qtbot.waitUntil(fake.started.is_set, timeout=TIMEOUT)
    assert view.message_title.text() == "Computing the second…"
    assert studio.status.isVisible() and studio.menus.cancel.isEnabled()
    qtbot.keyClick(studio, Qt.Key.Key_Escape)
    done(studio)
    assert view.message_title.text() == "Cancelled" and not studio.status.isVisible()
    assert studio.controller.second is None


def test_a_model_that_fails_says_so(studio: Any, qtbot: Any, done: Any) -> None:
    from vizstudio.gui.dialogs.error import ErrorDialog

    studio.compare.choice.choose(choice=ModelChoice("fake:refused", device="cpu"))
    done(studio)
    qtbot.waitUntil(lambda: bool(studio.findChildren(ErrorDialog)), timeout=TIMEOUT)
    studio.findChildren(ErrorDialog)[0].close()
    assert studio.compare.view.message.text() == "The model refused cannot be built: choose another."


def test_a_second_waits_for_a_caption_and_is_computed_after_it(
    studio: Any, qtbot: Any, done: Any, fake: Any
) -> None:
    """The worker of runs is the captions' too, which show no other photo or model when they end."""
    from vizstudio.core.caption import CaptionRequest

    studio.choose_model(ModelChoice("fake:writer", device="cpu"))
    done(studio)
    studio.controller.captions.write(CaptionRequest(2))
    studio.compare.choice.choose(choice=OTHER)
    assert studio.controller.runs.number is not None and studio.compare.comparing.runs.number is None
    qtbot.waitUntil(lambda: studio.compare.view.maps.isVisible(), timeout=TIMEOUT)
    assert studio.controller.second.choice == OTHER


def test_nothing_is_held_of_a_second_that_was_let_go_of(pair: Any, qtbot: Any) -> None:
    second = weakref.ref(pair.controller.second)
    pair.compare.choice.stop.trigger()

    def gone() -> bool:
        gc.collect()
        return second() is None

    qtbot.waitUntil(gone, timeout=TIMEOUT)


def test_a_session_brings_the_comparison_back(pair: Any, qtbot: Any, done: Any, tmp_path: Path) -> None:
    from vizstudio.core.session import read_session, write_session

    desk = pair.takeaway.sessions
    write_session(desk.session(), tmp_path / "a.vizsession")
    saved = read_session(tmp_path / "a.vizsession").place
    assert (saved.tab, saved.beside) == ("compare", Beside(choice=OTHER))
    pair.compare.choice.stop.trigger()
    assert pair.controller.travel.beside is None and not pair.compare.choice.stop.isEnabled()
    pair.tabs.setCurrentIndex(0)
    assert desk.open(tmp_path / "a.vizsession")
    done(pair)
    qtbot.waitUntil(lambda: pair.compare.view.maps.isVisible(), timeout=TIMEOUT)
    assert pair.controller.travel.beside == Beside(choice=OTHER)


def test_the_copied_command_is_that_of_the_comparison(pair: Any, done: Any) -> None:
    pair.controller.change(layer=1)
    done(pair)
    pair.takeaway.exports.copy_command()
    line = QGuiApplication.clipboard().text()
    assert line.startswith("vizstudio compare ") and "--with fake:other" in line and "--layer 1" in line
    pair.takeaway.exports.copy_python()
    assert "vizstudio.write_comparison(" in QGuiApplication.clipboard().text()


def test_what_is_exported_is_the_comparison(pair: Any, host: Any) -> None:
    from vizstudio.core.context import RunContext
    from vizstudio.gui import taken

    figure = taken.draw(taken.subject(pair.controller), host, pair.controller, RunContext())
    first, second = pair.controller.shown.result.analysis, pair.controller.second.analysis
    np.testing.assert_array_equal(
        figure.data["difference"], first.attention.heatmap().values - second.attention.heatmap().values
    )
    assert taken.COMPARE in taken.views_for(host, pair.controller.travel.place())


def test_the_palette_finds_the_actions(pair: Any) -> None:
    from vizstudio.gui.commands import all_commands

    found = {command.text: command for command in all_commands(pair)}
    assert found["Keep this view"].place == "View › Compare with"
    assert found["Compare"].shortcut and found["Stop comparing"].is_action


def test_pictures_are_as_large_as_there_is_room_for(pair: Any, qtbot: Any) -> None:
    row = pair.compare.view.maps.row
    first, difference = row.frames[0], row.frames[2]
    pair.resize(1150, 850)
    qtbot.waitUntil(lambda: difference.y() > first.y(), timeout=TIMEOUT)
    below = first.canvas.position_of(120, 0) - first.canvas.position_of(0, 0)
    assert "Red: the first has more" in row.facts.text() and row.facts.isVisible()
    pair.resize(1900, 560)
    qtbot.waitUntil(lambda: difference.y() == first.y() and difference.isVisible(), timeout=TIMEOUT)
    assert "Red: the first has more" in row.facts.text() and row.facts.isVisible()
    in_row = first.canvas.position_of(120, 0) - first.canvas.position_of(0, 0)
    assert below.x() > 200 and in_row.x() > 300


def test_every_control_of_the_tab_has_a_name(pair: Any) -> None:
    tabbed = Qt.FocusPolicy.TabFocus.value
    every = [w for w in pair.compare.view.findChildren(QWidget) if w.focusPolicy().value & tabbed]
    reached = [w for w in every if w.isVisibleTo(pair) and w.focusProxy() is None]
    assert reached and [w for w in reached if not w.accessibleName() and not getattr(w, "text", str)()] == []


def test_the_patch_under_the_pointer_is_shared_with_the_attention_beside(pair: Any, qtbot: Any) -> None:
    qtbot.keyClick(pair, Qt.Key.Key_F7)  # the comparison, to a pane of its own
    maps, attention = pair.compare.view.maps, pair.attention
    qtbot.waitUntil(lambda: attention.isVisible() and maps.isVisible(), timeout=TIMEOUT)
    grid, rect = attention.query_grid, pytest.approx(attention.query_grid.cell_rect(1, 4))
    qtbot.mouseMove(attention.canvas.viewport(), QPoint(1, 1))
    qtbot.mouseMove(attention.canvas.viewport(), at_cell(attention.canvas, grid, 1, 4))
    assert [picture.pointer.isVisible() for picture in maps.pictures] == [True] * 3
    assert maps.pictures[0].pointer.rect().getRect() == rect
    qtbot.mouseMove(attention.canvas.viewport(), QPoint(1, 1))
    assert [picture.pointer.isVisible() for picture in maps.pictures] == [False] * 3
    second = maps.pictures[1].canvas
    qtbot.mouseMove(second.viewport(), at_cell(second, maps._compared.maps.pair.second.grid, 1, 4))
    assert attention.frame.pointer.isVisible() and attention.frame.pointer.rect().getRect() == rect

"""The window through real mouse and key events, with models that need no torch."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from vizstudio.core.maps import attention_heatmap
from vizstudio.core.overlay import colorize
from vizstudio.gui.dialogs.error import ErrorDialog
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


def dialog_of(window: Any, qtbot: Any) -> ErrorDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)), timeout=TIMEOUT)
    dialog: ErrorDialog = window.findChildren(ErrorDialog)[0]
    return dialog


# The start page


def test_the_start_page_says_what_to_do(window: Any) -> None:
    assert window.centre.currentWidget() is window.start
    assert window.start.open_button.isVisible() and not window.dock.isVisible()
    assert [b.text() for b in window.start.samples] == ["Astronaut", "Chelsea", "Coffee", "Rocket"]
    assert all(not b.icon().isNull() for b in window.start.samples)


def test_a_click_on_a_sample_analyses_it(window: Any, qtbot: Any, settle: Settle, photos: Path) -> None:
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    assert "fake:small" in window.start.status.text()
    qtbot.mouseClick(window.start.samples[1], Qt.MouseButton.LeftButton)
    settle(window)
    assert window.centre.currentWidget() is window.studio
    assert window.controller._result.image.path == photos / "chelsea.jpg"
    assert window.windowTitle() == "chelsea.jpg – fake:small (untrained) – vizstudio"


def test_the_open_button_asks_for_a_photo(
    window: Any, qtbot: Any, settle: Settle, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(photo), ""))
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    qtbot.mouseClick(window.start.open_button, Qt.MouseButton.LeftButton)
    settle(window)
    assert window.controller._result.image.path == photo


def test_a_closed_file_dialog_changes_nothing(
    window: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    qtbot.mouseClick(window.start.open_button, Qt.MouseButton.LeftButton)
    assert window.controller.image is None and window.controller._running is None


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
    hover(qtbot, view.canvas, place, lambda: view.frame.readout.text() == text and view.bar.value == value)
    assert view.pointer.rect().getRect() == pytest.approx(grid.cell_rect(*cell))
    hover(qtbot, view.canvas, QPoint(2, 2), lambda: "Click a patch" in view.frame.readout.text())
    assert view.bar.value is None and not view.pointer.isVisible()


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
    assert "blocks.1.attn" in studio.inspector.facts.text()
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
    assert dict(sections["Attention"])["Off the map"] == f"{heatmap.prefix_mass:.1%} on class token"
    assert dict(sections["Model"])["Weights"] == "✗ untrained"
    assert sections["Prediction"][0] == ("75.0%", "tabby")
    assert "tiger &lt;cat&gt;" in studio.inspector.facts.text()


def test_untrained_weights_are_marked_and_can_be_replaced(studio: Any, qtbot: Any, settle: Settle) -> None:
    assert studio.banner.isVisible()
    qtbot.mouseClick(studio.banner.published, Qt.MouseButton.LeftButton)
    settle(studio)
    assert studio.controller.choice.pretrained and not studio.banner.isVisible()
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


# Choosing a model


def test_typing_a_name_and_enter(studio: Any, qtbot: Any, settle: Settle) -> None:
    line = studio.model_bar.line
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "other")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller._result.choice == ModelChoice("fake:other", device="cpu")
    assert line.text() == "fake:other"


def test_choosing_a_completion(studio: Any, qtbot: Any, settle: Settle) -> None:
    line = studio.model_bar.line
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "THE")
    popup = studio.model_bar.name.completer().popup()
    qtbot.waitUntil(popup.isVisible, timeout=TIMEOUT)
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller._result.choice.model_id == "fake:other"


def test_a_name_that_nobody_knows(studio: Any, qtbot: Any) -> None:
    line = studio.model_bar.line
    line.selectAll()
    qtbot.keyClicks(line, "nonsense")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    dialog = dialog_of(studio, qtbot)
    assert "nonsense" in dialog.sentence.text()
    dialog.close()
    assert studio.controller._result.choice.model_id == "fake:small"


def test_choosing_a_file_of_weights(
    studio: Any,
    qtbot: Any,
    settle: Settle,
    tmp_path: Path,
    fake: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "mine.safetensors"
    file.touch()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    studio.model_bar.weights.setFocus()
    qtbot.keyClick(studio.model_bar.weights, Qt.Key.Key_End)
    settle(studio)
    assert fake.loads[-1][1].checkpoint == file
    assert studio.model_bar.weights.currentText() == "mine.safetensors"
    assert not studio.banner.isVisible()


def test_giving_no_file_keeps_the_weights(studio: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    qtbot.keyClick(studio.model_bar.weights, Qt.Key.Key_End)
    assert studio.model_bar.weights.currentText() == "Untrained weights"
    assert studio.controller._running is None


# Drag and drop


def drop(window: Any, path: Path) -> bool:
    """Drop a file on the middle of the window; return whether the window wanted it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, button, none = window.rect().center(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, Qt.DropAction.CopyAction, data, button, none)
    QGuiApplication.sendEvent(window, enter)
    event = QDropEvent(QPointF(place), Qt.DropAction.CopyAction, data, button, none)
    QGuiApplication.sendEvent(window, event)
    return enter.isAccepted()


def test_dropping_a_photo(window: Any, settle: Settle, photo: Path) -> None:
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    assert drop(window, photo)
    settle(window)
    assert window.controller._result.image.path == photo


def test_dropping_weights(studio: Any, settle: Settle, tmp_path: Path, fake: ModuleType) -> None:
    file = tmp_path / "dropped.PTH"
    file.touch()
    assert drop(studio, file)
    settle(studio)
    assert fake.loads[-1][1].checkpoint == file


def test_the_canvases_leave_drops_to_the_window(studio: Any) -> None:
    for canvas in (studio.attention.canvas, studio.position.canvas, studio.position.panel_canvas):
        assert not canvas.acceptDrops() and not canvas.viewport().acceptDrops()


# Runs


def test_cancelling_a_slow_run(studio: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    before = studio.controller._snapshot
    studio.choose_model(ModelChoice("fake:slow", device="cpu"))
    qtbot.waitUntil(lambda: studio.status.progress.value() >= 100, timeout=TIMEOUT)
    assert studio.status.message.text() == "Running slowly"
    qtbot.mouseClick(studio.status.cancel, Qt.MouseButton.LeftButton)
    settle(studio)
    assert studio.status.message.text() == "Cancelled" and not studio.status.isVisible()
    assert studio.controller._snapshot is before


def test_escape_cancels_too(studio: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    studio.choose_model(ModelChoice("fake:slow", device="cpu"))
    qtbot.waitUntil(fake.started.is_set, timeout=TIMEOUT)
    qtbot.keyClick(studio, Qt.Key.Key_Escape)
    settle(studio)
    assert studio.status.message.text() == "Cancelled"


def test_only_the_newest_of_many_runs_lands(
    studio: Any, qtbot: Any, settle: Settle, fake: ModuleType, photos: Path
) -> None:
    studio.choose_model(ModelChoice("fake:deaf", device="cpu"))
    qtbot.waitUntil(fake.started.is_set, timeout=TIMEOUT)
    landed: list[str] = []
    studio.position.panelChanged.connect(lambda *_: landed.append(studio.windowTitle()))
    for name in ("astronaut", "rocket", "coffee"):
        studio.controller.open_image(photos / f"{name}.jpg")
    studio.choose_model(ModelChoice("fake:small", device="cpu"))
    fake.release.set()
    settle(studio)
    assert set(landed) == {"coffee.jpg – fake:small (untrained) – vizstudio"}


def test_an_unreadable_image_shows_the_dialog(studio: Any, qtbot: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    studio.controller.open_image(bad)
    dialog = dialog_of(studio, qtbot)
    assert dialog.sentence.text().startswith("bad.png is not an image")
    assert not dialog.details.isVisible()
    qtbot.mouseClick(dialog.details_button, Qt.MouseButton.LeftButton)
    assert dialog.details.isVisible() and "Traceback" in dialog.details.toPlainText()
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied == f"{dialog.sentence.text()}\n\n{dialog.details.toPlainText()}"
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert studio.status.message.text() == "Failed"


def test_a_bug_in_a_plugin_is_called_so(studio: Any, qtbot: Any) -> None:
    studio.choose_model(ModelChoice("fake:broken", device="cpu"))
    dialog = dialog_of(studio, qtbot)
    assert "bug" in dialog.heading.text() and "a fuse blew" in dialog.sentence.text()
    assert "analyze" in dialog.details.toPlainText()
    dialog.close()


# Access


def _focusable(window: QWidget) -> list[QWidget]:
    tabbed = Qt.FocusPolicy.TabFocus.value
    widgets = [w for w in window.findChildren(QWidget) if w.focusPolicy().value & tabbed]
    return [w for w in widgets if w.isVisibleTo(window) and w.focusProxy() is None]


def test_every_focusable_widget_has_a_name(studio: Any) -> None:
    unnamed = [w for w in _focusable(studio) if not w.accessibleName() and not getattr(w, "text", str)()]
    assert unnamed == []


def test_tab_reaches_every_control(studio: Any, qtbot: Any) -> None:
    studio.activateWindow()
    studio.model_bar.line.setFocus()
    reached: list[QWidget] = []
    while (widget := QGuiApplication.focusObject()) not in reached:
        assert widget is not None
        reached.append(widget)  # type: ignore[arg-type]
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    inspector = studio.inspector
    controls = [inspector.layer, inspector.head, inspector.query, inspector.colormap, inspector.opacity]
    for widget in (studio.attention.canvas, *controls, inspector.smooth, studio.banner.published):
        assert widget in reached


def test_every_action_has_a_status_tip_and_no_shortcut_is_used_twice(window: Any) -> None:
    actions = [a for a in window.findChildren(QAction) if a.text() and not a.menu() and not a.isSeparator()]
    own = [a for a in actions if a.parent() is window]
    assert len(own) >= 8
    assert [a.text() for a in own if not a.statusTip()] == []
    shortcuts = [s.toString() for a in own for s in a.shortcuts()]
    assert len(shortcuts) == len(set(shortcuts)) >= 7


def test_a_plugins_view_opens_in_a_tab(qtbot: Any, host: Any, fake: ModuleType) -> None:
    from PySide6.QtWidgets import QLabel

    from vizstudio.entries import ViewEntry
    from vizstudio.gui.main_window import MainWindow

    fake.make_view = lambda: QLabel("from a plugin")  # type: ignore[attr-defined]
    fake.no_view = lambda: "nothing"  # type: ignore[attr-defined]
    host.views.add(ViewEntry("extra", "Extra view", f"{fake.__name__}:make_view"), "fake")
    host.views.add(ViewEntry("odd", "Odd view", f"{fake.__name__}:no_view"), "fake")
    window = MainWindow(host, "cpu")
    qtbot.addWidget(window)
    actions = {a.text(): a for a in window.findChildren(QAction)}
    actions["Extra view"].trigger()
    actions["Extra view"].trigger()
    assert window.tabs.count() == 3 and window.tabs.currentWidget().text() == "from a plugin"
    actions["Odd view"].trigger()
    dialog = dialog_of(window, qtbot)
    assert "must return a QWidget" in dialog.sentence.text()
    dialog.close()
    assert window.tabs.count() == 3

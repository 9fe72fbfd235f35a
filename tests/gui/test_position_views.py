"""Norms, principal components and the curve over distance in the tab of positions, by real mouse and key events."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from vizstudio.core.overlay import colorize
from vizstudio.core.session import read_session, write_session
from vizstudio.gui import taken
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
TIMEOUT = 30_000
LEFT = Qt.MouseButton.LeftButton
VIEWS = ["position", "position-norm", "position-pca", "position-distance"]


@pytest.fixture
def position(studio: Any) -> Any:
    """The tab of positions, in front."""
    studio.tabs.setCurrentWidget(studio.position)
    return studio.position


def choose(qtbot: Any, position: Any, view: str) -> None:
    """Go through the list by arrow keys, as one that was tabbed to, and wait for what was computed."""
    position.which.setFocus()
    while position.which.currentData() != view:
        down = VIEWS.index(position.which.currentData()) < VIEWS.index(view)
        qtbot.keyClick(position.which, Qt.Key.Key_Down if down else Qt.Key.Key_Up)
    qtbot.waitUntil(
        lambda: view == VIEWS[0] or (position._measure is not None and position._measure.view == view),
        timeout=TIMEOUT,
    )


def vectors_of(studio: Any) -> np.ndarray:
    """Return (rows, cols, dim) positions."""
    embedding = studio.controller.shown.result.analysis.position_embedding
    return embedding.vectors.reshape(*embedding.grid.shape, -1).astype(np.float64)


def colour_at(canvas: Any, place: QPoint) -> tuple[int, int, int]:
    pixel = canvas.grab().toImage().pixelColor(place)
    return pixel.red(), pixel.green(), pixel.blue()


def hover(qtbot: Any, widget: Any, place: QPoint, told: Callable[[], bool]) -> None:
    def move() -> bool:
        qtbot.mouseMove(widget, place)
        return told()

    qtbot.waitUntil(move, timeout=TIMEOUT)


def test_norms_are_drawn_and_told(studio: Any, position: Any, qtbot: Any) -> None:
    choose(qtbot, position, "position-norm")
    norms = np.sqrt((vectors_of(studio) ** 2).sum(-1)).astype(np.float32)
    expected = colorize(norms, "viridis", float(norms.min()), float(norms.max()))
    canvas = position.map.canvas
    hover(qtbot, canvas.viewport(), QPoint(1, 1), lambda: not position.map.pointer.isVisible())
    for row, col in [(0, 0), (1, 4), (3, 5)]:
        place = canvas.position_of(col + 0.5, row + 0.5)
        off = np.subtract(colour_at(canvas, place), expected[row, col][:3].astype(int))
        assert np.abs(off).max() <= 2  # single precision may round to the neighbouring colour
        told = f"patch {row},{col}: norm {norms[row, col]:.4f}"
        hover(qtbot, canvas.viewport(), place, lambda t=told: position.map.readout.text() == t)
        assert position.map.colours.value == pytest.approx(norms[row, col], rel=1e-6)
        assert position.map.pointer.rect().getRect() == (col, row, 1, 1)
        assert position.shown == (row, col)  # its panel is enlarged beside
    studio.controller.change(colormap="magma")
    expected = colorize(norms, "magma", float(norms.min()), float(norms.max()))
    place = canvas.position_of(2.5, 1.5)
    assert np.abs(np.subtract(colour_at(canvas, place), expected[1, 2][:3].astype(int))).max() <= 2


def test_components_are_drawn_with_their_share_of_the_variance(
    studio: Any, position: Any, qtbot: Any
) -> None:
    choose(qtbot, position, "position-pca")
    vectors = vectors_of(studio).reshape(24, -1)
    values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
    shares = values[:3] / values.sum()
    assert f"{100 * shares.sum():.0f} % of variance" in position.map.heading.text()
    red, green, blue = (f"{100 * share:.0f} %" for share in shares)
    assert position.map.readout.text() == f"Red {red}, green {green}, blue {blue} of the variance."
    assert not position.map.colours.isVisible()
    canvas, colours = position.map.canvas, position._measure.colours
    place = canvas.position_of(4.5, 2.5)
    assert colour_at(canvas, place) == tuple(np.round(colours[2, 4] * 255).astype(int))
    told = "patch 2,4: red {:.2f}, green {:.2f}, blue {:.2f}".format(*colours[2, 4])
    hover(qtbot, canvas.viewport(), place, lambda: position.map.readout.text() == told)


def test_a_click_on_a_patch_pins_its_panel(studio: Any, position: Any, qtbot: Any) -> None:
    choose(qtbot, position, "position-norm")
    canvas = position.map.canvas
    qtbot.mouseClick(canvas.viewport(), LEFT, pos=canvas.position_of(1.5, 1.5))
    assert studio.controller.state.panel == position.shown == (1, 1)
    assert "pinned" in position.panel_frame.heading.text()
    told = position.map.readout
    hover(
        qtbot,
        canvas.viewport(),
        canvas.position_of(5.5, 3.5),
        lambda: told.text().startswith("patch 3,5: norm"),
    )
    assert position.shown == (1, 1) and position.map.current.rect().getRect() == (1, 1, 1, 1)
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    assert studio.controller.state.panel == (2, 1)
    choose(qtbot, position, "position")
    assert position.shown == (2, 1) and position.grid_frame.isVisible() and not position.map.isVisible()
    choose(qtbot, position, "position-norm")
    qtbot.mouseClick(canvas.viewport(), LEFT, pos=canvas.position_of(1.5, 2.5))
    assert studio.controller.state.panel is None


def test_the_curve_tells_the_values_at_a_distance(studio: Any, position: Any, qtbot: Any) -> None:
    choose(qtbot, position, "position-distance")
    unit = vectors_of(studio)
    unit = unit / np.linalg.norm(unit, axis=-1, keepdims=True)
    row = float((unit[:, :-2] * unit[:, 2:]).sum(-1).mean())
    column = float((unit[:-2] * unit[2:]).sum(-1).mean())
    chart = position.curve.chart
    assert not position.splitter.isVisible() and chart.isVisible()
    axes = chart._axes(chart._curve)
    place = QPoint(round(axes.x(2.2)), chart.height() // 2)
    hover(qtbot, chart, place, lambda: chart.at == 1)
    told = chart.told()
    assert told[0] == "distance 2: 72 pairs"  # 16 in rows, 12 in columns, 24 and 20 a step aside
    assert f"same row {row:.3f}".replace("-", "−") in told
    assert f"same column {column:.3f}".replace("-", "−") in told
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert chart.told()[0].startswith("distance 3: ") and "distance 3" in chart.accessibleDescription()
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.told() == told


def test_each_view_is_exported_and_reproduced_as_itself(studio: Any, position: Any, qtbot: Any) -> None:
    for view in VIEWS[::-1]:
        choose(qtbot, position, view)
        assert taken.subject(studio.controller).drawn.state.view == view
        qtbot.keyClick(
            studio,
            Qt.Key.Key_C,
            Qt.KeyboardModifier.ControlModifier
            | Qt.KeyboardModifier.AltModifier
            | Qt.KeyboardModifier.ShiftModifier,
        )
        assert f"--view {view} " in QGuiApplication.clipboard().text()
    studio.tabs.setCurrentWidget(studio.attention)
    assert taken.subject(studio.controller).drawn.state.view == "attention"


def test_undo_and_sessions_bring_a_view_back(
    studio: Any, position: Any, qtbot: Any, settle: Settle, tmp_path: Path
) -> None:
    choose(qtbot, position, "position-norm")
    session = studio.takeaway.sessions.session()
    write_session(session, tmp_path / "a.vizsession")
    assert read_session(tmp_path / "a.vizsession").place.position == "position-norm"
    choose(qtbot, position, "position-pca")
    qtbot.keyClick(studio, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(studio)
    assert position.view == position.which.currentData() == "position-norm"
    qtbot.waitUntil(lambda: position.map.heading.text() == "Norm of each position", timeout=TIMEOUT)
    qtbot.keyClick(
        studio, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    settle(studio)
    assert position.view == "position-pca" == studio.controller.travel.place().position
    studio.takeaway.sessions.open(tmp_path / "a.vizsession")
    settle(studio)
    assert position.view == "position-norm" and studio.controller.travel.place() == session.place


def test_another_model_is_measured_anew(studio: Any, position: Any, qtbot: Any, settle: Settle) -> None:
    choose(qtbot, position, "position-norm")
    first = position._measure
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    qtbot.waitUntil(lambda: position._measure is not None and position._measure is not first, timeout=TIMEOUT)
    norms = np.linalg.norm(vectors_of(studio), axis=-1)
    assert position.map._norms.values == pytest.approx(norms, rel=1e-5)
    studio.choose_model(ModelChoice("fake:flat", device="cpu"))
    settle(studio)
    assert position.problem.isVisible() and not position.which.isVisible() and not position.map.isVisible()
    studio.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(studio)
    qtbot.waitUntil(lambda: position.map.image.isVisible() and position.map.isVisible(), timeout=TIMEOUT)
    norms = np.linalg.norm(vectors_of(studio), axis=-1)
    assert position.map._norms.values == pytest.approx(norms, rel=1e-5)

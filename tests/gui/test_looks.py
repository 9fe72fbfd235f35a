"""How maps look: the inspector's controls through real mouse and key events."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, Qt

from vizstudio.core.figures import render
from vizstudio.core.looks import by_mass
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.overlay import COLORMAPS, lookup_table
from vizstudio.gui.looks_controls import SWATCH

Settle = Callable[[Any], None]


def shown(studio: Any) -> np.ndarray:
    values: np.ndarray = studio.attention._snapshot.heatmap.values
    return values


def whole(studio: Any, **asked: Any) -> np.ndarray:
    return attention_heatmap(studio.controller._result.analysis.attention, **asked).values


def tick(qtbot: Any, box: Any) -> None:
    """Click a check box where its mark is."""
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(10, box.height() // 2))


def test_the_mass_leaves_cells_out(studio: Any, qtbot: Any, settle: Settle) -> None:
    looks = studio.inspector.looks
    looks.mass.setFocus()
    for _ in range(4):
        qtbot.keyClick(looks.mass, Qt.Key.Key_PageDown)
    settle(studio)
    assert studio.controller.state.mass == 0.6 and looks.mass_value.text() == "60 %"
    wanted = by_mass(whole(studio), 0.6)
    np.testing.assert_array_equal(shown(studio), wanted)
    told = dict(studio.inspector.facts.sections(studio.attention._snapshot)[0][1])
    assert told["Shown"] == f"{np.isfinite(wanted).sum()} of 24 cells hold 60 %"
    assert studio.attention.frame.colours.high == pytest.approx(whole(studio).max())
    qtbot.keyClick(looks.mass, Qt.Key.Key_End)
    settle(studio)
    np.testing.assert_array_equal(shown(studio), whole(studio))


def test_a_locked_range_stays_when_the_map_changes(studio: Any, qtbot: Any, settle: Settle) -> None:
    looks, bar = studio.inspector.looks, studio.attention.frame.colours
    before = (bar.low, bar.high)
    assert not looks.low.isVisible()
    tick(qtbot, looks.locked)
    settle(studio)
    assert studio.controller.state.range == before and looks.high.isVisible()
    studio.controller.change(layer=0, head=1)
    settle(studio)
    assert (bar.low, bar.high) == before != (0.0, whole(studio, layer=0, head=1).max())
    tick(qtbot, looks.locked)
    settle(studio)
    assert (bar.low, bar.high) == (0.0, pytest.approx(whole(studio, layer=0, head=1).max()))
    assert studio.controller.state.range is None and not looks.low.isVisible()


def test_the_ends_of_a_range_are_typed(studio: Any, qtbot: Any, settle: Settle) -> None:
    looks = studio.inspector.looks
    tick(qtbot, looks.locked)
    settle(studio)
    for box, text in ((looks.high, "0.5"), (looks.low, "0.125")):
        box.setFocus()
        box.selectAll()
        qtbot.keyClicks(box, text.replace(".", box.locale().decimalPoint()))
        qtbot.keyClick(box, Qt.Key.Key_Return)
        settle(studio)
    assert studio.controller.state.range == (0.125, 0.5)
    bar = studio.attention.frame.colours
    assert (bar.low, bar.high) == (0.125, 0.5)


def test_the_lower_end_stays_below_the_upper(studio: Any, qtbot: Any, settle: Settle) -> None:
    looks = studio.inspector.looks
    studio.controller.change(range=(0.0, 0.2))
    settle(studio)
    looks.low.setFocus()
    looks.low.selectAll()
    qtbot.keyClicks(looks.low, "3")
    qtbot.keyClick(looks.low, Qt.Key.Key_Return)
    settle(studio)
    low, high = studio.controller.state.range
    assert low < high == 0.2


def test_any_colormap_is_offered_once_it_is_asked_for(studio: Any, settle: Settle) -> None:
    studio.controller.change(colormap="cool")
    settle(studio)
    assert studio.inspector.colormap.currentText() == "cool"


def test_colours_are_shown_beside_their_names(studio: Any, qtbot: Any, settle: Settle) -> None:
    studio.controller.change(colormap="cool")
    box = studio.inspector.colormap
    assert [box.itemText(i) for i in range(box.count())] == [*COLORMAPS, "cool"]
    qtbot.waitUntil(lambda: not any(box.itemIcon(i).isNull() for i in range(box.count())))
    for i in range(box.count()):
        swatch, table = box.itemIcon(i).pixmap(SWATCH).toImage(), lookup_table(box.itemText(i))
        for x in range(swatch.width()):
            pixel = swatch.pixelColor(x, swatch.height() // 2).getRgb()[:3]
            part = table[x * 256 // swatch.width() : (x + 1) * 256 // swatch.width() + 1].astype(int)
            assert np.abs(part - np.array(pixel)).max(axis=1).min() <= 2  # of 255: one of the colours there


def test_the_window_and_a_file_show_the_same_cells(studio: Any, settle: Settle) -> None:
    studio.controller.change(mass=0.5, range=(0.0, 0.1), query=(1, 2))
    settle(studio)
    result = studio.controller._result
    figure = render(result.analysis, result.image, studio.controller.state)
    np.testing.assert_array_equal(figure.data["heatmap"], shown(studio))


def test_looks_are_those_of_captions_too(writer: Any, qtbot: Any, settle: Settle) -> None:
    snapshot = writer.caption._snapshot
    plain = snapshot.heatmap.values
    tick(qtbot, writer.inspector.looks.locked)
    settle(writer)
    assert writer.controller.state.range == pytest.approx((0.0, plain.max()))
    writer.controller.change(mass=0.5)
    settle(writer)
    np.testing.assert_array_equal(writer.caption._snapshot.heatmap.values, by_mass(plain, 0.5))


def test_the_range_is_written_without_zeros_at_its_end(studio: Any, settle: Settle) -> None:
    looks = studio.inspector.looks
    for value, text in ((0.0, "0"), (0.05, "0.05"), (100.0, "100"), (0.000001, "0.000001")):
        studio.controller.change(range=(-1.0, value))
        settle(studio)
        assert (looks.low.text(), looks.high.text()) == (
            "-1",
            text.replace(".", looks.high.locale().decimalPoint()),
        )

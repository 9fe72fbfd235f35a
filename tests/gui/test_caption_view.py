"""The caption's tab through real mouse and key events, with a captioning model that needs no torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPalette
from PySide6.QtWidgets import QApplication, QToolTip

from vizstudio.core.overlay import colorize
from vizstudio.gui import probability, theme
from vizstudio.gui.facts import broken
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
TIMEOUT = 30_000
LEFT = Qt.MouseButton.LeftButton


def steps_of(writer: Any) -> Any:
    return writer.caption._snapshot.caption.steps


def shown(writer: Any) -> np.ndarray:
    values: np.ndarray = writer.caption._snapshot.heatmap.values
    return values.ravel()


def written_by(*steps: Any, layer: int = 1, head: Any = None) -> np.ndarray:
    """Return the map of some steps, computed anew: the mean over heads unless one is given."""
    own = [step.cross.matrices[layer, :, 0] for step in steps]
    return np.mean([m.mean(0) if head is None else m[head] for m in own], axis=0)


def click_row(qtbot: Any, view: Any, row: int) -> None:
    place = view.visualItemRect(view.item(row)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=place)


def colour_at(widget: Any, place: QPoint) -> QColor:
    colour: QColor = widget.grab().toImage().pixelColor(place)
    return colour


# The tab


def test_the_tab_is_there_only_for_a_model_that_writes(writer: Any, settle: Settle, qtbot: Any) -> None:
    index, action = writer.tabs.indexOf(writer.caption), writer.menus.tabs[2]
    assert writer.tabs.isTabVisible(index) and writer.tabs.currentWidget() is writer.caption
    assert action.isEnabled()
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert not writer.tabs.isTabVisible(index) and not action.isEnabled()
    assert writer.tabs.currentWidget() is writer.attention or writer.tabs.currentWidget() is writer.position
    assert writer.inspector.layer.isVisible() and not writer.inspector.decoder.layer.isVisible()


def test_the_inspector_follows_the_tab(writer: Any, settle: Settle, qtbot: Any) -> None:
    inspector = writer.inspector
    assert inspector.decoder.layer.isVisible() and not inspector.query.isVisible()
    qtbot.waitUntil(lambda: "Word in view" in inspector.facts.text(), timeout=TIMEOUT)
    assert "decoder.1.cross" in inspector.facts.text()
    inspector.decoder.layer.setFocus()
    qtbot.keyClick(inspector.decoder.layer, Qt.Key.Key_Left)
    settle(writer)
    inspector.decoder.head.setFocus()
    qtbot.keyClick(inspector.decoder.head, Qt.Key.Key_End)
    settle(writer)
    np.testing.assert_allclose(shown(writer), written_by(steps_of(writer)[0], layer=0, head=2), rtol=1e-6)
    assert "decoder layer 0 · head 2" in writer.caption.frame.heading.text()
    qtbot.keyClick(writer, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert writer.tabs.currentWidget() is writer.attention
    assert inspector.layer.value() == 2 and inspector.layer.isVisible()  # the encoder's, as it was
    assert "blocks.2.attn" in inspector.facts.text() and "Word in view" not in inspector.facts.text()
    qtbot.keyClick(writer, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert inspector.decoder.layer.value() == 0 and inspector.decoder.head.currentText() == "head 2"


# Words


@pytest.mark.parametrize("row", range(6))
def test_a_click_on_a_word_shows_the_map_of_the_steps_that_wrote_it(
    writer: Any, qtbot: Any, settle: Settle, row: int
) -> None:
    strip, steps = writer.caption.strip, steps_of(writer)
    click_row(qtbot, strip, row)
    settle(writer)
    own = {0: steps[:1], 1: steps[1:3]}.get(row, steps[row + 1 : row + 2])
    np.testing.assert_allclose(shown(writer), written_by(*own), rtol=1e-5)
    assert strip.at == row
    heading = writer.caption.frame.heading.text()
    assert ("mean of its 2 pieces" in heading) == (row == 1)
    assert ("ended the caption" in heading) == (row == 5)


def test_the_picture_has_the_maps_colours(writer: Any, qtbot: Any) -> None:
    writer.controller.change(opacity=1.0, colormap="magma")
    click_row(qtbot, writer.caption.strip, 2)
    values = written_by(steps_of(writer)[3]).reshape(4, 6)
    expected = colorize(values, "magma", 0.0, float(values.max()))
    canvas, grid = writer.caption.canvas, writer.caption._snapshot.heatmap.grid
    image = canvas.grab().toImage()
    for cell in np.ndindex(values.shape):
        left, top, width, height = grid.cell_rect(*cell)
        pixel = image.pixelColor(canvas.position_of(left + width / 2, top + height / 2))
        assert np.abs(np.subtract(pixel.getRgb()[:3], expected[cell][:3].astype(int))).max() <= 1


def test_the_pointer_tells_the_value_under_it(writer: Any, qtbot: Any) -> None:
    view, cell = writer.caption, (2, 3)
    click_row(qtbot, view.strip, 4)
    value = float(view._snapshot.heatmap.values[cell])
    left, top, width, height = view._snapshot.heatmap.grid.cell_rect(*cell)
    place = view.canvas.position_of(left + width / 2, top + height / 2)

    def told() -> bool:
        qtbot.mouseMove(view.canvas.viewport(), place)
        return bool(view.frame.readout.text() == f"patch 2,3: attention {value:.5f}")

    qtbot.waitUntil(told, timeout=TIMEOUT)
    assert view.frame.colours.value == pytest.approx(value)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Left)  # the pointer stays, the map below it is another
    other = float(view._snapshot.heatmap.values[cell])
    assert other != value and f"{other:.5f}" in view.frame.readout.text()


def test_keys_step_through_the_words(writer: Any, qtbot: Any) -> None:
    strip, seen = writer.caption.strip, []
    strip.setFocus()
    key = Qt.Key
    for pressed in (
        key.Key_Left,
        key.Key_Right,
        key.Key_Right,
        key.Key_End,
        key.Key_Right,
        key.Key_Left,
        key.Key_Home,
    ):
        qtbot.keyClick(strip, pressed)
        seen.append(strip.at)
    assert seen == [0, 1, 2, 5, 5, 4, 0]
    assert strip.currentRow() == 0


def test_a_click_on_the_tab_gives_it_the_keys(writer: Any, qtbot: Any) -> None:
    writer.tabs.setCurrentWidget(writer.attention)
    bar = writer.tabs.active.bar
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(2).center())
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right)
    assert writer.tabs.currentWidget() is writer.caption and writer.caption.strip.at == 1


@pytest.mark.parametrize("place", ["canvas", "alternatives"])
def test_arrow_keys_step_wherever_the_keyboard_is(writer: Any, qtbot: Any, place: str) -> None:
    view = writer.caption
    widget = {"canvas": view.canvas, "alternatives": view.alternatives.list}[place]
    widget.setFocus()
    qtbot.keyClick(widget, Qt.Key.Key_Right)
    qtbot.keyClick(widget, Qt.Key.Key_Right)
    qtbot.keyClick(widget, Qt.Key.Key_Left)
    assert view.strip.at == 1


def test_pieces_one_by_one(writer: Any, qtbot: Any, settle: Settle) -> None:
    view, steps = writer.caption, steps_of(writer)
    click_row(qtbot, view.strip, 1)
    box = view.player.pieces
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    settle(writer)
    assert [view.strip.item(i).text() for i in range(view.strip.count())][1:3] == ["bi", "cycle"]
    qtbot.keyClick(view.strip, Qt.Key.Key_Right)
    np.testing.assert_allclose(shown(writer), written_by(steps[2]), rtol=1e-6)
    assert view.player.place.text() == "piece 3 of 7"
    assert view.alternatives.heading.text() == "Instead of “cycle”"


def test_the_facts_follow_the_word_and_the_caption(writer: Any, qtbot: Any, settle: Settle) -> None:
    facts, steps = writer.inspector.facts, steps_of(writer)
    click_row(qtbot, writer.caption.strip, 1)
    qtbot.waitUntil(lambda: "bi · cycle" in facts.text(), timeout=TIMEOUT)
    sections = dict(facts.caption_sections(writer.caption._snapshot))
    word, whole = dict(sections["Word in view"]), dict(sections["Caption"])
    both = steps[1].log_prob + steps[2].log_prob
    assert word["log p"] == f"−{-both:.3f}" and word["Probability"] == f"{np.exp(both):.3g}"
    assert word["Entropy"] == f"{steps[1].entropy:.2f} · {steps[2].entropy:.2f} nats"
    assert word["Check"] == "✓ verified, exact" and whole["Ended"] == "by itself"
    assert whole["log p"] == f"−{-sum(s.log_prob for s in steps):.3f} in 7 tokens"
    for section in sections.values():
        for _, value in section:
            assert value in facts.text()


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("blocks.0.attn", ["blocks.0.attn"]),
        ("transformer.decoder.layers.5.multihead_attn", ["transformer.decoder.", "layers.5.multihead_attn"]),
        ("words that end. Another sentence of words", ["words that end. Another sentence of words"]),
        ("", [""]),
    ],
)
def test_long_names_are_broken_into_lines(value: str, lines: list[str]) -> None:
    assert broken(value) == lines


def test_stepping_lays_nothing_out_anew(writer: Any, qtbot: Any) -> None:
    from PySide6.QtCore import QObject

    class Layouts(QObject):
        count = 0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            self.count += event.type() == QEvent.Type.LayoutRequest
            return False

    view, layouts = writer.caption, Layouts()
    click_row(qtbot, view.strip, 2)
    facts = writer.inspector.facts._soon
    qtbot.waitUntil(lambda: not facts.isActive(), timeout=TIMEOUT)
    facts.setInterval(TIMEOUT)  # on a slow machine they would be told between two steps

    def climb() -> None:
        for _ in range(20):  # a request climbs from parent to parent, one at a time
            QApplication.processEvents()

    climb()
    writer.tabs.installEventFilter(layouts)
    for _ in range(2):
        qtbot.keyClick(view.strip, Qt.Key.Key_Right)
        climb()
    assert view.strip.at == 4 and layouts.count == 0
    facts.stop()
    view.alternatives.hint.setText("another text")  # what is looked for can be seen
    qtbot.waitUntil(lambda: layouts.count > 0, timeout=TIMEOUT)


def test_a_word_tells_its_probability(writer: Any) -> None:
    strip, steps = writer.caption.strip, steps_of(writer)
    both = np.exp(steps[1].log_prob + steps[2].log_prob)
    tip = strip.item(1).toolTip()
    assert f"probability {both:.3g}" in tip and "product over its pieces: bi" in tip
    assert strip.item(1).data(Qt.ItemDataRole.AccessibleTextRole) == f"bicycle, {100 * both:.0f} %"
    place = strip.visualItemRect(strip.item(1)).center()
    event = QHelpEvent(QEvent.Type.ToolTip, place, strip.viewport().mapToGlobal(place))
    QApplication.sendEvent(strip.viewport(), event)
    assert QToolTip.text() == tip
    QToolTip.hideText()


def test_a_chip_has_the_colour_of_its_probability(writer: Any) -> None:
    strip, steps = writer.caption.strip, steps_of(writer)
    for row, step in ((0, steps[0]), (2, steps[3])):
        rect = strip.visualItemRect(strip.item(row))
        place = rect.topLeft() + QPoint(rect.width() // 2, 8)
        expected = probability.fill(step.probability, strip.palette())
        assert colour_at(strip.viewport(), place) == expected


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_chips_can_be_read_and_grow_apart_from_the_ground(appearance: str) -> None:
    palette = theme._palette(theme.DARK if appearance == "dark" else theme.LIGHT)
    ground = palette.color(QPalette.ColorRole.Window)
    fills = [probability.fill(p, palette) for p in np.linspace(0, 1, 101)]
    assert min(probability.contrast(f, probability.ink(f)) for f in fills) >= 4.5
    apart = [probability.contrast(f, ground) for f in fills]
    assert apart == sorted(apart) and apart[-1] > 5


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100 %"), (0.0996, "10 %"), (0.0994, "9.9 %"), (0.001, "0.1 %"), (1e-4, "<0.1 %")],
)
def test_percentages(value: float, text: str) -> None:
    assert probability.percent(value) == text


# Play


def test_space_plays_to_the_end_and_stops(writer: Any, qtbot: Any) -> None:
    view, seen = writer.caption, []
    view.player.interval.setValue(0.1)
    view.strip.setFocus()
    show = view.frame.show_map

    def note(*asked: Any) -> None:
        seen.append(view._snapshot.at)
        show(*asked)

    view.frame.show_map = note
    qtbot.keyClick(view.strip, Qt.Key.Key_Space)
    assert view.player.playing and view.player.button.text() == "Pause"
    qtbot.waitUntil(lambda: not view.player.playing, timeout=TIMEOUT)
    assert seen == [1, 2, 3, 4, 5] and not view.player.timer.isActive()
    qtbot.keyClick(view.strip, Qt.Key.Key_Space)  # from the beginning again
    assert view.strip.at == 0 and view.player.playing
    qtbot.keyClick(view.canvas, Qt.Key.Key_Space)
    assert not view.player.playing and view.player.button.text() == "Play"
    view.frame.show_map = show


def test_the_button_plays_and_another_tab_pauses(writer: Any, qtbot: Any) -> None:
    player = writer.caption.player
    player.interval.setValue(5.0)
    qtbot.mouseClick(player.button, LEFT)
    assert player.timer.isActive()
    writer.tabs.setCurrentWidget(writer.attention)
    assert not player.playing and not player.timer.isActive()


def test_the_interval_is_remembered(writer: Any, qtbot: Any) -> None:
    from vizstudio.gui.views.player import Player

    writer.caption.player.interval.setValue(1.7)
    other = Player()
    qtbot.addWidget(other)
    assert other.interval.value() == 1.7


def test_zooming_is_about_the_caption_in_its_tab(writer: Any, qtbot: Any) -> None:
    for _ in range(3):
        qtbot.keyClick(writer, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert writer.caption.canvas._zoom > 1.5 and writer.attention.canvas._zoom == 1
    writer.caption.canvas.centerOn(QPointF(10, 10))
    qtbot.keyClick(writer.caption.canvas, Qt.Key.Key_Right)
    assert writer.caption.canvas._zoom > 1.5  # another word keeps the zoom

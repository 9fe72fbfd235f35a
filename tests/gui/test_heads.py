"""The tabs of heads and predictions through real mouse and key events, with models that need no torch."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRectF, QSize, Qt

from vizstudio.core.errors import AttentionError
from vizstudio.core.types import Prediction
from vizstudio.gui.plot import free_place
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
TIMEOUT = 30_000


def by_hand(studio: Any, layer: int, head: int) -> tuple[float, float]:
    """Return (entropy, distance) of a head, query by query."""
    analysis = studio.controller.shown.result.analysis
    weights, grid = analysis.attention.matrices[layer, head].astype(float), analysis.grid
    entropy = np.mean([-sum(p * math.log(p) for p in row) for row in weights])
    centres = [
        (x + wide / 2, y + tall / 2)
        for x, y, wide, tall in (grid.cell_rect(*divmod(i, grid.cols)) for i in range(len(grid)))
    ]
    means = []
    for query, row in zip(centres, weights[1:], strict=True):
        apart = [math.dist(query, key) for key in centres]
        means.append(np.dot(apart, row[1:]) / row[1:].sum())
    return float(entropy), float(np.mean(means))


@pytest.fixture
def heads(studio: Any, qtbot: Any) -> Any:
    """The Heads tab in front, with its numbers."""
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.waitUntil(lambda: studio.more.numbers.latest.number is None, timeout=TIMEOUT)
    assert studio.more.heads.plots["entropy"].isVisible()
    return studio.more.heads


def dot_of(plot: Any, **key: Any) -> Any:
    (found,) = [dot for dot in plot.dots if dot.key == key]
    return found


def click(qtbot: Any, plot: Any, dot: Any) -> None:
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.place_of(dot).toPoint())


def test_every_head_is_a_dot_at_its_value(studio: Any, heads: Any) -> None:
    assert len(heads.plots["entropy"].dots) == len(heads.plots["distance"].dots) == 6
    for layer in range(3):
        for head in range(2):
            entropy, distance = by_hand(studio, layer, head)
            key = {"layer": layer, "head": head}
            assert dot_of(heads.plots["entropy"], **key).y == pytest.approx(entropy, rel=1e-4)
            assert dot_of(heads.plots["distance"], **key).y == pytest.approx(distance, rel=1e-4)


@pytest.mark.parametrize("which", ["entropy", "distance"])
def test_a_click_on_a_dot_goes_to_its_layer_and_head(
    studio: Any, heads: Any, qtbot: Any, settle: Settle, which: str
) -> None:
    plot = heads.plots[which]
    click(qtbot, plot, dot_of(plot, layer=1, head=0))
    settle(studio)
    assert (studio.controller.state.layer, studio.controller.state.head) == (1, 0)
    assert studio.inspector.layer.value() == 1 and studio.inspector.head.currentText() == "head 0"
    assert plot._content.chosen == {"layer": 1, "head": 0} and plot._content.band == 1


def test_a_click_beside_the_dots_changes_nothing(studio: Any, heads: Any, qtbot: Any) -> None:
    before = studio.controller.state
    qtbot.mouseClick(heads.plots["entropy"], Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert studio.controller.state == before


def test_the_value_under_the_pointer_is_told(heads: Any, qtbot: Any) -> None:
    plot = heads.plots["distance"]
    dot = dot_of(plot, layer=0, head=1)

    def told() -> bool:
        qtbot.mouseMove(plot, plot.place_of(dot).toPoint())
        return plot.hovered is dot

    before = plot.grab().toImage()
    qtbot.waitUntil(told, timeout=TIMEOUT)
    assert dot.name == f"layer 0, head 1: {dot.y:.0f} px"
    assert plot.grab().toImage() != before
    qtbot.mouseMove(plot, QPoint(1, 1))
    qtbot.waitUntil(lambda: plot.hovered is None, timeout=TIMEOUT)


def test_arrow_keys_go_to_other_layers_and_heads(studio: Any, heads: Any, qtbot: Any, settle: Settle) -> None:
    plot = heads.plots["entropy"]
    plot.setFocus()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(plot, key)
        settle(studio)
    assert (studio.controller.state.layer, studio.controller.state.head) == (1, 1)


def test_numbers_are_computed_only_when_somebody_looks(studio: Any, settle: Settle) -> None:
    assert studio.more.heads._numbers is None and studio.more.numbers.latest.number is None
    studio.controller.change(layer=0)
    settle(studio)
    assert studio.more.heads._numbers is None


def test_another_result_has_numbers_of_its_own(studio: Any, heads: Any, qtbot: Any, settle: Settle) -> None:
    before = dot_of(heads.plots["entropy"], layer=0, head=0).y
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    qtbot.waitUntil(lambda: studio.more.numbers.latest.number is None, timeout=TIMEOUT)
    now = dot_of(heads.plots["entropy"], layer=0, head=0).y
    assert now == pytest.approx(by_hand(studio, 0, 0)[0], rel=1e-4) != pytest.approx(before)


def test_outliers_are_dots_that_become_the_query(
    window: Any, fake: ModuleType, photo: Path, qtbot: Any, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fake.FakeModel.analyze
    norms = np.ones((3, 25), np.float32)
    norms[1, 1 + 2 * 6 + 4] = 9  # patch 2,4 after block 1

    def analyze(self: Any, image: Any, context: Any) -> Any:
        return replace(plain(self, image, context), token_norms=norms)

    monkeypatch.setattr(fake.FakeModel, "analyze", analyze)
    window.choose_model(ModelChoice("fake:small", device="cpu"))
    window.controller.open_image(photo)
    settle(window)
    window.tabs.setCurrentWidget(window.more.heads)
    qtbot.waitUntil(lambda: window.more.numbers.latest.number is None, timeout=TIMEOUT)
    plot = window.more.heads.plots["norms"]
    (dot,) = plot.dots
    assert (dot.x, dot.y) == (1, 9) and dot.name == "patch 2,4 after block 1: norm 9.0"
    click(qtbot, plot, dot)
    settle(window)
    assert (window.controller.state.layer, window.controller.state.query) == (1, (2, 4))
    assert window.more.heads._headed["norms"][0].text() == "Token norms · outliers after block 1: 1"


def test_a_model_without_norms_says_so(heads: Any) -> None:
    assert "do not keep one token per patch" in heads.plots["norms"]._empty


def test_weights_that_cannot_be_trusted_are_a_sentence(
    studio: Any, fake: ModuleType, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AttentionError("the weights do not explain the output")

    monkeypatch.setattr(fake.FakeAttention, "weights", refuse)
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.waitUntil(lambda: studio.more.numbers.latest.number is None, timeout=TIMEOUT)
    assert studio.more.heads.problem.text() == "the weights do not explain the output"
    assert studio.more.heads.problem.isVisible() and not studio.more.heads.plots["entropy"].isVisible()


# Predictions


@pytest.fixture
def predictions(studio: Any) -> Any:
    studio.tabs.setCurrentWidget(studio.more.predictions)
    return studio.more.predictions


def names(view: Any) -> list[str]:
    return [view.classes.prediction(row).label for row in range(view.classes.rowCount())]


def test_classes_most_probable_first(predictions: Any) -> None:
    assert names(predictions) == ["tabby", "tiger <cat>"]
    assert predictions.classes.index(1).data() == "2  tiger <cat>"
    assert predictions.heading.text() == "Predictions · 2 classes"


def test_the_search_keeps_the_rank(predictions: Any, qtbot: Any) -> None:
    predictions.search.setFocus()
    qtbot.keyClicks(predictions.search, "CAT")
    assert names(predictions) == ["tiger <cat>"]
    assert predictions.classes.index(0).data() == "2  tiger <cat>"
    assert predictions.heading.text() == "Predictions · 1 of 2 classes"
    qtbot.keyClicks(predictions.search, "x")
    assert not predictions.list.isVisible() and "catx" in predictions.problem.text().lower()
    qtbot.keyClick(predictions.search, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(predictions.search, Qt.Key.Key_Backspace)
    assert names(predictions) == ["tabby", "tiger <cat>"] and predictions.list.isVisible()


def test_bars_are_as_long_as_probabilities(predictions: Any, qtbot: Any) -> None:
    image = predictions.list.viewport().grab().toImage()
    ratio = image.devicePixelRatio()
    filled = []
    for row in (0, 1):
        rect = predictions.list.visualRect(predictions.classes.index(row))
        y = round((rect.bottom() - 5) * ratio)
        line = [image.pixelColor(x, y).name() for x in range(round(rect.right() * ratio))]
        middle = line[round((rect.left() + 12) * ratio)]
        filled.append(line.count(middle))
    assert filled[1] / filled[0] == pytest.approx(1 / 3, abs=0.03)


def test_a_model_without_a_classifier_says_so(
    studio: Any, fake: ModuleType, predictions: Any, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fake.FakeModel.analyze
    monkeypatch.setattr(fake.FakeModel, "analyze", lambda *given: replace(plain(*given), predictions=()))
    studio.choose_model(ModelChoice("fake:other", device="cpu"))
    settle(studio)
    assert predictions.problem.text() == "fake:other has no classifier, so there are no predictions."
    assert not predictions.list.isVisible() and not predictions.search.isVisible()


def test_many_classes(predictions: Any, studio: Any, qtbot: Any) -> None:
    many = tuple(Prediction(f"class {i}", i, 1 / 21843) for i in range(21843))
    predictions.classes.show_classes(many, "")
    assert predictions.classes.rowCount() == 21843
    qtbot.keyClicks(predictions.search, "21842")
    assert names(predictions) == ["class 21842"]


@given(st.lists(st.tuples(st.floats(0, 40), st.floats(0, 60)), max_size=6))
def test_names_of_lines_never_lie_on_each_other(ends: list[tuple[float, float]]) -> None:
    taken: list[QRectF] = []
    for left, y in ends:
        taken.append(free_place(left, y, QSize(50, 14), taken))
    for i, box in enumerate(taken):
        assert not any(box.intersects(other) for other in taken[:i])

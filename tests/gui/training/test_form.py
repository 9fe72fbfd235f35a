"""The form through real key and mouse events, and the chart under a real pointer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from vizstudio.gui.training.chart import Chart, thin_out
from vizstudio.gui.training.recipe_panel import RecipePanel
from vizstudio.gui.training.run_log import Curve
from vizstudio.plugins import PluginHost

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def panel(qtbot: Any, host: Any, problems: list[str]) -> RecipePanel:
    made = RecipePanel(host, lambda error: problems.append(str(error)))
    made.recipe.setCurrentIndex(made.recipe.findData("vit-finetune"))
    qtbot.addWidget(made)
    made.resize(420, 500)
    with qtbot.waitActive(made):  # the focus goes to the active window
        made.show()
        made.activateWindow()
    return made


def write(qtbot: Any, panel: RecipePanel, name: str, text: str) -> None:
    control = panel.form.rows[name].editor.control
    control.setFocus()
    qtbot.keyClick(control, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(control, text)


def test_the_most_used_are_shown_and_the_others_unfold(panel: RecipePanel, qtbot: Any) -> None:
    rows = panel.form.rows
    shown = [name for name, row in rows.items() if row.editor.isVisible()]
    assert shown == ["data", "model", "epochs", "batch_size", "lr", "seed", "device", "precision", "out"]
    qtbot.mouseClick(panel.form.more, LEFT)
    assert all(row.editor.isVisible() and row.editor.control.toolTip() for row in rows.values())
    qtbot.mouseClick(panel.form.more, LEFT)
    qtbot.keyClicks(panel.form.search, "weight decay")
    assert [name for name, row in rows.items() if row.editor.isVisible()] == ["weight_decay"]


def test_without_a_recipe_nothing_can_be_done(qtbot: Any) -> None:
    panel = RecipePanel(PluginHost(), lambda error: pytest.fail(str(error)))
    qtbot.addWidget(panel)
    panel.show()
    for widget in (panel.load, panel.save, panel.start, panel.form.search):
        assert not widget.isEnabled()
    assert not panel.form.more.isVisible() and panel.form.more.window() is panel


def test_only_what_differs_is_given_and_start_hands_it_over(
    panel: RecipePanel, qtbot: Any, tmp_path: Path
) -> None:
    assert panel.form.given() == {}
    write(qtbot, panel, "data", "emoji-scenes")
    write(qtbot, panel, "out", str(tmp_path / "run"))
    write(qtbot, panel, "lr", "1e-3")
    write(qtbot, panel, "epochs", "7")
    qtbot.keyClick(panel.form.rows["precision"].editor.control, Qt.Key.Key_Down)
    panel.form.more.setChecked(True)
    qtbot.keyClick(panel.form.rows["pretrained"].editor.control, Qt.Key.Key_Space)
    write(qtbot, panel, "clip", "none")
    assert panel.form.given() == {
        "data": "emoji-scenes", "out": str(tmp_path / "run"), "lr": "1e-3", "epochs": 7, "precision": "bf16",
        "pretrained": False, "clip": "none",
    }  # fmt: skip
    with qtbot.waitSignal(panel.startRequested) as caught:
        qtbot.mouseClick(panel.start, LEFT)
    recipe, config = caught.args
    assert recipe == "vit-finetune"
    assert (config.lr, config.epochs, config.pretrained, config.clip) == (1e-3, 7, False, None)
    assert config.out == tmp_path / "run"


def test_what_is_impossible_is_marked_at_its_field_and_not_started(panel: RecipePanel, qtbot: Any) -> None:
    row = panel.form.rows["lr"]
    write(qtbot, panel, "lr", "-1")
    assert row.problem.isVisible() and row.problem.text() == "Input should be greater than 0"
    assert not panel.form.rows["data"].problem.isVisible()  # missing is no reproach before Start
    with qtbot.assertNotEmitted(panel.startRequested):
        qtbot.mouseClick(panel.start, LEFT)
    assert panel.form.rows["data"].problem.text() == "Must be given"
    assert panel.form.rows["data"].editor.control.hasFocus()
    write(qtbot, panel, "lr", "1")
    assert not row.problem.isVisible()
    write(qtbot, panel, "data", "x")
    write(qtbot, panel, "out", "y")
    panel.form.rows["accumulate"].editor.show_value(40)
    with qtbot.assertNotEmitted(panel.startRequested):
        qtbot.mouseClick(panel.start, LEFT)
    assert panel.form.rows["accumulate"].problem.isVisible()  # unfolded to be seen
    assert "is more than batch_size 32" in panel.form.rows["accumulate"].problem.text()


def test_a_preset_fills_its_options_and_default_takes_them_back(panel: RecipePanel, qtbot: Any) -> None:
    write(qtbot, panel, "data", "pets")
    panel.preset.setFocus()
    qtbot.keyClick(panel.preset, Qt.Key.Key_Down)
    given_ = panel.form.given()
    assert (given_["epochs"], given_["lr"], given_["fit"], given_["data"]) == (40, "1e-06", "squash", "pets")
    qtbot.keyClick(panel.preset, Qt.Key.Key_Up)
    assert panel.form.given() == {"data": "pets"}


def test_a_file_is_read_and_written(panel: RecipePanel, tmp_path: Path, problems: list[str]) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("data: d\nout: o\nlr: 1e-4\nepochs: 3\nflip: 2\n", encoding="utf-8")
    panel.load_file(path)
    assert panel.form.rows["flip"].problem.text() == "Input should be less than or equal to 1"
    panel.form.rows["flip"].editor.show_value(0.25)
    config = panel.form.config()
    assert config is not None
    path.write_text(config.to_yaml(), encoding="utf-8")
    panel.form.show_given({})
    panel.load_file(path)
    assert panel.form.config() == config and problems == []
    before = panel.form.given()
    for content, told in (("epoch: 3", "epochs"), ("- 1", "must have lines"), ("a: [", "no YAML")):
        path.write_text(content, encoding="utf-8")
        panel.load_file(path)
        assert told in problems[-1]
    assert panel.form.given() == before and len(problems) == 3


def test_another_recipe_keeps_what_both_have(panel: RecipePanel, qtbot: Any) -> None:
    write(qtbot, panel, "data", "scenes")
    write(qtbot, panel, "epochs", "3")
    panel.form.rows["flip"].editor.show_value(0.1)
    panel.recipe.setCurrentIndex(panel.recipe.findData("catr"))
    assert panel.form.given()["data"] == "scenes" and panel.form.given()["epochs"] == 3


def test_the_wheel_scrolls_past_a_number_without_changing_it(panel: RecipePanel, qtbot: Any) -> None:
    box = panel.form.rows["epochs"].editor.control
    panel.form.rows["data"].editor.control.setFocus()
    place = QPointF(box.rect().center())
    event = QWheelEvent(
        place, QPointF(box.mapToGlobal(place)), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, event)
    assert panel.form.given() == {}


# The chart


def curve(*points: tuple[int, float]) -> Curve:
    made = Curve()
    for step, value in points:
        made.add(step, value)
    return made


@pytest.fixture
def chart(qtbot: Any) -> Chart:
    made = Chart("Loss")
    qtbot.addWidget(made)
    made.resize(400, 200)
    made.show_curves({"loss": curve((1, 4.0), (50, 2.0), (100, 1.0)), "val_loss": curve((60, 2.5))}, 100)
    with qtbot.waitExposed(made):
        made.show()
    return made


def point_at(qtbot: Any, chart: Chart, place: QPoint, told: list[tuple[str, int, float]]) -> None:
    """Move the pointer until the chart tells this: a real display reports its true place at times."""

    def move() -> bool:
        qtbot.mouseMove(chart, place)
        return chart.readout() == told

    qtbot.waitUntil(move)


def test_the_values_under_the_pointer_are_those_of_the_nearest_steps(chart: Chart, qtbot: Any) -> None:
    assert chart.readout() == []
    axes = chart._axes()
    for step, wanted in ((2, (1, 4.0)), (49, (50, 2.0)), (99, (100, 1.0))):
        point_at(qtbot, chart, QPoint(round(axes.x(step)), 100), [("loss", *wanted), ("val_loss", 60, 2.5)])
    assert "loss 1, val_loss 2.5" in chart.accessibleDescription()


def test_a_curve_is_drawn_where_its_values_lie(chart: Chart) -> None:
    image, axes = chart.grab().toImage(), chart._axes()
    ratio = image.devicePixelRatio()
    for place, (step, value) in enumerate([(1, 4.0), (100, 1.0)]):
        pixel = image.pixelColor(round(axes.x(step) * ratio), round(axes.y(value) * ratio))
        assert pixel.blue() > pixel.red() + 60, place  # the first curve is blue
    assert axes.y(4.0) < axes.y(1.0) and axes.x(1) < axes.x(100)


def test_many_names_take_lines_and_never_leave_the_chart(chart: Chart) -> None:
    names = ("token_accuracy", "exact", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider")
    before = chart._axes().area.top()
    chart.show_curves({name: curve((1, 0.1 * i), (9, 0.5)) for i, name in enumerate(names)}, 9)
    places = chart._places()
    assert len({*places}) == len(names) and chart._axes().area.top() > before
    room = chart.fontMetrics().horizontalAdvance
    assert all(x + room(name) < chart.width() for (x, _), name in zip(places, names, strict=True))
    assert len({chart._colour(i).name() for i in range(len(names))}) == len(names)


def test_nothing_told_yet(qtbot: Any) -> None:
    made = Chart("Metrics", from_zero=True)
    qtbot.addWidget(made)
    made.show_curves({"accuracy": curve()}, 0)
    made.grab()
    made.show_curves({"accuracy": curve((5, 0.0))}, 0)  # all values are the same
    made.grab()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(1, 60))
def test_thinning_out_keeps_every_peak(values: list[float], width: int) -> None:
    steps = np.arange(len(values))
    kept_steps, kept = thin_out(steps, np.array(values), width)
    assert kept.min() == min(values) and kept.max() == max(values)
    assert len(kept) <= max(2 * width, 1) and list(kept_steps) == sorted({*kept_steps})
    assert all(values[step] == value for step, value in zip(kept_steps, kept, strict=True))

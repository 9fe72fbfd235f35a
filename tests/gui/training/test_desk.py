"""Training in the window, with real runs: started, paused, stopped, resumed, watched, left running, opened."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from tiny_training import events, run_here

from vizstudio.gui.training.closing import ClosingDialog
from vizstudio.gui.training.launch import _started, reap

pytestmark = pytest.mark.slow
LEFT = Qt.MouseButton.LeftButton
TIMEOUT = 120_000
EPOCHS = 40
TINY = {
    "model": "test_vit", "pretrained": False, "image_size": 48, "device": "cpu", "num_workers": 0, "batch_size": 8,
    "lr": 1e-3, "log_steps": 1, "probes": 2,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let runs add in the same order, and end those that a failing test leaves."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    for process in _started:
        process.kill()
        process.wait(60)
    reap()


@pytest.fixture
def dock(window: Any, images: Path, tmp_path: Path) -> Any:
    """The window with the dock open and a tiny run described in its form."""
    window.resize(1280, 900)
    window.training.show_dock()
    describe(window, images, tmp_path / "run")
    return window


def describe(window: Any, images: Path, out: Path, **more: Any) -> None:
    recipe = window.training.recipe
    recipe.recipe.setCurrentIndex(recipe.recipe.findData("vit-finetune"))
    options = {**TINY, "data": str(images), "out": str(out), "epochs": EPOCHS, **more}
    recipe.form.show_given(options)


@pytest.fixture
def reach(qtbot: Any) -> Callable[..., None]:
    """Wait until the run of a window has one of some statuses; one that fails ends the test with its last words."""

    def wait(window: Any, *statuses: str) -> None:
        def there() -> bool:
            state = window.training.runs.state
            if state is not None and state.status in ("failed", "lost") and state.status not in statuses:
                raise AssertionError(f"{state.status}: {state.problem}")
            return state is not None and state.status in statuses

        qtbot.waitUntil(there, timeout=TIMEOUT)

    return wait


def test_started_paused_stopped_and_resumed_it_ends_as_if_nothing_had_been(
    dock: Any, images: Path, tmp_path: Path, reach: Callable[..., None], qtbot: Any
) -> None:
    panel, training, out = dock.training.panel, dock.training, tmp_path / "run"
    qtbot.mouseClick(training.recipe.start, LEFT)
    reach(dock, "starting")
    assert "starting" in panel.title.text() and panel.stop.isVisible() and not panel.hold.isVisible()
    reach(dock, "running")
    qtbot.mouseClick(panel.hold, LEFT)
    reach(dock, "held")
    assert panel.hold.text() == "Go on" and "paused" in panel.title.text()
    training.runs.poll()
    told = len(events(out))
    qtbot.wait(300)
    assert len(events(out)) == told  # it waits indeed
    qtbot.mouseClick(panel.hold, LEFT)
    reach(dock, "running")
    qtbot.waitUntil(lambda: training.runs.log.step > 2, timeout=TIMEOUT)
    qtbot.mouseClick(panel.stop, LEFT)
    reach(dock, "stopped")
    assert not (out / "stop").exists()
    step = events(out, "stopped")[0]["step"]
    assert 0 < step < 5 * EPOCHS and (out / f"state/{step:09d}.safetensors").exists()
    assert f"stopped and saved after step {step}" in panel.lines.toPlainText()
    qtbot.mouseClick(panel.resume, LEFT)
    reach(dock, "finished")
    assert not panel.resume.isVisible() and not panel.stop.isVisible()
    whole = tmp_path / "whole"
    options = [f"--{n.replace('_', '-')}={v}" for n, v in TINY.items() if n != "pretrained"]
    done = run_here("--data", images, "--out", whole, "--epochs", str(EPOCHS), "--no-pretrained", *options)
    assert done.returncode == 0, done.stderr
    for name in ("last.safetensors", "best.safetensors"):
        assert tensors(out / name) == tensors(whole / name)
    assert training.runs.log.steps["loss"].values == [e["loss"] for e in events(whole, "step")]


def tensors(path: Path) -> dict[str, bytes]:
    from safetensors.numpy import load_file

    return {name: value.tobytes() for name, value in load_file(path).items()}


def test_curves_and_timeline_grow_while_it_runs_and_a_checkpoint_opens_in_the_studio(
    dock: Any, photo: Path, reach: Callable[..., None], settle: Callable[[Any], None], qtbot: Any
) -> None:
    training, panel, view = dock.training, dock.training.panel, dock.training.page.view
    describe(dock, *[Path(training.recipe.form.given()[n]) for n in ("data", "out")], epochs=6)
    assert not dock.tabs.isTabVisible(training.tab)
    qtbot.mouseClick(training.recipe.start, LEFT)
    reach(dock, "running")
    qtbot.waitUntil(lambda: training.runs.log.step >= 5, timeout=TIMEOUT)
    axes = panel.loss._axes()

    def is_told() -> bool:
        qtbot.mouseMove(panel.loss, QPoint(round(axes.x(3)), 60))
        return panel.loss.readout() != []

    qtbot.waitUntil(is_told, timeout=TIMEOUT)
    name, step, value = panel.loss.readout()[0]
    log = training.runs.log.steps["loss"]
    assert (name, step) == ("loss", 3) and value == log.values[log.steps.index(3)]
    qtbot.waitUntil(lambda: dock.tabs.isTabVisible(training.tab), timeout=TIMEOUT)
    reach(dock, "finished")
    qtbot.mouseClick(panel.timeline, LEFT)
    qtbot.waitUntil(
        lambda: training.timeline.frame is not None and training.timeline.frame.epoch == 6, timeout=TIMEOUT
    )
    assert view.isVisible() and view.slider.maximum() == 6 and view.slider.hasFocus()
    assert view.place.text().startswith("Epoch 6 · loss ")
    seen = []
    for _ in range(6):
        qtbot.keyClick(view.slider, Qt.Key.Key_Left)
        at = view.slider.value()
        qtbot.waitUntil(lambda at=at: training.timeline.frame.epoch == at, timeout=TIMEOUT)
        seen.append(training.timeline.frame.heatmap.values.tobytes())
    assert view.place.text() == "Before training" and len({*seen}) == 6  # it learnt in every epoch
    assert view.picture.photo.isVisible() and view.guesses.text()
    qtbot.keyClick(view.slider, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: view.playing, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: not view.playing and training.timeline.frame.epoch == 6, timeout=TIMEOUT)
    assert [a.text() for a in panel.menu.actions()] == ["Best so far", "Last saved"]
    panel.menu.actions()[1].trigger()
    assert dock.centre.currentWidget() is dock.start
    assert dock.controller.choice.checkpoint.name == "last.safetensors"
    dock.controller.open_image(photo)
    settle(dock)
    shown = dock.controller._snapshot.result
    assert shown.info.model_id == "vit:test_vit" and shown.info.weights == "checkpoint"
    assert {p.label for p in shown.analysis.predictions} == {"blue", "green", "red"}
    assert not dock.banner.isVisible()


def test_a_run_that_cannot_begin_says_why_and_the_form_stays(
    dock: Any, tmp_path: Path, reach: Callable[..., None], qtbot: Any
) -> None:
    describe(dock, tmp_path / "nowhere", tmp_path / "run")
    qtbot.mouseClick(dock.training.recipe.start, LEFT)
    reach(dock, "failed")
    assert "no folder" in dock.training.panel.problem.text() and dock.training.panel.problem.isVisible()
    assert "Traceback" not in dock.training.panel.problem.text()
    assert not dock.training.panel.resume.isVisible()
    assert dock.training.recipe.form.given()["data"] == str(tmp_path / "nowhere")


def dialog_of(window: Any, qtbot: Any) -> ClosingDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(ClosingDialog)), timeout=TIMEOUT)
    dialog: ClosingDialog = window.findChildren(ClosingDialog)[0]
    return dialog


def test_closing_asks_and_a_run_that_is_left_is_found_again(
    dock: Any, host: Any, tmp_path: Path, reach: Callable[..., None], qtbot: Any
) -> None:
    from vizstudio.gui.main_window import MainWindow

    qtbot.mouseClick(dock.training.recipe.start, LEFT)
    reach(dock, "running")
    dock.close()
    dialog = dialog_of(dock, qtbot)
    assert dock.isVisible() and str(tmp_path) in dialog.text()
    qtbot.mouseClick(dialog.keep, LEFT)
    qtbot.waitUntil(lambda: not dock.findChildren(ClosingDialog), timeout=TIMEOUT)
    assert dock.isVisible() and dock.training.runs.state.alive
    dock.close()
    qtbot.mouseClick(dialog_of(dock, qtbot).leave, LEFT)
    qtbot.waitUntil(lambda: not dock.isVisible(), timeout=TIMEOUT)
    assert not dock.training.timer.isActive()
    told = len(events(tmp_path / "run"))
    qtbot.waitUntil(lambda: len(events(tmp_path / "run")) > told, timeout=TIMEOUT)  # without any window
    following = MainWindow(host, "cpu")
    qtbot.addWidget(following)
    following.show()
    following.training.find_again()
    assert following.training.dock.isVisible() and following.training.runs.state.status == "running"
    following.close()
    qtbot.mouseClick(dialog_of(following, qtbot).stop, LEFT)
    qtbot.waitUntil(lambda: not following.isVisible(), timeout=TIMEOUT)
    qtbot.waitUntil(lambda: bool(events(tmp_path / "run", "stopped")), timeout=TIMEOUT)  # it saved by itself


def test_any_runs_folder_can_be_watched_and_a_finished_one_does_not_keep_the_window(
    dock: Any, images: Path, tmp_path: Path, qtbot: Any
) -> None:
    out = tmp_path / "elsewhere"
    options = [f"--{n.replace('_', '-')}={v}" for n, v in TINY.items() if n != "pretrained"]
    assert (
        run_here("--data", images, "--out", out, "--epochs", "2", "--no-pretrained", *options).returncode == 0
    )
    dock.training.open_run(out)
    panel = dock.training.panel
    assert "finished" in panel.title.text() and panel.progress.value() == panel.progress.maximum()
    assert "2 of 2 epochs done · step 10 of 10" in panel.place.text()
    assert panel.metrics.accessibleDescription().startswith("accuracy ")
    assert dock.tabs.isTabVisible(dock.training.tab)
    dock.training.open_run(tmp_path)
    from vizstudio.gui.dialogs.error import ErrorDialog

    dialog = dock.findChildren(ErrorDialog)[0]
    assert "holds no run" in dialog.sentence.text()
    dialog.close()
    assert "finished" in panel.title.text()
    dock.close()
    assert not dock.isVisible()


def test_the_dock_opens_and_closes_by_key_and_everything_in_it_has_a_name(
    window: Any, write_snapshots: Callable[..., None], tmp_path: Path, qtbot: Any
) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(window, Qt.Key.Key_T, control)
    assert window.training.dock.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_T, control)
    assert not window.training.dock.isVisible()
    write_snapshots(tmp_path, ["writer", "writer"])
    told = '{"event": "start", "step": 0}\n{"event": "epoch", "step": 1, "epoch": 1, "loss": 0.5, "val_loss": 0.25}\n'
    (tmp_path / "events.jsonl").write_text(told, encoding="utf-8")
    window.training.open_run(tmp_path)
    qtbot.keyClick(window, Qt.Key.Key_7, control)
    view = window.training.page.view
    qtbot.waitUntil(lambda: view.strip.isVisible() and view.strip.count() > 2, timeout=TIMEOUT)
    assert view.place.text() == "Epoch 1 · loss 0.5  val loss 0.25"
    window.training.recipe.form.more.setChecked(True)
    tabbed = Qt.FocusPolicy.TabFocus.value
    widgets = [w for w in window.findChildren(QWidget) if w.focusPolicy().value & tabbed and w.isVisible()]
    own = [w for w in widgets if w.focusProxy() is None and w.objectName() != "qt_spinbox_lineedit"]
    unnamed = [w for w in own if not w.accessibleName() and not getattr(w, "text", str)()]
    assert len(own) > 40 and unnamed == []


def test_a_word_is_chosen_by_mouse_and_its_map_shown(
    window: Any, write_snapshots: Callable[..., None], tmp_path: Path, qtbot: Any
) -> None:
    write_snapshots(tmp_path, ["writer", "writer"])
    (tmp_path / "events.jsonl").write_text('{"event": "start", "step": 0}\n', encoding="utf-8")
    window.training.open_run(tmp_path)
    window.training.show_timeline()
    view, timeline = window.training.page.view, window.training.timeline
    qtbot.waitUntil(lambda: view.strip.isVisible() and view.strip.count() > 2, timeout=TIMEOUT)
    place = view.strip.visualItemRect(view.strip.item(1)).center()
    qtbot.mouseClick(view.strip.viewport(), LEFT, pos=place)
    qtbot.waitUntil(lambda: timeline.frame.state.view == "step", timeout=TIMEOUT)
    word = timeline.frame.analysis.caption.words[1]
    assert timeline.frame.state.word == 1 and f"wrote “{word.text}”" in view.picture.heading.text()
    assert (timeline.frame.heatmap.values == word.heatmap(-1, "mean").values).all()
    view.common.setFocus()
    qtbot.keyClick(view.common, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: timeline.frame.span[1] == word.heatmap(-1, "mean").values.max(), timeout=TIMEOUT)


def test_a_long_run_is_read_while_the_window_answers(window: Any, qtbot: Any, tmp_path: Path) -> None:
    told = [{"event": "step", "step": i, "loss": 1 / i, "filler": "x" * 400} for i in range(1, 20_001)]
    all_told = [{"event": "start", "step": 0, "steps": 20_000}, *told, {"event": "end", "step": 20_000}]
    lines = "".join(json.dumps(event) + "\n" for event in all_told)
    (tmp_path / "events.jsonl").write_text(lines, encoding="utf-8")
    training, name = window.training, "/".join(tmp_path.resolve().parts[-2:])
    training.open_run(tmp_path)
    assert training.runs.state is None and training.panel.parts.isHidden()
    qtbot.waitUntil(lambda: training.panel.title.text().startswith(f"{name} · reading "), timeout=TIMEOUT)
    qtbot.keyClick(training.recipe.form.search, "w")
    assert training.recipe.form.search.text() == "w" and training.runs.state is None
    qtbot.waitUntil(lambda: training.runs.state is not None, timeout=TIMEOUT)
    assert training.panel.title.text() == f"{name} · finished" and training.panel.parts.isVisible()
    assert training.panel.loss.readout() == [] and training.panel.progress.value() == 1000
    assert training.timer.interval() > 0

"""The controller alone: no Qt, a view and two workers that do what the test says."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vizstudio.core.context import RunContext
from vizstudio.core.errors import Cancelled, ImageError, ModelError, PluginError
from vizstudio.core.maps import attention_heatmap
from vizstudio.gui.snapshot import ModelChoice, Snapshot

SMALL, OTHER = ModelChoice("fake:small", device="cpu"), ModelChoice("fake:other", device="cpu")


@pytest.fixture
def ready(desk: Any, photo: Path) -> Any:
    """A controller that shows the photo analysed by fake:small."""
    desk.controller.choose_model(SMALL)
    desk.controller.open_image(photo)
    desk.finish()
    desk.view.reset_mock()
    return desk


def expected(snapshot: Snapshot, **asked: Any) -> np.ndarray:
    return attention_heatmap(snapshot.result.analysis.attention, **asked).values


def test_the_controller_needs_no_qt() -> None:
    code = (
        "import sys, vizstudio.gui.controller; sys.exit('PySide6' in sys.modules or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_runs_before_there_are_a_photo_and_a_model(desk: Any, photo: Path) -> None:
    desk.controller.open_image(photo)
    assert not desk.jobs.jobs
    desk.view.show_sources.assert_called_with(photo, None)
    desk.controller.choose_model(SMALL)
    assert len(desk.jobs.jobs) == 1
    desk.view.show_busy.assert_called_once_with("", 0.0)


def test_a_run_ends_in_a_shown_map(desk: Any, photo: Path) -> None:
    desk.controller.choose_model(SMALL)
    desk.controller.open_image(photo)
    result = desk.finish()
    snapshot, is_new = desk.view.show_snapshot.call_args.args
    assert is_new and snapshot.result is result and snapshot.state.layer == 2
    np.testing.assert_array_equal(snapshot.heatmap.values, expected(snapshot))
    desk.view.show_done.assert_called_once_with(result)
    names = [call[0] for call in desk.view.mock_calls]
    assert names.index("show_controls") < names.index("show_snapshot") < names.index("show_done")


def test_a_model_is_loaded_once(ready: Any, photo: Path, fake: ModuleType) -> None:
    ready.controller.open_image(photo)
    ready.finish()
    assert [name for name, _ in fake.loads] == ["small"]
    ready.controller.choose_model(replace(SMALL, pretrained=True))
    ready.finish()
    assert [request.pretrained for _, request in fake.loads] == [False, True]


def test_a_stale_result_never_lands(ready: Any, photo: Path) -> None:
    ready.controller.choose_model(OTHER)
    late = ready.jobs.run(2)
    ready.controller.open_image(photo)
    ready.controller.runs.on_progress(2, 0.5, "late")
    ready.controller.runs.on_finished(2, late)
    ready.controller.runs.on_failed(2, ModelError("late"), "")
    ready.controller.runs.on_stopped(2)
    assert len(ready.maps.jobs) == 1  # no map of the late result is asked for
    ready.view.show_snapshot.assert_not_called()
    ready.view.show_failed.assert_not_called()
    ready.view.show_cancelled.assert_not_called()
    assert ready.finish().choice == OTHER
    ready.view.show_done.assert_called_once()


def test_a_stale_map_never_lands(ready: Any) -> None:
    ready.controller.change(layer=0)
    late = ready.maps.run(2)
    ready.controller.change(layer=1)
    ready.controller.maps.on_finished(2, late)
    ready.view.show_snapshot.assert_not_called()
    ready.finish_map()
    assert ready.shown().state.layer == 1
    np.testing.assert_array_equal(ready.shown().heatmap.values, expected(ready.shown(), layer=1))


def test_a_map_of_the_old_result_does_not_land_on_the_new_one(ready: Any) -> None:
    ready.controller.change(layer=0)
    old = ready.maps.run(2)
    ready.controller.choose_model(OTHER)
    ready.controller.runs.on_finished(2, ready.jobs.run(2))
    ready.controller.maps.on_finished(2, old)
    ready.view.show_snapshot.assert_not_called()
    ready.finish_map()
    assert ready.shown().result.choice == OTHER and ready.shown().state.layer == 0


def test_looks_change_at_once_without_a_map(ready: Any) -> None:
    ready.controller.change(opacity=0.2, colormap="magma", smooth=True)
    assert len(ready.maps.jobs) == 1
    shown = ready.shown()
    assert (shown.state.opacity, shown.state.colormap, shown.state.smooth) == (0.2, "magma", True)
    assert ready.view.show_snapshot.call_args.args[1] is False


def test_a_map_arrives_with_the_looks_of_now(ready: Any) -> None:
    ready.controller.change(layer=0)
    ready.controller.change(opacity=0.1)
    ready.finish_map()
    assert ready.shown().state.layer == 0 and ready.shown().state.opacity == 0.1


def test_going_back_to_what_is_shown_drops_the_map_under_way(ready: Any) -> None:
    ready.controller.change(layer=0)
    late = ready.maps.run(2)
    ready.controller.change(layer=2)
    assert ready.maps.cancelled == 1
    ready.controller.maps.on_finished(2, late)
    assert ready.shown().state.layer == 2


def test_the_controls_follow_what_is_asked_not_what_is_shown(ready: Any) -> None:
    ready.controller.change(layer=0)
    assert ready.view.show_controls.call_args.args[1].layer == 0
    ready.controller.change(opacity=0.3)
    assert ready.view.show_controls.call_args.args[1].layer == 0


@pytest.mark.parametrize(
    ("start", "step", "end"),
    [
        ("cls", (0, 1), (2, 3)),
        ((1, 1), (-1, 0), (0, 1)),
        ((0, 1), (-1, 0), (0, 1)),
        ((3, 5), (1, 0), (3, 5)),
        ((3, 5), (0, 1), (3, 5)),
        ((3, 5), (0, -1), (3, 4)),
    ],
)
def test_the_query_moves_within_the_grid(ready: Any, start: Any, step: Any, end: Any) -> None:
    ready.controller.change(query=start)
    ready.controller.move_query(*step)
    assert ready.controller.state.query == end
    ready.finish_map()
    np.testing.assert_array_equal(ready.shown().heatmap.values, expected(ready.shown(), query=end))


def test_before_a_result_changes_are_only_remembered(desk: Any, photo: Path) -> None:
    desk.controller.change(layer=1)
    desk.controller.move_query(1, 0)
    assert not desk.maps.jobs
    desk.controller.choose_model(SMALL)
    desk.controller.open_image(photo)
    desk.finish()
    assert desk.shown().state.layer == 1


def test_an_unreadable_image_is_told_and_forgotten(ready: Any, photo: Path, tmp_path: Path) -> None:
    ready.controller.open_image(tmp_path / "none.png")
    with pytest.raises(ImageError) as caught:
        ready.jobs.run(2)
    ready.controller.runs.on_failed(2, caught.value, "trace")
    ready.view.show_failed.assert_called_once_with(str(caught.value), "trace", False)
    assert ready.controller.image == photo
    ready.controller.choose_model(OTHER)
    assert ready.finish().image.path == photo


def test_a_bug_is_called_a_bug(ready: Any) -> None:
    ready.controller.choose_model(ModelChoice("fake:broken", device="cpu"))
    with pytest.raises(PluginError, match="a fuse blew") as caught:
        ready.jobs.run(2)
    ready.controller.runs.on_failed(2, caught.value, "trace")
    ready.view.show_failed.assert_called_once_with(str(caught.value), "trace", True)


def test_a_choice_that_failed_can_be_tried_again(ready: Any) -> None:
    refused = ModelChoice("fake:refused", device="cpu")
    ready.controller.choose_model(refused)
    ready.controller.choose_model(refused)
    assert len(ready.jobs.jobs) == 2  # the second is the same wish
    ready.controller.runs.on_failed(2, ModelError("no"), "")
    ready.controller.choose_model(refused)
    assert len(ready.jobs.jobs) == 3


def test_choosing_what_is_shown_does_nothing(ready: Any) -> None:
    ready.controller.choose_model(SMALL)
    assert len(ready.jobs.jobs) == 1


def test_weights_that_were_overwritten_are_other_weights(
    ready: Any, fake: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "best.safetensors"
    file.write_bytes(b"first")
    choice = ModelChoice("fake:small", file, device="cpu")
    ready.controller.choose_model(choice)
    ready.finish()
    ready.controller.choose_model(choice)
    assert len(ready.jobs.jobs) == 2  # nothing has changed
    loads, first = len(fake.loads), ready.controller.shown.result
    file.write_bytes(b"trained on")
    ready.controller.choose_model(choice)
    ready.controller.choose_model(choice)
    assert len(ready.jobs.jobs) == 3  # the second is the same wish
    file.write_bytes(b"trained on and on")
    ready.controller.choose_model(choice)
    assert len(ready.jobs.jobs) == 4  # what runs might have read the file as it was
    ready.finish()
    assert len(fake.loads) == loads + 1 and ready.controller.shown.result is not first
    ready.controller.choose_model(choice)
    assert len(ready.jobs.jobs) == 4


def test_weights_that_are_written_while_a_run_begins_are_read_when_chosen_again(
    ready: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "last.safetensors"
    file.write_bytes(b"first")
    choice = ModelChoice("fake:small", file, device="cpu")
    take = ready.controller.shelf.take

    def written_meanwhile(*given: Any) -> Any:
        model = take(*given)
        file.write_bytes(b"second time")
        return model

    monkeypatch.setattr(ready.controller.shelf, "take", written_meanwhile)
    ready.controller.choose_model(choice)
    ready.finish()
    ready.controller.choose_model(choice)
    assert len(ready.jobs.jobs) == 3


def test_cancelling(ready: Any) -> None:
    ready.controller.choose_model(OTHER)
    ready.controller.cancel()
    assert ready.jobs.cancelled == 1
    ready.controller.runs.on_stopped(2)
    ready.view.show_cancelled.assert_called_once_with()
    ready.controller.change(layer=1)
    ready.finish_map()
    assert ready.shown().result.choice == SMALL


def test_a_cancelled_job_ends_where_it_looks(ready: Any) -> None:
    ready.controller.choose_model(OTHER)
    context = RunContext()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        ready.jobs.jobs[1](context)


def test_a_map_waits_for_the_model_and_can_be_cancelled_meanwhile(ready: Any) -> None:
    ready.controller.change(layer=0)
    context = RunContext()
    context.cancel_event.set()
    with ready.controller.shelf.in_use, pytest.raises(Cancelled):
        ready.maps.jobs[1](context)
    assert isinstance(ready.maps.run(2), Snapshot)


def test_a_map_that_fails_is_told(ready: Any) -> None:
    ready.controller.change(layer=0)
    ready.controller.maps.on_failed(2, ValueError("odd"), "trace")
    ready.view.show_failed.assert_called_once_with("ValueError: odd", "trace", True)


def test_a_map_that_cannot_be_truthful_says_why(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vizstudio.core.errors import AttentionError

    attention = ready.controller._result.analysis.attention

    def refuse(*_: Any) -> np.ndarray:
        raise AttentionError("weights differ")

    monkeypatch.setattr(attention, "weights", refuse)
    ready.controller.change(layer=0)
    ready.finish_map()
    assert ready.shown().heatmap is None and ready.shown().problem == "weights differ"

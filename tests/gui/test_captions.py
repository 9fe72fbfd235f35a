"""The controller of captions alone: no Qt, views and workers that do what the test says."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vizstudio.core.caption import CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.errors import AttentionError, Cancelled, UsageError
from vizstudio.gui.snapshot import ModelChoice

WRITER, SMALL = ModelChoice("fake:writer", device="cpu"), ModelChoice("fake:small", device="cpu")


def shown(desk: Any) -> Any:
    return desk.captions_view.show_caption.call_args.args[0]


def texts(desk: Any) -> list[str]:
    return [branch.caption.text for branch in desk.controller.captions.tree.branches]


def finish_branch(desk: Any) -> None:
    """Run the newest job, and the maps of what it wrote."""
    number = len(desk.jobs.jobs)
    desk.controller.runs.on_finished(number, desk.jobs.run(number))
    desk.finish_words()


@pytest.fixture
def ready(desk: Any, photo: Path) -> Any:
    """A controller that shows the photo captioned by fake:writer."""
    desk.controller.choose_model(WRITER)
    desk.controller.open_image(photo)
    desk.finish()
    desk.finish_words()
    desk.captions_view.reset_mock()
    return desk


def test_a_caption_comes_with_its_first_word_in_view(desk: Any, photo: Path) -> None:
    desk.controller.choose_model(WRITER)
    desk.controller.open_image(photo)
    result = desk.finish()
    desk.captions_view.show_caption.assert_not_called()
    desk.finish_words()
    snapshot, is_new = desk.captions_view.show_caption.call_args.args
    assert is_new and snapshot.result is result and snapshot.at == 0
    assert [unit.text for unit in snapshot.units] == ["a", "bicycle", "on", "a", "mat", "[SEP]"]
    assert (snapshot.state.layer, snapshot.state.head) == (1, "mean")  # of the decoder, not of the encoder
    assert result.analysis.attention.layers[0].name == "blocks.0.attn"


def test_a_model_without_captions_has_none(ready: Any) -> None:
    ready.controller.choose_model(SMALL)
    ready.finish()
    ready.captions_view.show_caption.assert_called_once_with(None, True)
    ready.controller.captions.move(1)
    ready.controller.captions.change(layer=0)
    assert len(ready.words.jobs) == 1 and ready.captions_view.show_caption.call_count == 1


@pytest.mark.parametrize("unit", range(6))
def test_the_map_of_a_word_is_that_of_the_steps_that_wrote_it(ready: Any, unit: int) -> None:
    ready.controller.captions.jump(unit)
    steps = ready.controller._result.analysis.caption.steps
    own = {0: steps[:1], 1: steps[1:3]}.get(unit, steps[unit + 1 : unit + 2])
    expected = np.mean([step.cross.matrices[1, :, 0].mean(0) for step in own], axis=0)
    np.testing.assert_allclose(shown(ready).heatmap.values.ravel(), expected, rtol=1e-5)
    assert len(ready.words.jobs) == 1  # all words came at once: stepping computes nothing


def test_stepping_stops_at_both_ends(ready: Any) -> None:
    captions, seen = ready.controller.captions, []
    for by in (-1, 1, 1, 1, 1, 1, 1, 1, -1):
        captions.move(by)
        seen.append(shown(ready).at)
    assert seen == [0, 1, 2, 3, 4, 5, 5, 5, 4]


def test_pieces_are_stepped_one_by_one_and_the_place_is_kept(ready: Any) -> None:
    captions = ready.controller.captions
    captions.jump(1)
    captions.change(pieces=True)
    ready.finish_words()
    assert [unit.text for unit in shown(ready).units][1:3] == ["bi", "cycle"]
    captions.move(1)
    assert shown(ready).unit.text == "cycle"
    step = ready.controller._result.analysis.caption.steps[2]
    np.testing.assert_allclose(
        shown(ready).heatmap.values.ravel(), step.cross.matrices[1, :, 0].mean(0), rtol=1e-5
    )
    captions.change(pieces=False)
    assert shown(ready).unit.text == "bicycle" and shown(ready).at == 1


def test_layer_and_head_are_clamped_to_the_decoders(ready: Any) -> None:
    ready.controller.captions.change(layer=7, head=9)
    ready.finish_words()
    assert (shown(ready).state.layer, shown(ready).state.head) == (1, 2)
    step = ready.controller._result.analysis.caption.steps[0]
    np.testing.assert_array_equal(shown(ready).heatmap.values.ravel(), step.cross.matrices[1, 2, 0])


def test_maps_that_arrive_late_never_land(ready: Any) -> None:
    captions = ready.controller.captions
    captions.change(layer=0)
    late = ready.words.run(2)
    captions.change(head=1)
    ready.controller.captions.words.on_finished(2, late)
    ready.captions_view.show_caption.assert_not_called()
    ready.finish_words()
    assert (shown(ready).state.layer, shown(ready).state.head) == (0, 1)


def test_going_back_to_known_maps_computes_nothing(ready: Any) -> None:
    captions = ready.controller.captions
    captions.change(layer=0)
    ready.finish_words()
    captions.change(layer=1)
    assert len(ready.words.jobs) == 2 and shown(ready).state.layer == 1


def test_new_colours_reach_the_caption(ready: Any) -> None:
    ready.controller.change(colormap="magma", opacity=0.2)
    assert (shown(ready).looks.colormap, shown(ready).looks.opacity) == ("magma", 0.2)
    assert len(ready.words.jobs) == 1


def test_a_branch_takes_the_right_token_at_the_right_step(ready: Any, fake: ModuleType) -> None:
    captions = ready.controller.captions
    steps = captions.tree.current.caption.steps
    captions.branch(4, 2)
    assert fake.continuations == []
    finish_branch(ready)
    taken = steps[4].alternatives[2]
    assert fake.continuations == [(*(s.token_id for s in steps[:4]), taken.token_id)]
    snapshot = shown(ready)
    assert snapshot.tree.shown == 1 and snapshot.step.index == 4
    assert snapshot.caption.steps[4].token_id == taken.token_id != steps[4].token_id
    ready.captions_view.show_written.assert_called_once_with()


def test_the_token_that_was_written_is_no_branch(ready: Any) -> None:
    captions = ready.controller.captions
    for step in captions.tree.current.caption.steps:
        written = [a.token_id for a in step.alternatives].index(step.token_id)
        captions.branch(step.index, written)
    assert len(ready.jobs.jobs) == 1


def test_a_branch_hangs_where_it_left_and_is_not_written_twice(ready: Any, fake: ModuleType) -> None:
    captions = ready.controller.captions
    captions.branch(3, 1)
    finish_branch(ready)
    captions.branch(3, 2)  # of the branch, but at the same place: a sibling
    finish_branch(ready)
    captions.branch(5, 1)  # later: a child of the branch
    finish_branch(ready)
    assert [(b.parent, b.step) for b in captions.tree.branches] == [(None, None), (0, 3), (0, 3), (2, 5)]
    calls = len(fake.continuations)
    captions.branch(3, 1)
    assert captions.tree.shown == 1
    captions.branch(3, 0)  # what the first caption wrote there
    assert captions.tree.shown == 0
    assert len(fake.continuations) == calls and len(ready.jobs.jobs) == calls + 1
    assert len(set(texts(ready))) == 4


def test_the_tree_restores_a_caption_with_its_maps(ready: Any) -> None:
    captions = ready.controller.captions
    captions.jump(2)
    first = shown(ready)
    captions.branch(4, 1)
    finish_branch(ready)
    jobs = len(ready.jobs.jobs), len(ready.words.jobs)
    captions.select(0)
    assert shown(ready).caption is first.caption
    captions.jump(2)
    assert shown(ready).heatmap is first.heatmap
    captions.select(1)
    assert shown(ready).step.index == 4 and shown(ready).tree.shown == 1
    assert (len(ready.jobs.jobs), len(ready.words.jobs)) == jobs


def test_a_stale_branch_is_dropped(ready: Any) -> None:
    captions = ready.controller.captions
    captions.branch(1, 1)
    late = ready.jobs.run(2)
    captions.branch(1, 2)
    ready.controller.runs.on_finished(2, late)
    assert len(captions.tree.branches) == 1
    ready.captions_view.show_written.assert_not_called()
    finish_branch(ready)
    assert len(captions.tree.branches) == 2
    assert captions.tree.current.caption.steps[1].token_id == captions.tree.branches[0].caption.steps[
        1
    ].alternatives[2].token_id  # fmt: skip


def test_a_branch_that_ends_after_another_caption_was_chosen_is_kept_but_not_shown(ready: Any) -> None:
    captions = ready.controller.captions
    captions.branch(1, 1)
    finish_branch(ready)
    captions.branch(5, 1)
    captions.select(0)
    number = len(ready.jobs.jobs)
    ready.controller.runs.on_finished(number, ready.jobs.run(number))
    assert captions.tree.shown == 0 and len(captions.tree.branches) == 3
    assert shown(ready).tree is captions.tree


def test_a_new_photo_starts_a_new_tree_and_drops_the_branch_under_way(ready: Any, photo: Path) -> None:
    captions = ready.controller.captions
    captions.branch(1, 1)
    finish_branch(ready)
    captions.jump(3)
    ready.controller.open_image(photo)
    number = len(ready.jobs.jobs)
    ready.controller.runs.on_finished(number, ready.jobs.run(number))
    captions.branch(1, 2)  # of the old caption, before the map of the new photo is there
    late = len(ready.jobs.jobs)
    analysis = ready.jobs.run(late)
    ready.finish_map()
    ready.controller.runs.on_finished(late, analysis)
    ready.finish_words()
    assert len(captions.tree.branches) == 1 and shown(ready).at == 0
    ready.view.show_done.assert_called_with(ready.controller._result)


def test_what_is_clicked_in_the_captions_of_the_photo_before_is_not_done_to_the_new_one(
    ready: Any, photos: Path
) -> None:
    captions = ready.controller.captions
    captions.branch(1, 2)
    finish_branch(ready)
    ready.controller.open_image(photos / "coffee.jpg")
    ready.finish()  # the new caption is there, but what is seen are still the captions of the photo before
    asked, jobs = captions.state, len(ready.jobs.jobs)
    captions.select(1)
    captions.jump(3)
    captions.branch(0, 1)
    assert (captions.state, captions.tree.shown, len(ready.jobs.jobs)) == (asked, 0, jobs)
    ready.finish_words()
    captions.jump(3)
    assert captions.state.step == shown(ready).units[3].steps[0].index


def test_alternatives_of_another_caption_are_not_taken(ready: Any) -> None:
    captions = ready.controller.captions
    captions.branch(1, 2)
    finish_branch(ready)
    captions._maps.clear()
    captions.select(0)  # what is seen is still the branch
    jobs = len(ready.jobs.jobs)
    captions.branch(2, 1)
    assert len(ready.jobs.jobs) == jobs
    ready.finish_words()
    captions.branch(2, 1)
    assert len(ready.jobs.jobs) == jobs + 1


def test_another_model_starts_a_new_tree(ready: Any) -> None:
    captions = ready.controller.captions
    captions.branch(1, 1)
    finish_branch(ready)
    ready.controller.choose_model(ModelChoice("fake:slow_writer", device="cpu"))
    ready.finish()
    ready.finish_words()
    assert len(captions.tree.branches) == 1
    assert captions.tree.current.analysis.model_id == "fake:slow_writer"


def test_a_photo_asked_for_wins_over_a_branch_and_the_other_way_round(ready: Any, photo: Path) -> None:
    captions = ready.controller.captions
    captions.branch(1, 1)
    late = ready.jobs.run(2)
    ready.controller.open_image(photo)
    ready.controller.runs.on_finished(2, late)
    ready.controller.runs.on_stopped(2)
    assert len(captions.tree.branches) == 1
    ready.view.show_cancelled.assert_not_called()
    captions.branch(1, 1)
    ready.controller.runs.on_finished(3, None)
    finish_branch(ready)
    assert len(captions.tree.branches) == 2
    ready.controller.choose_model(WRITER)  # what is shown already
    assert len(ready.jobs.jobs) == 4


def test_cancelling_a_branch(ready: Any) -> None:
    captions = ready.controller.captions
    captions.branch(1, 1)
    ready.controller.cancel()
    assert ready.jobs.cancelled == 1
    ready.controller.runs.on_stopped(2)
    ready.view.show_cancelled.assert_called_once_with()
    assert len(captions.tree.branches) == 1


def test_a_branch_is_cancelled_where_it_looks(desk: Any, photo: Path) -> None:
    desk.controller.choose_model(ModelChoice("fake:slow_writer", device="cpu"))
    desk.controller.open_image(photo)
    desk.finish()
    desk.finish_words()
    desk.controller.captions.branch(1, 1)
    context = RunContext()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        desk.jobs.jobs[1](context)


def test_a_branch_that_fails_is_told(desk: Any, photo: Path) -> None:
    desk.controller.choose_model(ModelChoice("fake:mute_writer", device="cpu"))
    desk.controller.open_image(photo)
    desk.finish()
    desk.finish_words()
    desk.controller.captions.branch(1, 1)
    with pytest.raises(UsageError, match="cannot be continued") as caught:
        desk.jobs.run(2)
    desk.controller.runs.on_failed(2, caught.value, "trace")
    desk.view.show_failed.assert_called_once_with(str(caught.value), "trace", False)


def test_writing_anew_adds_to_the_tree_with_every_beam(ready: Any) -> None:
    captions = ready.controller.captions
    captions.jump(2)
    request = CaptionRequest(beams=3, prefix="a red", max_tokens=6)
    captions.write(request)
    finish_branch(ready)
    made = captions.tree.branches[1:]
    assert [(b.parent, b.beam, b.request) for b in made] == [(None, 0, request), (1, 1, None), (1, 2, None)]
    assert captions.tree.shown == 1 and shown(ready).at == 0
    assert [step.forced for step in made[0].caption.steps[:3]] == [True, True, False]
    captions.select(2)
    ready.finish_words()
    assert shown(ready).caption is made[0].analysis.other_captions[0]
    captions.branch(4, 1)  # of the second beam
    finish_branch(ready)
    tokens = [step.token_id for step in captions.tree.current.caption.steps[:4]]
    assert tokens == [step.token_id for step in made[1].caption.steps[:4]]
    assert captions.tree.current.parent == 2


def test_a_later_photo_is_captioned_with_the_same_request_but_its_prefix(ready: Any, photo: Path) -> None:
    ready.controller.captions.write(CaptionRequest(2, "a red", 5))
    finish_branch(ready)
    ready.controller.open_image(photo)
    ready.finish()
    ready.finish_words()
    root = ready.controller.captions.tree.branches[0]
    assert root.request == CaptionRequest(2, None, 5)
    assert len(root.caption.steps) == 5 and len(root.analysis.other_captions) == 1


def test_maps_that_cannot_be_truthful_say_why(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> np.ndarray:
        raise AttentionError("weights differ")

    step = ready.controller._result.analysis.caption.steps[3]
    monkeypatch.setattr(step.cross, "weights", refuse)
    ready.controller.captions.change(layer=0)
    ready.finish_words()
    assert shown(ready).heatmap is None and shown(ready).words.problem == "weights differ"


def test_before_a_caption_changes_are_only_remembered(desk: Any, photo: Path) -> None:
    desk.controller.captions.change(layer=0, pieces=True)
    desk.controller.captions.write(CaptionRequest())
    assert not desk.words.jobs and not desk.jobs.jobs
    desk.controller.choose_model(WRITER)
    desk.controller.open_image(photo)
    desk.finish()
    desk.finish_words()
    assert shown(desk).state == replace(shown(desk).state, layer=0, pieces=True)
    assert len(shown(desk).units) == 7


def test_a_caption_is_not_gone_on_with_by_weights_that_have_changed(
    desk: Any, photo: Path, tmp_path: Path
) -> None:
    file = tmp_path / "best.safetensors"
    file.write_bytes(b"first")
    desk.controller.choose_model(replace(WRITER, checkpoint=file))
    desk.controller.open_image(photo)
    desk.finish()
    desk.finish_words()
    before = texts(desk)
    file.write_bytes(b"trained on")
    desk.controller.captions.write(CaptionRequest(prefix="a dog"))
    with pytest.raises(UsageError, match=r"best\.safetensors has changed since the photo was analysed"):
        desk.jobs.run(len(desk.jobs.jobs))
    assert texts(desk) == before

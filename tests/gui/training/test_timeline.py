"""The timeline without Qt: what a snapshot shows is what was computed, on one scale for all epochs."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest
from gui_fakes import ManualJobs, analyse

from vizstudio.core.maps import attention_heatmap
from vizstudio.gui.training.timeline import Timeline, TimelineView

Write = Callable[..., None]
MODELS = ["small", "other", "small"]


class Bench:
    """A timeline whose worker does its work when the test says so."""

    def __init__(self) -> None:
        self.view = create_autospec(TimelineView, instance=True, spec_set=True)
        self.jobs, self.failed = ManualJobs(), Mock()
        self.timeline = Timeline(self.view, self.jobs, self.failed)

    def work(self) -> Any:
        """Do the newest job; returns the frame that the view was shown, None if it failed."""
        number, before = len(self.jobs.jobs), self.view.show_frame.call_count
        try:
            self.timeline.frames.on_finished(number, self.jobs.run(number))
        except Exception as error:
            self.timeline.frames.on_failed(number, error, "")
        shown = self.view.show_frame.call_count > before
        return self.view.show_frame.call_args.args[0] if shown else None


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_map_is_the_one_that_was_computed(
    bench: Bench, write_snapshots: Write, fake: ModuleType, tmp_path: Path
) -> None:
    write_snapshots(tmp_path, MODELS)
    bench.timeline.open(tmp_path)
    frame = bench.work()
    assert (frame.epochs, frame.epoch, frame.names, frame.probe) == ((0, 1, 2), 2, ("probe 0", "probe 1"), 0)
    for epoch, probe, layer, head in ((0, 0, 2, "mean"), (1, 1, 0, 1), (2, 1, 1, "max")):
        bench.timeline.jump(epoch)
        bench.timeline.change(probe=probe, layer=layer, head=head)
        frame = bench.work()
        assert (frame.epoch, frame.probe) == (epoch, probe)
        truth = analyse(fake, MODELS[epoch], frame.image)
        wanted = attention_heatmap(truth.attention, layer, head)
        np.testing.assert_allclose(frame.heatmap.values, wanted.values, rtol=2e-3, atol=1e-6)
        assert frame.heatmap.grid.rect == pytest.approx(truth.grid.rect)
        if probe == 1:  # the fake model's positions depend on the image, and those of the last probe are kept
            similarity = truth.position().similarity()
            np.testing.assert_allclose(frame.positions.similarity, similarity, atol=5e-3)
        assert [p.label for p in frame.analysis.predictions] == ["tabby", "tiger <cat>"]


def test_colours_mean_the_same_in_all_epochs_unless_asked_otherwise(
    bench: Bench, write_snapshots: Write, tmp_path: Path
) -> None:
    write_snapshots(tmp_path, MODELS)
    bench.timeline.open(tmp_path)
    common, own = [], []
    for epoch in range(3):
        bench.timeline.jump(epoch)
        bench.timeline.change(common=True)
        frame = bench.work()
        common.append((*frame.span, frame.positions.low, frame.positions.high))
        bench.timeline.change(common=False)
        frame = bench.work()
        own.append((*frame.span, frame.positions.low, frame.positions.high))
        assert frame.span == (0.0, pytest.approx(frame.heatmap.values.max()))
    assert len({*common}) == 1 and len({*own}) == 2  # the first and the last epoch are of one model
    assert common[0] == pytest.approx(
        (0, max(s[1] for s in own), min(s[2] for s in own), max(s[3] for s in own))
    )


def test_the_newest_is_followed_until_another_is_asked_for(
    bench: Bench, write_snapshots: Write, tmp_path: Path
) -> None:
    write_snapshots(tmp_path, MODELS[:2])
    bench.timeline.open(tmp_path)
    assert bench.work().epoch == 1
    asked = len(bench.jobs.jobs)
    bench.timeline.refresh()
    assert len(bench.jobs.jobs) == asked  # nothing new
    write_snapshots(tmp_path, MODELS)
    bench.timeline.refresh()
    assert bench.work().epoch == 2
    bench.timeline.move(-1)
    assert bench.work().epoch == 1
    write_snapshots(tmp_path, [*MODELS, "other"])
    bench.timeline.refresh()
    frame = bench.work()
    assert frame.epoch == 1 and frame.epochs == (0, 1, 2, 3)
    for by, epoch in ((-1, 0), (-1, 0), (2, 2), (9, 3)):
        bench.timeline.move(by)
        assert bench.work().epoch == epoch


def test_a_caption_and_the_map_of_a_word(
    bench: Bench, write_snapshots: Write, fake: ModuleType, tmp_path: Path
) -> None:
    write_snapshots(tmp_path, ["writer"])
    bench.timeline.open(tmp_path)
    frame = bench.work()
    truth = analyse(fake, "writer", frame.image).caption
    assert frame.analysis.caption.text == truth.text
    assert [w.text for w in frame.analysis.caption.words] == [w.text for w in truth.words]
    for word in range(len(truth.words)):
        bench.timeline.change(view="step", word=word, layer=1, head=0)
        frame = bench.work()
        wanted = truth.words[word].heatmap(1, 0)
        np.testing.assert_allclose(frame.heatmap.values, wanted.values, rtol=2e-3, atol=1e-6)
    assert frame.span[1] == pytest.approx(max(w.heatmap(1, 0).values.max() for w in truth.words), rel=2e-3)


def test_a_model_without_caption_or_positions_says_so(
    bench: Bench, write_snapshots: Write, tmp_path: Path
) -> None:
    write_snapshots(tmp_path, ["flat"])
    bench.timeline.open(tmp_path)
    frame = bench.work()
    assert frame.positions is None and "no position embedding" in frame.position_problem
    bench.timeline.change(view="step")
    frame = bench.work()
    assert frame.heatmap is None and frame.problem == "the model wrote no word at this epoch"


def test_damage_is_told_and_another_epoch_still_shown(
    bench: Bench, write_snapshots: Write, tmp_path: Path
) -> None:
    write_snapshots(tmp_path, MODELS)
    path = tmp_path / "snapshots" / "0002.npz"
    path.write_bytes(path.read_bytes()[:-200])
    bench.timeline.open(tmp_path)
    assert bench.work() is None
    assert "the snapshot 0002.npz cannot be read" in bench.view.show_nothing.call_args.args[0]
    bench.timeline.change(common=False)
    bench.timeline.move(-1)
    assert bench.work().epoch == 1
    bench.failed.assert_not_called()


def test_snapshots_without_photos_are_not_guessed_at(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    np.savez(tmp_path / "snapshots" / "0000.npz", position=np.zeros((4, 2)), attention_0=np.zeros((1, 1, 4)))
    bench.timeline.open(tmp_path)
    assert bench.work() is None
    bench.view.show_nothing.assert_called_with("the snapshots of this run hold no probe images")
    asked = len(bench.jobs.jobs)
    bench.timeline.open(None)
    bench.timeline.change(layer=1)
    bench.timeline.move(1)
    assert len(bench.jobs.jobs) == asked

"""The second result beside the first, with no Qt: workers do what the test says."""

from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
from gui_fakes import ManualJobs, analyse

from vizstudio.core.images import read_image
from vizstudio.core.session import Beside
from vizstudio.gui.comparing import Comparing, ComparingView
from vizstudio.gui.snapshot import ModelChoice

SMALL, OTHER, REFUSED = (ModelChoice(f"fake:{name}", device="cpu") for name in ("small", "other", "refused"))


class CompareDesk:
    """A controller at a photo, and a comparison whose tab is in front."""

    def __init__(self, desk: Any, photo: Path) -> None:
        self.desk, self.controller = desk, desk.controller
        self.view = create_autospec(ComparingView, instance=True, spec_set=True)
        self.maps, self.seen = ManualJobs(), True
        self.comparing = Comparing(self.controller, desk.jobs, self.maps, self.view, lambda: self.seen)
        self.controller.choose_model(SMALL)
        self.controller.open_image(photo)
        desk.finish()
        self.comparing.look()

    def finish_second(self) -> None:
        number = self.comparing.runs.number
        self.comparing.runs.on_finished(number, self.desk.jobs.run(number))

    def finish_maps(self) -> Any:
        """Subtract, and return what is shown then."""
        number = self.comparing.maps.latest.number
        self.comparing.maps.latest.on_finished(number, self.maps.run(number))
        return self.view.show_compared.call_args.args[0]

    def finish(self) -> Any:
        self.finish_second()
        return self.finish_maps()


@pytest.fixture
def at(desk: Any, photo: Path) -> CompareDesk:
    return CompareDesk(desk, photo)


def test_another_model_on_the_same_photo(at: CompareDesk, fake: ModuleType, photo: Path) -> None:
    at.comparing.choose(choice=OTHER)
    at.view.show_waiting.assert_called()
    compared = at.finish()
    image = read_image(photo)
    first, second = (analyse(fake, name, image).attention.heatmap().values for name in ("small", "other"))
    np.testing.assert_allclose(compared.maps.pair.difference.values, first - second, atol=1e-7)
    assert at.controller.second.choice == OTHER and at.controller.travel.place().beside == Beside(
        choice=OTHER
    )


def test_the_second_follows_another_photo(at: CompareDesk, photos: Path) -> None:
    at.comparing.choose(choice=OTHER)
    at.finish()
    at.controller.open_image(photos / "coffee.jpg")
    at.desk.finish()
    at.comparing.look()
    compared = at.finish()
    assert compared.first.image.name == compared.second.image.name == "coffee.jpg"
    assert (compared.first.choice, compared.second.choice) == (SMALL, OTHER)


def test_a_kept_view_stays_and_is_not_computed_again(at: CompareDesk, photos: Path) -> None:
    at.comparing.keep()
    at.view.show_same.assert_called_once()
    kept = at.controller.shown.result
    at.controller.open_image(photos / "coffee.jpg")
    at.desk.finish()
    runs = len(at.desk.jobs.jobs)
    at.comparing.look()
    assert len(at.desk.jobs.jobs) == runs
    compared = at.finish_maps()
    assert compared.second is kept and compared.first.image.name == "coffee.jpg"
    assert compared.maps.pair.how == "other image"


def test_nothing_is_computed_before_somebody_looks(at: CompareDesk) -> None:
    at.seen = False
    runs = len(at.desk.jobs.jobs)
    at.comparing.choose(choice=OTHER)
    assert len(at.desk.jobs.jobs) == runs
    at.seen = True
    at.comparing.look()
    assert len(at.desk.jobs.jobs) == runs + 1


def test_the_second_waits_for_the_first(at: CompareDesk, photos: Path) -> None:
    at.controller.open_image(photos / "coffee.jpg")
    cancelled, runs = at.desk.jobs.cancelled, len(at.desk.jobs.jobs)
    at.comparing.choose(choice=OTHER)
    assert (at.desk.jobs.cancelled, len(at.desk.jobs.jobs)) == (cancelled, runs)
    at.desk.finish()
    at.comparing.look()
    assert at.finish().second.image.name == "coffee.jpg"


def test_a_second_that_comes_late_does_not_land_on_another_comparison(at: CompareDesk, photos: Path) -> None:
    at.comparing.choose(choice=OTHER)
    late = at.comparing.runs.number
    at.controller.open_image(photos / "coffee.jpg")  # its run takes the place of the second's
    at.comparing.runs.on_stopped(late)
    at.view.show_stopped.assert_not_called()
    at.desk.finish()
    at.comparing.look()
    assert at.comparing.runs.number not in (None, late)
    assert at.finish().second.image.name == "coffee.jpg"


def test_maps_that_come_late_are_dropped(at: CompareDesk, photos: Path) -> None:
    at.comparing.choose(choice=OTHER)
    at.finish_second()
    number = at.comparing.maps.latest.number
    made = at.maps.run(number)
    at.controller.open_image(photos / "coffee.jpg")
    at.desk.finish()
    at.comparing.look()  # the second of this photo is not there yet
    at.comparing.maps.latest.on_finished(number, made)
    at.view.show_compared.assert_not_called()


def test_maps_that_come_when_nothing_is_compared_any_more_are_dropped(at: CompareDesk) -> None:
    at.comparing.choose(choice=OTHER)
    at.finish_second()
    number = at.comparing.maps.latest.number
    at.comparing.compare_with(None)
    at.comparing.maps.latest.on_finished(number, at.maps.run(number))
    at.view.show_compared.assert_not_called()
    at.comparing.choose(choice=OTHER)
    assert at.finish().second.choice == OTHER


def test_a_change_of_looks_computes_nothing(at: CompareDesk) -> None:
    at.comparing.choose(choice=OTHER)
    before = at.finish()
    jobs = len(at.maps.jobs)
    at.controller.change(opacity=0.2, colormap="magma")
    at.comparing.look()
    after = at.view.show_compared.call_args.args[0]
    assert len(at.maps.jobs) == jobs and after.maps is before.maps
    assert (after.state.opacity, after.state.colormap) == (0.2, "magma")
    at.controller.change(layer=0)
    at.desk.finish_map()
    at.comparing.look()
    assert at.finish_maps().maps.states[1].layer == 0


def test_a_second_that_fails_is_told_once_and_not_tried_again(at: CompareDesk) -> None:
    at.comparing.choose(choice=REFUSED)
    number = at.comparing.runs.number
    with pytest.raises(Exception, match="cannot be built") as caught:
        at.desk.jobs.run(number)
    at.comparing.runs.on_failed(number, caught.value, "details")
    assert at.view.show_failed.call_args.args == (
        "the model refused cannot be built: choose another",
        "details",
        False,
    )
    runs, told = len(at.desk.jobs.jobs), at.view.show_no_comparison.call_args
    at.view.show_no_comparison.reset_mock()
    at.comparing.look()
    assert len(at.desk.jobs.jobs) == runs and at.view.show_no_comparison.call_args == told
    at.comparing.choose(choice=OTHER)
    at.finish()


def test_cancelling_is_told_and_choosing_again_tries_again(at: CompareDesk) -> None:
    at.comparing.choose(choice=OTHER)
    at.comparing.runs.on_stopped(at.comparing.runs.number)
    at.view.show_stopped.assert_called_once()
    runs = len(at.desk.jobs.jobs)
    at.comparing.look()
    at.view.show_given_up.assert_called_once_with()  # whatever was compared before does not stay
    assert len(at.desk.jobs.jobs) == runs
    at.comparing.choose(choice=OTHER)
    assert at.finish().second.choice == OTHER


def refused_positions(at: CompareDesk) -> tuple[int, BaseException]:
    """Ask for positions that the second has not; returns the request's number and what it failed with."""
    at.comparing.choose(choice=ModelChoice("fake:flat", device="cpu"))
    at.finish()
    at.comparing.show_positions(True)
    number = at.comparing.maps.latest.number
    with pytest.raises(Exception, match="no position embedding") as caught:
        at.maps.run(number)
    return number, caught.value


def test_what_cannot_be_compared_is_told(at: CompareDesk) -> None:
    number, error = refused_positions(at)
    at.comparing.maps.latest.on_failed(number, error, "")
    assert "this model is flat" in at.view.show_no_comparison.call_args.args[0]
    at.view.show_failed.assert_not_called()
    at.comparing.show_positions(False)
    assert at.view.show_compared.call_args.args[0].maps is not None
    at.view.show_no_comparison.reset_mock()
    at.comparing.show_positions(True)  # asked again, it is said again: the attention does not stay
    assert "this model is flat" in at.view.show_no_comparison.call_args.args[0]


def test_a_refusal_that_comes_late_does_not_hide_what_is_compared_now(at: CompareDesk) -> None:
    number, error = refused_positions(at)
    at.comparing.show_positions(False)
    at.comparing.maps.latest.on_failed(number, error, "")
    at.view.show_no_comparison.assert_not_called()


def test_a_second_that_nobody_wants_any_more_is_given_up(at: CompareDesk) -> None:
    at.comparing.choose(choice=OTHER)
    number, cancelled = at.comparing.runs.number, at.desk.jobs.cancelled
    late = at.desk.jobs.run(number)
    at.comparing.compare_with(None)
    assert at.desk.jobs.cancelled == cancelled + 1
    at.comparing.runs.on_finished(number, late)
    assert at.controller.second is None


def test_a_second_that_nobody_wants_any_more_does_not_cancel_the_first(at: CompareDesk, photos: Path) -> None:
    at.comparing.choose(choice=OTHER)
    at.controller.open_image(
        photos / "coffee.jpg"
    )  # takes the worker; that the second stopped is not told yet
    cancelled = at.desk.jobs.cancelled
    at.comparing.compare_with(None)
    assert at.desk.jobs.cancelled == cancelled and at.comparing.runs.number is None


def test_undo_does_not_let_another_second_land(at: CompareDesk, photos: Path) -> None:
    at.comparing.choose(choice=OTHER)
    at.finish()
    kept = at.controller.second
    at.comparing.choose(image=photos / "coffee.jpg")
    number = at.comparing.runs.number
    late = at.desk.jobs.run(number)
    at.controller.travel.undo()
    at.comparing.look()
    at.comparing.runs.on_finished(number, late)
    assert at.controller.second is kept


def test_a_second_that_waits_is_computed_though_the_first_fails(at: CompareDesk, photos: Path) -> None:
    at.controller.choose_model(REFUSED)
    number = at.controller.runs.number
    at.comparing.choose(choice=OTHER)
    with pytest.raises(Exception, match="cannot be built") as caught:
        at.desk.jobs.run(number)
    at.comparing.go_on()
    assert at.comparing.runs.number is None  # not before the first has ended
    at.controller.runs.on_failed(number, caught.value, "")
    at.comparing.go_on()
    assert at.finish().second.choice == OTHER


def test_a_second_that_waits_is_not_computed_for_what_is_about_to_go(at: CompareDesk, photos: Path) -> None:
    at.controller.open_image(photos / "coffee.jpg")
    at.comparing.choose(choice=OTHER)
    number = at.controller.runs.number
    at.controller.runs.on_finished(number, at.desk.jobs.run(number))  # its map is under way
    at.comparing.go_on()
    assert at.comparing.runs.number is None


def test_cancelling_gives_up_a_second_that_waits(at: CompareDesk, photos: Path) -> None:
    at.controller.open_image(photos / "coffee.jpg")
    at.comparing.choose(choice=OTHER)
    at.comparing.give_up()
    at.controller.runs.on_stopped(at.controller.runs.number)
    at.comparing.go_on()
    at.view.show_given_up.assert_called_once_with()
    assert at.comparing.runs.number is None


def test_positions_and_one_panel(at: CompareDesk) -> None:
    at.comparing.choose(choice=OTHER)
    at.finish()
    at.comparing.show_positions(True)
    found = at.finish_maps()
    wanted = found.first.positions.similarity - found.second.positions.similarity
    np.testing.assert_array_equal(found.positions.difference, wanted)
    assert len(found.panels) == 3 and found.panels[0].low == found.panels[1].low == found.positions.span[0]
    at.controller.change(panel=(1, 2))
    at.comparing.look()
    panel = at.finish_maps()
    np.testing.assert_array_equal(panel.maps.pair.difference.values, wanted[1, 2])
    assert panel.maps.span == found.positions.span


def test_going_back_in_the_view_leaves_the_run_of_the_second_alone(at: CompareDesk) -> None:
    at.controller.change(layer=0)
    at.desk.finish_map()
    at.comparing.choose(choice=OTHER)
    cancelled = at.desk.jobs.cancelled
    at.controller.travel.undo()
    at.controller.travel.redo()
    assert at.desk.jobs.cancelled == cancelled
    assert at.finish().second.choice == OTHER


def test_the_second_is_let_go_of(at: CompareDesk) -> None:
    at.comparing.choose(choice=OTHER)
    at.finish()
    at.comparing.compare_with(None)
    assert at.controller.second is None and at.controller.travel.place().beside is None
    assert at.view.show_beside.call_args.args == (None,)


def test_undo_and_back_include_the_second(at: CompareDesk, photos: Path) -> None:
    travel = at.controller.travel
    at.comparing.choose(choice=OTHER)
    at.finish()
    at.comparing.choose(image=photos / "coffee.jpg")
    assert travel.beside == Beside(photos / "coffee.jpg", OTHER)
    travel.undo()
    assert travel.beside == Beside(choice=OTHER) == travel.place().beside
    travel.back()
    assert travel.beside is None
    travel.redo()
    at.comparing.look()
    assert travel.beside == Beside(choice=OTHER)
    assert at.view.show_compared.call_args.args[0].second.choice == OTHER

"""Undo, redo, back and forward on the controller, with no Qt: workers do what the test says."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest

from vizstudio.core.caption import CaptionPath, CaptionRequest
from vizstudio.core.maps import attention_heatmap
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.travel import TravelView

SMALL, OTHER, WRITER = (ModelChoice(f"fake:{name}", device="cpu") for name in ("small", "other", "writer"))


@pytest.fixture
def clock(desk: Any) -> Any:
    """The seconds of the history; every look at them is a minute later."""
    now = iter(range(0, 10**9, 60))
    desk.controller.travel.history._clock = lambda: float(next(now))
    return now


@pytest.fixture
def at_photo(desk: Any, clock: Any, photo: Path) -> Any:
    desk.travel_view = create_autospec(TravelView, instance=True, spec_set=True)
    desk.controller.travel.view = desk.travel_view
    desk.controller.choose_model(SMALL)
    desk.controller.open_image(photo)
    desk.finish()
    return desk


@pytest.fixture
def at_caption(at_photo: Any) -> Any:
    at_photo.controller.choose_model(WRITER)
    finish_all(at_photo)
    return at_photo


def finish_all(desk: Any) -> None:
    """Let every worker do what it was asked for last, as often as anything is left to do."""
    controller = desk.controller
    latest = {"jobs": controller.runs, "maps": controller.maps, "words": controller.captions.words}
    while any(one.number is not None for one in latest.values()):
        for name, one in latest.items():
            if one.number is not None:
                number = one.number
                one.on_finished(number, getattr(desk, name).run(number))


def change(desk: Any, **changes: Any) -> None:
    desk.controller.change(**changes)
    finish_all(desk)


def can(desk: Any) -> dict[str, bool]:
    return desk.travel_view.show_history.call_args.args[0]


def test_every_change_of_the_view_is_undone_and_redone(at_photo: Any) -> None:
    travel, start = at_photo.controller.travel, at_photo.shown().state
    change(at_photo, layer=1)
    change(at_photo, query=(2, 3))
    change(at_photo, opacity=0.2)
    end = at_photo.shown().state
    runs = len(at_photo.jobs.jobs)
    for _ in range(3):
        travel.undo()
        finish_all(at_photo)
    assert at_photo.shown().state == start and at_photo.controller.state == start
    assert can(at_photo) == {"undo": False, "redo": True, "back": False, "forward": True}
    for _ in range(3):
        travel.redo()
        finish_all(at_photo)
    assert at_photo.shown().state == end
    assert len(at_photo.jobs.jobs) == runs  # the model did not run again


def test_undoing_quickly_ends_at_the_right_place(at_photo: Any) -> None:
    travel, start = at_photo.controller.travel, at_photo.shown().state
    for layer in (0, 1, 2, 0, 1):
        change(at_photo, layer=layer)
    length = len(travel.history)
    for _ in range(length):
        travel.undo()  # none of the maps has been computed yet
    finish_all(at_photo)
    assert at_photo.shown().state == start and len(travel.history) == length
    assert travel.history.can["redo"] and not travel.history.can["undo"]


def test_back_returns_to_another_image_and_model(at_photo: Any, photos: Path, photo: Path) -> None:
    travel = at_photo.controller.travel
    at_photo.controller.open_image(photos / "coffee.jpg")
    finish_all(at_photo)
    change(at_photo, colormap="magma")
    at_photo.controller.choose_model(OTHER)
    finish_all(at_photo)
    travel.back()
    finish_all(at_photo)
    shown = at_photo.shown()
    assert (shown.result.choice, shown.result.image.path) == (SMALL, photos / "coffee.jpg")
    assert at_photo.travel_view.show_place.call_args.args[0].choice == SMALL
    travel.back()
    finish_all(at_photo)
    assert at_photo.shown().result.image.path == photo
    travel.forward()
    travel.forward()
    finish_all(at_photo)
    assert at_photo.shown().result.choice == OTHER and at_photo.shown().state.colormap == "magma"
    assert can(at_photo) == {"undo": True, "redo": False, "back": True, "forward": False}


def test_tabs_are_places(at_photo: Any) -> None:
    travel = at_photo.controller.travel
    travel.show_tab("position")
    travel.back()
    assert at_photo.travel_view.show_place.call_args.args[0].tab == "attention"


def test_an_image_that_is_gone_leaves_all_as_it_was(at_photo: Any, photos: Path, photo: Path) -> None:
    travel = at_photo.controller.travel
    at_photo.controller.open_image(photos / "coffee.jpg")
    finish_all(at_photo)
    change(at_photo, layer=0)
    before, length = travel.place(), len(travel.history)
    photo.unlink()
    travel.undo()
    travel.undo()
    number = at_photo.controller.runs.number
    with pytest.raises(Exception, match="no image at") as caught:
        at_photo.jobs.run(number)
    at_photo.controller.runs.on_failed(number, caught.value, "details")
    assert "no image at" in at_photo.view.show_failed.call_args.args[0]
    assert travel.place() == before == travel.history.current and len(travel.history) == length
    assert at_photo.controller.image == photos / "coffee.jpg"
    assert at_photo.controller.state == before.state
    change(at_photo, layer=2)
    travel.undo()
    finish_all(at_photo)
    assert travel.place() == before


def test_going_is_cancelled(at_photo: Any, photos: Path, photo: Path) -> None:
    travel = at_photo.controller.travel
    at_photo.controller.open_image(photos / "coffee.jpg")
    finish_all(at_photo)
    travel.back()
    at_photo.controller.runs.on_stopped(at_photo.controller.runs.number)
    at_photo.view.show_cancelled.assert_called_once()
    assert travel.history.current.image == photos / "coffee.jpg" == at_photo.controller.image


def test_opening_another_image_on_the_way(at_photo: Any, photos: Path) -> None:
    travel = at_photo.controller.travel
    for name in ("coffee", "rocket"):
        at_photo.controller.open_image(photos / f"{name}.jpg")
        finish_all(at_photo)
    travel.back()
    at_photo.controller.open_image(photos / "chelsea.jpg")
    finish_all(at_photo)
    assert travel.history.current.image == photos / "chelsea.jpg"
    travel.back()
    finish_all(at_photo)
    assert at_photo.shown().result.image.path == photos / "coffee.jpg"


# Captions


def test_words_and_branches_are_places(at_caption: Any, fake: ModuleType) -> None:
    travel, captions = at_caption.controller.travel, at_caption.controller.captions
    captions.move(1)
    captions.change(layer=0)
    finish_all(at_caption)
    captions.branch(1, 2)
    finish_all(at_caption)
    text = captions.shown.caption.text
    assert travel.place().path.branches == ((1, 2),)
    continued = len(fake.continuations)
    travel.undo()
    finish_all(at_caption)
    assert captions.shown.caption.text != text and captions.shown.at == 1
    assert captions.shown.state.layer == 0
    travel.redo()
    finish_all(at_caption)
    assert captions.shown.caption.text == text
    assert len(fake.continuations) == continued  # the tree had kept it


def test_a_branch_of_a_photo_left_meanwhile_is_written_again(at_caption: Any, photos: Path) -> None:
    travel, captions = at_caption.controller.travel, at_caption.controller.captions
    captions.write(CaptionRequest(beams=2))
    finish_all(at_caption)
    captions.select(2)  # the other beam
    finish_all(at_caption)
    captions.branch(2, 1)
    finish_all(at_caption)
    captions.branch(4, 2)
    finish_all(at_caption)
    place, text = travel.place(), captions.shown.caption.text
    assert place.path == CaptionPath(CaptionRequest(beams=2), 1, ((2, 1), (4, 2)))
    length = len(travel.history)
    at_caption.controller.open_image(photos / "coffee.jpg")
    finish_all(at_caption)
    assert captions.shown.caption.text != text
    travel.undo()
    finish_all(at_caption)
    assert travel.place() == place == travel.history.current
    assert captions.shown.caption.text == text
    assert len(travel.history) == length + 1 and travel.history.can["redo"]
    assert [at_caption.controller.captions.tree.path(n).branches for n in range(4)] == [
        (),
        (),
        ((2, 1),),
        ((2, 1), (4, 2)),
    ]


def test_going_back_while_the_map_of_another_photo_is_under_way(
    at_photo: Any, photos: Path, photo: Path
) -> None:
    controller = at_photo.controller
    change(at_photo, layer=0)
    controller.open_image(photos / "coffee.jpg")
    number = len(at_photo.jobs.jobs)
    controller.runs.on_finished(number, at_photo.jobs.run(number))  # its map is not there yet
    controller.travel.undo()
    finish_all(at_photo)
    assert controller.travel.place() == controller.travel.history.current
    assert controller.shown.result.image.path == controller.image == photo
    at_photo.view.show_cancelled.assert_called_once_with()


def test_going_back_gives_up_the_run_under_way_and_says_so(at_photo: Any, photos: Path, photo: Path) -> None:
    controller = at_photo.controller
    change(at_photo, layer=0)
    controller.open_image(photos / "coffee.jpg")
    controller.travel.undo()
    at_photo.view.show_cancelled.assert_called_once_with()
    assert controller.runs.number is None and controller.shown.result.image.path == photo


def test_a_tab_that_appears_stays_behind_where_a_place_in_another_is_gone_to(at_caption: Any) -> None:
    travel = at_caption.controller.travel
    place = travel.place()
    assert travel.may_bring("caption") and travel.may_bring("attention")
    change(at_caption, layer=0)
    at_caption.controller.choose_model(SMALL)
    finish_all(at_caption)
    travel.visit(place)
    assert not travel.may_bring("caption") and travel.may_bring(place.tab)
    finish_all(at_caption)
    assert travel.may_bring("caption")


def test_what_is_asked_for_on_the_way_fails(at_photo: Any, photos: Path, photo: Path) -> None:
    travel = at_photo.controller.travel
    at_photo.controller.open_image(photos / "coffee.jpg")
    finish_all(at_photo)
    travel.show_position("position-norm")
    change(at_photo, layer=0)
    before = travel.place()
    travel.undo()
    travel.undo()
    travel.undo()
    assert travel.history.current.image == photo
    at_photo.controller.choose_model(OTHER)
    number = at_photo.controller.runs.number
    at_photo.controller.runs.on_failed(number, ValueError("no such weights"), "details")
    assert travel.history.current == travel.place() == before
    assert at_photo.controller.image == before.image and at_photo.controller.choice == before.choice
    assert at_photo.controller.state == before.state


@pytest.mark.parametrize("asked", ["write", "branch"])
def test_a_caption_asked_for_on_the_way_gives_the_way_up(at_caption: Any, photos: Path, asked: str) -> None:
    controller, travel = at_caption.controller, at_caption.controller.travel
    here = travel.place()
    travel.visit(replace(here, image=photos / "coffee.jpg", state=replace(here.state, layer=0)))
    if asked == "write":
        controller.captions.write(CaptionRequest(beams=2))
    else:
        controller.captions.branch(2, 1)
    finish_all(at_caption)
    place = travel.place()
    assert place.path != here.path and replace(place, path=here.path, caption=here.caption) == here
    assert travel.history.current == place
    assert (controller.image, controller.choice, controller.state) == (here.image, here.choice, here.state)


def test_a_caption_chosen_while_those_of_a_session_are_written_stays(at_caption: Any) -> None:
    captions, travel = at_caption.controller.captions, at_caption.controller.travel
    captions.write(CaptionRequest(beams=2))
    finish_all(at_caption)
    here = travel.place()
    travel.visit(replace(here, path=replace(here.path, branches=((2, 1),))))
    captions.select(0)
    text = captions.tree.current.caption.text
    finish_all(at_caption)
    assert len(captions.tree.branches) == 4 and captions.tree.shown == 0
    assert captions.shown.caption.text == text
    assert travel.place() == travel.history.current and travel.place().path.branches == ()


def test_a_change_of_the_view_outlives_a_photo_that_is_given_up_for_a_caption(
    at_caption: Any, photos: Path
) -> None:
    controller = at_caption.controller
    controller.open_image(photos / "coffee.jpg")
    controller.change(layer=0, smooth=True)
    controller.captions.write(CaptionRequest(beams=2))
    finish_all(at_caption)
    assert (controller.shown.state.layer, controller.shown.state.smooth) == (0, True)
    assert controller.shown.result.image.path != photos / "coffee.jpg"


def test_what_is_changed_on_the_way_stays_when_it_fails(at_photo: Any, photos: Path) -> None:
    travel = at_photo.controller.travel
    at_photo.controller.open_image(photos / "coffee.jpg")
    finish_all(at_photo)
    travel.back()
    at_photo.controller.change(opacity=0.25)
    at_photo.controller.runs.on_stopped(at_photo.controller.runs.number)
    assert travel.history.current == travel.place()
    assert travel.place().state.opacity == 0.25 and travel.place().image == photos / "coffee.jpg"


def test_what_is_changed_on_the_way_to_a_session_stays_when_something_else_fails(
    at_photo: Any, photos: Path
) -> None:
    travel = at_photo.controller.travel
    travel.visit(replace(travel.place(), image=photos / "coffee.jpg"))
    at_photo.controller.change(opacity=0.25)
    at_photo.controller.choose_model(OTHER)
    number = at_photo.controller.runs.number
    at_photo.controller.runs.on_failed(number, ValueError("no such weights"), "details")
    assert travel.history.current == travel.place() and travel.place().state.opacity == 0.25


def test_a_map_that_lands_on_the_way_to_another_photo_is_told_as_what_it_is(
    at_photo: Any, photos: Path
) -> None:
    controller = at_photo.controller
    controller.open_image(photos / "coffee.jpg")
    finish_all(at_photo)
    controller.change(layer=0)  # its map is under way
    controller.travel.back()
    number = controller.maps.number
    assert controller.runs.number is not None and controller.state.layer != 0
    controller.maps.on_finished(number, at_photo.maps.run(number))
    shown = controller.shown
    wanted = attention_heatmap(shown.result.analysis.attention, shown.state.layer, "mean")
    assert np.array_equal(shown.heatmap.values, wanted.values)
    controller.runs.on_stopped(controller.runs.number)
    assert controller.state == controller.shown.state

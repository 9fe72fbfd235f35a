"""The history of what was looked at: against a plain list of places, with a clock that the test sets."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.caption import CaptionPath
from vizstudio.core.model import ModelChoice
from vizstudio.core.session import Place
from vizstudio.core.state import CaptionState, ViewState
from vizstudio.gui.history import GAP, LONGEST, History

START = Place(Path("a.jpg"), ModelChoice("fake:small"), ViewState(layer=0))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def begun() -> tuple[History, Clock]:
    clock = Clock()
    history = History(clock)
    history.record(START)
    clock.now += 10
    return history, clock


def shown(place: Place, **changes: object) -> Place:
    return replace(place, state=replace(place.state, **changes))


def test_nothing_to_undo_at_first() -> None:
    history = History()
    assert history.current is None and not any(history.can.values())
    assert history.undo() is history.redo() is history.back() is history.forward() is None


def test_undo_and_redo_go_through_every_change() -> None:
    history, clock = begun()
    places = [START, shown(START, layer=1), shown(START, layer=1, colormap="magma")]
    for place in places[1:]:
        history.record(place)
        clock.now += 10
    assert [history.undo(), history.undo(), history.undo()] == [places[1], places[0], None]
    assert history.can == {"undo": False, "redo": True, "back": False, "forward": True}
    assert [history.redo(), history.redo(), history.redo()] == [places[1], places[2], None]


def test_back_and_forward_skip_what_only_looks_different() -> None:
    history, clock = begun()
    looks = [shown(START, opacity=0.1), shown(START, opacity=0.1, smooth=True)]
    other = replace(looks[-1], tab="position")
    last = shown(other, colormap="magma")
    for place in (*looks, other, last):
        history.record(place)
        clock.now += 10
    assert history.back() == looks[-1]
    assert not history.can["back"] and history.can["undo"]
    assert history.forward() == other
    assert not history.can["forward"] and history.redo() == last


def test_a_sweep_is_one_entry() -> None:
    history, clock = begun()
    for layer in range(1, 12):
        history.record(shown(START, layer=layer))
        clock.now += GAP / 2
    assert len(history) == 2
    assert history.undo() == START and history.redo() == shown(START, layer=11)


def test_a_sweep_to_and_fro_is_none() -> None:
    history, _ = begun()
    for layer in (1, 2, 1, 0):
        history.record(shown(START, layer=layer))
    assert len(history) == 1 and history.current == START and not history.can["undo"]


def test_what_a_sweep_is_not() -> None:
    history, clock = begun()
    history.record(shown(START, layer=1))
    history.record(shown(START, layer=1, head=2))  # another control
    clock.now += GAP * 1.01
    history.record(shown(START, layer=1, head=3))  # later
    for name in "bc":
        history.record(replace(history.current, image=Path(f"{name}.jpg")))  # images are entries of their own
    history.record(replace(history.current, tab="position"))
    history.record(replace(history.current, tab="attention"))
    assert len(history) == 8


def test_words_of_a_caption_are_swept_too() -> None:
    history, _ = begun()
    place = replace(START, caption=CaptionState(), path=CaptionPath())
    history.record(place)
    for step in range(5):
        history.record(replace(place, caption=CaptionState(step=step)))
    assert len(history) == 3


def test_a_new_change_forgets_what_was_undone() -> None:
    history, clock = begun()
    for layer in (1, 2):
        history.record(shown(START, layer=layer))
        clock.now += 10
    history.undo()
    history.record(shown(START, layer=1, head=0))
    assert not history.can["redo"] and history.undo() == shown(START, layer=1)


def test_a_place_that_could_not_be_shown() -> None:
    history, _ = begun()
    other = replace(START, image=Path("b.jpg"))
    history.record(other)
    assert history.undo() == START
    history.revert()
    assert history.current == other
    history.undo()
    assert not history.is_shown
    history.record(START)
    history.revert()
    assert history.current == START


def test_a_place_that_turned_out_otherwise() -> None:
    history, _ = begun()
    history.record(replace(START, image=Path("b.jpg")))
    history.undo()
    history.record(shown(START, layer=2), amend=True)
    assert len(history) == 2 and history.current == shown(START, layer=2) and history.can["redo"]


def test_it_does_not_grow_for_ever() -> None:
    history, clock = begun()
    for i in range(2 * LONGEST):
        clock.now += 10
        history.record(shown(START, layer=i + 1))
    assert len(history) == LONGEST and history.current == shown(START, layer=2 * LONGEST)


STEPS = st.lists(st.one_of(st.integers(0, 3), st.sampled_from(["undo", "redo"])), max_size=40)


@given(STEPS)
def test_slow_changes_against_a_plain_list(steps: list[int | str]) -> None:
    history, clock = begun()
    places, at = [START], 0
    for step in steps:
        clock.now += 10
        if isinstance(step, int):
            place = shown(START, layer=step)
            if place != places[at]:
                places, at = [*places[: at + 1], place], at + 1
            history.record(place)
        else:
            target = at + (1 if step == "redo" else -1)
            possible = 0 <= target < len(places)
            assert history.can[step] == possible
            assert getattr(history, step)() == (places[target] if possible else None)
            at = target if possible else at
        assert history.current == places[at] and len(history) == len(places)

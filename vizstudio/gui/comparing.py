"""Brings a second result beside the one that is shown, and compares both. No Qt here."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vizstudio.core.comparison import (
    OF_POSITIONS,
    Reductions,
    Side,
    compare_maps,
    compare_positions,
)
from vizstudio.core.errors import VizstudioError
from vizstudio.core.model import ModelChoice
from vizstudio.core.session import Beside
from vizstudio.core.state import ViewState
from vizstudio.gui.latest import Jobs, Latest
from vizstudio.gui.on_demand import OnDemand
from vizstudio.gui.shelf import model_key
from vizstudio.gui.snapshot import Compared, Positions, Result, Snapshot, map_key

if TYPE_CHECKING:
    from vizstudio.gui.controller import Controller


class ComparingView(Protocol):
    """What `Comparing` tells the window."""

    def show_beside(self, beside: Beside | None) -> None:
        """Show what was chosen to compare with, or that nothing was."""

    def show_waiting(self) -> None:
        """Say that the second is being computed, or will be."""

    def show_same(self) -> None:
        """Say that both sides are the same until another image or model is opened."""

    def show_compared(self, compared: Compared) -> None:
        """Show a comparison."""

    def show_no_comparison(self, sentence: str) -> None:
        """Say why there is none."""

    def forget(self) -> None:
        """Hold no comparison: what was compared last is not asked for any more."""

    def show_failed(self, sentence: str, details: str, is_bug: bool) -> None:
        """Say that the second could not be computed."""

    def show_busy(self, message: str, fraction: float) -> None:
        """Say how far the run of the second is."""

    def show_stopped(self) -> None:
        """Say that the run of the second was cancelled."""

    def show_given_up(self) -> None:
        """Say that the second was not computed, and how to have it computed."""

    def show_landed(self, result: Result) -> None:
        """Say that the second is there."""


Key = tuple[Path | None, Hashable]
"""An image and a model, as `model_key` tells it from others."""


def key_of(result: Result) -> Key:
    """Return what a result is of."""
    return result.image.path, result.model_key


def compared_state(state: ViewState, beside: Beside, reductions: Reductions) -> ViewState:
    """Return what is compared of a view: one map, a panel, or all panels."""
    if beside.position:
        return replace(state, view="position" if state.panel is None else "panel")
    return state if state.view in reductions else replace(state, view="attention")


class Comparing:
    """Runs the second in the worker of the first, so that no two models are at work, and never in its way.

    Parameters
    ----------
    controller : Controller
        Of the first; its `travel` keeps what is chosen to compare with, its `second` the second's result.
    jobs : Jobs
        The controller's worker of runs.
    maps : Jobs
        Where maps are subtracted.
    view : ComparingView
        The tab.
    seen : callable
        Returns whether the tab is in front; nothing is computed before it is.
    """

    def __init__(
        self,
        controller: "Controller",
        jobs: Jobs,
        maps: Jobs,
        view: ComparingView,
        seen: Callable[[], bool],
    ) -> None:
        self._controller, self._view, self._seen = controller, view, seen
        self.runs = Latest(jobs, self._run_failed, view.show_busy, self._run_stopped)
        self.maps = OnDemand(maps, controller.shelf, self._show, self._not_compared)
        self._pending: Key | None = None  # the second that is being computed
        self._given_up: Key | None = (
            None  # one that failed or was cancelled, and is not tried again by itself
        )
        self._why = ""  # what failed; empty if it was cancelled
        self._waits = False  # whether the second waits for the first
        self._key: Hashable = None  # of the comparison that is wanted
        # of the one that the worker was asked for last
        self._asked: tuple[Result, Result, Hashable] | None = None
        self._compared: tuple[Hashable, Compared] | None = None  # and of the one shown last
        self._refused: tuple[Hashable, str] | None = None  # and of the last one that there cannot be, and why

    @property
    def beside(self) -> Beside | None:
        """What is chosen to compare with."""
        return self._controller.travel.beside

    def compare_with(self, beside: Beside | None) -> None:
        """Choose what to compare with, or nothing."""
        self._given_up = None
        self._controller.travel.compare_with(beside)
        self.look()

    def keep(self) -> None:
        """Keep what is shown now as the second, whatever is opened later."""
        shown = self._controller.shown
        if shown is None or shown.result.image.path is None:
            return
        self._controller.second = shown.result
        of_positions = self.beside is not None and self.beside.position
        self.compare_with(Beside(shown.result.image.path, shown.result.choice, of_positions))

    def choose(self, image: Path | None = None, choice: ModelChoice | None = None) -> None:
        """Choose another image or another model for the second; the rest of it stays."""
        before = self.beside or Beside()
        self.compare_with(replace(before, image=image or before.image, choice=choice or before.choice))

    def show_positions(self, on: bool) -> None:
        """Compare positions, or attention."""
        if self.beside is not None and self.beside.position != on:
            self.compare_with(replace(self.beside, position=on))

    def wanted(self, snapshot: Snapshot) -> tuple[Path, ModelChoice] | None:
        """Return the image and model of the second; None if nothing is chosen."""
        beside, path = self.beside, snapshot.result.image.path
        return None if beside is None or path is None else beside.beside(path, snapshot.result.choice)

    def look(self) -> None:
        """Show what belongs to what is shown and chosen now, and have computed what is missing."""
        snapshot, self._waits = self._controller.shown, False
        self._key = None  # a comparison that lands later is shown only if it is asked for again below
        wanted = self.wanted(snapshot) if snapshot is not None else None
        key = (wanted[0], model_key(wanted[1])) if wanted is not None else None
        self._drop_unwanted(key)
        self._forget_unwanted(key)
        self._view.show_beside(self.beside)
        if snapshot is None or wanted is None or key is None or not self._seen():
            return
        second = self._controller.second
        if key == key_of(snapshot.result):
            self._view.show_same()
        elif second is not None and key_of(second) == key:
            self._ask(snapshot, second)
        elif key != self._given_up:
            self._run(key, *wanted)
        elif self._why:
            self._view.show_no_comparison(self._why)
        else:
            self._view.show_given_up()

    def _drop_unwanted(self, key: Key | None) -> None:
        """Give up a run of another second than the one that is wanted."""
        if self.runs.number is None or key == self._pending:
            return
        if self._controller.is_busy:  # the first has the worker by now, and is not to be cancelled
            self.runs.number = None
        else:
            self.runs.drop()
            self._view.show_stopped()

    def _forget_unwanted(self, key: Key | None) -> None:
        """Hold no comparison of other results; nor, unless another takes its place, a second that is not wanted.

        Each may be large, and holds its model. The second is run again when it is wanted again.
        """
        controller = self._controller
        replaced = key is not None and self._seen()
        if controller.second is not None and not replaced and key_of(controller.second) != key:
            controller.second = None
        first = controller.shown.result if controller.shown is not None else None
        asked = self._asked[:2] if self._asked is not None else None
        if asked is not None and asked != (first, controller.second):
            self._compared = self._refused = self._asked = None
            self.maps.forget()
            self._view.forget()

    def _run(self, key: Key, path: Path, choice: ModelChoice) -> None:
        """Compute the second, unless the first is under way: then it is looked at again when that has landed."""
        self._view.show_waiting()
        if self.runs.number is not None:
            return
        if self._controller.is_busy:
            self._waits = True
            return
        self._pending = key
        self.runs.start(lambda context: self._controller.analyse(path, choice, None, context), self._land)

    def go_on(self) -> None:
        """Have the second computed that waits, as the worker of the first has ended something."""
        if self._waits and not self._controller.is_busy:
            self.look()

    def give_up(self) -> None:
        """Give up a second that waits, as the user cancels what runs."""
        snapshot = self._controller.shown
        wanted = self.wanted(snapshot) if self._waits and snapshot is not None else None
        if wanted is not None:
            self._given_up, self._why = (wanted[0], model_key(wanted[1])), ""
            self._waits = False
            self._view.show_given_up()

    def _land(self, result: Result) -> None:
        self._controller.second = result
        self._view.show_landed(result)
        self.look()

    def _run_failed(self, error: BaseException, details: str) -> None:
        known = isinstance(error, VizstudioError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        self._given_up, self._why = self._pending, sentence
        self._view.show_no_comparison(sentence)
        self._view.show_failed(sentence, details, not known)

    def _run_stopped(self) -> None:
        if self._controller.runs.number is None:  # else a new first took its place
            self._given_up, self._why = self._pending, ""
            self._view.show_stopped()

    def _ask(self, snapshot: Snapshot, second: Result) -> None:
        """Have both compared, unless only their looks are others."""
        state = self._state(snapshot.state)
        what: Hashable = (state.panel, state.view) if state.view in OF_POSITIONS else map_key(state)
        key = self._key = (snapshot.result, second, what)
        if self._compared is not None and self._compared[0] == key:
            self._view.show_compared(replace(self._compared[1], state=state))
            return
        if self._refused is not None and self._refused[0] == key:
            self._view.show_no_comparison(self._refused[1])
            return
        first, self._asked = snapshot.result, key
        self.maps.ask(key, lambda: (key, self._compare(first, second, state)))

    def _state(self, state: ViewState) -> ViewState:
        assert self.beside is not None
        return compared_state(state, self.beside, self._controller.reductions)

    def _compare(self, first: Result, second: Result, state: ViewState) -> Compared:
        """Compute a comparison; runs in the worker."""
        sides = Side(first.analysis, first.image), Side(second.analysis, second.image)
        if state.view != "position":
            return Compared(first, second, state, compare_maps(*sides, state, self._controller.reductions))
        found = compare_positions(*sides, state)
        panels = [Positions.of(similarity, found.span) for similarity in (found.first, found.second)]
        difference = Positions.of(found.difference, (-found.reach, found.reach))
        return Compared(first, second, state, None, found, (*panels, difference))

    def _show(self, made: tuple[Hashable, Compared]) -> None:
        """Show a comparison, if it is still that of what is shown and chosen."""
        key, compared = made
        self._compared = made
        shown = self._controller.shown
        if key == self._key and shown is not None and shown.result is compared.first:
            self._view.show_compared(replace(compared, state=self._state(shown.state)))

    def _not_compared(self, error: BaseException, details: str) -> None:
        known = isinstance(error, VizstudioError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        self._refused = self._asked, sentence
        if self._asked == self._key:
            self._view.show_no_comparison(sentence)
        if not known:
            self._view.show_failed(sentence, details, True)

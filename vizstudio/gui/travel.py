"""Goes back and forth among what was looked at. No Qt here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from vizstudio.core.caption import CaptionPath, CaptionRequest
from vizstudio.core.session import Beside, Place
from vizstudio.core.state import OF_POSITION
from vizstudio.gui.history import History

if TYPE_CHECKING:
    from vizstudio.gui.controller import Controller


class TravelView(Protocol):
    """What `Travel` tells the window."""

    def show_place(self, place: Place) -> None:
        """Show which model and tab belong to a place that is gone to."""

    def show_history(self, can: Mapping[str, bool]) -> None:
        """Say which of undo, redo, back and forward are possible."""


class Nobody:
    """Is told while nobody else wants to know."""

    def show_place(self, place: Place) -> None:
        """Do nothing."""

    def show_history(self, can: Mapping[str, bool]) -> None:
        """Do nothing."""


class Travel:
    """Keeps the history of a controller, and brings it to a place of it or of a session."""

    def __init__(self, controller: "Controller") -> None:
        self._controller = controller
        self.view: TravelView = Nobody()
        self._wanted: Place | None = None  # what is gone to, until it is shown
        self._captions: tuple[CaptionPath, ...] = ()  # of the photo, which belong to it
        self._brought = False  # whether all of it was asked for
        self._amend = False  # whether it is in the history already
        self.history = History()
        self.tab, self.position = "attention", OF_POSITION[0]
        self.beside: Beside | None = None

    def place(self) -> Place | None:
        """Return what is shown; None if nothing is, or not all of it yet."""
        snapshot, captions = self._controller.shown, self._controller.captions
        if snapshot is None or snapshot.result.image.path is None:
            return None
        image, choice = snapshot.result.image.path, snapshot.result.choice
        if not snapshot.result.analysis.steps:
            return Place(
                image, choice, snapshot.state, tab=self.tab, position=self.position, beside=self.beside
            )
        caption = captions.shown
        if caption is None or caption.result is not snapshot.result:
            return None
        path = caption.tree.path(caption.tree.shown)
        return Place(image, choice, snapshot.state, caption.state, path, self.tab, self.position, self.beside)

    def note(self, same: bool = False) -> None:
        """Remember what is shown now; `same` says that it was shown before, and is no other place."""
        controller = self._controller
        if self._wanted is not None:
            workers = (controller.runs, controller.maps, controller.captions.words)
            if not self._brought or any(worker.number is not None for worker in workers):
                return
        place = self.place()
        if place is not None:
            self.history.record(place, amend=same or (self._amend and self._wanted is not None))
            self._wanted = None
            self.view.show_history(self.history.can)

    def may_bring(self, tab: str) -> bool:
        """Return whether a tab that appears may come to the front: not where a place in another tab is gone to."""
        return self._wanted is None or self._wanted.tab == tab

    def show_tab(self, name: str, in_view: bool = False) -> None:
        """Remember that another tab is in front; `in_view` says that it was so before, in a pane of its own."""
        self.tab = name
        self.note(same=in_view)

    def show_position(self, view: str) -> None:
        """Remember that another view of positions is shown."""
        self.position = view
        self.note()

    def compare_with(self, beside: Beside | None) -> None:
        """Remember that what is shown is compared with something else."""
        self.beside = beside
        self.note()

    def undo(self) -> None:
        """Take the last change of the view back."""
        self._go(self.history.undo())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._go(self.history.redo())

    def back(self) -> None:
        """Return to what was looked at before."""
        self._go(self.history.back())

    def forward(self) -> None:
        """Go to what was looked at next."""
        self._go(self.history.forward())

    def _go(self, place: Place | None) -> None:
        if place is not None:
            self.view.show_history(self.history.can)
            self._go_to(place, True)

    def visit(self, place: Place, captions: tuple[CaptionPath, ...] = ()) -> None:
        """Show a place that is not in the history yet, and write the captions of its photo that are not there."""
        self._go_to(place, False, captions)

    def _go_to(self, place: Place, amend: bool, captions: tuple[CaptionPath, ...] = ()) -> None:
        """Show a place; the model runs again if the image or the model is another."""
        controller, shown = self._controller, self._controller.shown
        self._wanted, self._brought, self._amend = place, False, amend
        self._captions = captions
        controller.state, self.position, self.beside = place.state, place.position, place.beside
        self.view.show_place(place)
        same = shown is not None and (shown.result.image.path, shown.result.choice) == (
            place.image,
            place.choice,
        )
        controller.image, controller.choice = place.image, place.choice
        if same:
            controller.stay()  # of what was gone to before, nothing comes any more
            controller.change()
            self._bring_caption(place)
        else:
            controller.request()

    def request(self, usual: CaptionRequest) -> CaptionRequest:
        """Return what the caption of the next run is to be written with."""
        if self._wanted is None or self._wanted.path is None:
            return usual
        return (self._captions or (self._wanted.path,))[0].request

    def arrive(self) -> None:
        """Note that the image and model are shown which were asked for."""
        if self._wanted is not None:
            self._bring_caption(self._wanted)
        else:
            self.note()

    def _bring_caption(self, place: Place) -> None:
        if place.path is not None and place.caption is not None:
            self._controller.captions.bring(place.path, place.caption, self._captions)
        self.view.show_place(place)
        self._brought = True
        self.note()

    def leave(self) -> None:
        """Go to no place any more, as the user asked for something else."""
        self._wanted = None

    def fail(self) -> None:
        """Stay where the user was, as a place could not be shown, or what was asked for on the way to one."""
        if self._wanted is not None or not self.history.is_shown:
            self._wanted = None
            self.history.revert()
            self._restore()
        place = self.place()
        if place is not None:  # also what was changed meanwhile
            self.history.record(place)
            self.view.show_history(self.history.can)

    def _restore(self) -> None:
        """Ask for what is shown."""
        current, controller, shown = self.history.current, self._controller, self._controller.shown
        if current is not None:
            self.beside, self.position = current.beside, current.position
        if shown is not None:
            controller.image, controller.choice = shown.result.image.path, shown.result.choice
            controller.state = shown.state
        place = self.place()
        if place is not None:
            self.view.show_place(place)

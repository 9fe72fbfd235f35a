"""A folder analysed as ``vizstudio run`` does it: what is asked, and the work in a worker. No Qt here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vizstudio.batch import Plan, Report, find_images, require_folder, run_all
from vizstudio.core.caption import CaptionPath
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.model import ModelChoice
from vizstudio.core.session import Place
from vizstudio.core.state import CAPTION, ViewState
from vizstudio.core.view import View
from vizstudio.gui.caption_snapshot import unit_of
from vizstudio.gui.controller import Controller
from vizstudio.gui.shelf import ModelShelf
from vizstudio.gui.taken import view_of_tab
from vizstudio.plugins import PluginHost
from vizstudio.views import views_of


@dataclass(frozen=True)
class Offer:
    """What can be made of the images of a folder, as it is looked at now.

    Parameters
    ----------
    choice : ModelChoice
        The model.
    states : mapping of str to ViewState
        Of every view that can be chosen, by its name.
    views : mapping of str to View
        Those views.
    shown : str
        The one in front.
    caption : CaptionPath
        How a caption is written, if a view of one is chosen.
    """

    choice: ModelChoice
    states: dict[str, ViewState]
    views: dict[str, View]
    shown: str
    caption: CaptionPath


def offer(controller: Controller, host: PluginHost) -> Offer:
    """Return what can be made: with the model and the view that are shown, or those that will be.

    Raises
    ------
    UsageError
        If no model is chosen.
    """
    place, choice = controller.travel.place(), controller.choice
    caption = CaptionPath(replace(controller.captions.request, prefix=None))
    if place is not None:
        views = {n: view for n, view in views_of(host).items() if place.path or n not in CAPTION}
        states = {name: _state_of(controller, place, name) for name in views}
        return Offer(place.choice, states, views, view_of_tab(place), caption)
    if choice is None:
        raise UsageError("no model is chosen yet: choose one in the bar above")
    views = {name: view for name, view in views_of(host).items() if name not in CAPTION}
    states = {name: replace(controller.state, view=name) for name in views}
    return Offer(choice, states, views, controller.state.view, caption)


def _state_of(controller: Controller, place: Place, view: str) -> ViewState:
    """Return how a view looks at a place: those of a caption have their own layer, head and word."""
    state = replace(place.state, view=view)
    if view not in CAPTION or place.caption is None:
        return state
    caption = controller.captions.tree.current.caption
    word = unit_of(caption.words, place.caption.step)
    return replace(state, layer=place.caption.layer, head=place.caption.head, word=word)


class FolderRun:
    """One run over a folder; called in a worker. `report` tells what came of it so far, also if it is cancelled.

    Parameters
    ----------
    asked : Offer
    folder : Path
        Whose images are analysed, and those of the folders below it.
    views, formats : sequence of str
        What is made of each.
    out : Path
        The folder to write to.
    host : PluginHost
    shelf : ModelShelf
        Keeps the model, and keeps it from being run by two at once.
    """

    def __init__(
        self,
        asked: Offer,
        folder: Path,
        views: Sequence[str],
        formats: Sequence[str],
        out: Path,
        host: PluginHost,
        shelf: ModelShelf,
    ) -> None:
        caption = asked.caption if set(views) & set(CAPTION) else None
        states = [asked.states[view] for view in views]
        self._plan = Plan(states, formats, out, host, caption)
        self._choice, self._folder, self._shelf = asked.choice, folder, shelf
        self.out, self.report = out, Report(0)

    def __call__(self, context: RunContext) -> Report:
        """Analyse image after image; between two others may run the model.

        Raises
        ------
        VizstudioError
            If there is no image, the folder cannot be written to or the model cannot be had.
        Cancelled
            If the context is cancelled.
        """
        paths = find_images([self._folder], self.out, context.check)
        require_folder(self.out)
        self.report.total = len(paths)
        model = self._shelf.take(self._choice, context)

        def show(number: int, share: float) -> None:
            count = f"{number + 1} of {len(paths)}: {paths[number].name}"
            context.report(max((number + share) / len(paths), 1e-6), count)  # 0 would be "not known"

        run_all(model, paths, self._plan, self.report, show, context, lambda: self._shelf.using(context))
        if model.fallback and model.fallback not in self.report.notes:
            self.report.notes.insert(0, model.fallback)
        return self.report

"""Files of what is shown: what they depend on, how they are drawn. No Qt here; drawing is for a worker."""

from dataclasses import dataclass, replace
from pathlib import Path

from vizstudio.core.caption import CaptionPath
from vizstudio.core.comparison import Side, resolve_both
from vizstudio.core.comparison_figure import render_comparison
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure, render
from vizstudio.core.images import ImageSource
from vizstudio.core.output import PictureOptions
from vizstudio.core.session import Place
from vizstudio.core.state import CAPTION, ViewState
from vizstudio.core.types import Analysis
from vizstudio.core.view import Body, Request, View
from vizstudio.gui.caption_snapshot import unit_of
from vizstudio.gui.comparing import compared_state
from vizstudio.gui.controller import Controller
from vizstudio.gui.snapshot import Result
from vizstudio.plugins import PluginHost
from vizstudio.reproduce import Drawn
from vizstudio.views import export, views_of

OF_TAB = {
    "caption": "step",
    "heads": "entropy",
    "predictions": "predictions",
}
"""The view that stands for a tab where it does not say so itself."""
MOVING = ("gif", "webp", "mp4")
COMPARE = "compare"
"""The tab of comparisons, and what it shows."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A view of what is shown, and how it would be made again."""

    analysis: Analysis
    image: ImageSource
    drawn: Drawn
    second: Side | None = None


def _draw_no_comparison(request: Request) -> Body:
    raise UsageError("a comparison is of two results: choose what to compare with in the tab Compare")


COMPARED = View(
    "Comparison", "What is shown, what stands beside it, and the first minus the second.", _draw_no_comparison
)


def views_for(host: PluginHost, place: Place) -> dict[str, View]:
    """Return the views that can be drawn of a place: those of a caption or a comparison where there is one."""
    found = {name: view for name, view in views_of(host).items() if place.path or name not in CAPTION}
    return found if place.beside is None else {**found, COMPARE: COMPARED}


def view_of_tab(place: Place) -> str:
    """Return the view that shows what the tab in front shows."""
    if place.tab == COMPARE and place.beside is not None:
        return COMPARE
    return place.position if place.tab == "position" else OF_TAB.get(place.tab, place.state.view)


def subject(controller: Controller, view: str = "") -> Subject:
    """Return a view of what is shown; by default that of the tab in front.

    Raises
    ------
    UsageError
        If nothing is shown.
    """
    place, shown = controller.travel.place(), controller.shown
    if place is None or shown is None:
        raise UsageError("nothing is shown yet: open a photo first")
    result, name = shown.result, view or view_of_tab(place)
    if name == COMPARE:
        return _comparison(controller, place, result)
    state, analysis, path = replace(place.state, view=name), result.analysis, place.path
    if name in CAPTION and place.caption is not None:
        analysis = controller.captions.tree.current.analysis
        assert analysis.caption is not None
        word = unit_of(analysis.caption.words, place.caption.step)
        state = replace(state, layer=place.caption.layer, head=place.caption.head, word=word)
    elif path is not None:
        path = CaptionPath(result.request) if result.request else CaptionPath()
    return Subject(analysis, result.image, _drawn(result, place.image, state, path))


def _drawn(result: Result, image: Path, state: ViewState, path: CaptionPath | None = None) -> Drawn:
    """Return what a picture of a result depends on."""
    choice, info = result.choice, result.info
    is_exact = info.precision == "float32"  # as it is on the CPU without a word
    return Drawn(
        image,
        choice.model_id,
        choice.checkpoint,
        choice.pretrained,
        info.device,
        state,
        path,
        precision="auto" if info.device == "cpu" and is_exact else info.precision,
    )


def _comparison(controller: Controller, place: Place, first: Result) -> Subject:
    """Return the comparison that is shown."""
    second, beside = controller.second, place.beside
    wanted = beside.beside(place.image, place.choice) if beside is not None else None
    if beside is None or second is None or (second.image.path, second.choice) != wanted:
        raise UsageError("there is no comparison yet: show it in the tab Compare first")
    asked = compared_state(place.state, beside, controller.reductions)
    sides = Side(first.analysis, first.image), Side(second.analysis, second.image)
    states = resolve_both(*sides, asked, strict=False)
    own = replace(sides[1], layer=states[1].layer, head=states[1].head)
    drawn = _drawn(first, place.image, states[0])
    drawn = replace(drawn, second=_drawn(second, wanted[0], states[1]))
    return Subject(first.analysis, first.image, drawn, own)


def draw(chosen: Subject, host: PluginHost, controller: Controller, context: RunContext) -> Figure:
    """Draw the figure that ``vizstudio run`` or ``vizstudio compare`` would.

    Raises
    ------
    VizstudioError
        If it cannot be drawn, or not so large.
    """
    state = chosen.drawn.state
    with controller.shelf.using(context):
        if chosen.second is not None:
            first = Side(chosen.analysis, chosen.image)
            figure = render_comparison(first, chosen.second, state, controller.reductions, True)
        else:
            figure = render(chosen.analysis, chosen.image, state, True, views_of(host))
    return chosen.drawn.picture.applied(figure)


def content_of(chosen: Subject, host: PluginHost, controller: Controller, context: RunContext) -> bytes:
    """Return the bytes of the file."""
    return export(host, chosen.drawn.format, draw(chosen, host, controller, context), chosen.analysis)


def with_options(chosen: Subject, picture: PictureOptions, format: str) -> Subject:
    """Return the same view with another size or format."""
    return replace(chosen, drawn=replace(chosen.drawn, picture=picture, format=format))

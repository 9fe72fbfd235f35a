"""Files of what is shown: what they depend on, how they are drawn. No Qt here; drawing is for a worker."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from vizstudio.core.caption import CaptionPath
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.export import write_atomic
from vizstudio.core.figures import Figure, render
from vizstudio.core.images import ImageSource
from vizstudio.core.output import PictureOptions
from vizstudio.core.session import Place
from vizstudio.core.state import CAPTION
from vizstudio.core.types import Analysis
from vizstudio.core.view import View
from vizstudio.gui.caption_snapshot import unit_of
from vizstudio.gui.controller import Controller
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


@dataclass(frozen=True, eq=False)
class Subject:
    """A view of what is shown, and how it would be made again."""

    analysis: Analysis
    image: ImageSource
    drawn: Drawn


def views_for(host: PluginHost, place: Place) -> dict[str, View]:
    """Return the views that can be drawn of a place: those of a caption only where there is one."""
    return {name: view for name, view in views_of(host).items() if place.path or name not in CAPTION}


def view_of_tab(place: Place) -> str:
    """Return the view that shows what the tab in front shows."""
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
    state, analysis, path = replace(place.state, view=name), result.analysis, place.path
    if name in CAPTION and place.caption is not None:
        analysis = controller.captions.tree.current.analysis
        assert analysis.caption is not None
        word = unit_of(analysis.caption.words, place.caption.step)
        state = replace(state, layer=place.caption.layer, head=place.caption.head, word=word)
    elif path is not None:
        path = CaptionPath(result.request) if result.request else CaptionPath()
    is_exact = result.info.precision == "float32"  # as it is on the CPU without a word
    drawn = Drawn(
        place.image,
        place.choice.model_id,
        place.choice.checkpoint,
        place.choice.pretrained,
        result.info.device,
        state,
        path,
        precision="auto" if result.info.device == "cpu" and is_exact else result.info.precision,
    )
    return Subject(analysis, result.image, drawn)


def draw(chosen: Subject, host: PluginHost, controller: Controller, context: RunContext) -> Figure:
    """Draw the figure that ``vizstudio run`` would.

    Raises
    ------
    VizstudioError
        If it cannot be drawn, or not so large.
    """
    with controller.shelf.using(context):
        figure = render(chosen.analysis, chosen.image, chosen.drawn.state, True, views_of(host))
    return chosen.drawn.picture.applied(figure)


def content_of(chosen: Subject, host: PluginHost, controller: Controller, context: RunContext) -> bytes:
    """Return the bytes of the file."""
    return export(host, chosen.drawn.format, draw(chosen, host, controller, context), chosen.analysis)


def save(chosen: Subject, path: Path, host: PluginHost, controller: Controller, context: RunContext) -> Path:
    """Write the file, whole or not at all; returns its path.

    Raises
    ------
    VizstudioError
        If it cannot be made or written.
    """
    content = content_of(chosen, host, controller, context)
    context.check()
    write_atomic(path, content)
    return path


def with_options(chosen: Subject, picture: PictureOptions, format: str) -> Subject:
    """Return the same view with another size or format."""
    return replace(chosen, drawn=replace(chosen.drawn, picture=picture, format=format))


def with_suffix(path: Path, format: str) -> Path:
    """Return a path that says its format, as many file dialogs leave that to the program."""
    return path if path.suffix.lower() == f".{format}" else Path(os.fspath(path) + f".{format}")

"""``vizstudio run``: analyse images without a window."""

import shutil
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vizstudio.batch import Plan, find_images, require_folder
from vizstudio.commands.batch import analyse
from vizstudio.commands.captions import CaptionOptions
from vizstudio.commands.model_options import ModelOptions
from vizstudio.commands.options import (
    MODEL,
    OUTPUT,
    SHOWN,
    parse_cell,
    parse_choices,
)
from vizstudio.commands.program import Host
from vizstudio.commands.view_options import ViewOptions
from vizstudio.core.output import PictureOptions
from vizstudio.plugins import PluginHost
from vizstudio.views import views_of

_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Output = Parameter(group=OUTPUT)
_USUAL_VIEW, _NO_CAPTION, _PLAIN = ViewOptions(), CaptionOptions(), PictureOptions()


def run(
    images: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    model: ModelOptions,
    classes: Annotated[Path | None, Parameter(group=MODEL)] = None,
    view: Annotated[str, _Shown] = "attention",
    shown: ViewOptions = _USUAL_VIEW,
    pins: Annotated[list[str] | None, _Shown] = None,
    captions: CaptionOptions = _NO_CAPTION,
    out: Annotated[Path, _Output] = Path("vizstudio-out"),
    format: Annotated[str, _Output] = "png",
    picture: Annotated[PictureOptions, Parameter(name="*", group=OUTPUT)] = _PLAIN,
    host: Host,
) -> int:
    """Analyse images, and write pictures or numbers of each.

    Parameters
    ----------
    images
        Images, and folders of images.
    model
        Options of the model.
    classes
        A text file with one class name per line.
    view
        One or more of the views listed below, with commas between.
    shown
        Options of views.
    pins
        A patch as ROW,COL whose map the view pins shows beside that of the query; may be repeated.
    captions
        Options of captions.
    out
        The folder to write to; it is made if it is not there.
    format
        One or more of the formats listed below, with commas between.
    picture
        Options of pictures.
    """
    views = parse_choices(view, tuple(views_of(host)), "view", host.reductions.hint)
    formats = parse_choices(format, host.exporters.ids(), "format", host.exporters.hint)
    state = shown.state()
    path = captions.path(views)
    state = replace(
        state,
        word=captions.word or 0,
        pins=tuple(parse_cell(pin, "--pins") for pin in pins or ()),
    )
    paths = find_images(images, out)
    require_folder(out)
    loaded = model.load(host, classes)
    captions.require_captioner(loaded, views)
    states = [replace(state, view=v) for v in views]
    return analyse(loaded, paths, Plan(states, formats, out, host, path, picture))


def choices_help(host: PluginHost) -> str:
    """Return what the help lists below the options: every view and every format."""
    views = [(name, view.measure) for name, view in views_of(host).items()]
    formats = [(entry.id, entry.title) for entry in host.exporters.entries()]
    indent = max(len(name) for name, _ in [*views, *formats]) + 4
    lines = []
    for heading, choices in (("Views:", views), ("\nFormats:", formats)):
        lines.append(heading)
        for name, text in choices:
            hanging = textwrap.wrap(text, shutil.get_terminal_size().columns - indent)
            lines.append(f"  {name}".ljust(indent) + ("\n" + " " * indent).join(hanging))
    return "\n".join(lines)

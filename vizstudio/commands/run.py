"""``vizstudio run``: analyse images without a window."""

import shutil
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vizstudio.batch import Plan, find_images, require_folder
from vizstudio.commands.batch import analyse, load_with_progress
from vizstudio.commands.captions import CaptionOptions
from vizstudio.commands.options import (
    MODEL,
    OUTPUT,
    SHOWN,
    parse_cell,
    parse_choices,
    parse_size,
)
from vizstudio.commands.program import Host
from vizstudio.commands.view_options import ViewOptions
from vizstudio.core.output import PictureOptions
from vizstudio.plugins import PluginHost
from vizstudio.views import views_of

_Model = Parameter(group=MODEL)
_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Output = Parameter(group=OUTPUT)
_USUAL_VIEW, _NO_CAPTION, _PLAIN = ViewOptions(), CaptionOptions(), PictureOptions()


def run(
    images: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    model: Annotated[str, _Model],
    checkpoint: Annotated[Path | None, _Model] = None,
    pretrained: Annotated[bool, _Model] = False,
    classes: Annotated[Path | None, _Model] = None,
    device: Annotated[str, _Model] = "auto",
    precision: Annotated[str, _Model] = "auto",
    fit: Annotated[Literal["crop", "squash", "pad"] | None, _Model] = None,
    input_size: Annotated[str | None, _Model] = None,
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
        Such as vit:vit_base_patch16_384; `vizstudio models` lists them.
    checkpoint
        A local file of weights (.safetensors or .pth). Without it or --pretrained the model is untrained.
    pretrained
        Fetch the published weights, once.
    classes
        A text file with one class name per line.
    device
        auto, cpu, cuda, cuda:N or mps. With auto the CPU is taken if a graphics card's memory is too small.
    precision
        auto, float32, float16 or bfloat16. With auto it is float32, or float16 if a graphics card's memory is too small
        for that.
    fit
        How an image is made to fit the model's input; by default as the model was trained.
    input_size
        WIDTHxHEIGHT in pixels of what the model is given; by default the model's own.
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
    loaded = load_with_progress(
        model,
        checkpoint=checkpoint,
        pretrained=pretrained,
        device=device,
        precision=precision,
        host=host,
        classes=classes,
        fit=fit,
        input_size=parse_size(input_size, "--input-size") if input_size is not None else None,
    )
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

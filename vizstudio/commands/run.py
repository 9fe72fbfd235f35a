"""``vizstudio run``: analyse images without a window."""

import shutil
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vizstudio.commands.batch import Plan, analyse, find_images, load_with_progress, require_folder
from vizstudio.commands.captions import CaptionOptions
from vizstudio.commands.listing import Host
from vizstudio.commands.options import (
    LOOK,
    MODEL,
    OUTPUT,
    SHOWN,
    parse_cell,
    parse_choices,
    parse_range,
    parse_size,
)
from vizstudio.core.errors import UsageError
from vizstudio.core.output import PictureOptions
from vizstudio.core.overlay import lookup_table
from vizstudio.core.state import ViewState, parse_head, parse_query
from vizstudio.plugins import PluginHost
from vizstudio.views import views_of

_Model = Parameter(group=MODEL)
_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Look = Parameter(group=LOOK, allow_leading_hyphen=True)
_Output = Parameter(group=OUTPUT)
_NO_CAPTION, _PLAIN = CaptionOptions(), PictureOptions()


def run(
    images: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    model: Annotated[str, _Model],
    checkpoint: Annotated[Path | None, _Model] = None,
    pretrained: Annotated[bool, _Model] = False,
    classes: Annotated[Path | None, _Model] = None,
    device: Annotated[str, _Model] = "auto",
    fit: Annotated[Literal["crop", "squash", "pad"] | None, _Model] = None,
    input_size: Annotated[str | None, _Model] = None,
    view: Annotated[str, _Shown] = "attention",
    layer: Annotated[int, _Shown] = -1,
    head: Annotated[str, _Shown] = "mean",
    query: Annotated[str | None, _Shown] = None,
    panel: Annotated[str | None, _Shown] = None,
    pins: Annotated[list[str] | None, _Shown] = None,
    hide_outliers: Annotated[bool, _Shown] = False,
    captions: CaptionOptions = _NO_CAPTION,
    colormap: Annotated[str, _Look] = "viridis",
    opacity: Annotated[float, _Look] = 0.7,
    smooth: Annotated[bool, _Look] = False,
    range: Annotated[str | None, _Look] = None,
    mass: Annotated[float, _Look] = 1.0,
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
        auto, cpu, cuda, cuda:N or mps.
    fit
        How an image is made to fit the model's input; by default as the model was trained.
    input_size
        WIDTHxHEIGHT in pixels of what the model is given; by default the model's own.
    view
        One or more of the views listed below, with commas between.
    layer
        Counted from 0, or from -1 at the end.
    head
        A head's number from 0, or mean, max or min over heads.
    query
        Whose attention: cls, a register such as reg1, a patch as ROW,COL, or the mean of all patches; by
        default cls where there is one.
    panel
        The patch of the view panel, as ROW,COL; by default the middle one.
    pins
        A patch as ROW,COL whose map the view pins shows beside that of the query; may be repeated.
    hide_outliers
        Leave high-norm tokens out of attention maps.
    captions
        Options of captions.
    colormap
        Such as viridis, magma or turbo; any that the cmap library knows.
    opacity
        Of the map over the photo, from 0 to 1.
    smooth
        Interpolate between cells.
    range
        LOW,HIGH: the values at the ends of the colours of all attention maps; by default each map's own.
    mass
        Show of each attention map only the fewest cells that hold this share of it, above 0 and up to 1.
    out
        The folder to write to; it is made if it is not there.
    format
        One or more of the formats listed below, with commas between.
    picture
        Options of pictures.
    """
    views = parse_choices(view, tuple(views_of(host)), "view", host.reductions.hint)
    formats = parse_choices(format, host.exporters.ids(), "format", host.exporters.hint)
    if not 0 <= opacity <= 1:
        raise UsageError(f"--opacity {opacity} is outside 0 to 1")
    lookup_table(colormap)
    path = captions.path(views)
    state = ViewState(
        layer=layer,
        head=parse_head(head),
        query=parse_query(query) if query is not None else None,
        panel=parse_cell(panel, "--panel") if panel is not None else None,
        word=captions.word or 0,
        colormap=colormap,
        opacity=opacity,
        smooth=smooth,
        hide_outliers=hide_outliers,
        range=parse_range(range, "--range") if range is not None else None,
        mass=mass,
        pins=tuple(parse_cell(pin, "--pins") for pin in pins or ()),
    )
    paths = find_images(images, out)
    require_folder(out)
    loaded = load_with_progress(
        model,
        checkpoint=checkpoint,
        pretrained=pretrained,
        device=device,
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

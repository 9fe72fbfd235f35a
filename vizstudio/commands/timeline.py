"""``vizstudio-train timeline``: what a run's model looked at after each epoch, animated or as a strip."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vizstudio.batch import require_folder
from vizstudio.commands.options import LOOK, OUTPUT, SHOWN, parse_choices
from vizstudio.commands.output import console
from vizstudio.commands.program import Host
from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic
from vizstudio.core.output import PictureOptions
from vizstudio.core.overlay import lookup_table
from vizstudio.core.snapshots import TimelineState
from vizstudio.core.state import ViewState, parse_head
from vizstudio.reproduce import TimelineFile
from vizstudio.timelines import draw_timeline
from vizstudio.views import export

_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Look, _Output = Parameter(group=LOOK), Parameter(group=OUTPUT)
_PLAIN = PictureOptions()


def timeline(
    run: Path,
    /,
    *,
    probe: Annotated[int, _Shown] = 0,
    view: Annotated[Literal["attention", "step"], _Shown] = "attention",
    word: Annotated[int, _Shown] = 0,
    layer: Annotated[int, _Shown] = -1,
    head: Annotated[str, _Shown] = "mean",
    own_colours: Annotated[bool, _Look] = False,
    colormap: Annotated[str, _Look] = "viridis",
    opacity: Annotated[float, _Look] = 0.7,
    smooth: Annotated[bool, _Look] = False,
    out: Annotated[Path, _Output] = Path("vizstudio-out"),
    format: Annotated[str, _Output] = "gif",
    picture: Annotated[PictureOptions, Parameter(name="*", group=OUTPUT)] = _PLAIN,
    host: Host,
) -> None:
    """Draw attention and positions of a probe image after every epoch of a training run.

    Parameters
    ----------
    run
        The folder of a run.
    probe
        Which of the run's probe images, from 0.
    view
        attention of the image's tokens, or step, that of the step that wrote a word.
    word
        Of the caption, from 0, or from -1 at the end; its last where an epoch's caption is shorter.
    layer
        Counted from 0, or from -1 at the end.
    head
        A head's number from 0, or mean, max or min over heads.
    own_colours
        Let each epoch's colours span its own values, rather than mean the same in all epochs.
    colormap
        Such as viridis, magma or turbo; any that the cmap library knows.
    opacity
        Of the map over the photo, from 0 to 1.
    smooth
        Interpolate between cells.
    out
        The folder to write to; it is made if it is not there.
    format
        gif, webp or mp4 go through the epochs; png and svg show them beside each other; npz holds the numbers.
        More of them with commas between.
    picture
        Options of pictures.
    """
    formats = parse_choices(format, host.exporters.ids(), "format", host.exporters.hint)
    if not 0 <= opacity <= 1:
        raise UsageError(f"--opacity {opacity} is outside 0 to 1")
    lookup_table(colormap)
    state = ViewState(
        view=view,
        word=word,
        layer=layer,
        head=parse_head(head),
        colormap=colormap,
        opacity=opacity,
        smooth=smooth,
    )
    asked = TimelineState(None, probe, state, not own_colours)
    require_folder(out)
    figure, analysis = draw_timeline(run, asked)
    figure = picture.applied(figure)
    for kind in formats:
        target = out / TimelineFile(run, asked, picture, kind).file_name
        write_atomic(target, export(host, kind, figure, analysis))
        console().print(str(target), highlight=False, markup=False)

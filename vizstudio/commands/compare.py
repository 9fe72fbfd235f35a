"""``vizstudio compare``: two models, checkpoints or images side by side, and their difference."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vizstudio.batch import require_folder
from vizstudio.commands.model_options import ModelOptions, SecondOptions
from vizstudio.commands.options import OUTPUT, SHOWN, parse_choices
from vizstudio.commands.output import console
from vizstudio.commands.program import Host
from vizstudio.commands.view_options import ViewOptions
from vizstudio.core.comparison import Side, comparable
from vizstudio.core.comparison_figure import render_comparison
from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic
from vizstudio.core.images import read_image
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import parse_head
from vizstudio.views import export, reductions_of

_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Output = Parameter(group=OUTPUT)
_USUAL_VIEW, _PLAIN, _SAME = ViewOptions(), PictureOptions(), SecondOptions()


def compare(
    image: Path,
    second_image: Path | None = None,
    /,
    *,
    model: ModelOptions,
    second: SecondOptions = _SAME,
    view: Annotated[str, _Shown] = "attention",
    shown: ViewOptions = _USUAL_VIEW,
    out: Annotated[Path, _Output] = Path("vizstudio-out"),
    format: Annotated[str, _Output] = "png",
    picture: Annotated[PictureOptions, Parameter(name="*", group=OUTPUT)] = _PLAIN,
    host: Host,
) -> int:
    """Draw two models, two checkpoints or two images side by side, and the first minus the second.

    Parameters
    ----------
    image
        An image.
    second_image
        Another, for the second; by default the same.
    model
        Options of the model, and of how both models are run.
    second
        Options of what it is compared with.
    view
        attention, rollout or another reduction, position, panel or position-norm, or more with commas between.
    shown
        Options of views.
    out
        The folder to write to; it is made if it is not there.
    format
        png, svg, npz, csv or json, or more of them with commas between.
    picture
        Options of pictures.
    """
    reductions = reductions_of(host)
    views = parse_choices(view, comparable(reductions), "view to compare", host.reductions.hint)
    formats = parse_choices(format, host.exporters.ids(), "format", host.exporters.hint)
    state = shown.state()
    head = parse_head(second.head) if second.head is not None else None
    other = second.beside(model)
    _require_difference(image, second_image, model == other, second.layer, head)
    images = [read_image(image), read_image(second_image or image)]
    require_folder(out)
    loaded = model.load(host)
    one = Side(loaded.analyze(images[0]), images[0])
    if other != model:
        loaded = other.load(host)
    two = Side(loaded.analyze(images[1]), images[1], second.layer, head)
    for name in views:
        figure = render_comparison(one, two, replace(state, view=name), reductions, strict=True)
        figure = picture.applied(figure)
        for kind in formats:
            target = out / f"{image.stem}_compare-{name}.{kind}"
            write_atomic(target, export(host, kind, figure, one.analysis))
            console().print(str(target), highlight=False, markup=False)
    return 0


def _require_difference(
    image: Path, second_image: Path | None, same_model: bool, layer: int | None, head: object
) -> None:
    """Raise `UsageError` if both sides are asked to be the same."""
    same_image = second_image is None or second_image == image
    if same_model and same_image and layer is None and head is None:
        raise UsageError(
            "there is nothing to compare: give a second IMAGE, --with MODEL, --with-checkpoint, "
            "--with-pretrained, --with-layer, --with-head, --with-device or --with-precision"
        )

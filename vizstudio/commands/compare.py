"""``vizstudio compare``: two models, checkpoints or images side by side, and their difference."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vizstudio.batch import require_folder
from vizstudio.commands.batch import load_with_progress
from vizstudio.commands.options import MODEL, OUTPUT, SECOND, SHOWN, parse_choices, parse_size
from vizstudio.commands.output import console
from vizstudio.commands.program import Host
from vizstudio.commands.view_options import ViewOptions
from vizstudio.core.comparison import Side, comparable
from vizstudio.core.comparison_figure import render_comparison
from vizstudio.core.errors import UsageError
from vizstudio.core.export import write_atomic
from vizstudio.core.images import read_image
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import parse_head
from vizstudio.views import export, reductions_of

_Model = Parameter(group=MODEL)
_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Output = Parameter(group=OUTPUT)
_USUAL_VIEW, _PLAIN = ViewOptions(), PictureOptions()


@dataclass(frozen=True)
class _Chosen:
    """A model as `load_with_progress` takes it."""

    model: str
    checkpoint: Path | None
    pretrained: bool
    device: str
    precision: str


def _second(name: str) -> Parameter:
    return Parameter(name=f"--with{name}", group=SECOND, allow_leading_hyphen=True)


def compare(
    image: Path,
    second_image: Path | None = None,
    /,
    *,
    model: Annotated[str, _Model],
    checkpoint: Annotated[Path | None, _Model] = None,
    pretrained: Annotated[bool, _Model] = False,
    device: Annotated[str, _Model] = "auto",
    precision: Annotated[str, _Model] = "auto",
    fit: Annotated[Literal["crop", "squash", "pad"] | None, _Model] = None,
    input_size: Annotated[str | None, _Model] = None,
    second_model: Annotated[str | None, _second("")] = None,
    second_checkpoint: Annotated[Path | None, _second("-checkpoint")] = None,
    second_pretrained: Annotated[bool, _second("-pretrained")] = False,
    second_device: Annotated[str | None, _second("-device")] = None,
    second_precision: Annotated[str | None, _second("-precision")] = None,
    second_layer: Annotated[int | None, _second("-layer")] = None,
    second_head: Annotated[str | None, _second("-head")] = None,
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
        Such as vit:vit_base_patch16_384; `vizstudio models` lists them.
    checkpoint
        A local file of weights (.safetensors or .pth). Without it or --pretrained the model is untrained.
    pretrained
        Fetch the published weights, once.
    device
        auto, cpu, cuda, cuda:N or mps.
    precision
        auto, float32, bfloat16 or float16.
    fit
        How an image is made to fit the input of both models; by default as each was trained.
    input_size
        WIDTHxHEIGHT in pixels of what both models are given; by default each model's own.
    second_model
        The second model; by default the same with the same weights, unless others are given here.
    second_checkpoint
        Weights of the second from a local file.
    second_pretrained
        The second with its published weights.
    second_device
        Device of the second; by default that of the first.
    second_precision
        Precision of the second; by default that of the first.
    second_layer
        Layer of the second; by default that of --layer.
    second_head
        Head of the second; by default that of --head.
    view
        One or more of attention, rollout or another reduction, position, panel, position-norm, with commas
        between.
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
    head = parse_head(second_head) if second_head is not None else None
    first = _Chosen(model, checkpoint, pretrained, device, precision)
    second = replace(first, device=second_device or device, precision=second_precision or precision)
    if second_model is not None or second_checkpoint is not None or second_pretrained:
        name = second_model or model
        second = replace(second, model=name, checkpoint=second_checkpoint, pretrained=second_pretrained)
    _require_difference(image, second_image, first == second, second_layer, head)
    images = [read_image(image), read_image(second_image or image)]
    require_folder(out)
    size = parse_size(input_size, "--input-size") if input_size is not None else None
    loaded = load_with_progress(**asdict(first), host=host, fit=fit, input_size=size)
    one = Side(loaded.analyze(images[0]), images[0])
    if first != second:
        loaded = load_with_progress(**asdict(second), host=host, fit=fit, input_size=size)
    two = Side(loaded.analyze(images[1]), images[1], second_layer, head)
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

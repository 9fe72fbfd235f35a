"""``vizstudio run``: analyse images without a window."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vizstudio.commands.listing import Host
from vizstudio.commands.output import console
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.export import FORMATS, write_atomic
from vizstudio.core.figures import VIEWS, render
from vizstudio.core.geometry import FitMode
from vizstudio.core.images import list_images, read_image
from vizstudio.core.overlay import lookup_table
from vizstudio.core.state import ViewState, parse_head, parse_query
from vizstudio.models import LoadedModel, load_model


@dataclass
class Report:
    """What a run wrote and what failed."""

    written: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)


def run(
    images: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    model: str,
    checkpoint: Path | None = None,
    pretrained: bool = False,
    classes: Path | None = None,
    device: str = "auto",
    fit: Literal["crop", "squash", "pad"] | None = None,
    view: str = "attention",
    layer: Annotated[int, Parameter(allow_leading_hyphen=True)] = -1,
    head: str = "mean",
    query: str | None = None,
    colormap: str = "viridis",
    opacity: float = 0.7,
    smooth: bool = False,
    hide_outliers: bool = False,
    out: Path = Path("vizstudio-out"),
    format: str = "png",
    host: Host,
) -> int:
    """Analyse images and write pictures or numbers.

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
    view
        One or more of attention, heads, wall, rollout, position, panel, position-norm, position-pca, entropy,
        distance, norms, predictions; with commas between.
    layer
        Counted from 0, or from -1 at the end.
    head
        A number, or mean, max or min over heads.
    query
        cls, a register such as reg1, mean, or a patch as ROW,COL; by default the class token.
    colormap
        A name that the cmap library knows.
    opacity
        Of the map over the photo, from 0 to 1.
    smooth
        Interpolate between cells.
    hide_outliers
        Leave high-norm tokens out of attention maps.
    out
        The folder to write to; it is made if it is not there.
    format
        One or more of png, svg, npz, csv, json; with commas between.
    """
    views = _choices(view, list(VIEWS), "view")
    formats = _choices(format, list(FORMATS), "format")
    lookup_table(colormap)
    if not 0 <= opacity <= 1:
        raise UsageError(f"opacity {opacity} is outside 0 to 1")
    state = ViewState(
        layer=layer,
        head=parse_head(head),
        query=parse_query(query) if query is not None else None,
        colormap=colormap,
        opacity=opacity,
        smooth=smooth,
        hide_outliers=hide_outliers,
    )
    paths = list_images(images)
    loaded = load_with_progress(
        model,
        checkpoint=checkpoint,
        pretrained=pretrained,
        device=device,
        classes=classes,
        fit=fit,
        host=host,
    )
    return analyse(loaded, paths, [replace(state, view=v) for v in views], formats, out)


def _choices(text: str, known: Sequence[str], what: str) -> list[str]:
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    for part in chosen:
        if part not in known:
            raise UsageError(f"no {what} {part!r}: choose {', '.join(known)}")
    if not chosen:
        raise UsageError(f"no {what} given: choose {', '.join(known)}")
    return list(dict.fromkeys(chosen))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console(to_error=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def load_with_progress(
    model: str,
    *,
    checkpoint: Path | None,
    pretrained: bool,
    device: str,
    classes: Path | None,
    fit: FitMode | None,
    host: Host,
) -> LoadedModel:
    """Load a model with a progress bar on a terminal."""
    with _progress() as progress:
        task = progress.add_task(f"Loading {model}", total=None, note="")

        def report(fraction: float, message: str) -> None:
            progress.update(task, completed=fraction, total=1.0 if fraction else None, note=message)

        return load_model(
            model,
            checkpoint=checkpoint,
            pretrained=pretrained,
            device=device,
            class_names=classes,
            fit=fit,
            context=RunContext(report=report),
            host=host,
        )


def analyse(
    loaded: LoadedModel, paths: list[Path], states: list[ViewState], formats: list[str], out: Path
) -> int:
    """Analyse images one by one, and print what was written; return the exit code."""
    start, report = time.perf_counter(), Report()
    stems = _unique_stems(paths)
    with _progress() as progress:
        task = progress.add_task("Analysing", total=len(paths), note="")
        for path, stem in zip(paths, stems, strict=True):
            progress.update(task, note=path.name)
            try:
                report.written += _one(loaded, path, stem, states, formats, out)
            except UsageError:
                raise
            except VizstudioError as error:
                if len(paths) == 1:
                    raise
                report.failed.append((path, str(error)))
            progress.advance(task)
    _summarise(report, len(paths), out, time.perf_counter() - start)
    return 1 if report.failed else 0


def _one(
    loaded: LoadedModel, path: Path, stem: str, states: list[ViewState], formats: list[str], out: Path
) -> list[Path]:
    image = read_image(path)
    analysis = loaded.analyze(image)
    written = []
    for state in states:
        figure = render(analysis, image, state, strict=True)
        for kind in formats:
            target = out / f"{stem}_{state.view}.{kind}"
            write_atomic(target, FORMATS[kind](figure, analysis))
            written.append(target)
    return written


def _unique_stems(paths: list[Path]) -> list[str]:
    """Name results after their images; images of the same name in different folders get a number."""
    seen: dict[str, int] = {}
    stems = []
    for path in paths:
        count = seen[path.stem] = seen.get(path.stem, 0) + 1
        stems.append(path.stem if count == 1 else f"{path.stem}-{count}")
    return stems


def _summarise(report: Report, total: int, out: Path, seconds: float) -> None:
    screen = console()
    done = total - len(report.failed)
    noun = "image" if done == 1 else "images"
    screen.print(f"{done} {noun} in {seconds:.1f} s, {len(report.written)} files in {out}", highlight=False)
    for path in report.written[:12]:
        screen.print(f"  {path}", highlight=False, style="dim", markup=False)
    if len(report.written) > 12:
        screen.print(f"  … and {len(report.written) - 12} more", highlight=False, style="dim")
    if report.failed:
        errors = console(to_error=True)
        errors.print(f"{len(report.failed)} of {total} images failed:", style="red", highlight=False)
        for _, reason in report.failed:
            errors.print(f"  {reason}", highlight=False, markup=False)

"""Analyses images one by one, writes what is asked, and reports: one that fails does not stop the others."""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vizstudio.commands.output import console
from vizstudio.core.caption import CaptionPath
from vizstudio.core.context import RunContext
from vizstudio.core.errors import Cancelled, UsageError, VizstudioError
from vizstudio.core.export import write_atomic
from vizstudio.core.figures import render
from vizstudio.core.geometry import FitMode
from vizstudio.core.images import ImageSource, list_images, read_image
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.types import Analysis
from vizstudio.core.view import View
from vizstudio.models import LoadedModel, load_model
from vizstudio.plugins import PluginHost
from vizstudio.registry import one_line
from vizstudio.views import export, views_of

LISTED = 12


@dataclass(frozen=True)
class Plan:
    """What to make of every image: views, formats, the folder to write to, and how to write its caption."""

    states: Sequence[ViewState]
    formats: Sequence[str]
    out: Path
    host: PluginHost
    caption: CaptionPath | None = None
    picture: PictureOptions = field(default_factory=PictureOptions)


@dataclass
class Report:
    """What a run wrote and what failed."""

    total: int
    done: int = 0
    written: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, Exception]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)


def find_images(given: Sequence[Path], out: Path) -> list[Path]:
    """Return the images that are named and those below folders, but not what an earlier run wrote there.

    Raises
    ------
    ImageError, UsageError
        If a path does not exist, or there is no image.
    """
    named, results = {*given}, out.resolve()
    found = [p for p in list_images(given) if p in named or results not in p.resolve().parents]
    if not found:
        raise UsageError(f"all images found are results of an earlier run, in {out}: name an image")
    return list(dict.fromkeys(found))


def require_folder(out: Path) -> None:
    """Make the folder to write to, so that a run does not fail at its end.

    Raises
    ------
    UsageError
        If it cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise UsageError(
            f"the folder {out} cannot be written to ({error.strerror or error}): choose another with --out"
        ) from error


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}", style="bold"),
        TextColumn("{task.fields[note]}", style="dim"),
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
    host: PluginHost,
    classes: Path | None = None,
    fit: FitMode | None = None,
    input_size: tuple[int, int] | None = None,
) -> LoadedModel:
    """Load a model with a progress bar on a terminal."""
    with _progress() as progress:
        task = progress.add_task(f"Loading {model}", total=None, count="", note="")

        def report(fraction: float, message: str) -> None:
            progress.update(task, completed=fraction, total=1.0 if fraction else None, note=message)

        return load_model(
            model,
            checkpoint=checkpoint,
            pretrained=pretrained,
            device=device,
            class_names=classes,
            fit=fit,
            input_size=input_size,
            context=RunContext(report=report),
            host=host,
        )


def analyse(loaded: LoadedModel, paths: list[Path], plan: Plan) -> int:
    """Analyse images one by one, and print what was written.

    Returns
    -------
    int
        The exit code: 1 if anything failed.

    Raises
    ------
    Exception
        If nothing at all could be written, and all for the same reason: the first.
    """
    start, report = time.perf_counter(), Report(len(paths))
    try:
        _run_all(loaded, paths, plan, report)
    except (KeyboardInterrupt, Cancelled):
        if report.written:
            _summarise(report, loaded, plan.out, time.perf_counter() - start)
        raise
    reasons = {str(error) for _, error in report.failed}
    if not report.written and len(reasons) == 1:
        raise report.failed[0][1]
    _summarise(report, loaded, plan.out, time.perf_counter() - start)
    return 1 if report.failed else 0


def _run_all(loaded: LoadedModel, paths: list[Path], plan: Plan, report: Report) -> None:
    views, checked = views_of(plan.host), False
    with _progress() as progress:
        task = progress.add_task("Analysing", total=len(paths), count="", note="")
        for number, (path, stem) in enumerate(zip(paths, unique_stems(paths), strict=True)):
            progress.update(task, completed=number, count=f"{number + 1} of {len(paths)}", note=path.name)

            def show(fraction: float, message: str, number: int = number) -> None:
                progress.update(task, completed=number + fraction)

            try:
                image = read_image(path)
                analysis = _analyse_one(loaded, image, plan.caption, RunContext(loaded.info.device, show))
            except Exception as error:  # whatever it is, it must not stop the others
                report.failed.append((path, error))
                continue
            if not checked:
                _require_layer_and_head(analysis, plan.states)
                checked = True
            _write_all(analysis, image, path, stem, plan, views, report)


def _analyse_one(
    loaded: LoadedModel, image: ImageSource, path: CaptionPath | None, context: RunContext
) -> Analysis:
    if path is None:
        return loaded.analyze(image, context)
    return path.follow(loaded.caption(image, context=context, **asdict(path.request)), context)


def _require_layer_and_head(analysis: Analysis, states: Sequence[ViewState]) -> None:
    """Raise `UsageError` for a layer or head that no image will have, as they are the model's."""
    for state in states:
        resolve(analysis, replace(state, query=None, panel=None, word=0), strict=True)


def _write_all(
    analysis: Analysis,
    image: ImageSource,
    path: Path,
    stem: str,
    plan: Plan,
    views: Mapping[str, View],
    report: Report,
) -> None:
    """Write every view of one image in every format; what fails is noted and the rest is written."""
    failures = len(report.failed)
    told = {*report.notes, *(image.notes if report.total > 1 else ())}  # an image's own are on its pictures
    report.notes += [note for note in analysis.notes if note not in told]
    if analysis.caption:
        told_of = f"{path.name}: " if report.total > 1 else ""
        report.captions.append(f"{told_of}{analysis.caption.text}")
    for state in plan.states:
        try:
            figure = plan.picture.applied(render(analysis, image, state, strict=True, views=views))
        except Exception as error:
            report.failed.append((path, error))
            continue
        for kind in plan.formats:
            target = plan.out / f"{stem}_{state.view}.{kind}"
            try:
                write_atomic(target, export(plan.host, kind, figure, analysis))
            except Exception as error:
                report.failed.append((path, error))
            else:
                report.written.append(target)
    report.done += len(report.failed) == failures


def unique_stems(paths: Sequence[Path]) -> list[str]:
    """Name results after their images; images of the same name in different folders get a number."""
    taken: set[str] = set()  # in one case, as file systems may not tell cases apart
    stems = []
    for path in paths:
        stem, number = path.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def _summarise(report: Report, loaded: LoadedModel, out: Path, seconds: float) -> None:
    screen, errors = console(), console(to_error=True)
    listed = report.written if not screen.is_terminal else report.written[:LISTED]
    for path in listed:
        screen.print(str(path), highlight=False, markup=False)
    if len(report.written) > len(listed):
        errors.print(f"… and {len(report.written) - len(listed)} more in {out}", highlight=False)
    info = loaded.info
    images = f"{report.total} image" + ("s" if report.total != 1 else "")
    files = f"{len(report.written)} file" + ("s" if len(report.written) != 1 else "")
    told = f"{report.done} of {images} analysed with {info.model_id} on {info.device} in {seconds:.1f} s"
    colour = "yellow" if report.failed else "green"
    errors.print(f"{told}; {files} in {out}", highlight=False, markup=False, style=colour)
    for caption in report.captions:
        errors.print(f"caption: {caption}", highlight=False, markup=False)
    for note in report.notes:
        errors.print(f"note: {note}", highlight=False, markup=False, style="yellow")
    if report.failed:
        errors.print("failed:", style="red", highlight=False)
        for line in _failures(report.failed):
            errors.print(f"  {line}", highlight=False, markup=False)


def _failures(failed: Sequence[tuple[Path, Exception]]) -> list[str]:
    """Return a line for each reason, with the paths of its images."""
    by_reason: dict[str, list[Path]] = {}
    for path, error in failed:
        reason = " ".join(str(error).split())
        if not isinstance(error, VizstudioError):
            reason = (
                f"this is a bug in vizstudio ({one_line(error)}): --debug shows where for one image alone"
            )
        if path.name in reason and str(path) not in reason:
            reason = reason.replace(path.name, str(path), 1)
        by_reason.setdefault(reason, []).append(path)
    lines = []
    for reason, paths in by_reason.items():
        named = str(paths[0]) in reason
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        lines.append(reason if named else f"{paths[0]}{more}: {reason}")
    return lines

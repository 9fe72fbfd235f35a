"""Loads a model and analyses images with progress on a terminal, and prints what was written."""

import sys
import time
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vizstudio.batch import Plan, Report, failure_lines, run_all
from vizstudio.commands.output import console
from vizstudio.core.context import RunContext
from vizstudio.core.errors import Cancelled
from vizstudio.core.geometry import FitMode
from vizstudio.models import LoadedModel, load_model
from vizstudio.plugins import PluginHost

LISTED = 12


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
    precision: str = "auto",
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
            precision=precision,
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
    with _progress() as progress:
        task = progress.add_task("Analysing", total=len(paths), count="", note="")

        def show(number: int, share: float) -> None:
            count = f"{number + 1} of {len(paths)}"
            progress.update(task, completed=number + share, count=count, note=paths[number].name)

        run_all(loaded, paths, plan, report, show, RunContext())


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
    where = info.device if info.precision == "float32" else f"{info.device} in {info.precision}"
    told = f"{report.done} of {images} analysed with {info.model_id} on {where} in {seconds:.1f} s"
    colour = "yellow" if report.failed else "green"
    errors.print(f"{told}; {files} in {out}", highlight=False, markup=False, style=colour)
    for caption in report.captions:
        errors.print(f"caption: {caption}", highlight=False, markup=False)
    for note in report.notes:
        errors.print(f"note: {note}", highlight=False, markup=False, style="yellow")
    if report.failed:
        errors.print("failed:", style="red", highlight=False)
        for line in failure_lines(report.failed):
            errors.print(f"  {line}", highlight=False, markup=False)

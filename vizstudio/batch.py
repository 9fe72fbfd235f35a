"""Analyses images one by one and writes what is asked of each: one that fails does not stop the others."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from vizstudio.core.caption import CaptionPath
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.figures import render
from vizstudio.core.files import write_atomic
from vizstudio.core.images import ImageSource, list_images, read_image
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.types import Analysis
from vizstudio.core.view import View
from vizstudio.models import LoadedModel
from vizstudio.plugins import PluginHost
from vizstudio.registry import one_line
from vizstudio.views import export, views_of

Using = Callable[[], AbstractContextManager[object]]
"""Gives a context inside which nobody else runs the model."""
Show = Callable[[int, float], None]
"""Told which image is being worked on, counted from 0, and which share of it is done."""


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


def find_images(given: Sequence[Path], out: Path, check: Callable[[], None] | None = None) -> list[Path]:
    """Return the images that are named and those below folders, but not what an earlier run wrote there.

    `check` is called in each folder; what it raises ends the search.

    Raises
    ------
    ImageError, UsageError
        If a path does not exist, or there is no image.
    """
    named, results = {*given}, out.resolve()
    found = [p for p in list_images(given, check) if p in named or results not in p.resolve().parents]
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


def run_all(
    loaded: LoadedModel,
    paths: Sequence[Path],
    plan: Plan,
    report: Report,
    show: Show,
    context: RunContext,
    using: Using = nullcontext,
) -> None:
    """Analyse images one by one and write what is planned; what comes of each is noted in `report` at once.

    Parameters
    ----------
    loaded : LoadedModel
    paths : sequence of Path
        Images, as `find_images` returns them.
    plan : Plan
    report : Report
        Of as many images.
    show : callable
        Called as ``show(number, share)`` while it runs.
    context : RunContext
        To cancel.
    using : callable, optional
        Returns a context in which the model is run: by default nobody else does.

    Raises
    ------
    UsageError
        If the model has no such layer or head, which no image would change.
    Cancelled
        If the context is cancelled; `report` tells what was written until then.
    """
    views, checked = views_of(plan.host), False
    for number, (path, stem) in enumerate(zip(paths, unique_stems(paths), strict=True)):
        show(number, 0.0)
        context.check()

        def tell(share: float, message: str, number: int = number) -> None:
            show(number, share)

        try:
            image = read_image(path)
            with using():
                analysis = _analyse_one(loaded, image, plan.caption, replace(context, report=tell))
        except Exception as error:  # whatever it is, it must not stop the others
            report.failed.append((path, error))
            continue
        if not checked:
            _require_layer_and_head(analysis, plan.states)
            checked = True
        context.check()
        with using():
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


def failure_lines(failed: Sequence[tuple[Path, Exception]]) -> list[str]:
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

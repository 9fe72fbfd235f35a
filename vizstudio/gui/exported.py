"""What the export dialog writes: a view of what is shown, or the timeline of a run. No Qt here."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic
from vizstudio.core.output import PictureOptions
from vizstudio.core.timeline_figure import TIMELINE
from vizstudio.core.view import Body, Figure, Request, View
from vizstudio.gui import taken
from vizstudio.gui.controller import Controller
from vizstudio.gui.training.timeline import Timeline
from vizstudio.plugins import PluginHost
from vizstudio.reproduce import TimelineFile, as_command, as_python
from vizstudio.timelines import draw_timeline
from vizstudio.views import export


class Exported(Protocol):
    """One file, before it is written; drawing and writing are for a worker."""

    @property
    def file_name(self) -> str:
        """What it is called."""

    @property
    def folder(self) -> Path:
        """Where it would be expected."""

    @property
    def format(self) -> str:
        """Its format's name."""

    def with_options(self, picture: PictureOptions, format: str) -> "Exported":
        """Return the same in another size or format."""

    def draw(self, context: RunContext) -> Figure:
        """Draw it; raises `VizstudioError` if it cannot be, or not so large."""

    def content(self, context: RunContext) -> bytes:
        """Return the bytes of the file."""

    def python(self) -> str:
        """Return a script that writes it."""

    def command(self) -> str:
        """Return a line for a shell that writes it."""


class Source(Protocol):
    """What there is to export."""

    def views(self) -> tuple[dict[str, View], str]:
        """Return the views by name, and which of them is usual; raises `UsageError` if there is nothing."""

    def chosen(self, view: str = "") -> Exported:
        """Return one of them, by default the usual one."""


def save(chosen: Exported, path: Path, context: RunContext) -> Path:
    """Write a file, whole or not at all; returns its path.

    Raises
    ------
    VizstudioError
        If it cannot be made or written.
    """
    content = chosen.content(context)
    context.check()
    write_atomic(path, content)
    return path


@dataclass(frozen=True, eq=False)
class ViewFile:
    """A view of the photo that is shown."""

    subject: taken.Subject
    host: PluginHost
    controller: Controller

    @property
    def file_name(self) -> str:
        return self.subject.drawn.file_name

    @property
    def folder(self) -> Path:
        return self.subject.drawn.image.parent

    @property
    def format(self) -> str:
        return self.subject.drawn.format

    def with_options(self, picture: PictureOptions, format: str) -> "ViewFile":
        return replace(self, subject=taken.with_options(self.subject, picture, format))

    def draw(self, context: RunContext) -> Figure:
        return taken.draw(self.subject, self.host, self.controller, context)

    def content(self, context: RunContext) -> bytes:
        return taken.content_of(self.subject, self.host, self.controller, context)

    def python(self) -> str:
        return as_python(self.subject.drawn)

    def command(self) -> str:
        return as_command(self.subject.drawn)


@dataclass(frozen=True)
class Views:
    """The views of what the controller shows; a `Source`."""

    controller: Controller
    host: PluginHost

    def views(self) -> tuple[dict[str, View], str]:
        place = self.controller.travel.place()
        if place is None:
            raise UsageError("nothing is shown yet: open a photo first")
        return taken.views_for(self.host, place), taken.view_of_tab(place)

    def chosen(self, view: str = "") -> ViewFile:
        return ViewFile(taken.subject(self.controller, view), self.host, self.controller)


@dataclass(frozen=True, eq=False)
class RunFile:
    """The timeline of a run."""

    file: TimelineFile
    host: PluginHost

    @property
    def file_name(self) -> str:
        return self.file.file_name

    @property
    def folder(self) -> Path:
        return self.file.run

    @property
    def format(self) -> str:
        return self.file.format

    def with_options(self, picture: PictureOptions, format: str) -> "RunFile":
        return replace(self, file=replace(self.file, picture=picture, format=format))

    def draw(self, context: RunContext) -> Figure:
        return self.file.picture.applied(draw_timeline(self.file.run, self.file.asked, context)[0])

    def content(self, context: RunContext) -> bytes:
        figure, analysis = draw_timeline(self.file.run, self.file.asked, context)
        return export(self.host, self.file.format, self.file.picture.applied(figure), analysis)

    def python(self) -> str:
        return self.file.as_python()

    def command(self) -> str:
        return self.file.as_command()


def _not_by_itself(request: Request) -> Body:
    raise UsageError("a timeline is of a run: open one first")


@dataclass(frozen=True)
class Runs:
    """The timeline that is shown; a `Source`."""

    timeline: Timeline
    host: PluginHost

    def views(self) -> tuple[dict[str, View], str]:
        self.chosen()
        return {"timeline": View("Timeline", TIMELINE, _not_by_itself)}, "timeline"

    def chosen(self, view: str = "") -> RunFile:
        asked, folder = self.timeline.asked, self.timeline.folder
        if asked is None or folder is None:
            raise UsageError("no epoch is shown yet: open a run that has snapshots")
        return RunFile(TimelineFile(folder, asked), self.host)

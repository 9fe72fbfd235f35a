"""Drives the window for `make_pictures.py`: opens, waits until nothing is left to do, photographs."""

import fnmatch
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from vizstudio.core.model import ModelChoice
from vizstudio.gui import theme
from vizstudio.gui.app import make_application
from vizstudio.gui.latest import Latest
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.tour import Tour
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.resources import resource_path

SIZE = (1280, 840)  # pixels of the window
LONGEST = 300.0  # seconds that anything may take


@dataclass(frozen=True)
class Shot:
    """A picture to be taken.

    Parameters
    ----------
    name : str
        Of the file.
    show : callable
        Brings into view what is to be seen; returns the widget to photograph, None for the window.
    """

    name: str
    show: "Callable[[], QWidget | None]"


@dataclass(frozen=True)
class Subject:
    """What is looked at: a model, an image, a query, a second model beside the first, and a run of a training."""

    choice: ModelChoice
    image: Path
    query: tuple[int, int]
    second: ModelChoice
    run: Path | None = None
    captioner: ModelChoice = ModelChoice("catr:demo", device="cpu")  # noqa: RUF009 - frozen
    scene: Path = field(default_factory=lambda: resource_path("scenes/scene_11.jpg"))


class Studio:
    """The window, with all plugins and settings of its own; a new one for every part that begins anew."""

    def __init__(self, subject: Subject, appearance: theme.Appearance) -> None:
        self.subject = subject
        self._application = make_application()
        theme.apply(self._application, appearance)
        self.seen: set[type[QWidget]] = set()  # classes of the dialogs that were photographed
        self.window = self._open()

    def _open(self) -> MainWindow:
        os.environ["VIZSTUDIO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="vizstudio-pictures-")
        host: PluginHost = load_plugins()
        window = MainWindow(host, "cpu")
        window.resize(*SIZE)
        window.show()
        window.models.list()
        window.show_sources(None, None)
        return window

    def renew(self) -> None:
        """Begin with another window, in which nothing is open."""
        self.close()
        self.window = self._open()
        self.settle()

    def close(self) -> None:
        """Close the window and its workers, whatever is going on."""
        window = self.window
        window.close()
        for jobs in (window.jobs, window.maps, window.words):
            jobs.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def pause(self, seconds: float) -> None:
        """Let the window do what it has to for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._application.processEvents()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            time.sleep(0.005)

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for something; ends the program if it never comes."""
        end = time.monotonic() + LONGEST
        while not ready():
            if time.monotonic() > end:
                raise SystemExit(f"waited {LONGEST:.0f} s in vain for: {what}")
            self.pause(0.02)

    def settle(self) -> None:
        """Wait until nothing is left to do and all of it is painted."""
        self.pause(0.1)
        self.until(lambda: not any(work.number is not None for work in self._work()), "the workers")
        self.pause(0.35)
        self.until(lambda: not any(work.number is not None for work in self._work()), "the workers")

    def _work(self) -> Iterator[Latest]:
        window = self.window
        yield from (window.controller.runs, window.controller.maps, window.controller.captions.words)
        more = window.more
        yield from (demand.latest for demand in (more.numbers, more.maps, more.measures))
        yield from (window.compare.comparing.runs, window.compare.comparing.maps.latest)
        yield from (window.training.timeline.frames, window.sources.gallery.work)
        yield from (window.takeaway.exports.work, window.takeaway.sessions.finding)
        yield window.takeaway.folders.counting

    def tidy(self) -> None:
        """Bring the window back to its usual size and parts, with the pointer on none of its pictures."""
        window = self.window
        window.resize(*SIZE)
        if window.panes.join.isEnabled():
            window.panes.join_all()
        if window.sources.dock.isVisible():
            window.sources.toggle_dock()
        QTest.mouseMove(window.statusBar(), QPoint(8, 8))

    def look(self, choice: ModelChoice | None = None, image: Path | None = None) -> None:
        """Have a model look at an image, by default the subject's, and wait for it."""
        choice, image = choice or self.subject.choice, image or self.subject.image
        window, controller = self.window, self.window.controller
        window.choose_model(choice)
        if controller.image != image:
            controller.open_image(image)
        self.settle()
        if controller.shown is None or controller.shown.result.choice != choice:
            raise SystemExit(f"{choice.model_id} did not look at {image.name}")

    def dialogs(self) -> list[QWidget]:
        """Return the dialogs that are open."""
        tops = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]
        return [*tops, *(tour for tour in self.window.findChildren(Tour) if tour.isVisible())]

    def take(self, shots: Iterable[Shot], pattern: list[str], path: Callable[[str], Path]) -> list[str]:
        """Take the pictures whose names match, and return the names.

        An error that is told in a picture of something else ends the program: it would be photographed as well.
        """
        taken = []
        for shot in shots:
            if not any(fnmatch.fnmatch(shot.name, wanted) for wanted in pattern):
                continue
            photographed = shot.show() or self.window
            self.settle()
            self.seen.add(type(photographed))
            opened = self.dialogs()
            self.seen.update(type(dialog) for dialog in opened)
            unexpected = [
                d for d in opened if "Error" in type(d).__name__ and not shot.name.startswith("dialog-")
            ]
            if unexpected:
                raise SystemExit(f"{shot.name}: {unexpected[0].sentence.text()}")  # type: ignore[attr-defined]
            if not photographed.grab().save(str(path(shot.name))):
                raise SystemExit(f"{path(shot.name)} cannot be written")
            taken.append(shot.name)
            for dialog in opened:
                dialog.end() if isinstance(dialog, Tour) else dialog.close()
            self.pause(0.05)
        return taken

"""Which images are at hand, and their thumbnails, made by a worker as they come into sight. No Qt here."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from vizstudio.core.context import RunContext
from vizstudio.core.errors import ImageError
from vizstudio.core.images import images_below
from vizstudio.core.thumbnails import thumbnail
from vizstudio.gui.latest import Jobs, Latest

SIDE = 128  # pixels of a thumbnail's longer side
BATCH = 6  # thumbnails a job; few, so that those that come into sight next do not wait long
KEPT = 800  # thumbnails in memory: at most some 30 MB
IN_SIGHT = 60  # thumbnails that may be waited for; what was scrolled past is asked for again if it comes back
RECENT = 60  # files that are remembered

Kind = Literal["recent", "folder", "shipped"]


@dataclass(frozen=True)
class Section:
    """Images under one heading.

    Parameters
    ----------
    kind : {"recent", "folder", "shipped"}
        Where they come from.
    name : str
        Such as ``"photos"``; of a folder its name.
    folder : Path or None
        The folder that was opened.
    paths : tuple of Path
        The images.
    state : {"ready", "looking"}
        Looking while the folder is searched.
    problem : str
        Why there are no images, in a sentence.
    """

    kind: Kind
    name: str
    folder: Path | None = None
    paths: tuple[Path, ...] = ()
    state: Literal["ready", "looking"] = "ready"
    problem: str = ""


class GalleryView(Protocol):
    """What the gallery tells the dock."""

    def show_sections(self, sections: Sequence[Section]) -> None:
        """Show these headings and what is under them."""

    def show_thumbnails(self, paths: Iterable[Path]) -> None:
        """Show that thumbnails of these images have come, or that there can be none."""

    def show_broken(self, error: BaseException, details: str) -> None:
        """Say that a job failed as none should."""


class Kept(Protocol):
    """Keeps lists of texts by name."""

    def load(self, name: str) -> list[str]:
        """Return what was saved."""

    def save(self, name: str, texts: list[str]) -> None:
        """Keep a list."""


@dataclass(frozen=True)
class _Folder:
    paths: tuple[Path, ...] = ()
    state: Literal["ready", "looking"] = "looking"
    problem: str = ""


@dataclass
class _Shelf:
    """Thumbnails that are there, oldest first, and why others are not."""

    pictures: OrderedDict[Path, np.ndarray] = field(default_factory=OrderedDict)
    problems: dict[Path, str] = field(default_factory=dict)

    def add(self, path: Path, made: "np.ndarray | str") -> None:
        if isinstance(made, str):
            self.problems[path] = made
            return
        self.pictures[path] = made
        while len(self.pictures) > KEPT:
            self.pictures.popitem(last=False)

    def forget(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self.pictures.pop(path, None)
            self.problems.pop(path, None)


class Gallery:
    """Recent files, opened folders and what ships.

    One worker: folders are searched first, then thumbnails are made, those asked for last before others.
    """

    def __init__(self, view: GalleryView, jobs: Jobs, shipped: dict[str, list[Path]], kept: Kept) -> None:
        self._view, self._kept, self._shipped = view, kept, shipped
        self.work = Latest(jobs, self._failed, stopped=self._next)
        self._recent = [Path(text) for text in kept.load("recent")][:RECENT]
        self._folders = {Path(text): _Folder() for text in kept.load("folders")}
        self._thumbnails = _Shelf()
        self._closed = False
        self._asked: dict[Path, None] = {}  # in the order in which they were asked for

    def start(self) -> None:
        """Show what is at hand and search the folders."""
        self._show()
        self._next()

    def close(self) -> None:
        """Give the worker nothing more to do."""
        self._closed = True

    @property
    def recent(self) -> tuple[Path, ...]:
        """Files that were opened, the last one first."""
        return tuple(self._recent)

    def sections(self) -> list[Section]:
        """Return all headings that have something under them."""
        found = [Section("recent", "recent", None, tuple(self._recent))] if self._recent else []
        for folder, inside in self._folders.items():
            name = folder.name or str(folder)
            found.append(Section("folder", name, folder, inside.paths, inside.state, inside.problem))
        found += [
            Section("shipped", name, None, tuple(paths)) for name, paths in self._shipped.items() if paths
        ]
        return found

    def add(self, paths: Iterable[Path]) -> None:
        """Take in files and folders, the first one on top."""
        files: list[Path] = []
        for path in paths:
            path = path.absolute()
            if path.is_dir():
                self._folders = {path: _Folder()} | {k: v for k, v in self._folders.items() if k != path}
            else:
                files.append(path)
        own = [path for path in files if not self._ships(path)]
        self._thumbnails.forget(own)  # a file may have changed since it was opened
        self._recent = list(dict.fromkeys([*own, *self._recent]))[:RECENT]
        self._changed()
        self._next()

    def note(self, path: Path) -> None:
        """Remember a file that was opened; one that is in a list already stays where it is."""
        path = path.absolute()
        if not self._ships(path) and path not in self._recent:
            self._recent = [path, *self._recent][:RECENT]
            self._changed()

    def remove(self, path: Path) -> None:
        """Take a recent file or a folder off the list; nothing on disk is touched."""
        self._folders.pop(path, None)
        self._recent = [kept for kept in self._recent if kept != path]
        self._changed()

    def clear_recent(self) -> None:
        """Forget all files that were opened."""
        self._recent = []
        self._changed()

    def refresh(self) -> None:
        """Search all folders again and make all thumbnails anew."""
        self._folders = {folder: _Folder(inside.paths) for folder, inside in self._folders.items()}
        self._thumbnails = _Shelf()
        self.start()

    def thumbnail(self, path: Path) -> np.ndarray | None:
        """Return (height, width, 3) uint8, or None if it is not there; then it is made, if it can be."""
        shelf = self._thumbnails
        if path in shelf.pictures:
            shelf.pictures.move_to_end(path)
            return shelf.pictures[path]
        if path not in shelf.problems and path not in self._asked:
            self._asked[path] = None
            while len(self._asked) > IN_SIGHT:
                self._asked.pop(next(iter(self._asked)))
            self._next()
        return None

    def problem(self, path: Path) -> str:
        """Return why an image has no thumbnail, empty if it has or may get one."""
        return self._thumbnails.problems.get(path, "")

    def _ships(self, path: Path) -> bool:
        return any(path in paths for paths in self._shipped.values())

    def _changed(self) -> None:
        self._kept.save("recent", [str(path) for path in self._recent])
        self._kept.save("folders", [str(path) for path in self._folders])
        self._show()

    def _show(self) -> None:
        self._view.show_sections(self.sections())

    def _next(self) -> None:
        """Give the worker something to do, if it is idle and there is something."""
        if self.work.number is not None or self._closed:
            return
        folder = next((f for f, inside in self._folders.items() if inside.state == "looking"), None)
        if folder is not None:
            self._start(_search(folder), lambda found: self._searched(folder, found))
        elif self._asked:
            batch = [self._asked.popitem()[0] for _ in range(min(BATCH, len(self._asked)))]
            self._start(_make(batch), self._made)

    def _start(self, job: Callable[[RunContext], Any], landed: Callable[[Any], None]) -> None:
        def land(result: Any) -> None:
            landed(result)
            self._next()

        self.work.start(job, land)

    def _searched(self, folder: Path, found: _Folder) -> None:
        if folder in self._folders:  # else it was removed meanwhile
            self._folders[folder] = found
            self._show()

    def _made(self, made: "dict[Path, np.ndarray | str]") -> None:
        for path, picture in made.items():
            self._thumbnails.add(path, picture)
        self._view.show_thumbnails(made)

    def _failed(self, error: BaseException, details: str) -> None:
        for folder, inside in self._folders.items():
            if inside.state == "looking":  # else it would be searched, and fail, for ever
                self._folders[folder] = _Folder((), "ready", str(error) or type(error).__name__)
        self._view.show_broken(error, details)
        self._show()
        self._next()


def _search(folder: Path) -> Callable[[RunContext], _Folder]:
    def search(context: RunContext) -> _Folder:
        try:
            return _Folder(tuple(images_below(folder, context.check)), "ready")
        except ImageError as error:
            return _Folder((), "ready", str(error))

    return search


def _make(paths: Sequence[Path]) -> Callable[[RunContext], "dict[Path, np.ndarray | str]"]:
    def make(context: RunContext) -> dict[Path, np.ndarray | str]:
        made: dict[Path, np.ndarray | str] = {}
        for path in paths:
            context.check()
            try:
                made[path] = thumbnail(path, SIDE)
            except Exception as error:  # on damaged files readers of images raise all kinds
                made[path] = str(error) or type(error).__name__
        return made

    return make

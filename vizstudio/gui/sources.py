"""The sources of images: the dock, its actions, what is dropped and what is pasted."""

import hashlib
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QEvent, QIODevice, QMimeData, QObject, Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QImage, QImageWriter, QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.errors import VizstudioError
from vizstudio.core.files import write_atomic
from vizstudio.core.session import SUFFIX
from vizstudio.gui.gallery import Gallery, Section
from vizstudio.gui.gallery_model import GalleryModel
from vizstudio.gui.gallery_tree import GalleryTree
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.kept import KeptTexts, settings
from vizstudio.gui.model_bar import WEIGHT_SUFFIXES
from vizstudio.resources import resource_path
from vizstudio.settings import settings_path

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow

WIDTH = 236  # pixels of the dock at first
IN_MENU = 10  # recent files in the menu
PASTED = 40  # pasted pictures that are kept of earlier windows and this one
STARTED = time.time()  # what was pasted since then may be open, or come back into view


def shipped_images() -> dict[str, list[Path]]:
    """Return the photos and scenes that ship."""
    return {name: sorted(resource_path(name).glob("*.jpg")) for name in ("photos", "scenes")}


def keep_pasted(image: QImage) -> Path:
    """Write a pasted picture beside the settings, named by what it shows; old ones of earlier windows are deleted.

    Raises
    ------
    VizstudioError
        If it cannot be written.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"PNG")).write(image)
    content = bytes(buffer.data().data())
    folder = settings_path().with_name("pasted")
    path = folder / f"pasted-{hashlib.sha256(content).hexdigest()[:10]}.png"
    write_atomic(path, content)
    by_age = sorted(folder.glob("pasted-*.png"), key=lambda kept: kept.stat().st_mtime_ns)
    for old in by_age[:-PASTED]:
        if old.stat().st_mtime < STARTED:
            old.unlink(missing_ok=True)
    return path


def paths_in(data: QMimeData) -> list[Path]:
    """Return the files that are dragged or copied; of plain text the lines, if all are paths of what exists."""
    if data.hasUrls():
        return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    lines = [line.strip().strip("'\"") for line in data.text().splitlines() if line.strip()]
    paths = [path for line in lines if (path := _existing(line)) is not None]
    return paths if len(paths) == len(lines) else []


def holds_sources(data: QMimeData) -> bool:
    """Return whether there is anything to open in what is dragged over the window."""
    return data.hasImage() or bool(paths_in(data))


def _existing(text: str) -> Path | None:
    """Return the file or folder of a name, None where there is none, or the text cannot be a name."""
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # longer than names may be; in the home of a user who does not exist
        return None


class Sources(QObject):
    """Puts the gallery together with the window; a `GalleryView`."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self.jobs = JobBridge("vizstudio-sources", self)
        self.gallery = Gallery(self, self.jobs, shipped_images(), KeptTexts("sources"))
        self.model = GalleryModel(self.gallery)
        self.tree = GalleryTree(self.model)
        self._make_dock()
        self.tree.imageChosen.connect(window.controller.open_image)
        self.tree.removeRequested.connect(self.gallery.remove)
        self.jobs.finished.connect(self.gallery.work.on_finished)
        self.jobs.failed.connect(self.gallery.work.on_failed)
        self.jobs.stopped.connect(self.gallery.work.on_stopped)
        QTimer.singleShot(0, self, self.gallery.start)  # not before the first frame

    def _make_dock(self) -> None:
        files, folder = QPushButton(self.tr("Open…")), QPushButton(self.tr("Folder…"))
        files.clicked.connect(self.ask_files)
        files.setToolTip(self.tr("Open photos; they can be dropped on the window too"))
        folder.clicked.connect(self.ask_folder)
        folder.setToolTip(self.tr("List the images of a folder and of those below it"))
        buttons = QHBoxLayout()
        buttons.setContentsMargins(14, 2, 14, 0)
        for button in (files, folder):
            button.setAccessibleName(button.text())
            buttons.addWidget(button, 1)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(buttons)
        layout.addWidget(self.tree, 1)
        self.dock = QDockWidget(self.tr("Sources"), self._window)
        self.dock.setObjectName("sources")
        self.dock.setWidget(inside)
        self.dock.installEventFilter(self)
        self._window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.dock)
        self._sized = False  # its width is given when it is first seen; before, Qt forgets it
        self.wanted = bool(settings().value("sources/shown", True, type=bool))
        known = any(section.kind != "shipped" for section in self.gallery.sections())
        self._show_dock(self.wanted and known)  # the start page shows the photos that ship

    def fill_menu(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add to a menu what can be done about sources."""
        tip = self.tr("List the images of a folder and of those below it")
        add(menu, self.tr("Open &folder…"), tip, self.ask_folder, "Ctrl+Alt+O")
        # One that `addMenu` makes belongs to whichever wrapper asked for it last, and is lost with that.
        self.recent_menu = QMenu(self.tr("Open &recent"), menu)
        menu.addMenu(self.recent_menu)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        tip = self.tr("Open the image, or the files whose paths, are on the clipboard")
        add(menu, self.tr("&Paste image"), tip, self.paste, QKeySequence.StandardKey.Paste)
        tip = self.tr("Open the image that comes next in the list of sources")
        add(menu, self.tr("&Next image"), tip, partial(self._step, 1), "Alt+PgDown")
        tip = self.tr("Open the image that comes before this one in the list of sources")
        add(menu, self.tr("Pre&vious image"), tip, partial(self._step, -1), "Alt+PgUp")
        tip = self.tr("Search the open folders again for images")
        add(menu, self.tr("Search folders a&gain"), tip, self.gallery.refresh, "F5")

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for path in self.gallery.recent[:IN_MENU]:
            action = self.recent_menu.addAction(path.name.replace("&", "&&"))
            action.setStatusTip(str(path))
            action.triggered.connect(lambda _=False, path=path: self.open([path]))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction(self.tr("&Clear the list"))
        clear.setStatusTip(self.tr("Forget which files were opened; nothing on disk is deleted"))
        clear.setEnabled(bool(self.gallery.recent))
        clear.triggered.connect(lambda _=False: self.gallery.clear_recent())

    def toggle_dock(self) -> None:
        """Show the dock and go to it, or close it."""
        self._want(not self.dock.isVisible())
        self._show_dock(self.wanted)
        if self.wanted:
            self.tree.setFocus()

    def _show_dock(self, shown: bool) -> None:
        self.dock.setVisible(shown)
        if self.dock.isVisible() and not self._sized:
            self._sized = True
            self._window.resizeDocks([self.dock], [WIDTH], Qt.Orientation.Horizontal)

    def keep_width(self) -> None:
        """Leave the dock's width as it is when it is seen first."""
        self._sized = True

    def _want(self, shown: bool) -> None:
        self.wanted = shown
        settings().setValue("sources/shown", shown)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Remember that the user closed the dock."""
        if event.type() == QEvent.Type.Close:
            self._want(False)
        return False

    def ask_files(self) -> None:
        """Ask for photos and open the first."""
        filters = self.tr("Images (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif);;All files (*)")
        names, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Open photos"), "", filters)
        self.open(map(Path, names))

    def ask_folder(self) -> None:
        """Ask for a folder and list its images."""
        name = QFileDialog.getExistingDirectory(self._window, self.tr("Open folder"))
        if name:
            self.open([Path(name)])

    def open(self, paths: Iterable[Path]) -> None:
        """List images and folders and open the first image.

        Weights and sessions are told by their suffix: weights go to the model, a session is all that is opened.
        """
        given = list(paths)
        sessions = [path for path in given if path.suffix.lower() == SUFFIX]
        if sessions:
            self._window.takeaway.sessions.open(sessions[0])
            return
        weights = [path for path in given if path.suffix.lower() in WEIGHT_SUFFIXES and not path.is_dir()]
        images = [path for path in given if path not in weights]
        if images:
            self.gallery.add(images)
            self._show_dock(self.wanted or all(path.is_dir() for path in images))
        first = next((path for path in images if not path.is_dir()), None)
        if first is not None:
            self._window.controller.open_image(first)
        if weights:
            self._window.model_bar.choose_file(weights[0])

    def take(self, data: QMimeData) -> bool:
        """Open what was dropped or pasted; returns whether there was anything to open."""
        paths = paths_in(data)
        if not paths and data.hasImage():
            image = data.imageData()
            try:
                paths = [keep_pasted(image if isinstance(image, QImage) else image.toImage())]
            except VizstudioError as error:
                self.show_broken(error, "".join(traceback.format_exception(error)))
                return True
        self.open(paths)
        return bool(paths)

    def paste(self) -> None:
        """Open what is on the clipboard."""
        data: QMimeData | None = QGuiApplication.clipboard().mimeData()
        if data is None or not self.take(data):  # of a clipboard that is empty there may be none
            self._window.status.show_idle(
                self.tr("Nothing to paste: copy an image, or the path of one, first")
            )

    def _step(self, step: int) -> None:
        path = self.tree.neighbour(step)
        if path is not None:
            self._window.controller.open_image(path)

    def show_opened(self, path: Path | None) -> None:
        """Select the image that is shown now, and remember it."""
        if path is not None:
            self.gallery.note(path)
            self.tree.select(path.absolute())
        self._show_dock(self.wanted)

    def show_sections(self, sections: Sequence[Section]) -> None:
        """Show these headings and what is under them."""
        self.model.set_sections(sections)

    def show_thumbnails(self, paths: Iterable[Path]) -> None:
        """Show that thumbnails have come."""
        self.model.thumbnails_came(paths)
        self.tree.viewport().update()

    def show_broken(self, error: BaseException, details: str) -> None:
        """Say that something failed as nothing should."""
        known = isinstance(error, VizstudioError)
        told = str(error) if known else f"{type(error).__name__}: {error}"
        self._window.show_failed(told, details, not known)

    def close(self, timeout: float) -> bool:
        """Make no more thumbnails; returns whether the worker had ended."""
        self.gallery.close()
        return self.jobs.close(timeout)

"""Opens and saves sessions; keeps one for after a crash, and offers it then."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox

from vizstudio.core.errors import VizstudioError
from vizstudio.core.files import with_suffix
from vizstudio.core.model import ModelChoice
from vizstudio.core.session import (
    SUFFIX,
    KnownImage,
    Session,
    find_images,
    in_one_sentence,
    read_session,
    write_session,
)
from vizstudio.gui.autosave import Autosave
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.latest import Latest
from vizstudio.settings import data_folder

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow

DELAY = 2000  # milliseconds from a change until it is kept


class SessionDesk(QObject):
    """Sessions of the window; one worker writes the automatic ones, one reads the images of those opened."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        self._images: dict[Path, str] = {}
        self._kept: Session | None = None
        self._autosave: Autosave | None = None
        self.file: Path | None = None
        self.jobs = JobBridge("vizstudio-autosave", self)
        self.work = Latest(self.jobs, lambda error, details: None)  # nobody asked for it
        self.jobs.finished.connect(self.work.on_finished)
        self.jobs.failed.connect(self.work.on_failed)
        self.images = JobBridge("vizstudio-session", self)
        self.finding = Latest(self.images, self._broken)
        self.images.finished.connect(self.finding.on_finished)
        self.images.failed.connect(self.finding.on_failed)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(DELAY)
        self.timer.timeout.connect(self.keep)

    @property
    def autosave(self) -> Autosave:
        """The file for after a crash."""
        if self._autosave is None:
            self._autosave = Autosave(data_folder())
        return self._autosave

    def fill_file(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add to the menu of files."""
        key = QKeySequence.StandardKey
        tip = self.tr("Open a session: its image, model, view and tab")
        add(menu, self.tr("Open sess&ion…"), tip, self.ask_open, "Ctrl+Alt+Shift+O")
        tip = self.tr("Save what is open, to go on from there another day")
        self.saving = [add(menu, self.tr("&Save session"), tip, self.save, key.Save)]
        tip = self.tr("Save what is open to another file")
        self.saving.append(add(menu, self.tr("Save session &as…"), tip, self.ask_save, "Ctrl+Shift+S"))
        for action in self.saving:
            action.setEnabled(False)

    def session(self) -> Session | None:
        """Return what is open, None if nothing is shown."""
        place = self._window.controller.travel.place()
        if place is None:
            return None
        images = tuple(KnownImage(path, sha) for path, sha in self._images.items())
        captions = tuple(self._window.controller.captions.tree.written) if place.path is not None else ()
        return Session(place, images, captions)

    def note(self) -> None:
        """Note that something else is shown."""
        shown = self._window.controller.shown
        if shown is None or shown.result.image.path is None:
            return
        image = shown.result.image
        self._images[image.path.absolute()] = image.sha256  # type: ignore[union-attr]
        second = self._window.controller.second
        if second is not None and second.image.path is not None:
            self._images[second.image.path.absolute()] = second.image.sha256
        for action in self.saving:
            action.setEnabled(True)
        if not self.timer.isActive():
            self.timer.start()

    def keep(self) -> None:
        """Keep what is open for after a crash, if it is not kept already."""
        session = self.session()
        if session is None or session == self._kept:
            return
        self._kept, autosave = session, self.autosave
        self.work.start(lambda context: autosave.write(session), lambda _: None)

    def ask_open(self) -> None:
        """Ask for a session and open it."""
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open session"), "", self._filters())
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> bool:
        """Open a session file; says what is wrong with it, or with its images. Returns whether it was read.

        It is shown when its images have been found and compared, see `show`.
        """
        try:
            session = read_session(path)
        except VizstudioError as error:
            self._window.show_failed(str(error), "", False)
            return False

        def opened() -> None:
            self.file = path

        self.show(session, path.parent, opened)
        return True

    def show(self, session: Session, folder: Path, shown: Callable[[], None]) -> None:
        """Show what a session holds, as far as it is there.

        Its images are read in the worker. Where the user opens an image or chooses a model meanwhile, that stays,
        and the images are only listed. `shown` is called when the session is what the window shows.
        """
        before = self._asked()
        self._window.status.message.setText(self.tr("Reading the images of the session…"))

        def land(found: tuple[Session, list[str]]) -> None:
            self._list(found[0])
            if self._asked() == before:
                shown()
                self._show(*found)

        self.finding.start(lambda context: find_images(session, folder, context.check), land)

    def _asked(self) -> tuple[Path | None, ModelChoice | None]:
        return self._window.controller.image, self._window.controller.choice

    def _list(self, session: Session) -> None:
        self._images.update((image.path, image.sha256) for image in session.images)
        self._window.sources.gallery.add([image.path for image in session.images])

    def _show(self, session: Session, told: list[str]) -> None:
        controller, place = self._window.controller, session.place
        self._window.status.tell(self.tr("Session opened"))
        if place.image.is_file():
            controller.travel.visit(place, session.captions)
        else:
            controller.state = place.state
            self._window.choose_model(place.choice)
        if told:
            dialog = ErrorDialog(in_one_sentence(told), "\n".join(told), False, self._window)
            dialog.heading.setText(self.tr("Not all of the session is as it was"))
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    def save(self) -> None:
        """Save to the file that was opened or saved to last; ask for one at first."""
        if self.file is None:
            self.ask_save()
        else:
            self._save(self.file)

    def ask_save(self) -> None:
        """Ask for a file and save to it."""
        session = self.session()
        if session is None:
            return
        start = self.file or session.place.image.with_suffix(SUFFIX)
        title = self.tr("Save session")
        name, _ = QFileDialog.getSaveFileName(self._window, title, str(start), self._filters())
        if name:
            self._save(with_suffix(Path(name), SUFFIX[1:]))

    def _save(self, path: Path) -> None:
        session = self.session()
        if session is None:
            return
        try:
            write_session(session, path)
        except VizstudioError as error:
            self._window.show_failed(str(error), "", False)
            return
        self.file = path
        self._window.status.tell(self.tr("Session saved as {0}").format(path))

    def _filters(self) -> str:
        return self.tr("Sessions (*{0});;All files (*)").format(SUFFIX)

    def offer(self) -> None:
        """Offer to restore what was open when vizstudio ended without being closed."""
        left = self.autosave.left_behind()
        if not left:
            return
        try:
            session = read_session(left[0])
        except VizstudioError:
            self._discard(left)  # a crash amid its writing cannot damage it, so somebody else did
            return
        when = datetime.fromtimestamp(left[0].stat().st_mtime)
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("vizstudio"))
        box.setText(self.tr("vizstudio ended unexpectedly. Go on where you were?"))
        told = self.tr("{0} with {1}, kept at {2}.")
        place = session.place
        box.setInformativeText(told.format(place.image.name, place.choice.model_id, f"{when:%Y-%m-%d %H:%M}"))
        restore = box.addButton(self.tr("Restore"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(self.tr("Discard"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(restore)

        def answered() -> None:
            if box.clickedButton() is restore:
                self.show(session, left[0].parent, lambda: self._discard(left))
            else:
                self._discard(left)

        box.buttonClicked.connect(answered)
        box.open()

    def _broken(self, error: BaseException, details: str) -> None:
        self._window.show_failed(f"{type(error).__name__}: {error}", details, True)

    @staticmethod
    def _discard(paths: list[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    def close(self, timeout: float) -> bool:
        """Keep nothing for after a crash, since this is none; returns whether the workers had ended."""
        self.timer.stop()
        ended = all([self.jobs.close(timeout), self.images.close(timeout)])
        if self._autosave is not None:
            self._autosave.clear()
        return ended

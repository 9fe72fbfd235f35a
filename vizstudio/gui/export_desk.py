"""Takes away what is shown: to a file, to the clipboard as a picture, a script or a command."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QObject, Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu

from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.files import with_suffix
from vizstudio.core.output import PictureOptions
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.kept import settings
from vizstudio.gui.latest import Latest
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.core.view import Figure
    from vizstudio.gui.dialogs.export import ExportDialog
    from vizstudio.gui.exported import Exported, Source
    from vizstudio.gui.main_window import MainWindow


class ExportDesk(QObject):
    """Has files made by a worker of its own, so that the window stays quick.

    What draws and writes them is imported when it is first asked for, as the window opens sooner without.
    """

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host
        self._dialog: ExportDialog | None = None
        self.jobs = JobBridge("vizstudio-export", self)
        self.work = Latest(self.jobs, self._failed)
        self.jobs.finished.connect(self.work.on_finished)
        self.jobs.failed.connect(self.work.on_failed)
        self.jobs.stopped.connect(self.work.on_stopped)
        self.actions: list[QAction] = []

    def fill_file(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add to the menu of files."""
        tip = self.tr("Write what is shown to a file: a picture, an animation or the numbers")
        self.actions.append(add(menu, self.tr("E&xport…"), tip, self.ask, "Ctrl+E"))

    def fill_edit(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add to the menu of editing."""
        tip = self.tr("Copy the picture of the tab in front, as Export would write it")
        entries = [(self.tr("Copy &picture"), tip, self.copy_picture, "Ctrl+Shift+C")]
        tip = self.tr("Copy a script that makes the same picture")
        entries.append((self.tr("Copy as P&ython"), tip, self.copy_python, "Ctrl+Alt+C"))
        tip = self.tr("Copy a line for the terminal that makes the same picture")
        entries.append((self.tr("Copy as co&mmand"), tip, self.copy_command, "Ctrl+Alt+Shift+C"))
        self.actions += [add(menu, *entry) for entry in entries]
        self.allow(False)

    def allow(self, there: bool) -> None:
        """Enable the actions as soon as there is something to take away."""
        for action in self.actions:
            action.setEnabled(there)

    @property
    def _source(self) -> "Source":
        """What there is to take away: the run in the timeline while that is in front, else the photo's views."""
        from vizstudio.gui.exported import Runs, Views

        window = self._window
        if window.tabs.currentWidget() is window.training.page:
            return Runs(window.training.timeline, self._host)
        return Views(window.controller, self._host)

    def _chosen(self) -> "Exported | None":
        """Return what the dialog asks for, or without one the tab in front; None, told, if that is not there."""
        dialog = self._dialog
        try:
            if dialog is None:
                return self._source.chosen()
            return self._source.chosen(dialog.chosen_view).with_options(dialog.options, dialog.chosen_format)
        except VizstudioError as error:
            self._failed(error, "")
            return None

    def ask(self) -> None:
        """Open the dialog."""
        try:
            views, view = self._source.views()
        except VizstudioError as error:
            self._failed(error, "")
            return
        formats = self._host.exporters.entries()
        if not formats:
            told = self.tr(
                "no plugin brings a file format: switch one on that does, such as builtin, in Help"
            )
            self._failed(UsageError(told), "")
            return
        from vizstudio.gui.dialogs.export import ExportDialog

        dialog = ExportDialog(views, view, formats, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.changed.connect(self._preview)
        dialog.saveRequested.connect(self._ask_path)
        dialog.copyRequested.connect(self.copy_picture)
        dialog.pythonRequested.connect(self.copy_python)
        dialog.commandRequested.connect(self.copy_command)
        dialog.finished.connect(self._closed)
        self._dialog = dialog
        dialog.open()
        self._preview()

    def _closed(self) -> None:
        self._dialog = None
        self.work.drop()

    def _start(self, make: "Callable[[Exported, RunContext], Any]", landed: Callable[[Any], None]) -> None:
        """Have something made of what is chosen."""
        chosen = self._chosen()
        if chosen is not None:
            self.work.start(lambda context: make(chosen, context), landed)

    def _preview(self) -> None:
        def draw(chosen: "Exported", context: RunContext) -> "Figure":
            return chosen.with_options(PictureOptions(), chosen.format).draw(context)

        def show(figure: "Figure") -> None:
            if self._dialog is not None:
                self._dialog.show_figure(figure)

        self._start(draw, show)

    def _ask_path(self) -> None:
        dialog = self._dialog
        assert dialog is not None
        chosen = self._chosen()
        if chosen is None:
            return
        folder = str(settings().value("export/folder", str(chosen.folder), type=str))
        kind = chosen.format
        start = str(Path(folder) / chosen.file_name)
        filters = self.tr("{0} files (*.{1});;All files (*)").format(kind.upper(), kind)
        name, _ = QFileDialog.getSaveFileName(dialog, self.tr("Export"), start, filters)
        if not name:
            return
        path = with_suffix(Path(name), kind)
        settings().setValue("export/folder", str(path.parent))

        from vizstudio.gui.exported import save

        self._start(lambda chosen, context: save(chosen, path, context), self._saved)

    def _saved(self, path: Path) -> None:
        self._say(self.tr("Saved {0}").format(path))
        if self._dialog is not None:
            self._dialog.accept()

    def copy_picture(self) -> None:
        """Put the picture on the clipboard."""

        options = self._dialog.options if self._dialog is not None else PictureOptions()

        def make(chosen: "Exported", context: RunContext) -> bytes:
            return chosen.with_options(options, "png").content(context)

        self._start(make, self._picture_made)

    def _picture_made(self, content: bytes) -> None:
        data = QMimeData()
        data.setImageData(QImage.fromData(content))
        data.setData("image/png", content)  # as it is, for programs that take it: with its facts
        QGuiApplication.clipboard().setMimeData(data)
        self._say(self.tr("Picture copied"))

    def copy_python(self) -> None:
        """Put a script on the clipboard that makes the same file."""
        self._copy_text(
            lambda chosen: chosen.python(), self.tr("Script copied: run it anywhere, it writes {0}")
        )

    def copy_command(self) -> None:
        """Put a line on the clipboard that makes the same file, for the shell of this system."""
        self._copy_text(
            lambda chosen: chosen.command(), self.tr("Command copied: run it anywhere, it writes {0}")
        )

    def _copy_text(self, write: "Callable[[Exported], str]", told: str) -> None:
        chosen = self._chosen()
        if chosen is not None:
            QGuiApplication.clipboard().setText(write(chosen))
            self._say(told.format(chosen.file_name))

    def _say(self, text: str) -> None:
        self._window.status.tell(text)
        if self._dialog is not None:
            self._dialog.say(text)

    def _failed(self, error: BaseException, details: str) -> None:
        known = isinstance(error, VizstudioError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        if self._dialog is not None and known:
            self._dialog.show_problem(sentence)
        else:
            self._window.show_failed(sentence, details, not known)

    def close(self, timeout: float) -> bool:
        """Make nothing more; returns whether the worker had ended."""
        return self.jobs.close(timeout)

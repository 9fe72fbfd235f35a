"""Analyses a folder in a worker of its own: asks what to make, shows how far it is, and tells what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from vizstudio.core.errors import VizstudioError
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.latest import Latest
from vizstudio.gui.status import RunStatus
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.batch import Report
    from vizstudio.gui.dialogs.folder import FolderDialog
    from vizstudio.gui.folder import FolderRun, Offer
    from vizstudio.gui.main_window import MainWindow


class FolderDesk(QObject):
    """One folder at a time; the window stays usable meanwhile.

    What analyses it is imported when it is first asked for, as the window opens sooner without.
    """

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window, self._host = window, host
        self._dialog: FolderDialog | None = None
        self._counted_in = Path()  # whose images are counted
        self.running: FolderRun | None = None
        self._may_stop = False  # whether the user wants to close the window all the same
        self.jobs = JobBridge("vizstudio-folder", self)
        self.counting = Latest(self.jobs, self._not_counted)
        self.work = Latest(self.jobs, self._failed, self._show, self._stopped)
        self.jobs.progressed.connect(self.work.on_progress)
        for latest in (self.counting, self.work):
            self.jobs.finished.connect(latest.on_finished)
            self.jobs.failed.connect(latest.on_failed)
            self.jobs.stopped.connect(latest.on_stopped)
        self._make_strip()
        window.sources.tree.analyseRequested.connect(self.ask)

    def _make_strip(self) -> None:
        """Make what stands in the status bar, beside the run of the photo, while a folder is analysed."""
        self.strip, self.status = QWidget(), RunStatus()
        self.status.progress.setAccessibleName(self.tr("Progress of the folder"))
        self.status.progress.setFixedWidth(110)
        self.status.cancel.setAccessibleName(self.tr("Cancel the folder"))
        self.status.cancel.setStatusTip(self.tr("Analyse no further image; what was written stays"))
        self.status.cancel.clicked.connect(self.cancel)
        layout = QHBoxLayout(self.strip)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.status.message)
        layout.addWidget(self.status)
        self.strip.setVisible(False)
        self._window.statusBar().addPermanentWidget(self.strip)

    def fill_file(self, menu: QMenu, add: Callable[..., QAction]) -> None:
        """Add to the menu of files."""
        tip = self.tr("Make pictures or numbers of all images of a folder, as vizstudio run does")
        self.start = add(menu, self.tr("Anal&yse a folder…"), tip, self.ask, "Ctrl+Shift+F")
        tip = self.tr("Analyse no further image of the folder; what was written stays")
        self.stop = add(menu, self.tr("Cancel the fol&der"), tip, self.cancel)
        self.stop.setEnabled(False)

    def ask(self, folder: Path | None = None) -> None:
        """Ask what to make of the images of a folder."""
        if self.running is not None:
            self._window.status.message.setText(
                self.tr("A folder is being analysed: wait, or cancel it below")
            )
            return
        from vizstudio.gui.dialogs.folder import FolderDialog
        from vizstudio.gui.folder import offer

        try:
            asked = offer(self._window.controller, self._host)
        except VizstudioError as error:
            self._window.show_failed(str(error), "", False)
            return
        bar, choice = self._window.model_bar, asked.choice
        kind = bar.weights_text(choice)
        model = f"{choice.model_id}, {kind if choice.checkpoint else kind[:1].lower() + kind[1:]}"
        dialog = FolderDialog(asked.views, asked.shown, self._host.exporters.entries(), model, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.folderChanged.connect(lambda path: self._count(dialog, path))
        dialog.runRequested.connect(lambda: self._run(dialog, asked))
        dialog.finished.connect(self._closed)
        self._dialog = dialog
        image = self._window.controller.image
        first = folder or (image.parent if image else None)
        if first is not None:
            dialog.folder.setText(str(first))
        dialog.open()

    def _closed(self) -> None:
        self._dialog = None
        if self.counting.number is not None:
            self.counting.drop()

    def _count(self, dialog: "FolderDialog", folder: Path) -> None:
        from vizstudio.batch import find_images

        out, self._counted_in = dialog.chosen_out, folder
        self.counting.start(lambda context: len(find_images([folder], out, context.check)), self._counted)

    def _counted(self, count: int) -> None:
        if self._dialog is not None:
            self._dialog.show_count(self._counted_in, count)

    def _not_counted(self, error: BaseException, details: str) -> None:
        if self._dialog is not None and isinstance(error, VizstudioError):
            self._dialog.show_problem(self._counted_in, str(error))
        else:
            self._failed(error, details)

    def _run(self, dialog: "FolderDialog", asked: "Offer") -> None:
        from vizstudio.gui.folder import FolderRun

        folder, out = dialog.chosen_folder, dialog.chosen_out
        views, formats = dialog.chosen_views, dialog.chosen_formats
        shelf = self._window.controller.shelf
        run = FolderRun(asked, folder, views, formats, out, self._host, shelf)
        dialog.accept()
        self.running = run
        self._allow(False)
        self.work.start(run, self._done)

    def _allow(self, start: bool) -> None:
        self.start.setEnabled(start)
        self.stop.setEnabled(not start)
        self.strip.setVisible(not start)

    def _show(self, message: str, fraction: float) -> None:
        self.status.message.setToolTip(message)
        self.status.show_busy(self.tr("Folder: {0}").format(message.partition(":")[0] or "…"), fraction)

    def cancel(self) -> None:
        """Analyse no further image."""
        self.work.cancel()

    def _end(self) -> "FolderRun":
        run, self.running = self.running, None
        assert run is not None
        self.status.show_idle("")
        self._allow(True)
        self._window.habits.show_memory()
        return run

    def _done(self, report: "Report") -> None:
        from vizstudio.batch import failure_lines
        from vizstudio.gui.dialogs.folder_done import FolderDone

        run = self._end()
        told = self._told(report)
        self._window.status.tell(told)
        dialog = FolderDone(told, run.out, report.notes, failure_lines(report.failed), self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _told(self, report: "Report") -> str:
        told = self.tr("{0} of {1} images analysed, files written: {2}")
        return told.format(report.done, report.total, len(report.written))

    def _stopped(self) -> None:
        run = self._end()
        told = self.tr("Folder cancelled: {0} to {1}").format(self._told(run.report), run.out)
        self._window.status.tell(told)

    def _failed(self, error: BaseException, details: str) -> None:
        if self.running is not None:
            self._end()
        known = isinstance(error, VizstudioError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        self._window.show_failed(sentence, details, not known)

    def may_close(self) -> bool:
        """Return whether the window may close now; asks the user while a folder is analysed."""
        if self.running is None or self._may_stop:
            return True
        from vizstudio.gui.dialogs.folder_closing import FolderClosing

        if not self._window.findChildren(FolderClosing):
            told = self._told(self.running.report)
            FolderClosing(self._window, told, self.running.out, self._stop_and_close).open()
        return False

    def _stop_and_close(self) -> None:
        self._may_stop = True
        self._window.close()

    def close(self, timeout: float) -> bool:
        """Analyse nothing more; returns whether the worker had ended."""
        return self.jobs.close(timeout)

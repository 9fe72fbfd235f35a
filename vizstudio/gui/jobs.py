"""The bridge from the worker thread to the window: one signal, delivered in the GUI thread."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from vizstudio.compute.jobs import Event, Failed, Finished, Progress, Stopped, Worker
from vizstudio.core.context import RunContext


class JobBridge(QObject):
    """A worker whose events arrive as signals in the thread that made this object."""

    progressed = Signal(int, float, str)  # (number, fraction, message), a few times a second
    finished = Signal(int, object)  # (number, result), once for a job that was not replaced
    failed = Signal(int, object, str)  # (number, exception, traceback), once for a job that raised
    stopped = Signal(int)  # (number), once for a job that was cancelled or replaced
    _delivered = Signal(object)  # an Event, emitted in the worker thread

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = Worker(self._delivered.emit, name)
        self._open = True
        self._delivered.connect(self._dispatch, Qt.ConnectionType.QueuedConnection)

    def submit(self, job: Callable[[RunContext], Any]) -> int:
        """Start a job, cancelling the one before; returns its number."""
        return self._worker.submit(job)

    def cancel(self) -> None:
        """Cancel what runs."""
        self._worker.cancel()

    def close(self, timeout: float | None = None) -> bool:
        """Cancel what runs and wait for it; nothing is delivered afterwards. See `Worker.close`."""
        if self._open:
            self._open = False
            self._delivered.disconnect(self._dispatch)
        return self._worker.close(timeout)

    def _dispatch(self, event: Event) -> None:
        match event:
            case Progress(number, fraction, message):
                self.progressed.emit(number, fraction, message)
            case Finished(number, result):
                self.finished.emit(number, result)
            case Failed(number, error, details):
                self.failed.emit(number, error, details)
            case Stopped(number):
                self.stopped.emit(number)

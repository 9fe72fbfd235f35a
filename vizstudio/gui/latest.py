"""One worker's newest request: what comes back of an older one is dropped. No Qt here."""

from collections.abc import Callable
from typing import Any, Protocol

from vizstudio.core.context import RunContext


class Jobs(Protocol):
    """Where work is done; events come back to the ``on_…`` methods of `Latest`."""

    def submit(self, job: Callable[[RunContext], Any]) -> int:
        """Start a job, cancelling the one before; returns its number."""

    def cancel(self) -> None:
        """Cancel what runs."""


def _ignore(*_: Any) -> None:
    """Drop an event."""


class Latest:
    """Knows which request is the newest, and what is to be done with what comes of it.

    Parameters
    ----------
    jobs : Jobs
        The worker.
    failed : callable
        Called as ``failed(error, traceback)`` when the newest job raised.
    progressed : callable
        Called as ``progressed(message, fraction)`` while it runs, and with ``("", 0.0)`` when it begins.
    stopped : callable
        Called when it was cancelled.
    """

    def __init__(
        self,
        jobs: Jobs,
        failed: Callable[[BaseException, str], None],
        progressed: Callable[[str, float], None] = _ignore,
        stopped: Callable[[], None] = _ignore,
    ) -> None:
        self._jobs = jobs
        self._failed, self._progressed, self._stopped = failed, progressed, stopped
        self._landed: Callable[[Any], None] = _ignore
        self.number: int | None = None

    def start(self, job: Callable[[RunContext], Any], landed: Callable[[Any], None]) -> int:
        """Start a job in place of the one before; `landed` gets its result unless it is replaced."""
        self._progressed("", 0.0)
        self.number, self._landed = self._jobs.submit(job), landed
        return self.number

    def cancel(self) -> None:
        """Cancel what runs; `stopped` is called when it has ended."""
        self._jobs.cancel()

    def drop(self) -> None:
        """Cancel what was started here and hear no more of it."""
        if self.number is not None:  # else what runs in this worker is another's
            self.number, self._landed = None, _ignore
            self._jobs.cancel()

    def on_progress(self, number: int, fraction: float, message: str) -> None:
        """Tell how far the newest job is."""
        if number == self.number:
            self._progressed(message, fraction)

    def on_finished(self, number: int, result: Any) -> None:
        """Take the newest job's result."""
        if number == self.number:
            landed, self.number, self._landed = self._landed, None, _ignore  # it may hold a result
            landed(result)

    def on_failed(self, number: int, error: BaseException, details: str) -> None:
        """Tell that the newest job failed."""
        if number == self.number:
            self.number = None
            self._failed(error, details)

    def on_stopped(self, number: int) -> None:
        """Tell that the newest job was cancelled."""
        if number == self.number:
            self.number = None
            self._stopped()

"""One worker thread: a new job cancels the running one and replaces the waiting one."""

import itertools
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from vizstudio.core.context import RunContext
from vizstudio.core.errors import Cancelled

REPORT_EVERY = 0.05  # seconds; a report a module would flood the window's event loop


@dataclass(frozen=True)
class Progress:
    """A job is under way; `fraction` is 0 to 1."""

    number: int
    fraction: float
    message: str


@dataclass(frozen=True)
class Finished:
    """A job returned `result`."""

    number: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """A job raised; `details` is the traceback as text, so that no frame is kept alive by the error."""

    number: int
    error: BaseException
    details: str


@dataclass(frozen=True)
class Stopped:
    """A job was cancelled or replaced before it was done."""

    number: int


Event = Progress | Finished | Failed | Stopped


@dataclass
class Worker:
    """Runs jobs one at a time, in the order of their numbers; only the newest is ever finished.

    Every job that was submitted ends in exactly one of `Finished`, `Failed` and `Stopped`.

    Parameters
    ----------
    deliver : callable
        Called with every `Event`, from the worker thread.
    name : str
        Of the thread.
    """

    deliver: Callable[[Event], None]
    name: str = "vizstudio-worker"
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1), init=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)
    _last: "Future[None] | None" = field(default=None, init=False)
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=self.name)

    def submit(self, job: Callable[[RunContext], Any]) -> int:
        """Start a job as soon as the running one has noticed that it is cancelled; returns its number."""
        self.cancel()
        self._cancelled = threading.Event()
        number = next(self._numbers)
        self._last = self._pool.submit(self._run, number, job, self._cancelled)
        return number

    def cancel(self) -> None:
        """Cancel what runs and what waits; each still delivers `Stopped`."""
        self._cancelled.set()

    def close(self, timeout: float | None = None) -> bool:
        """Cancel everything and wait for the running job to end.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; forever for None.

        Returns
        -------
        bool
            Whether it has ended. An import, or one long call into a library, cannot be cancelled.
        """
        self.cancel()
        self._pool.shutdown(wait=timeout is None)  # a waiting job still runs, into its cancellation
        if self._last is None:
            return True
        return not wait([self._last], timeout).not_done

    def _run(self, number: int, job: Callable[[RunContext], Any], cancelled: threading.Event) -> None:
        last = 0.0

        def report(fraction: float, message: str) -> None:
            nonlocal last
            now = time.monotonic()
            if fraction == 0 or now - last >= REPORT_EVERY:  # 0 begins a phase, which must not go untold
                last = now
                self.deliver(Progress(number, fraction, message))

        try:
            context = RunContext(report=report, cancel_event=cancelled)
            context.check()
            result = job(context)
            context.check()
        except Cancelled:
            self.deliver(Stopped(number))
        except BaseException as error:  # a model may raise SystemExit too; nothing may end in silence
            details = traceback.format_exc()
            _forget_frames(error)
            self.deliver(Failed(number, error, details))
        else:
            self.deliver(Finished(number, result))


def _forget_frames(error: BaseException | None) -> None:
    """Drop tracebacks: their frames hold models and widgets, which must not be freed in some other thread."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__

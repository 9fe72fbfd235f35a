"""One worker thread: a new job cancels the running one and replaces the waiting one."""

import itertools
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    """A job raised; `details` is the traceback."""

    number: int
    error: Exception
    details: str


@dataclass(frozen=True)
class Stopped:
    """A job was cancelled or replaced before it was done."""

    number: int


Event = Progress | Finished | Failed | Stopped


@dataclass
class Worker:
    """Runs jobs one at a time, in the order of their numbers; only the newest is ever finished.

    Parameters
    ----------
    deliver : callable
        Called with every `Event`, from the worker thread.
    """

    deliver: Callable[[Event], None]
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="vizstudio-worker")
    )
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))  # type: ignore[type-arg]
    _newest: threading.Event = field(default_factory=threading.Event)

    def submit(self, job: Callable[[RunContext], Any]) -> int:
        """Start a job as soon as the running one has noticed that it is cancelled; returns its number."""
        self.cancel()
        self._newest = threading.Event()
        number = next(self._numbers)
        self._pool.submit(self._run, number, job, self._newest)
        return number

    def cancel(self) -> None:
        """Cancel what runs and what waits; each still delivers `Stopped`."""
        self._newest.set()

    def close(self) -> None:
        """Cancel everything and wait until the thread has ended."""
        self.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, number: int, job: Callable[[RunContext], Any], cancelled: threading.Event) -> None:
        last = 0.0

        def report(fraction: float, message: str) -> None:
            nonlocal last
            if time.monotonic() - last >= REPORT_EVERY:
                last = time.monotonic()
                self.deliver(Progress(number, fraction, message))

        try:
            context = RunContext(report=report, cancel_event=cancelled)
            context.check()
            result = job(context)
            context.check()
        except Cancelled:
            self.deliver(Stopped(number))
        except Exception as error:
            self.deliver(Failed(number, error, traceback.format_exc()))
        else:
            self.deliver(Finished(number, result))

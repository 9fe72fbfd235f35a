"""Ctrl-C: the first asks a run to finish its step and save, a second one ends the process at once.

A file ``stop`` in the run's folder asks as the first Ctrl-C does. It works on every system, for a process that has
no terminal, and from another machine that shares the folder; the window uses it.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

EXIT = 130
ECHO_SECONDS = 1.0
"""torchrun hands on a signal that its processes have had from the terminal already."""
STOP_FILE = "stop"


class Interrupt:
    """Whether the user wants the run to stop; `stop` is the file that asks for it."""

    def __init__(self, launched: bool, stop: Path) -> None:
        self._launched, self._since, self._signalled, self._stop = launched, 0.0, False, stop

    @property
    def wanted(self) -> bool:
        """Whether a signal came or the file is there."""
        return self._signalled or self._stop.exists()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        now = time.monotonic()
        if self._signalled and not (self._launched and now - self._since < ECHO_SECONDS):
            os._exit(EXIT)  # every file is written beside its place first, so nothing is left half done
        if not self._signalled:
            self._signalled, self._since = True, now
            os.write(2, b"\nfinishing the step and saving; once more to leave at once\n")


@contextmanager
def interruptible(launched: bool, out: Path) -> Iterator[Interrupt]:
    """Take Ctrl-C, the SIGTERM of a job queue, and the file ``stop``; must be used by the main thread.

    Parameters
    ----------
    launched : bool
        Whether torchrun or accelerate started this process.
    out : Path
        The run's folder. A file ``stop`` that an earlier run left is taken away.
    """
    stop = out / STOP_FILE
    _remove(stop)
    interrupt = Interrupt(launched, stop)
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _remove(stop)


def _remove(stop: Path) -> None:
    if stop.exists():  # else a folder that is none would be an error here, before the run can tell of it
        stop.unlink(missing_ok=True)  # another process of the run may be quicker

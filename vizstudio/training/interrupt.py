"""Ctrl-C: the first asks a run to finish its step and save, a second one ends the process at once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT = 130
ECHO_SECONDS = 1.0
"""torchrun hands on a signal that its processes have had from the terminal already."""


class Interrupt:
    """Whether the user wants the run to stop."""

    def __init__(self, launched: bool) -> None:
        self.wanted = False
        self._launched, self._since = launched, 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        now = time.monotonic()
        if self.wanted and not (self._launched and now - self._since < ECHO_SECONDS):
            os._exit(EXIT)  # every file is written beside its place first, so nothing is left half done
        if not self.wanted:
            self.wanted, self._since = True, now
            os.write(2, b"\nfinishing the step and saving; once more to leave at once\n")


@contextmanager
def interruptible(launched: bool) -> Iterator[Interrupt]:
    """Take Ctrl-C, and the SIGTERM of a job queue, while the block runs; must be used by the main thread.

    Parameters
    ----------
    launched : bool
        Whether torchrun or accelerate started this process.
    """
    interrupt = Interrupt(launched)
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

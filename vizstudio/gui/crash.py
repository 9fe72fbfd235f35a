"""Writes down what went wrong, so that it can be told later: errors that nobody caught, and crashes."""

import faulthandler
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO

from vizstudio.settings import log_path

LARGEST = 1_000_000  # bytes of the log; then it begins anew, and one old one is kept

Show = Callable[[str, str, bool], None]


def write_down(sentence: str, details: str) -> Path | None:
    """Add an error to the log; returns the log, or None if it cannot be written."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST:
            path.replace(path.with_suffix(".old.log"))
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {sentence}\n{details}\n")
    except OSError:  # telling the user matters more
        return None
    return path


class CrashLog:
    """While it is installed, errors that nobody caught are shown, and crashes of libraries are written down.

    Parameters
    ----------
    show : callable
        Called as ``show(sentence, details, is_bug)``; may be called in any thread.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._file: IO[str] | None = None
        self._before = sys.excepthook, threading.excepthook

    def install(self) -> None:
        """Begin."""
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread
        path = log_path()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")  # stays open: a crash cannot open files
            faulthandler.enable(self._file)
        except OSError:
            self._file = None

    def remove(self) -> None:
        """End."""
        sys.excepthook, threading.excepthook = self._before
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before[0](kind, error, trace)
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(details)
        self._show(f"{kind.__name__}: {error}", details, True)

    def _uncaught_in_thread(self, told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not issubclass(told.exc_type, SystemExit):
            self._uncaught(told.exc_type, told.exc_value, told.exc_traceback)

"""Hears of what nobody else would: errors that nobody caught, in any thread, and what Qt complains of."""

import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Self

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

OFFSCREEN = "This plugin does not support"
"""How Qt begins what a platform without a screen complains of."""


class Overheard:
    """While it is entered, every uncaught error and every message of Qt is kept in `heard`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._before: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        self._before = (
            sys.excepthook,
            threading.excepthook,
            sys.unraisablehook,
            qInstallMessageHandler(self._qt),
        )
        sys.excepthook = self._uncaught
        threading.excepthook = lambda told: self._uncaught(told.exc_type, told.exc_value, told.exc_traceback)
        sys.unraisablehook = lambda told: self._uncaught(told.exc_type, told.exc_value, told.exc_traceback)
        return self

    def __exit__(self, *_: object) -> None:
        sys.excepthook, threading.excepthook, sys.unraisablehook, handler = self._before
        qInstallMessageHandler(handler)

    def _qt(self, kind: QtMsgType, about: QMessageLogContext, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not text.startswith(OFFSCREEN):
            self.heard.append(f"Qt: {text}")

    def _uncaught(
        self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heard.append("".join(traceback.format_exception(kind, error, trace)))

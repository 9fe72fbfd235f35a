"""Lets an error in what Qt calls be told rather than end the program, on Pythons where PySide cannot take it.

Before Python 3.12, an error that the interpreter or a library raises with a text, such as that of ``"a".index("b")``,
is an exception object only once somebody has caught it. PySide (6.8 to 6.11) adds "Error calling Python override
of …" to the arguments of an object that is not there yet, which is a crash. So what overrides a method of Qt's
catches its errors and raises them again.
"""

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import FunctionType
from typing import Any

from shiboken6 import Shiboken

NEEDED = sys.version_info < (3, 12)


def install() -> None:
    """Guard every class that there is and that will be, those of plugins too; a second time changes nothing."""
    if not NEEDED or "__init_subclass__" in vars(Shiboken.Object):
        return

    Shiboken.Object.__init_subclass__ = classmethod(_guard_new)  # type: ignore[assignment, arg-type]
    for cls in {*_below(Shiboken.Object)}:
        guard(cls)


def _guard_new(cls: type, **named: Any) -> None:
    super(Shiboken.Object, cls).__init_subclass__(**named)  # type: ignore[misc]
    guard(cls)


def guard(cls: type) -> None:
    """Have the methods of a class that override Qt's catch their errors and raise them again."""
    if _is_of_qt(cls):
        return
    theirs = {name for base in cls.__mro__ if _is_of_qt(base) for name in vars(base)}
    for name, method in list(vars(cls).items()):
        if isinstance(method, FunctionType) and name in theirs and not name.startswith("__"):
            setattr(cls, name, _guarded(method))


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except BaseException:
            raise  # the same one, which is an object now

    return call


def _is_of_qt(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("PySide6", "Shiboken", "shiboken6")


def _below(cls: type) -> Iterator[type]:
    below: type
    for below in cls.__subclasses__():
        yield below
        yield from _below(below)

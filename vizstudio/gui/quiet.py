"""Imports large libraries in a thread without stalling the window."""

import builtins
import ctypes
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from vizstudio.registry import load_target

LARGE = ("torch._C",)
"""Extension modules that take long to load, and whose libraries make no use of Python while they are loaded."""


class Unlocked(MetaPathFinder):
    """Loads a large extension module's libraries with the interpreter's lock released, just before Python does.

    Python itself holds the lock while the system links the libraries and runs their constructors, 300 ms for
    torch. After this it finds them loaded.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Load the libraries of one of `LARGE`; find nothing, so that the module is found as ever."""
        if (
            fullname in LARGE and sys.platform != "win32"
        ):  # where torch's libraries are loaded unlocked by torch
            spec = PathFinder.find_spec(fullname, path)
            if spec is not None and spec.origin is not None:
                load_unlocked(spec.origin)
        return None


def load_unlocked(library: str) -> None:
    """Load a shared library; that it cannot be loaded is for Python to find out and to say."""
    load = ctypes.CDLL(None).dlopen  # a foreign function runs without the lock; ctypes.CDLL(library) with it
    load.argtypes, load.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    load(os.fsencode(library), sys.getdlopenflags())


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import without collecting garbage and without PySide's look into the source of every module.

    PySide wraps Python's import (and keeps it as ``__orig_import__``) to see which modules may ask for
    ``from __feature__ import …``; the sources that it reads stay in memory, 45 MB for torch and timm.
    """
    was_enabled, importing = gc.isenabled(), builtins.__import__
    gc.disable()
    builtins.__import__ = getattr(builtins, "__orig_import__", importing)
    try:
        yield
    finally:
        builtins.__import__ = importing
        if was_enabled:
            gc.enable()


def import_window() -> None:
    """Import what the window is made of, before anything else asks for it.

    Raises
    ------
    ImportError
        If Qt cannot be loaded.
    """
    import_module("PySide6.QtCore")  # wraps the import that is then left out
    with quick_imports():
        import_module("vizstudio.gui.app")


def import_quietly(target: str) -> None:
    """Import the module of a plugin's ``"module:callable"`` so that the window can answer, if it is not there yet.

    The libraries of `LARGE` modules are loaded with the interpreter's lock released, and no garbage is collected:
    torch and timm make some million objects that live as long as the program. Each full collection visits all
    of them with the lock held and stalls the event loop for 200 to 300 ms: several times during
    the import, and every now and then while a model runs. So none is made meanwhile, and what is there at the
    end is never looked at again. Once per plugin only: what is frozen in a cycle is never freed.

    Raises
    ------
    PluginError
        If there is no such module or callable.
    """
    if target.partition(":")[0] in sys.modules:
        return
    unlocked = Unlocked()
    with quick_imports():
        sys.meta_path.insert(0, unlocked)
        try:
            load_target(target)
        finally:
            sys.meta_path.remove(unlocked)
            gc.freeze()

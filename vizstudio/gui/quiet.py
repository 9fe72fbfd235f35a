"""Imports large libraries in a thread without stalling the window."""

import builtins
import ctypes
import gc
import os
import sys
from collections.abc import Sequence
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


def import_quietly(target: str) -> None:
    """Import the module of a plugin's ``"module:callable"`` so that the window can answer, if it is not there yet.

    The libraries of `LARGE` modules are loaded with the interpreter's lock released, and no garbage is collected:
    torch and timm make some million objects that live as long as the program. Each full collection visits all
    of them with the lock held and stalls the event loop for 200 to 300 ms: several times during
    the import, and every now and then while a model runs. So none is made meanwhile, and what is there at the
    end is never looked at again. Once per plugin only: what is frozen in a cycle is never freed.

    PySide wraps Python's import (and keeps it as ``__orig_import__``): it reads the source of every module to see
    whether it may ask for ``from __feature__ import …``. Left out meanwhile, which saves 0.3 s and, as the
    sources stay in memory, 45 MB. A module of a plugin that loads a model has no use for PySide.

    Raises
    ------
    PluginError
        If there is no such module or callable.
    """
    if target.partition(":")[0] in sys.modules:
        return
    was_enabled, unlocked, importing = gc.isenabled(), Unlocked(), builtins.__import__
    gc.disable()
    sys.meta_path.insert(0, unlocked)
    builtins.__import__ = getattr(builtins, "__orig_import__", importing)
    try:
        load_target(target)
    finally:
        builtins.__import__ = importing
        sys.meta_path.remove(unlocked)
        gc.freeze()
        if was_enabled:
            gc.enable()

"""Keeps the garbage collector from stalling the window."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Import large libraries without collecting garbage, and never look at their objects again.

    torch and timm make some million objects that live as long as the program. Each full collection visits all
    of them with the interpreter's lock held, which stalls the event loop for 200 to 300 ms: several times while
    they are imported, and every now and then while a model runs.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()

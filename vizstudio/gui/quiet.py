"""Imports large libraries in a thread without stalling the window."""

import gc
import sys

from vizstudio.registry import load_target


def import_quietly(target: str) -> None:
    """Import the module of a plugin's ``"module:callable"`` without collecting garbage, if it is not there yet.

    torch and timm make some million objects that live as long as the program. Each full collection visits all
    of them with the interpreter's lock held and stalls the event loop for 200 to 300 ms: several times during
    the import, and every now and then while a model runs. So none is made meanwhile, and what is there at the
    end is never looked at again. Once per plugin only: what is frozen in a cycle is never freed.

    Raises
    ------
    PluginError
        If there is no such module or callable.
    """
    if target.partition(":")[0] in sys.modules:
        return
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        load_target(target)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()

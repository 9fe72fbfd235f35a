"""The ``vizstudio`` command."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C."""
    words = sys.argv[1:] if arguments is None else arguments
    if opens_window(words):
        return _open_window(Path(words[0]) if words else None)
    from vizstudio.commands.app import run

    return run(words)


def opens_window(words: Sequence[str]) -> bool:
    """Return whether the words ask for the window and nothing else: none, or a path that can be no command."""
    if len(words) != 1:
        return not words
    try:
        return not words[0].startswith("-") and Path(words[0]).suffix != "" and Path(words[0]).exists()
    except (OSError, ValueError):  # too long, or with a character that no path has
        return False


def _open_window(image: Path | None) -> int:
    """Open the window without what reads the command line; `vizstudio.commands.app` does the same more slowly."""
    was_enabled = gc.isenabled()
    gc.disable()  # until the first frame: what is made by then stays
    try:
        from vizstudio.commands.base import load_host, run_reporting
        from vizstudio.commands.opening import open_window

        return run_reporting("vizstudio", False, lambda: open_window(load_host(False), image))
    finally:
        if was_enabled:
            gc.enable()

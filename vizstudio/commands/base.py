"""What every command needs, and the window too: plugins, and one clear line per error.

The window opens sooner for not importing the library of the command line.
"""

import io
import os
import sys
import traceback
from collections.abc import Callable

from vizstudio.core.errors import Cancelled, PluginError, TrainingError, VizstudioError
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.settings import read_settings

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def load_host(safe_mode: bool) -> PluginHost:
    """Load the plugins that the user has not disabled, or the bundled ones alone."""
    return load_plugins(True) if safe_mode else load_plugins(disabled=read_settings().disabled_plugins)


def run_reporting(name: str, debug: bool, work: Callable[[], int]) -> int:
    """Do a command's work, and say in one line what is wrong.

    Parameters
    ----------
    name : str
        The program's, which the line begins with.
    debug : bool
        Show the traceback of an error too.
    work : callable
        Returns the exit code.

    Returns
    -------
    int
        The exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a letter must not end a run
            stream.reconfigure(errors="replace")
    try:
        code = work()
        sys.stdout.flush()
        return code
    except PluginError as error:
        hint = ": --debug shows where" if error.__cause__ else ""
        return _fail(name, " ".join(str(error).split()) + hint, EXIT_FAILED, debug)
    except VizstudioError as error:
        code = EXIT_FAILED if isinstance(error, TrainingError) else EXIT_USAGE
        return _fail(name, " ".join(str(error).split()), code, debug)
    except (KeyboardInterrupt, Cancelled):
        print(f"{name}: cancelled", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = f"this is a bug in vizstudio ({type(error).__name__}: {error}): --debug shows where"
        return _fail(name, message, EXIT_FAILED, debug)


def _fail(name: str, message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"{name}: error: {message}", file=sys.stderr)
    return code

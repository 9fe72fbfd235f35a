"""What the commands ``vizstudio`` and ``vizstudio-train`` share: their options, and one clear line per error."""

import inspect
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from vizstudio.core.errors import Cancelled, PluginError, TrainingError, VizstudioError
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.settings import read_settings

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
GENERAL = Parameter(group=Group("General", sort_key=9))
Host = Annotated[PluginHost, Parameter(parse=False)]


def _shown_default(value: Any) -> str | None:
    """Return a default as the help shows it; that a flag is off or a thing not given goes without saying."""
    return None if value is False or value is None else str(value)


def make_app(name: str, description: str) -> App:
    """Return a program without commands."""

    def version() -> str:
        from vizstudio import __version__

        return f"vizstudio {__version__}"

    app = App(
        name=name,
        help=description,
        version=version,
        help_format="plaintext",
        default_parameter=Parameter(negative=(), show_default=_shown_default),
    )
    app.meta.suppress_keyboard_interrupt = False  # run_program tells of it
    return app


def load_host(safe_mode: bool) -> PluginHost:
    """Load the plugins that the user has not disabled, or the bundled ones alone."""
    return load_plugins(True) if safe_mode else load_plugins(disabled=read_settings().disabled_plugins)


def run_command(app: App, tokens: Sequence[str], safe_mode: bool) -> int:
    """Run the command that the words ask for; load plugins if it needs any."""
    command, bound, extra = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if "host" in inspect.signature(command).parameters or "host" in extra:
        bound.arguments["host"] = load_host(safe_mode)
    return command(*bound.args, **bound.kwargs) or 0


def run_program(
    app: App, tokens: list[str], prepare: Callable[[list[str]], None] = lambda tokens: None
) -> int:
    """Run a program, and say in one line what is wrong.

    Parameters
    ----------
    app : cyclopts.App
        The program.
    tokens : list of str
        The words of the command line.
    prepare : callable
        Called with the words first.

    Returns
    -------
    int
        The exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C.
    """
    name, debug = app.name[0], "--debug" in tokens
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a letter must not end a run
            stream.reconfigure(errors="replace")
    try:
        prepare(tokens)
        code = app.meta(tokens, exit_on_error=False, print_error=False, result_action="return_value") or 0
        sys.stdout.flush()
        return code
    except PluginError as error:
        hint = ": --debug shows where" if error.__cause__ else ""
        return _fail(name, " ".join(str(error).split()) + hint, EXIT_FAILED, debug)
    except VizstudioError as error:
        code = EXIT_FAILED if isinstance(error, TrainingError) else EXIT_USAGE
        return _fail(name, " ".join(str(error).split()), code, debug)
    except CycloptsError as error:
        return _fail(name, _explain(app, error, tokens), EXIT_USAGE, debug)
    except (KeyboardInterrupt, Cancelled):
        print(f"{name}: cancelled", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = f"this is a bug in vizstudio ({type(error).__name__}: {error}): --debug shows where"
        return _fail(name, message, EXIT_FAILED, debug)


def _explain(app: App, error: CycloptsError, tokens: Sequence[str]) -> str:
    """Return a wrong use of the command line as one sentence with the help to read."""
    line = " ".join(str(error).split()).rstrip(".?")
    command = f"{tokens[0]} " if tokens and tokens[0] in app else ""
    return f"{line[:1].lower()}{line[1:]}; see `{app.name[0]} {command}--help`"


def _fail(name: str, message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"{name}: error: {message}", file=sys.stderr)
    return code

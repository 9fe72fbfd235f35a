"""The ``vizstudio`` command: dispatch, and one clear line for every error."""

import difflib
import inspect
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from vizstudio.commands import demo, doctor, listing, run, window
from vizstudio.core.errors import Cancelled, PluginError, UsageError, VizstudioError
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.registry import no_such
from vizstudio.settings import read_settings

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
_GENERAL = Parameter(group=Group("General", sort_key=9))


def _version() -> str:
    from vizstudio import __version__

    return f"vizstudio {__version__}"


def _shown_default(value: Any) -> str | None:
    """Return a default as the help shows it; that a flag is off or a thing not given goes without saying."""
    return None if value is False or value is None else str(value)


app = App(
    name="vizstudio",
    help="Look inside vision transformers.\n\nWithout a command the window opens, with IMAGE in it.",
    version=_version,
    help_format="plaintext",
    default_parameter=Parameter(negative=(), show_default=_shown_default),
)
app.default(window.window)
app.command(run.run)
app.command(demo.demo)
app.command(listing.models)
app.command(listing.plugins)
app.command(doctor.doctor)
app.meta.suppress_keyboard_interrupt = False  # main tells of it


@app.meta.default
def dispatch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, _GENERAL] = False,
    safe_mode: Annotated[bool, _GENERAL] = False,
) -> int:
    """Look inside vision transformers: opens the window, or runs a command without one.

    Parameters
    ----------
    debug
        Show the traceback of an error.
    safe_mode
        Load the bundled plugins and no others.
    """
    _require_command(tokens)
    command, bound, extra = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if "host" in inspect.signature(command).parameters or "host" in extra:
        bound.arguments["host"] = _load(safe_mode)
    return command(*bound.args, **bound.kwargs) or 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C."""
    tokens = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in tokens
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that lacks a letter must not end a run
            stream.reconfigure(errors="replace")
    try:
        if tokens[:1] == ["run"] and {"--help", "-h"} & {*tokens}:
            app["run"].help_epilogue = run.choices_help(_load_for_help("--safe-mode" in tokens))
        code = app.meta(tokens, exit_on_error=False, print_error=False, result_action="return_value") or 0
        sys.stdout.flush()
        return code
    except PluginError as error:
        hint = ": --debug shows where" if error.__cause__ else ""
        return _fail(" ".join(str(error).split()) + hint, EXIT_FAILED, debug)
    except VizstudioError as error:
        return _fail(" ".join(str(error).split()), EXIT_USAGE, debug)
    except CycloptsError as error:
        return _fail(_explain(error, tokens), EXIT_USAGE, debug)
    except (KeyboardInterrupt, Cancelled):
        print("vizstudio: cancelled", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = f"this is a bug in vizstudio ({type(error).__name__}: {error}): --debug shows where"
        return _fail(message, EXIT_FAILED, debug)


def _require_command(tokens: Sequence[str]) -> None:
    """Raise `UsageError` for a first word that is neither a command nor looks like an image's path."""
    word = tokens[0] if tokens else ""
    commands = tuple(name for name in app if not name.startswith("-"))
    if word and not word.startswith("-") and word not in commands and not Path(word).exists():
        near = difflib.get_close_matches(word, commands)
        if near or not Path(word).suffix:
            raise UsageError(no_such("command or image", word, commands))


def _load(safe_mode: bool) -> PluginHost:
    return load_plugins(True) if safe_mode else load_plugins(disabled=read_settings().disabled_plugins)


def _load_for_help(safe_mode: bool) -> PluginHost:
    try:
        return _load(safe_mode)
    except UsageError:  # settings are damaged: every other command says so, but help must come
        return load_plugins(True)


def _explain(error: CycloptsError, tokens: Sequence[str]) -> str:
    """Return a wrong use of the command line as one sentence with the help to read."""
    line = " ".join(str(error).split()).rstrip(".?")
    command = f"{tokens[0]} " if tokens and tokens[0] in app else ""
    return f"{line[:1].lower()}{line[1:]}; see `vizstudio {command}--help`"


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"vizstudio: error: {message}", file=sys.stderr)
    return code

"""The ``vizstudio`` command: dispatch, and one clear line for every error."""

import inspect
import os
import sys
import traceback
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from vizstudio.commands import demo, doctor, listing, run, window
from vizstudio.core.errors import Cancelled, VizstudioError
from vizstudio.plugins import load_plugins

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def _version() -> str:
    from vizstudio import __version__

    return f"vizstudio {__version__}"


app = App(
    name="vizstudio",
    help="Look inside vision transformers.",
    version=_version,
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
app.default(window.window)
app.command(run.run)
app.command(demo.demo)
app.command(listing.models)
app.command(listing.plugins)
app.command(doctor.doctor)


@app.meta.default
def dispatch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: bool = False,
    safe_mode: bool = False,
) -> int:
    """Look inside vision transformers.

    Parameters
    ----------
    debug
        Show the traceback of an error.
    safe_mode
        Load no plugins but the bundled ones.
    """
    command, bound, extra = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if "host" in inspect.signature(command).parameters or "host" in extra:
        bound.arguments["host"] = load_plugins(safe_mode)
    return command(*bound.args, **bound.kwargs) or 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C."""
    tokens = sys.argv[1:] if arguments is None else arguments
    try:
        return app.meta(tokens, exit_on_error=False, print_error=False, result_action="return_value") or 0
    except (CycloptsError, VizstudioError) as error:
        return _fail(_one_line(error), EXIT_USAGE, "--debug" in tokens)
    except (KeyboardInterrupt, Cancelled):
        return _fail("cancelled", EXIT_INTERRUPTED, False)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        message = f"this is a bug in vizstudio ({type(error).__name__}: {error}); --debug shows where"
        return _fail(message, EXIT_FAILED, "--debug" in tokens)


def _one_line(error: Exception) -> str:
    line = " ".join(str(error).split())
    if isinstance(error, CycloptsError):
        return (
            f"{line.rstrip('.')}: `vizstudio --help` lists commands, `vizstudio COMMAND --help` their options"
        )
    return line


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"vizstudio: error: {message}", file=sys.stderr)
    return code

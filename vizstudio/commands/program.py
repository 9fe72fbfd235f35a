"""What the commands ``vizstudio`` and ``vizstudio-train`` share: their options, and how they are run."""

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, Parameter

from vizstudio.commands.base import load_host, run_reporting
from vizstudio.core.errors import UsageError
from vizstudio.plugins import PluginHost

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


def run_command(app: App, tokens: Sequence[str], safe_mode: bool) -> int:
    """Run the command that the words ask for; load plugins if it needs any."""
    command, bound, extra = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if "host" in inspect.signature(command).parameters or "host" in extra:
        bound.arguments["host"] = load_host(safe_mode)
    return command(*bound.args, **bound.kwargs) or 0


def run_program(
    app: App, tokens: list[str], prepare: Callable[[list[str]], None] = lambda tokens: None
) -> int:
    """Run a program, and say in one line what is wrong; see `vizstudio.commands.base.run_reporting`.

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

    def work() -> int:
        prepare(tokens)
        try:
            return app.meta(tokens, exit_on_error=False, print_error=False, result_action="return_value") or 0
        except CycloptsError as error:
            raise UsageError(_explain(app, error, tokens)) from error

    return run_reporting(app.name[0], "--debug" in tokens, work)


def _explain(app: App, error: CycloptsError, tokens: Sequence[str]) -> str:
    """Return a wrong use of the command line as one sentence with the help to read."""
    line = " ".join(str(error).split()).rstrip(".?")
    command = f"{tokens[0]} " if tokens and tokens[0] in app else ""
    return f"{line[:1].lower()}{line[1:]}; see `{app.name[0]} {command}--help`"

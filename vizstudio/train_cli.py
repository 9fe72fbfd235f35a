"""The ``vizstudio-train`` command."""

import sys
from typing import Annotated

from cyclopts import Parameter

from vizstudio.commands import datasets
from vizstudio.commands.program import GENERAL, make_app, run_command, run_program

app = make_app("vizstudio-train", "Data to train vision transformers on.")
app.command(datasets.list_, name="list")
app.command(datasets.export)


@app.meta.default
def dispatch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, GENERAL] = False,
    safe_mode: Annotated[bool, GENERAL] = False,
) -> int:
    """Data to train vision transformers on.

    Parameters
    ----------
    debug
        Show the traceback of an error.
    safe_mode
        Load the bundled plugins and no others.
    """
    return run_command(app, tokens, safe_mode)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C."""
    return run_program(app, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())

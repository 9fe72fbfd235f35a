"""The ``vizstudio-train`` command."""

import sys
from typing import Annotated

from cyclopts import Parameter

from vizstudio.commands import datasets, recipes
from vizstudio.commands.base import load_host
from vizstudio.commands.evaluate import evaluate
from vizstudio.commands.program import GENERAL, make_app, run_command, run_program
from vizstudio.commands.timeline import timeline

app = make_app("vizstudio-train", "Train vision transformers: a recipe is a command.")
app.command(datasets.list_, name="list")
app.command(datasets.export)
app.command(recipes.show)
app.command(evaluate)
app.command(timeline)


@app.meta.default
def dispatch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, GENERAL] = False,
    safe_mode: Annotated[bool, GENERAL] = False,
) -> int:
    """Train vision transformers: a recipe is a command.

    Parameters
    ----------
    debug
        Show the traceback of an error.
    safe_mode
        Load the bundled plugins and no others.
    """
    return run_command(app, tokens, safe_mode)


def _add_recipes(tokens: list[str]) -> None:
    """Make the recipe that is asked for a command; for the help without a command, every one."""
    words = [token for token in tokens if not token.startswith("-")]
    if (words and words[0] in app) or "--version" in tokens:
        return
    host = load_host("--safe-mode" in tokens)
    for recipe in words[:1] or host.trainers.ids():
        if recipe not in app:
            recipes.add_recipe(app, host, recipe)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 for failed work, 2 for bad input, 130 for Ctrl-C."""
    return run_program(app, sys.argv[1:] if arguments is None else arguments, _add_recipes)


if __name__ == "__main__":
    sys.exit(main())

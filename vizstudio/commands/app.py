"""Every command and option of ``vizstudio``."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vizstudio.commands import window
from vizstudio.commands.base import load_host
from vizstudio.commands.program import GENERAL, make_app, run_command, run_program
from vizstudio.core.errors import UsageError
from vizstudio.plugins import PluginHost
from vizstudio.registry import no_such

app = make_app(
    "vizstudio", "Look inside vision transformers.\n\nWithout a command the window opens, with IMAGE in it."
)
app.default(window.window)
COMMANDS = {
    "run": "run:run",
    "compare": "compare:compare",
    "demo": "demo:demo",
    "models": "listing:models",
    "plugins": "listing:plugins",
    "plugin": "plugin:app",
    "doctor": "doctor:doctor",
}
for name, place in COMMANDS.items():  # imported when it is asked for, so that the window opens sooner
    app.command(f"vizstudio.commands.{place}", name=name)


@app.meta.default
def dispatch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, GENERAL] = False,
    safe_mode: Annotated[bool, GENERAL] = False,
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
    return run_command(app, tokens, safe_mode)


def run(words: list[str]) -> int:
    """Run what the words of the command line ask for; returns the exit code."""
    return run_program(app, words, _prepare_help)


def _prepare_help(tokens: list[str]) -> None:
    """List below the help of ``run`` what plugins bring."""
    if tokens[:1] == ["run"] and {"--help", "-h"} & {*tokens}:
        from vizstudio.commands.run import choices_help

        app["run"].help_epilogue = choices_help(_load_for_help("--safe-mode" in tokens))


def _require_command(tokens: Sequence[str]) -> None:
    """Raise `UsageError` for a first word that is neither a command nor looks like an image's path."""
    word = tokens[0] if tokens else ""
    commands = tuple(name for name in app if not name.startswith("-"))
    if word and not word.startswith("-") and word not in commands and not Path(word).exists():
        near = difflib.get_close_matches(word, commands)
        if near or not Path(word).suffix:
            raise UsageError(no_such("command or image", word, commands))


def _load_for_help(safe_mode: bool) -> PluginHost:
    try:
        return load_host(safe_mode)
    except UsageError:  # settings are damaged: every other command says so, but help must come
        return load_host(True)

"""How commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the command end as it does when anything else it prints is not read to the end."""
        raise BrokenPipeError


def console(to_error: bool = False) -> Console:
    """Return a console that wraps at the terminal's width, and never in a file or pipe."""
    stream = sys.stderr if to_error else sys.stdout
    return _Console(file=stream, width=None if stream.isatty() else 10_000, soft_wrap=not stream.isatty())


def counting() -> Progress:
    """Return a progress bar that counts things, on a terminal alone."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(to_error=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], gap: int = 3) -> None:
    """Print rows under their column names, aligned and without ruling; a cell may hold rich's markup."""
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def print_json(value: object) -> None:
    """Print a value as indented JSON, in ASCII so that any pipe carries it."""
    print(json.dumps(value, indent=2))

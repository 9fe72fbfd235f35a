"""A progress bar on a terminal for what comes before the training."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from vizstudio_train_vit.folder import Report


@contextmanager
def showing_progress() -> Iterator[Report]:
    """Give a function to report (fraction, message) to."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Preparing", total=1.0)
        yield lambda fraction, message: progress.update(task, completed=fraction, description=message)

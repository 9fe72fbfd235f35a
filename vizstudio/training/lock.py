"""One process at a time trains into a run's folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vizstudio.core.errors import TrainingError, UsageError

FILE = "lock"


@contextmanager
def sole_run(out: Path, main: bool) -> Iterator[None]:
    """Hold the folder while the block runs; the system lets go of it even if the process is killed.

    Parameters
    ----------
    out : Path
        The run's folder; it is made if it is not there.
    main : bool
        Whether this is the run's main process; the others hold nothing.

    Raises
    ------
    UsageError
        If another process trains into the folder.
    TrainingError
        If the folder cannot be made or written to.
    """
    if not main:
        yield
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / FILE).acquire(timeout=0).lock
    except Timeout as error:
        raise UsageError(
            f"the run in {out} is going on in another process: stop it first, with Ctrl-C there or by a file named "
            "stop in the folder"
        ) from error
    except OSError as error:
        raise TrainingError(f"the folder {out} cannot be written to: {error.strerror or error}") from error
    try:
        yield
    finally:
        (out / FILE).unlink(missing_ok=True)
        lock.release()

"""Writes files whole or not at all, and under names that say their format."""

import os
import tempfile
from pathlib import Path

from vizstudio.core.errors import VizstudioError


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or as it was before.

    Parameters
    ----------
    path : Path
        Its folder is made if it is not there.
    content : bytes
        The whole file.

    Raises
    ------
    VizstudioError
        If the folder cannot be written to, or the disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise VizstudioError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def with_suffix(path: Path, format: str) -> Path:
    """Return a path that says its format, as many file dialogs leave that to the program."""
    return path if path.suffix.lower() == f".{format}" else Path(os.fspath(path) + f".{format}")

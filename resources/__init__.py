"""Files that ship with vizstudio: photos, textures, emoji, fonts and (later) demo models, each with its licence."""

from importlib.resources import files
from pathlib import Path


def resource_path(name: str) -> Path:
    """Return the path of a shipped file or folder.

    Parameters
    ----------
    name : str
        Path below this package, with ``/`` between its parts, such as ``"photos/chelsea.jpg"``.

    Raises
    ------
    FileNotFoundError
        If nothing of that name ships.
    """
    path = Path(str(files(__name__).joinpath(name)))
    if not path.exists():
        raise FileNotFoundError(f"vizstudio ships no file {name!r}")
    return path

"""What a user looks at, and the file that keeps it: JSON with a version; images by path and hash, never code."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from vizstudio.core.caption import CaptionPath
from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic
from vizstudio.core.model import ModelChoice
from vizstudio.core.overlay import lookup_table
from vizstudio.core.state import OF_POSITION, CaptionState, ViewState

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SUFFIX = ".vizsession"
FORMAT, VERSION = "vizstudio session", 2
READ = (1, VERSION)  # version 1 had no captions but that of its place
LARGEST = 16 * 2**20  # bytes; a session has some thousand


@dataclass(frozen=True)
class Beside:
    """What stands beside what is looked at, to be compared with it.

    Parameters
    ----------
    image : Path or None
        A file; None for the image that is looked at, whichever that is.
    choice : ModelChoice or None
        A model; None for the one that looks.
    position : bool
        Whether positions are compared rather than attention.
    """

    image: Path | None = None
    choice: ModelChoice | None = None
    position: bool = False

    def beside(self, image: Path, choice: ModelChoice) -> tuple[Path, ModelChoice]:
        """Return the image and model that stand beside these."""
        return self.image or image, self.choice or choice


@dataclass(frozen=True)
class Place:
    """One thing that was looked at.

    Parameters
    ----------
    image : Path
        A file.
    choice : ModelChoice
        The model that looked at it.
    state : ViewState
        Which of its attention is shown, and how.
    caption : CaptionState or None
        Which word of its caption; None if it wrote none.
    path : CaptionPath or None
        Which of its captions.
    tab : str
        The view in front, such as ``"attention"``.
    position : str
        Which of `vizstudio.core.state.OF_POSITION` the tab of positions shows.
    beside : Beside or None
        What it is compared with.

    Raises
    ------
    UsageError
        If there is no such view of positions.
    """

    image: Path
    choice: ModelChoice
    state: ViewState
    caption: CaptionState | None = None
    path: CaptionPath | None = None
    tab: str = "attention"
    position: str = OF_POSITION[0]
    beside: Beside | None = None

    def __post_init__(self) -> None:
        if self.position not in OF_POSITION:
            raise UsageError(f"no view of positions {self.position!r}: choose {', '.join(OF_POSITION)}")


@dataclass(frozen=True)
class KnownImage:
    """A file and the SHA-256 of its bytes, in hexadecimal digits."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Session:
    """All that a session file holds.

    Parameters
    ----------
    place : Place
        What is looked at.
    images : tuple of KnownImage
        What was opened, the image of `place` among it.
    captions : tuple of CaptionPath
        How every caption of the image of `place` is written again, in the order in which they came.
    """

    place: Place
    images: tuple[KnownImage, ...] = ()
    captions: tuple[CaptionPath, ...] = ()


def write_session(session: Session, path: Path) -> None:
    """Write a session file, whole or not at all.

    Raises
    ------
    VizstudioError
        If it cannot be written.
    """
    write_atomic(path, to_json(session))


def to_json(session: Session) -> bytes:
    """Return the content of a session file.

    Raises
    ------
    UsageError
        If a path in it is no text.
    """
    try:
        content = {"format": FORMAT, "version": VERSION, **_adapter().dump_python(session, mode="json")}
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
    except ValueError as error:  # a file name that is no text, as some file systems allow
        raise UsageError(f"{session.place.image} cannot be named in a session: rename the file") from error


def read_session(path: Path) -> Session:
    """Read a session file; whether its images are still there is for `find_images` to say.

    Raises
    ------
    UsageError
        If it cannot be read, is no session, or is one of a newer vizstudio.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the session {path} cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise UsageError(f"{path.name} is no session: it has over {LARGEST // 2**20} MiB")
    return from_json(content, path.name)


def from_json(content: bytes, name: str) -> Session:
    """Read the content of a session file called `name`; see `read_session`."""
    from pydantic import ValidationError

    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is damaged, or no session: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UsageError(f"{name} is no session of vizstudio: open a file that was saved as one")
    if found.get("version") not in READ:
        raise UsageError(
            f"{name} has version {found.get('version')!r} of the format, and this vizstudio reads up to {VERSION}: "
            "open it with the vizstudio that saved it, or a newer one"
        )
    try:
        session: Session = _adapter().validate_json(content)
        lookup_table(session.place.state.colormap)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{name} is damaged: {where}: {first['msg']}") from error
    except (UsageError, RecursionError) as error:
        raise UsageError(f"{name} is damaged: {error}") from error
    return session


def find_images(
    session: Session, folder: Path, check: Callable[[], None] = lambda: None
) -> tuple[Session, list[str]]:
    """Look for a session's images: where they were, or beside the session file; reads all of each.

    Parameters
    ----------
    session : Session
    folder : Path
        Where the session file is.
    check : callable, optional
        Called before each image; may raise, to give up.

    Returns
    -------
    (Session, list of str)
        The session with the paths where images are now, without those that are gone but for that of its place;
        and a sentence on each image that is gone or has changed.
    """
    told, kept, moved = list[str](), list[KnownImage](), dict[Path, Path]()
    for image in session.images:
        check()
        name = PureWindowsPath(image.path).name  # of paths of any system: both separators count
        places = dict.fromkeys((image.path, folder / image.path.name, folder / name))
        there = [place for place in places if place.is_file()]
        if not there:
            told.append(f"{image.path} is gone")
            continue
        chosen = next((place for place in there if sha256_of(place) == image.sha256), None)
        if chosen is None:
            told.append(f"{there[0]} has changed since the session was saved")
            chosen = there[0]
        moved[image.path] = chosen
        kept.append(replace(image, path=chosen))
    place, beside = session.place, session.place.beside
    if beside is not None and beside.image is not None:
        beside = replace(beside, image=moved.get(beside.image, beside.image))
    place = replace(place, image=moved.get(place.image, place.image), beside=beside)
    return replace(session, place=place, images=tuple(kept)), told


def sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes, or nothing if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def in_one_sentence(told: Sequence[str]) -> str:
    """Return what was told of some images as one sentence."""
    return "; ".join(told) + (": the rest of the session is open" if told else "")


def _adapter() -> "TypeAdapter[Session]":
    from pydantic import TypeAdapter  # takes longer to import than a window to be shown

    return TypeAdapter(Session)

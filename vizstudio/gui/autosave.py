"""Keeps what is open where a crash cannot take it, and finds what a crash left. No Qt here."""

import os
from pathlib import Path

from vizstudio.core.session import SUFFIX, Session, write_session


def started_at(pid: int) -> int | None:
    """Return when a process was started, in milliseconds; None if there is none of that number."""
    import psutil  # not before the first frame

    try:
        return round(psutil.Process(pid).create_time() * 1000)
    except psutil.Error:
        return None


class Autosave:
    """One file for this process, named by its number and start, so that no other is taken for it.

    Parameters
    ----------
    folder : Path
        Of the user's own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = os.getpid()
        self.path = folder / f"autosave-{self._pid}-{started_at(self._pid)}{SUFFIX}"

    def write(self, session: Session) -> None:
        """Keep a session in place of the one before.

        Raises
        ------
        VizstudioError
            If it cannot be written.
        """
        write_session(session, self.path)

    def clear(self) -> None:
        """Keep nothing, since the window was closed as it should be."""
        self.path.unlink(missing_ok=True)

    def left_behind(self) -> list[Path]:
        """Return the files of processes that are no more, newest first."""
        found = [path for path in self._folder.glob(f"autosave-*{SUFFIX}") if not _is_alive(path)]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _is_alive(path: Path) -> bool:
    _, pid, start = path.stem.split("-", 2) if path.stem.count("-") == 2 else ("", "", "")
    return pid.isdecimal() and str(started_at(int(pid))) == start

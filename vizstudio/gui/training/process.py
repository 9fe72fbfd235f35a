"""The process of a training run: whether it lives, and how it is held, let go and ended. No Qt here."""

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil  # not before the first frame

SLACK = 5.0  # seconds by which the system's and Python's clocks may differ


@dataclass(frozen=True)
class RunProcess:
    """A process as a run told of it.

    Parameters
    ----------
    number : int
        Its number on its machine.
    machine : str
        The name of that machine.
    known_at : float
        When it certainly ran, in Unix seconds: one that began later has only been given the same number.
    """

    number: int
    machine: str
    known_at: float

    @property
    def is_here(self) -> bool:
        """Whether it runs, or ran, on this machine."""
        return self.machine == platform.node()

    def find(self) -> "psutil.Process | None":
        """Return it, None if it has ended or is on another machine."""
        import psutil

        if not self.is_here:
            return None
        try:
            found = psutil.Process(self.number)
            if found.create_time() > self.known_at + SLACK or found.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.Error:
            return None
        return found

    def is_held(self) -> bool:
        """Return whether it was told to wait."""
        import psutil

        found = self.find()
        try:
            return found is not None and found.status() == psutil.STATUS_STOPPED
        except psutil.Error:
            return False

    def hold(self) -> None:
        """Let it wait where it is, with all its memory; on every system, as `psutil` knows how."""
        self._do("suspend")

    def let_go(self) -> None:
        """Let it go on."""
        self._do("resume")

    def kill(self) -> None:
        """End it at once; what it had saved is whole."""
        self._do("kill")

    def _do(self, action: str) -> None:
        import psutil

        found = self.find()
        if found is not None:
            try:
                getattr(found, action)()
            except psutil.NoSuchProcess:  # it ended by itself in between
                return

"""What every plugin call is handed: cancellation, progress, and the device to run on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from vizstudio.core.errors import Cancelled


def _ignore(fraction: float, message: str) -> None:
    """Drop a progress report."""


@dataclass(frozen=True)
class RunContext:
    """The circumstances of one call.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``; already resolved, never ``"auto"``.
    report : callable
        Called as ``report(fraction, message)`` with a fraction from 0 to 1, from the calling thread.
    cancel_event : threading.Event
        Set by whoever wants the call to end.
    """

    device: str = "cpu"
    report: Callable[[float, str], None] = _ignore
    cancel_event: Event = field(default_factory=Event)

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens to `report`: a message that takes work to put together can be left out if not."""
        return self.report is not _ignore

    def check(self) -> None:
        """Raise `Cancelled` if the user cancelled; call it between layers, tokens and chunks."""
        if self.cancel_event.is_set():
            raise Cancelled

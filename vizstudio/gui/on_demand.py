"""What a tab shows beyond the one map, computed in a worker when somebody looks at the tab. No Qt here."""

from collections.abc import Callable
from typing import Any

from vizstudio.core.context import RunContext
from vizstudio.gui.latest import Jobs, Latest
from vizstudio.gui.shelf import ModelShelf


class OnDemand:
    """Computes a thing once for each key; a newer request replaces the one under way.

    Parameters
    ----------
    jobs : Jobs
        The worker, for this alone: who shared it would cancel what the other is asked for.
    shelf : ModelShelf
        Keeps the model from being run by two at once.
    show : callable
        Called with what was computed.
    fail : callable
        Called as ``fail(error, traceback)`` when it could not be.
    """

    def __init__(
        self,
        jobs: Jobs,
        shelf: ModelShelf,
        show: Callable[[Any], None],
        fail: Callable[[BaseException, str], None],
    ) -> None:
        self._shelf, self._show, self._tell = shelf, show, fail
        self._key: tuple[object, ...] | None = None
        self.latest = Latest(jobs, self._failed, stopped=self.forget)

    def ask(self, key: tuple[object, ...], compute: Callable[[], Any]) -> None:
        """Have it computed and shown, unless what was asked for last had the same key."""
        if key == self._key:
            return
        self._key = key

        def run(context: RunContext) -> Any:
            with self._shelf.using(context):
                return compute()

        self.latest.start(run, self._show)

    def keep_only(self, result: Any) -> None:
        """Forget what was asked for last, unless it was of this result: a key begins with the result it is of."""
        if self._key is not None and self._key[0] is not result:
            self.forget()

    def forget(self) -> None:
        """Hold nothing of what was asked for last, and hear no more of it."""
        self.latest.drop()
        self._key = None

    def _failed(self, error: BaseException, details: str) -> None:
        self._tell(error, details)

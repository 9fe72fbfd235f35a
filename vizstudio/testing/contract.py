"""What a contract is: a promise of the plugin interface that is checked on one thing that a plugin brings."""

import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vizstudio.plugins import PluginHost
from vizstudio.registry import one_line


class ContractError(AssertionError):
    """A plugin breaks a contract; the message says what was found, what is wanted and where that is documented."""


class Broken(Exception):
    """What a check raises; `Contract.run` adds what is wanted and where."""


def demand(condition: object, found: str) -> None:
    """Raise `Broken` with what was found unless the condition holds."""
    if not condition:
        raise Broken(found)


@dataclass(frozen=True)
class Contract:
    """One promise and its check.

    Parameters
    ----------
    name : str
        Such as ``"rows-sum-to-one"``.
    wants : str
        The promise, a sentence.
    where : str
        Where it is documented, such as ``"vizstudio.api.Model.analyze"``.
    check : callable
        Called with the `Subject`; raises if the promise is broken.
    """

    name: str
    wants: str
    where: str
    check: Callable[[Any], None]

    def run(self, subject: "Subject") -> None:
        """Check one subject.

        Raises
        ------
        ContractError
            If the promise is broken, or the plugin's code fails while it is checked; the cause is chained.
        """
        try:
            self.check(subject)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise anything, Cancelled and SystemExit included
            found = str(error) if isinstance(error, Broken) else one_line(error)
            raise ContractError(
                f"{subject.name} breaks the contract {self.name!r}: {found}.\n"
                f"Wanted: {self.wants}\nDocumented at: {self.where}"
            ) from error


def contract(wants: str, where: str) -> Callable[[Callable[[Any], None]], Contract]:
    """Make a contract of a check; its name is the function's."""

    def make(check: Callable[[Any], None]) -> Contract:
        return Contract(check.__name__.replace("_", "-"), wants, where, check)

    return make


Given = dict[str, Any] | Callable[[Path], dict[str, Any]]
"""Options as they are, or a function that is handed an empty folder and returns them."""


class Subject:
    """One thing that a plugin brings, to be checked.

    Parameters
    ----------
    name : str
        What messages call it.
    host : PluginHost
        The plugins that are loaded.
    given : dict or callable
        See `Given`.
    """

    def __init__(self, name: str, host: PluginHost, given: Given | None = None) -> None:
        self.name, self.host, self._given = name, host, given or {}

    @cached_property
    def folder(self) -> Path:
        """A folder for what the checks write; it goes when the subject does."""
        path = Path(tempfile.mkdtemp(prefix="vizstudio-contract-"))
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return path

    @cached_property
    def options(self) -> dict[str, Any]:
        """What the author gave for this subject."""
        if not callable(self._given):
            return self._given
        given = self.folder / "given"
        given.mkdir()
        return self._given(given)

"""Names of a module that are imported when they are first asked for, so that importing the module costs nothing."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def names_from(module: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return what a module assigns to its ``__getattr__`` (PEP 562).

    Parameters
    ----------
    module : str
        The module's own name, for the message that it has no such name.
    homes : mapping of str to sequence of str
        The names that each other module has for it.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"{module} has no {name!r}")
        return getattr(import_module(home_of[name]), name)

    return find

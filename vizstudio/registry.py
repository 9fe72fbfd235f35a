"""Keeps what plugins add, by kind and id, and runs their code so that an error names the plugin."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Generic, TypeVar

from vizstudio.core.errors import Cancelled, PluginError, UsageError, VizstudioError
from vizstudio.entries import TARGET, Entry, ModelEntry, ModelListing


def load_target(target: str) -> Any:
    """Import what ``"module:callable"`` names.

    Raises
    ------
    PluginError
        If the string has another form, or the module or the name is not there; the cause is chained.
    """
    if not TARGET.fullmatch(target):
        raise PluginError(f"{target!r} must have the form 'module:callable'")
    module_name, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{target!r} cannot be loaded: {error}") from error


@contextmanager
def blame(plugin: str, doing: str) -> Iterator[None]:
    """Turn whatever a plugin's code raises into one sentence that names the plugin.

    Raises
    ------
    PluginError
        In place of any error but the user's own (`VizstudioError`, Ctrl-C, `Cancelled`); the cause is chained.
    """
    try:
        yield
    except (VizstudioError, Cancelled, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        raise PluginError(f"plugin {plugin!r} failed {doing} ({one_line(error)})") from error


def one_line(error: BaseException) -> str:
    """Return an error's type and the first line of its message."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """The entries of one kind from all plugins, by id; each remembers the plugin that added it.

    Parameters
    ----------
    kind : type of Entry
        What it takes.
    noun : str
        What an entry is called in messages, such as ``"format"``.
    reserved : sequence of str
        Ids that no plugin may take.
    """

    def __init__(self, kind: type[E], noun: str, reserved: tuple[str, ...] = ()) -> None:
        self.kind, self.noun = kind, noun
        self.hint = ""
        """What to add to the message that something is not there, such as that a plugin is quarantined."""
        self._reserved = reserved
        self._entries: dict[str, tuple[E, str]] = {}

    def add(self, entry: E, plugin: str) -> None:
        """Add an entry on behalf of a plugin.

        Raises
        ------
        PluginError
            If it is of another kind or its id is taken.
        """
        if not isinstance(entry, self.kind):
            raise PluginError(f"{entry!r} is not a {self.kind.__name__}")
        if entry.id in self._reserved:
            raise PluginError(f"the {self.noun} {entry.id!r} is vizstudio's own: choose another id")
        if entry.id in self._entries:
            owner = self._entries[entry.id][1]
            raise PluginError(
                f"the {self.noun} {entry.id!r} is brought by plugin {owner!r} already: choose another id"
            )
        self._entries[entry.id] = (entry, plugin)

    def is_free(self, entry_id: str) -> bool:
        """Return whether an id is neither taken nor vizstudio's own."""
        return entry_id not in self._entries and entry_id not in self._reserved

    def discard(self, plugin: str) -> None:
        """Take away all that a plugin added."""
        self._entries = {i: pair for i, pair in self._entries.items() if pair[1] != plugin}

    def entries(self) -> tuple[E, ...]:
        """All entries, in the order in which they were added."""
        return tuple(entry for entry, _ in self._entries.values())

    def ids(self) -> tuple[str, ...]:
        """The ids of all entries, in the order in which they were added."""
        return tuple(self._entries)

    def owner(self, entry_id: str) -> str:
        """Return the plugin that added an entry; raises `UsageError` as `get` does."""
        self.get(entry_id)
        return self._entries[entry_id][1]

    def get(self, entry_id: str) -> E:
        """Return an entry by its id.

        Raises
        ------
        UsageError
            If there is none; the message names the nearest, or all.
        """
        if entry_id not in self._entries:
            raise UsageError(no_such(self.noun, entry_id, self.ids()) + self.hint)
        return self._entries[entry_id][0]


def no_such(noun: str, wanted: str, known: tuple[str, ...]) -> str:
    """Return the message that something is not there, with the nearest name and all there are.

    Parameters
    ----------
    noun : str
        What it is, such as ``"format"``.
    wanted : str
        What was asked for.
    known : tuple of str
        What there is.
    """
    near = difflib.get_close_matches(wanted.lower(), known, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"no {noun} {wanted!r}: {meant}choose from {', '.join(known) or 'none'}"


class ModelRegistry(Registry[ModelEntry]):
    """The families of models."""

    def __init__(self) -> None:
        super().__init__(ModelEntry, "model family")

    def find(self, model_id: str) -> tuple[ModelEntry, str]:
        """Split ``"id:name"`` into its entry and the name.

        Raises
        ------
        UsageError
            If the id has no colon or nobody brings the family; the message lists those there are.
        """
        family, _, name = model_id.partition(":")
        if name:
            return self.get(family), name
        near = next((full for full in self.names() if full.partition(":")[2] == model_id), "")
        known = ", ".join(f"{i}:NAME" for i in self.ids()) or "none"
        meant = f"did you mean {near}? " if near else f"models are named {known}; "
        raise UsageError(f"no model {model_id!r}: {meant}`vizstudio models` lists them{self.hint}")

    def names(self, failed: list[PluginError] | None = None) -> dict[str, ModelListing]:
        """Return what is known of every model by its full name ``"id:name"``.

        A family whose plugin cannot name its models is left out, and why is appended to `failed`.
        """
        found: dict[str, ModelListing] = {}
        for entry in self.entries():
            try:
                with blame(self.owner(entry.id), f"naming the models {entry.id!r}"):
                    listings: list[ModelListing] = load_target(entry.names)()
                    found |= {f"{entry.id}:{listing.name}": listing for listing in listings}
            except VizstudioError as error:
                if failed is not None:
                    failed.append(error if isinstance(error, PluginError) else PluginError(str(error)))
        return found


class Registrar(Generic[E]):
    """What a hook is handed: adds entries in the name of the plugin whose hook is running."""

    def __init__(self, registry: Registry[E], plugin: str) -> None:
        self._registry, self._plugin = registry, plugin

    def add(self, entry: E) -> None:
        """Add an entry; raises `PluginError` if it is unfit or its id is taken."""
        self._registry.add(entry, self._plugin)

"""What plugins add: entries that name code by `"module:callable"`, so that listing imports nothing heavy."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from vizstudio.core.errors import PluginError, UsageError


def load_target(target: str) -> Any:
    """Import what ``"module:callable"`` names.

    Raises
    ------
    PluginError
        If the string has another form, or the module or the name is not there; the cause is chained.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"{target!r} must have the form 'module:callable'")
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{target!r} cannot be loaded: {error}") from error


@dataclass(frozen=True)
class ModelListing:
    """One line of ``vizstudio models``: a name below a scheme, a family, and a few words."""

    name: str
    family: str = ""
    summary: str = ""


@dataclass(frozen=True)
class ModelEntry:
    """A family of models that a plugin brings, addressed as ``scheme:name``.

    Parameters
    ----------
    scheme : str
        The part of a model's id before the colon, such as ``"vit"``; unique over all plugins.
    title : str
        For people, such as ``"Vision transformers (timm)"``.
    load : str
        ``"module:callable"``; called as ``load(name, request, context)``, see `vizstudio.api.ModelRequest`.
    names : str
        ``"module:callable"``; called without arguments, returns the `ModelListing` of every name.
        Must not import torch.
    """

    scheme: str
    title: str
    load: str
    names: str


class ModelRegistry:
    """The model entries of all plugins, by scheme; each remembers the plugin that added it."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[ModelEntry, str]] = {}

    def add(self, entry: ModelEntry, plugin: str) -> None:
        """Add an entry on behalf of a plugin.

        Raises
        ------
        PluginError
            If it is no `ModelEntry`, or another plugin already brings its scheme.
        """
        if not isinstance(entry, ModelEntry):
            raise PluginError(f"plugin {plugin!r} registers {entry!r}, which is not a ModelEntry")
        if entry.scheme in self._entries:
            owner = self._entries[entry.scheme][1]
            raise PluginError(
                f"plugin {plugin!r} brings models {entry.scheme!r}, which plugin {owner!r} already brings"
            )
        self._entries[entry.scheme] = (entry, plugin)

    def discard(self, plugin: str) -> None:
        """Take away all that a plugin added."""
        self._entries = {s: pair for s, pair in self._entries.items() if pair[1] != plugin}

    def entries(self) -> tuple[ModelEntry, ...]:
        """All entries, in the order in which they were added."""
        return tuple(entry for entry, _ in self._entries.values())

    def find(self, model_id: str) -> tuple[ModelEntry, str]:
        """Split ``"scheme:name"`` into its entry and the name.

        Raises
        ------
        UsageError
            If the id has no colon or nobody brings the scheme; the message lists those there are.
        """
        scheme, colon, name = model_id.partition(":")
        if not colon or not name or scheme not in self._entries:
            known = ", ".join(f"{s}:NAME" for s in self._entries) or "none"
            raise UsageError(
                f"no model {model_id!r}: models are named {known}; `vizstudio models` lists them"
            )
        return self._entries[scheme][0], name


@dataclass(frozen=True)
class Registrar:
    """What a hook is handed: adds entries in the name of the plugin whose hook is running."""

    models: ModelRegistry
    plugin: str

    def add(self, entry: ModelEntry) -> None:
        """Add an entry; raises `PluginError` if it is unfit or its scheme is taken."""
        self.models.add(entry, self.plugin)

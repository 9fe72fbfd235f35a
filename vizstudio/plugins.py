"""Finds plugins, loads them one by one, and quarantines those that are broken so that the others work."""

import traceback
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Literal

import pluggy

from vizstudio import hookspecs
from vizstudio.registry import ModelRegistry, Registrar

GROUP = "vizstudio.plugins"
BUNDLED = "vizstudio"
Status = Literal["active", "quarantined", "disabled", "skipped"]


@dataclass(frozen=True)
class PluginInfo:
    """A plugin that is installed, and what became of it.

    Parameters
    ----------
    name, module, distribution, version : str
        Its entry point's name and target, and the package that brings it.
    bundled : bool
        Whether it ships with vizstudio.
    status : {"active", "quarantined", "disabled", "skipped"}
        Skipped ones are third-party plugins in safe mode.
    reason, details : str
        For a quarantined one: a sentence, and the whole traceback.
    """

    name: str
    module: str
    distribution: str
    version: str
    bundled: bool
    status: Status
    reason: str = ""
    details: str = ""


@dataclass(frozen=True)
class PluginHost:
    """All plugins that were found, and what the active ones registered."""

    models: ModelRegistry = field(default_factory=ModelRegistry)
    plugins: tuple[PluginInfo, ...] = ()


def load_plugins(safe_mode: bool = False, disabled: Collection[str] = ()) -> PluginHost:
    """Load every installed plugin, the bundled ones first.

    Parameters
    ----------
    safe_mode : bool
        Load none but the bundled ones.
    disabled : collection of str
        Names of plugins not to load.
    """
    manager = pluggy.PluginManager("vizstudio")
    manager.add_hookspecs(hookspecs)
    models, infos = ModelRegistry(), []
    found = _find()
    names = Counter(entry.name for entry, _ in found)
    for entry, distribution in found:
        bundled = distribution.name == BUNDLED
        status: Status = "active"
        if entry.name in disabled:
            status = "disabled"
        elif safe_mode and not bundled:
            status = "skipped"
        reason = details = ""
        if status == "active":
            try:
                if names[entry.name] > 1 and not bundled:
                    raise ValueError(f"another package brings a plugin named {entry.name!r} too")
                _activate(manager, models, entry)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a plugin may raise anything, SystemExit included
                _withdraw(manager, models, entry.name)
                status, reason, details = "quarantined", _sentence(error), traceback.format_exc()
        infos.append(
            PluginInfo(
                entry.name,
                entry.value,
                distribution.name,
                distribution.version,
                bundled,
                status,
                reason,
                details,
            )
        )
    return PluginHost(models, tuple(infos))


def _find() -> list[tuple[EntryPoint, Distribution]]:
    """Return all entry points of the group, bundled ones first, each distribution once."""
    found: dict[tuple[str, str, str], tuple[EntryPoint, Distribution]] = {}
    for distribution in distributions():
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                found.setdefault((distribution.name, entry.name, entry.value), (entry, distribution))
    return sorted(found.values(), key=lambda pair: (pair[1].name != BUNDLED, pair[1].name, pair[0].name))


def _activate(manager: pluggy.PluginManager, models: ModelRegistry, entry: EntryPoint) -> None:
    plugin = entry.load()
    manager.register(plugin, name=entry.name)
    manager.check_pending()
    others = [p for p in manager.get_plugins() if p is not plugin]
    hooks = manager.subset_hook_caller("register_models", others)
    hooks(registry=Registrar(models, entry.name))


def _withdraw(manager: pluggy.PluginManager, models: ModelRegistry, name: str) -> None:
    models.discard(name)
    if manager.has_plugin(name):
        manager.unregister(name=name)


def _sentence(error: BaseException) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, pluggy.PluginValidationError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {first}" if first else type(error).__name__

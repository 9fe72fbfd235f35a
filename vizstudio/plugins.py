"""Finds plugins, loads them one by one, and quarantines those that are broken so that the others work."""

import re
import sys
import traceback
from collections import Counter
from collections.abc import Collection
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from email import message_from_string
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any, Literal

import pluggy
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from vizstudio import hookspecs
from vizstudio.core.errors import PluginError
from vizstudio.entries import DatasetEntry, ExporterEntry, ReductionEntry, TrainerEntry, ViewEntry
from vizstudio.registry import ModelRegistry, Registrar, Registry, one_line

GROUP = "vizstudio.plugins"
BUNDLED = "vizstudio"
TRAINING_COMMANDS = ("list", "export", "show", "evaluate", "timeline")
"""What no recipe may be called, as each is a command of ``vizstudio-train``."""
OWN_VIEWS = (
    *("attention", "heads", "pins", "wall"),
    *("position", "panel", "position-norm", "position-pca", "position-distance"),
    *("entropy", "distance", "norms", "predictions"),
    *("caption", "step", "caption-mean", "caption-wall", "caption-entropy"),
)
"""What no reduction may be called: the names of `vizstudio.core.figures.VIEWS`, which listing does not need."""
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
        Disabled by the user; skipped are third-party plugins in safe mode.
    reason, details : str
        For a quarantined one: a sentence, and the whole traceback.
    """

    name: str
    module: str
    distribution: str
    version: str
    bundled: bool
    status: Status = "active"
    reason: str = ""
    details: str = ""


@dataclass(frozen=True)
class PluginHost:
    """All plugins that were found, and what the active ones registered, a registry for each hook."""

    models: ModelRegistry = field(default_factory=ModelRegistry)
    datasets: Registry[DatasetEntry] = field(default_factory=lambda: Registry(DatasetEntry, "data set"))
    trainers: Registry[TrainerEntry] = field(
        default_factory=lambda: Registry(TrainerEntry, "recipe", reserved=TRAINING_COMMANDS)
    )
    reductions: Registry[ReductionEntry] = field(
        default_factory=lambda: Registry(ReductionEntry, "view", reserved=OWN_VIEWS)
    )
    exporters: Registry[ExporterEntry] = field(default_factory=lambda: Registry(ExporterEntry, "format"))
    views: Registry[ViewEntry] = field(default_factory=lambda: Registry(ViewEntry, "window view"))
    plugins: tuple[PluginInfo, ...] = ()

    def registries(self) -> dict[str, Registry[Any]]:
        """Return each hook's name and the registry that it fills."""
        return {
            "register_models": self.models,
            "register_datasets": self.datasets,
            "register_trainers": self.trainers,
            "register_reductions": self.reductions,
            "register_exporters": self.exporters,
            "register_views": self.views,
        }

    def brought(self, name: str) -> dict[str, list[str]]:
        """Return what a plugin registered: ids by kind, kinds without any left out."""
        kinds = {hook.removeprefix("register_"): r for hook, r in self.registries().items()}
        ids = {kind: [i for i in r.ids() if r.owner(i) == name] for kind, r in kinds.items()}
        return {kind: found for kind, found in ids.items() if found}


def load_plugins(safe_mode: bool = False, disabled: Collection[str] = ()) -> PluginHost:
    """Load every installed plugin, the bundled ones first.

    Parameters
    ----------
    safe_mode : bool
        Load the bundled ones and no others; those that are disabled too.
    disabled : collection of str
        Names of plugins not to load.
    """
    host, infos = PluginHost(), []
    found, damaged = _find()
    names = Counter(entry.name for entry, _ in found)
    for entry, distribution in found:
        package, version = _package(distribution)
        bundled = _normal(package) == BUNDLED
        info = PluginInfo(entry.name, entry.value, package, version, bundled)
        if safe_mode and not bundled:
            info = replace(info, status="skipped")
        elif not safe_mode and entry.name in disabled:
            info = replace(info, status="disabled")
        elif names[entry.name] > 1 and not bundled:
            reason = f"another package brings a plugin named {entry.name!r} too: uninstall one of them"
            info = replace(info, status="quarantined", reason=reason)
        else:
            info = _activate(host, entry, info)
        infos.append(info)
    host = replace(host, plugins=(*infos, *damaged))
    _hint(host)
    return host


def _normal(name: str) -> str:
    """Return a package's name as the packaging specifications compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _package(distribution: Distribution) -> tuple[str, str]:
    """Return a package's name and version, even of one whose metadata is lost."""
    try:
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    except (OSError, UnicodeDecodeError):
        text = ""
    headers = message_from_string(text)
    return headers.get("Name", "a package without a name"), headers.get("Version", "")


def _find() -> tuple[list[tuple[EntryPoint, Distribution]], list[PluginInfo]]:
    """Return the group's entry points, bundled ones first, and the packages whose entry points are damaged.

    A package may be on the path twice, such as installed and as a folder of sources: the first entry point of
    a name counts, as it does for ``import``.
    """
    found: dict[tuple[str, str], tuple[EntryPoint, Distribution]] = {}
    damaged: list[PluginInfo] = []
    for distribution in distributions():
        try:
            if GROUP not in (distribution.read_text("entry_points.txt") or ""):
                continue
            name, _ = _package(distribution)
            for entry in distribution.entry_points:
                if entry.group == GROUP:
                    found.setdefault((_normal(name), entry.name), (entry, distribution))
        except Exception as error:  # whatever the file holds
            name, version = _package(distribution)
            reason = f"its entry_points.txt is damaged ({one_line(error)}): install the package again"
            details = traceback.format_exc()
            damaged.append(PluginInfo(name, "", name, version, False, "quarantined", reason, details))
    order = sorted(found, key=lambda key: (key[0] != BUNDLED, key))
    return [found[key] for key in order], damaged


def _activate(host: PluginHost, entry: EntryPoint, info: PluginInfo) -> PluginInfo:
    """Load one plugin and let it register; take everything back if anything in it is wrong."""
    owner = entry.name
    try:
        with redirect_stdout(sys.stderr):  # a plugin that prints must not spoil the output of a command
            _register(host, entry.load(), owner)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        for registry in host.registries().values():
            registry.discard(owner)
        return replace(info, status="quarantined", reason=_reason(error), details=traceback.format_exc())
    return info


def _register(host: PluginHost, plugin: Any, owner: str) -> None:
    """Run a plugin's hooks, in a manager of its own so that it cannot meddle with others."""
    _require_api(plugin)
    manager = pluggy.PluginManager("vizstudio")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=owner)
    manager.check_pending()
    for name in host.registries():
        if callable(getattr(plugin, name, None)) and not getattr(manager.hook, name).get_hookimpls():
            raise PluginError(f"{name} is not marked with @vizstudio.api.hookimpl, so it would not run")
    if not manager.get_hookcallers(plugin):
        raise PluginError(f"it has no hook: give it one of {', '.join(host.registries())}")
    for name, registry in host.registries().items():
        getattr(manager.hook, name)(registry=Registrar(registry, owner))


def _require_api(plugin: Any) -> None:
    """Raise `PluginError` if the plugin states that it does not work with this version of the interface."""
    stated = getattr(plugin, "VIZSTUDIO_API", None)
    if stated is None:
        return
    try:
        wanted = SpecifierSet(stated)
    except (InvalidSpecifier, AttributeError, TypeError):
        raise PluginError(
            f"VIZSTUDIO_API must be a specifier such as '>=1.0,<2', and is {stated!r}"
        ) from None
    if hookspecs.API_VERSION not in wanted:
        raise PluginError(
            f"it needs version {stated} of the plugin interface, and this vizstudio has {hookspecs.API_VERSION}: "
            "install another version of the plugin or of vizstudio"
        )


def _reason(error: BaseException) -> str:
    if isinstance(error, ImportError) and error.name == "vizstudio.api":
        return (
            f"{one_line(error)}; this vizstudio has version {hookspecs.API_VERSION} of the plugin interface: "
            "install another version of the plugin or of vizstudio"
        )
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, pluggy.PluginValidationError):
        return " ".join(str(error).split())
    return one_line(error)


def _hint(host: PluginHost) -> None:
    """Let messages that something is not there say that plugins are not loaded."""
    absent = [p.name for p in host.plugins if p.status != "active"]
    hint = f" (not loaded: {', '.join(absent)}; see `vizstudio plugins`)" if absent else ""
    for registry in host.registries().values():
        registry.hint = hint

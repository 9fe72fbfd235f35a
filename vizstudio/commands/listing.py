"""``vizstudio plugins`` and ``vizstudio models``."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape

from vizstudio.commands.output import console, print_json, print_table
from vizstudio.commands.program import Host
from vizstudio.core.errors import PluginError, UsageError
from vizstudio.plugins import PluginHost
from vizstudio.registry import no_such
from vizstudio.settings import read_settings, settings_path, write_settings

_COLOURS = {"active": "green", "quarantined": "red", "disabled": "dim", "skipped": "dim"}


def plugins(
    *,
    disable: list[str] | None = None,
    enable: list[str] | None = None,
    json: bool = False,
    details: bool = False,
    host: Host,
) -> None:
    """List the plugins that are installed and what they bring, the broken ones with their reason.

    Parameters
    ----------
    disable
        Do not load the plugin of this name from now on.
    enable
        Load it again from now on.
    json
        Print JSON instead of a table.
    details
        Print the traceback of each broken plugin too.
    """
    if disable or enable:
        _switch(disable or [], enable or [], host)
        return
    brought = {plugin.name: host.brought(plugin.name) for plugin in host.plugins}
    if json:
        active = {p.name for p in host.plugins if p.status == "active"}
        print_json(
            [asdict(p) | {"brings": brought[p.name] if p.name in active else {}} for p in host.plugins]
        )
        return
    rows = []
    for plugin in host.plugins:
        brings = "; ".join(f"{kind} {', '.join(ids)}" for kind, ids in brought[plugin.name].items())
        package = f"{plugin.distribution} {plugin.version}" + (" (bundled)" if plugin.bundled else "")
        about = brings if plugin.status == "active" else plugin.reason
        rows.append(
            [
                escape(plugin.name),
                f"[{_COLOURS[plugin.status]}]{plugin.status}[/]",
                escape(package),
                escape(about),
            ]
        )
    print_table(["Plugin", "Status", "Package", "Brings, or why not"], rows)
    for plugin in host.plugins:
        if details and plugin.details:
            console().print(f"\n{plugin.name}\n{plugin.details}", markup=False, highlight=False)
    if any(p.status == "quarantined" for p in host.plugins) and not details:
        console(to_error=True).print(
            "\n`vizstudio plugins --details` shows why, in full", style="dim", highlight=False
        )


def _switch(disable: Sequence[str], enable: Sequence[str], host: PluginHost) -> None:
    """Change which plugins are loaded from now on; one that is gone may still be enabled."""
    settings = read_settings()
    installed = tuple(plugin.name for plugin in host.plugins)
    for name in [*disable, *enable]:
        if name not in installed and not (name in enable and name in settings.disabled_plugins):
            raise UsageError(no_such("plugin", name, installed))
    if both := {*disable} & {*enable}:
        raise UsageError(f"plugin {min(both)!r} cannot be both enabled and disabled")
    write_settings(settings.disable(*disable).enable(*enable))
    for name in disable:
        print(f"{name} is not loaded from now on (kept in {settings_path()})")
    for name in enable:
        print(f"{name} is loaded again from now on")


def models(pattern: str = "", *, family: str = "", json: bool = False, host: Host) -> int:
    """List the models that plugins bring.

    Parameters
    ----------
    pattern
        Only models whose id contains this.
    family
        Only models of this family, such as swin_transformer.
    json
        Print JSON instead of a table.
    """
    failed: list[PluginError] = []
    titles = {entry.id: entry.title for entry in host.models.entries()}
    found = [
        {"id": model_id, "family": listing.family, "from": titles[model_id.partition(":")[0]]}
        for model_id, listing in host.models.names(failed).items()
        if pattern.lower() in model_id.lower() and family in ("", listing.family)
    ]
    if not found and not failed and (pattern or family):
        raise UsageError(
            f"no model matches {' '.join(filter(None, (pattern, family)))!r}: `vizstudio models` lists all"
        )
    errors = console(to_error=True)
    if json:
        print_json(found)
    else:
        print_table(["Model", "Family"], [[escape(f["id"]), escape(f["family"])] for f in found])
        noun = "model" if len(found) == 1 else "models"
        errors.print(f"{len(found)} {noun}", style="dim", highlight=False)
    for error in failed:
        errors.print(f"vizstudio: error: {error}", markup=False, highlight=False)
    return 1 if failed else 0

"""``vizstudio plugins`` and ``vizstudio models``."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from vizstudio.commands.output import console, print_json, print_table
from vizstudio.core.errors import UsageError
from vizstudio.plugins import PluginHost

Host = Annotated[PluginHost, Parameter(parse=False)]


def plugins(*, json: bool = False, details: bool = False, host: Host) -> None:
    """List the plugins that are installed, the broken ones with their reason.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    details
        Print the traceback of each broken plugin too.
    """
    if json:
        print_json([asdict(plugin) for plugin in host.plugins])
        return
    colours = {"active": "green", "quarantined": "red", "disabled": "dim", "skipped": "dim"}
    rows = [
        [
            plugin.name,
            f"[{colours[plugin.status]}]{plugin.status}[/]",
            f"{plugin.distribution} {plugin.version}" + (" (bundled)" if plugin.bundled else ""),
            escape(plugin.reason),
        ]
        for plugin in host.plugins
    ]
    print_table(["Plugin", "Status", "Package", "Reason"], rows)
    for plugin in host.plugins:
        if details and plugin.details:
            console().print(f"\n{plugin.name}\n{plugin.details}", markup=False, highlight=False)
    if any(p.status == "quarantined" for p in host.plugins) and not details:
        console().print("\n`vizstudio plugins --details` shows why, in full", style="dim", highlight=False)


def models(pattern: str = "", *, family: str = "", json: bool = False, host: Host) -> None:
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
    titles = {entry.id: entry.title for entry in host.models.entries()}
    found = [
        {"id": model_id, "family": listing.family, "from": titles[model_id.partition(":")[0]]}
        for model_id, listing in host.models.names().items()
        if pattern.lower() in model_id.lower() and family in ("", listing.family)
    ]
    if not found and (pattern or family):
        raise UsageError(
            f"no model matches {' '.join(filter(None, (pattern, family)))!r}: `vizstudio models` lists all"
        )
    if json:
        print_json(found)
        return
    print_table(["Model", "Family"], [[f["id"], f["family"]] for f in found])
    console(to_error=True).print(f"{len(found)} models", style="dim", highlight=False)

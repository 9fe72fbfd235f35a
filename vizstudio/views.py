"""What plugins registered put to use: all views that can be drawn, all formats that can be written."""

from vizstudio.core.attention_views import Reduce, reduction_view
from vizstudio.core.errors import PluginError
from vizstudio.core.types import Analysis, Attention, Head, Heatmap, Query
from vizstudio.core.view import Figure, View
from vizstudio.entries import ReductionEntry
from vizstudio.plugins import PluginHost
from vizstudio.registry import blame, load_target


def views_of(host: PluginHost) -> dict[str, View]:
    """Return every view by its name; hand it to `vizstudio.core.figures.render`.

    A reduction's code is imported when its view is first drawn.
    """
    from vizstudio.core.figures import VIEWS  # every figure's code, which the window does not wait for

    views = dict(VIEWS)
    for entry in host.reductions.entries():
        reduce = _reduction(entry, host.reductions.owner(entry.id))
        views[entry.id] = reduction_view(entry.title, entry.measure, reduce)
    return views


def reductions_of(host: PluginHost) -> dict[str, tuple[str, Reduce]]:
    """Return (title, function) of every reduction by its name."""
    entries = host.reductions.entries()
    return {entry.id: (entry.title, _reduction(entry, host.reductions.owner(entry.id))) for entry in entries}


def _reduction(entry: ReductionEntry, owner: str) -> Reduce:
    def reduce(attention: Attention, layer: int, head: Head, query: Query | None) -> Heatmap:
        with blame(owner, f"computing {entry.id!r}"):
            heatmap = load_target(entry.reduce)(attention, layer, head, query)
        if not isinstance(heatmap, Heatmap):
            raise PluginError(f"{entry.reduce!r} of plugin {owner!r} must return a Heatmap")
        return heatmap

    return reduce


def export(host: PluginHost, name: str, figure: Figure, analysis: Analysis) -> bytes:
    """Return a figure as a file of the format `name`.

    Raises
    ------
    UsageError
        If there is no such format, or it cannot hold this figure.
    PluginError
        If the code of a plugin fails.
    """
    entry, owner = host.exporters.get(name), host.exporters.owner(name)
    with blame(owner, f"writing {name!r}"):
        content = load_target(entry.write)(figure, analysis)
    if not isinstance(content, bytes):
        raise PluginError(f"{entry.write!r} of plugin {owner!r} must return bytes")
    return content

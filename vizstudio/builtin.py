"""The reduction and the file formats that ship, registered through the same door as anyone's."""

from typing import Any

from vizstudio.api import Attention, ExporterEntry, Head, Heatmap, Query, ReductionEntry, hookimpl
from vizstudio.core import maps

VIZSTUDIO_API = ">=1.0,<2"


@hookimpl
def register_reductions(registry: Any) -> None:
    """Add ``--view rollout``."""
    registry.add(
        ReductionEntry(
            id="rollout",
            title="Attention rollout",
            measure="How attention flows to the query of this layer through all layers up to it (Abnar and "
            "Zuidema 2020), residuals counted half.",
            reduce="vizstudio.builtin:rollout",
        )
    )


@hookimpl
def register_exporters(registry: Any) -> None:
    """Add pictures (png, svg), numbers (npz, csv, json) and animations (gif, webp, mp4)."""
    for name, title in (
        ("png", "PNG picture"),
        ("svg", "SVG drawing"),
        ("npz", "NumPy archive of all numbers"),
        ("csv", "table of the map, the caption's steps or the predictions"),
        ("json", "facts: model, layers, predictions, caption, provenance"),
    ):
        registry.add(ExporterEntry(id=name, title=title, write=f"vizstudio.core.export:to_{name}"))
    for name, title in (
        ("gif", "GIF animation; of a caption word by word, of a run's timeline epoch by epoch"),
        ("webp", "WebP animation, sharper and smaller than GIF"),
        ("mp4", "MP4 video; needs PyAV: pip install vizstudio[video]"),
    ):
        registry.add(ExporterEntry(id=name, title=title, write=f"vizstudio.core.animation:to_{name}"))


def rollout(attention: Attention, layer: int, head: Head, query: Query | None) -> Heatmap:
    """Return the rollout of a layer's query; see `vizstudio.core.maps.rollout`."""
    return maps.rollout(attention, query, head, layer)

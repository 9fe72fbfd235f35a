"""What reductions and file formats promise; see `vizstudio.api.ReductionEntry` and `vizstudio.api.ExporterEntry`."""

from functools import cached_property

import numpy as np

from vizstudio.core.errors import PluginError, VizstudioError
from vizstudio.core.figures import render
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, Head, Heatmap, Query
from vizstudio.core.view import Figure
from vizstudio.registry import blame, load_target
from vizstudio.testing.contract import Subject, contract, demand
from vizstudio.testing.samples import analysis_of, grid_of, photo, plain_attention
from vizstudio.views import export

HEADS: tuple[Head, ...] = (0, 1, "mean", "max")
QUERIES: tuple[Query | None, ...] = ("cls", (1, 2), "mean", 3, None)


class ReductionSubject(Subject):
    """A reduction by its id."""

    def reduce(self, layer: int, head: Head, query: Query | None) -> Heatmap:
        """Return the map of one question to attention with a class token on a grid of 2×3."""
        entry = self.host.reductions.get(self.name)
        with blame(self.host.reductions.owner(self.name), f"computing {entry.id!r}"):
            found: Heatmap = load_target(entry.reduce)(plain_attention(grid_of(photo())), layer, head, query)
        demand(isinstance(found, Heatmap), f"reduce returns a {type(found).__name__}, not a Heatmap")
        return found


@contract(
    "a reduction gives a map on the grid of the layer's keys, with a label and a unit, for each layer, head and query.",
    "vizstudio.api.ReductionEntry, vizstudio.api.Heatmap",
)
def map_on_the_grid(subject: ReductionSubject) -> None:
    """Ask for all of them."""
    grid = grid_of(photo())
    for layer in range(3):
        for head in HEADS:
            for query in QUERIES:
                found, what = subject.reduce(layer, head, query), f"layer {layer}, head {head}, query {query}"
                demand(found.grid == grid, f"the map of {what} lies on another grid")
                demand(not np.isinf(found.values).any(), f"the map of {what} has infinite values")
                demand(not np.isnan(found.values).all(), f"the map of {what} has no values")
                demand(found.values.dtype == np.float32, f"the map of {what} is {found.values.dtype}")
                demand(found.label and found.unit, f"the map of {what} has no label or no unit")


@contract("the same question gives the same map.", "vizstudio.api.ReductionEntry")
def same_map_again(subject: ReductionSubject) -> None:
    """Ask twice."""
    one, two = (subject.reduce(1, "mean", "cls").values for _ in range(2))
    demand(np.array_equal(one, two, equal_nan=True), "the second map differs")


class ExporterSubject(Subject):
    """A file format by its id."""

    @cached_property
    def figures(self) -> list[tuple[Figure, Analysis]]:
        """A map, predictions, and a caption."""
        image = photo()
        plain, written = analysis_of(image), analysis_of(image, caption=True)
        asked = [("attention", plain), ("predictions", plain), ("caption", written)]
        return [(render(about, image, ViewState(view=view)), about) for view, about in asked]

    def write(self, figure: Figure, analysis: Analysis) -> bytes | None:
        """Return the file, or None if the format says in a sentence that it cannot hold this figure."""
        try:
            return export(self.host, self.name, figure, analysis)
        except PluginError:
            raise
        except VizstudioError as error:
            demand(
                len(str(error)) > 15 and "\n" not in str(error), f"the refusal {str(error)!r} is no sentence"
            )
            return None


@contract(
    "a format gives a figure's file as bytes, or says in one sentence why it cannot hold that figure.",
    "vizstudio.api.ExporterEntry",
)
def bytes_or_a_sentence(subject: ExporterSubject) -> None:
    """Write a map, predictions and a caption."""
    files = [subject.write(*pair) for pair in subject.figures]
    demand(any(files), "no figure can be written: neither a map, nor predictions, nor a caption")
    demand(b"" not in files, "a file is empty")


@contract("the same figure gives the same file, and another figure another.", "vizstudio.api.ExporterEntry")
def same_file_again(subject: ExporterSubject) -> None:
    """Write everything twice."""
    files = [subject.write(*pair) for pair in subject.figures]
    again = [subject.write(*pair) for pair in subject.figures]
    demand(files == again, "a file differs when it is written again")
    held = [file for file in files if file is not None]
    demand(len(set(held)) == len(held), "two different figures give the same file")


REDUCTION_CONTRACTS = (map_on_the_grid, same_map_again)
EXPORTER_CONTRACTS = (bytes_or_a_sentence, same_file_again)

"""What every model promises of where its cells lie on the photo; see `vizstudio.api.PatchGrid`."""

from vizstudio.core.geometry import ImageFit, PatchGrid
from vizstudio.testing.contract import contract, demand
from vizstudio.testing.models import ModelSubject
from vizstudio.testing.samples import PHOTO_SIZES, photo


@contract(
    "each cell's middle on the original photo lies in that cell, for photos of any shape, and the fit is that of the "
    "photo.",
    "vizstudio.api.PatchGrid, vizstudio.api.ImageFit",
)
def geometry(subject: ModelSubject) -> None:
    """Go from cell to original pixel and back, for several photos."""
    for size in PHOTO_SIZES:
        analysis = subject.model.analyze(photo(size))
        what = f"of a photo of {size[0]}×{size[1]}"
        _require_fit(analysis.grid.fit, size, what)
        _require_within(analysis.grid, what)
        for layer in analysis.attention.layers:
            for grid in (layer.queries.grid, layer.keys.grid):
                demand(
                    grid is None or grid.fit == analysis.grid.fit,
                    f"{layer.name} places its tokens by another fit {what} than the analysis",
                )
        _require_round_trip(analysis.grid, what)


def _require_fit(fit: ImageFit, size: tuple[int, int], what: str) -> None:
    """The resized photo must lie in the input as the mode says, to a pixel."""
    demand(fit.original_size == size, f"fit.original_size {what} is {fit.original_size}")
    for axis, name in enumerate(("width", "height")):
        start = fit.offset[axis]
        end = start + size[axis] * fit.scale[axis]
        side = fit.input_size[axis]
        starts, ends = abs(start) <= 1, abs(end - side) <= 1
        if fit.mode == "crop":
            starts, ends = start <= 1, end >= side - 1
        elif fit.mode == "pad":
            starts, ends = start >= -1, end <= side + 1
        told = f"its {name} goes from {start:.1f} to {end:.1f} of {side} input pixels"
        demand(starts and ends, f"fit.mode {what} is {fit.mode!r}, yet {told}")


def _require_within(grid: PatchGrid, what: str) -> None:
    """The cells must lie in the input; only the last ones may be cut."""
    counts = (grid.cols, grid.rows)
    for axis, name in enumerate(("columns", "rows")):
        cell, start, side = grid.cell[axis], grid.origin[axis], grid.fit.input_size[axis]
        reach = start + (counts[axis] - 1) * cell
        told = f"the {counts[axis]} {name} {what} start at {start:.1f} and are {cell:.1f} pixels each"
        demand(start >= 0 and reach < side, f"{told}, beyond the input of {side}")
        demand(reach + 2 * cell > side - start, f"{told}, which leaves out a part of the input of {side}")


def _require_round_trip(grid: PatchGrid, what: str) -> None:
    width, height = grid.fit.original_size
    seen = 0
    for row in range(grid.rows):
        for col in range(grid.cols):
            left, top, across, down = grid.cell_rect(row, col)
            x, y = left + across / 2, top + down / 2
            at = grid.cell_at(x, y)
            if not (0 <= x < width and 0 <= y < height):
                demand(at is None, f"cell {row},{col} {what} is padding, yet a point of the photo")
                continue
            input_x, input_y = grid.fit.to_input(x, y)
            if input_x < grid.fit.input_size[0] and input_y < grid.fit.input_size[1]:
                demand(at == (row, col), f"the middle of cell {row},{col} {what} is in cell {at}")
                seen += 1
    demand(seen, f"no cell {what} lies on it")

"""What is asked of a view on the command line: layer, head, query, and how it looks."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from vizstudio.commands.options import LOOK, SHOWN, parse_cell, parse_range
from vizstudio.core.errors import UsageError
from vizstudio.core.overlay import lookup_table
from vizstudio.core.state import ViewState, parse_head, parse_query

_Shown = Parameter(group=SHOWN, allow_leading_hyphen=True)
_Look = Parameter(group=LOOK, allow_leading_hyphen=True)


@Parameter(name="*")
@dataclass(frozen=True)
class ViewOptions:
    """Options of a view.

    Parameters
    ----------
    layer
        Counted from 0, or from -1 at the end.
    head
        A head's number from 0, or mean, max or min over heads.
    query
        Whose attention: cls, a register such as reg1, a patch as ROW,COL, or mean; by default cls where there is one.
    panel
        The patch of the view panel, as ROW,COL; by default the middle one.
    hide_outliers
        Leave high-norm tokens out of attention maps.
    colormap
        Such as viridis, magma or turbo; any that the cmap library knows.
    opacity
        Of the map over the photo, from 0 to 1.
    smooth
        Interpolate between cells.
    range
        LOW,HIGH: the values at the ends of the colours of all attention maps; by default each map's own.
    mass
        Show of each attention map only the fewest cells that hold this share of it, above 0 and up to 1.
    """

    layer: Annotated[int, _Shown] = -1
    head: Annotated[str, _Shown] = "mean"
    query: Annotated[str | None, _Shown] = None
    panel: Annotated[str | None, _Shown] = None
    hide_outliers: Annotated[bool, _Shown] = False
    colormap: Annotated[str, _Look] = "viridis"
    opacity: Annotated[float, _Look] = 0.7
    smooth: Annotated[bool, _Look] = False
    range: Annotated[str | None, _Look] = None
    mass: Annotated[float, _Look] = 1.0

    def state(self) -> ViewState:
        """Return the view that is asked for.

        Raises
        ------
        UsageError
            If a value has another form than it must have, or is out of its range.
        """
        if not 0 <= self.opacity <= 1:
            raise UsageError(f"--opacity {self.opacity} is outside 0 to 1")
        lookup_table(self.colormap)
        return ViewState(
            layer=self.layer,
            head=parse_head(self.head),
            query=parse_query(self.query) if self.query is not None else None,
            panel=parse_cell(self.panel, "--panel") if self.panel is not None else None,
            colormap=self.colormap,
            opacity=self.opacity,
            smooth=self.smooth,
            hide_outliers=self.hide_outliers,
            range=parse_range(self.range, "--range") if self.range is not None else None,
            mass=self.mass,
        )

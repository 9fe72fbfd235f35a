"""Where one object is, seen from another; told only where nobody could see it otherwise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEEPNESS = 2
"""The centroids' distance along the axis of a relation must be so many times that across it."""
OVERLAP = 0.25
"""Along that axis, the boxes overlap by at most this part of the shorter."""
CROWDED = 0.3
"""Two boxes may share at most this part of the smaller; a bicycle hides little of what it stands before."""


@dataclass(frozen=True)
class Place:
    """Where an object's pixels are; x from the left, y from the top, in pixels.

    Parameters
    ----------
    x, y : float
        Their centroid.
    left, top, right, bottom : int
        Their box; right and bottom are just outside.
    area : int
        Their number.
    """

    x: float
    y: float
    left: int
    top: int
    right: int
    bottom: int
    area: int

    def moved(self, across: int, down: int) -> "Place":
        """Return the place of the same object elsewhere."""
        return Place(
            self.x + across,
            self.y + down,
            self.left + across,
            self.top + down,
            self.right + across,
            self.bottom + down,
            self.area,
        )


def place_of(mask: NDArray[np.bool_]) -> Place:
    """Return where a mask's pixels are; it must have some."""
    columns, rows = mask.sum(axis=0), mask.sum(axis=1)
    area = int(rows.sum())
    x = int(columns @ np.arange(columns.size)) / area
    y = int(rows @ np.arange(rows.size)) / area
    across, down = np.flatnonzero(columns), np.flatnonzero(rows)
    return Place(x, y, int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1, area)


def relation(one: Place, other: Place) -> str | None:
    """Return where `one` is, seen from `other`, as in ``words.RELATIONS``; None if it is not plain."""
    across, down = other.x - one.x, other.y - one.y
    beside = _apart(one.left, one.right, other.left, other.right)
    if abs(across) >= STEEPNESS * abs(down) and beside:
        return "to the left of" if across > 0 else "to the right of"
    stacked = _apart(one.top, one.bottom, other.top, other.bottom)
    if abs(down) >= STEEPNESS * abs(across) and stacked:
        return "above" if down > 0 else "below"
    return None


def crowded(one: Place, other: Place) -> bool:
    """Return whether two boxes share more than `CROWDED` of the smaller one."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    smaller = min((p.right - p.left) * (p.bottom - p.top) for p in (one, other))
    return across > 0 and down > 0 and across * down > CROWDED * smaller


def _apart(start: int, end: int, other_start: int, other_end: int) -> bool:
    overlap = min(end, other_end) - max(start, other_start)
    return overlap <= OVERLAP * min(end - start, other_end - other_start)

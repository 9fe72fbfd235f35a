"""The chart of position similarity over distance: the mean of all pairs with its quartiles, and along each axis."""

from dataclasses import dataclass

import numpy as np

from vizstudio.core.overlay import value_range
from vizstudio.core.page import SMALL, number, ticks
from vizstudio.core.positions import DistanceCurve
from vizstudio.core.scene import MUTED, RULE, STRONG, Box, Dot, Item, Line, Polygon, Text, text_width

WIDTH, HEIGHT = 640.0, 360.0
TOP, BOTTOM = 34.0, 40.0
BAND, HORIZONTAL, VERTICAL = "#dfe8f4", "#b4530a", "#1a7a43"
DISTANCE = (
    "Mean cosine similarity of the positions of all pairs of patches that are so far apart, to the nearest whole "
    "patch; the band is between the first and the third quartile of the pairs."
)


@dataclass(frozen=True)
class _Axes:
    """Where distances from 0 to `far` and similarities from `low` to `high` lie."""

    left: float
    far: float
    low: float
    high: float

    def point(self, distance: float, similarity: float) -> tuple[float, float]:
        x = self.left + (WIDTH - self.left) * distance / self.far
        share = (similarity - self.low) / (self.high - self.low)
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def span_of(curve: DistanceCurve) -> tuple[float, float]:
    """Return the (low, high) of an axis that holds all of a curve, with some room."""
    parts = (curve.mean, curve.lower, curve.upper, curve.horizontal, curve.vertical)
    low, high = value_range(np.concatenate(parts))
    room = 0.05 * (high - low)
    return low - room, high + room


def lines_of(curve: DistanceCurve) -> list[tuple[str, np.ndarray]]:
    """Return the name and the values of each line; no line for a direction in which there is a single patch."""
    named = [("all pairs", curve.mean), ("same row", curve.horizontal), ("same column", curve.vertical)]
    return [(name, values) for name, values in named if np.isfinite(values).any()]


def chart(curve: DistanceCurve) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of the chart."""
    low, high = span_of(curve)
    values, decimals = ticks(low, high)
    left = max(text_width(number(v, decimals), SMALL) for v in values) + 14
    axes = _Axes(left, float(curve.distance[-1]) * 1.02, low, high)
    items: list[Item] = [Text(0, 0, "cosine similarity", SMALL, MUTED)]
    lower = [axes.point(d, v) for d, v in zip(curve.distance, curve.lower, strict=True)]
    upper = [axes.point(d, v) for d, v in zip(curve.distance, curve.upper, strict=True)]
    items.append(Polygon(0, 0, (*upper, *reversed(lower)), BAND))
    items += _rules(axes, values, decimals)
    colours = {"all pairs": STRONG, "same row": HORIZONTAL, "same column": VERTICAL}
    drawn = lines_of(curve)
    for name, line in reversed(drawn):  # that of all pairs is drawn last, above the others
        items += _line(axes, curve.distance, line, colours[name], name == "all pairs")
    return [*items, *_legend([(name, colours[name]) for name, _ in drawn])], WIDTH, HEIGHT


def _rules(axes: _Axes, values: list[float], decimals: int) -> list[Item]:
    items: list[Item] = []
    for value in values:
        y = axes.point(0, value)[1]
        items += [
            Box(axes.left, y, WIDTH - axes.left, 1, fill=RULE),
            Text(axes.left - 8, y, number(value, decimals), SMALL, MUTED, "rm"),
        ]
    marks, _ = ticks(0.0, axes.far, 10)
    for mark in marks:
        if mark == int(mark):
            place = min(axes.point(mark, 0)[0], WIDTH - text_width(str(int(mark)), SMALL) / 2)
            items.append(Text(place, HEIGHT - BOTTOM + 8, str(int(mark)), SMALL, MUTED, "ma"))
    middle = (axes.left + WIDTH) / 2
    items.append(Text(middle, HEIGHT - 14, "distance between two patches, in patches", SMALL, MUTED, "ma"))
    return items


def _line(axes: _Axes, distance: np.ndarray, values: np.ndarray, colour: str, strong: bool) -> list[Item]:
    known = np.isfinite(values)
    points = tuple(axes.point(d, v) for d, v in zip(distance[known], values[known], strict=True))
    items: list[Item] = [Line(0, 0, points, colour, 2.5 if strong else 1.5)] if len(points) > 1 else []
    if strong or len(points) == 1:
        items += [Dot(*point, 3.0, colour) for point in points]
    return items


def _legend(names: list[tuple[str, str]]) -> list[Item]:
    items: list[Item] = []
    right = WIDTH
    for name, colour in reversed([*names, ("quartiles", BAND)]):
        items.append(Text(right, 0, name, SMALL, MUTED, "ra"))
        right -= text_width(name, SMALL) + 20
        thick = 11.0 if colour == BAND else 2.5
        items.append(Box(right, 7 - thick / 2, 14, thick, fill=colour))
        right -= 16
    return items

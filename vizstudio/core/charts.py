"""Charts: a column of dots per layer, and bars."""

from dataclasses import dataclass

import numpy as np

from vizstudio.core.overlay import lookup_table
from vizstudio.core.page import BODY, SMALL, number, percent, shorten, ticks
from vizstudio.core.scene import (
    ACCENT,
    INK,
    MUTED,
    PALE,
    RULE,
    STRONG,
    Box,
    Dot,
    Item,
    Picture,
    Text,
    text_width,
)

LIGHTEST = 230  # of 255: lighter colours of a colormap are lost on white paper
TOP, BOTTOM = 30.0, 40.0


@dataclass(frozen=True)
class Chart:
    """Where values from 0 to `high` lie in a chart of `count` columns."""

    width: float
    height: float
    high: float
    count: int
    left: float

    def x(self, column: int) -> float:
        """Return the middle of a column."""
        return self.left + self.step * (column + 0.5)

    @property
    def step(self) -> float:
        """Width of a column."""
        return (self.width - self.left) / self.count

    def y(self, value: float) -> float:
        """Return the height at which a value lies."""
        return self.height - BOTTOM - (self.height - TOP - BOTTOM) * value / self.high


def scatter(
    values: list[np.ndarray],
    height: float,
    y_title: str,
    colormap: str,
    limit: tuple[float, str] | None = None,
) -> tuple[list[Item], float]:
    """Return (items, width) of a column of dots per layer, a dot per head, and a bar at their mean.

    Parameters
    ----------
    values : list of (heads,) float
        One array per layer; NaN is left out.
    limit : (float, str), optional
        A value to draw a line at, and its name.
    """
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    greatest = max(float(known.max(initial=0)), limit[0] if limit else 0.0)
    high = greatest * 1.06 if greatest > 0 else 1.0
    tick_values, decimals = ticks(0.0, high)
    left = max(text_width(number(t, decimals), SMALL) for t in tick_values) + 14
    width = max(560.0, left + len(values) * (46 if len(values) <= 16 else 28))
    chart = Chart(width, height, high, len(values), left)
    items: list[Item] = [Text(0, 0, y_title, SMALL, MUTED), *_head_legend(values, width, colormap)]
    for tick in tick_values:
        y, text = chart.y(tick), number(tick, decimals)
        items += [Box(left, y, width - left, 1, fill=RULE), Text(left - 8, y, text, SMALL, MUTED, "rm")]
    every = 1 if chart.step >= 22 else 2
    for i in range(0, len(values), every):
        items.append(Text(chart.x(i), height - BOTTOM + 8, str(i), SMALL, MUTED, "ma"))
    items.append(Text((left + width) / 2, height - 14, "layer", SMALL, MUTED, "ma"))
    if limit:
        items.append(Box(left, chart.y(limit[0]), width - left, 1, fill=ACCENT))
        items.append(Text(width, chart.y(limit[0]) - 15, limit[1], SMALL, ACCENT, "ra"))
    for i, layer in enumerate(values):
        items += _column(chart, i, layer, colormap)
    return items, width


def _column(chart: Chart, i: int, layer: np.ndarray, colormap: str) -> list[Item]:
    finite = layer[np.isfinite(layer)]
    if not finite.size:
        return [Text(chart.x(i), chart.y(0) - 14, "–", SMALL, MUTED, "ma")]
    items: list[Item] = [
        Box(chart.x(i) - chart.step * 0.4, chart.y(float(finite.mean())) - 1, chart.step * 0.8, 2, fill=MUTED)
    ]
    apart = min(6.0, chart.step * 0.7 / len(layer))
    for head, value in enumerate(layer):
        if np.isfinite(value):
            x = chart.x(i) + (head - (len(layer) - 1) / 2) * apart
            items.append(Dot(x, chart.y(float(value)), 3.5, _head_colour(head, len(layer), colormap)))
    return items


def _head_colour(head: int, heads: int, colormap: str) -> str:
    red, green, blue = lookup_table(colormap)[round(head / max(heads - 1, 1) * LIGHTEST)]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _head_legend(values: list[np.ndarray], width: float, colormap: str) -> list[Item]:
    counts = {len(layer) for layer in values}
    last = str(counts.pop() - 1) if len(counts) == 1 else "last"
    end = width - text_width(last, SMALL)
    ramp = np.repeat(lookup_table(colormap)[None, : LIGHTEST + 1], 2, axis=0)
    return [
        Text(end - 96, 0, "head 0", SMALL, MUTED, "ra"),
        Picture(end - 90, 2, 84, 9, ramp, True),
        Text(end, 0, last, SMALL, MUTED),
    ]


def bars(
    labels: list[str], values: list[float], width: float, chosen: int | None = None
) -> tuple[list[Item], float]:
    """Return (items, height) of horizontal bars from 0 to 1 with their names and percentages.

    One can be marked as `chosen`; the others are then paler.
    """
    items: list[Item] = []
    step, left = 26.0, min(max(text_width(label, BODY) for label in labels) + 12, width * 0.5)
    room = width - left - 56
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        y, other = i * step, chosen is not None and i != chosen
        items += [
            Text(0, y + step / 2, shorten(label, BODY, left - 12), BODY, MUTED if other else INK, "lm"),
            Box(left, y + 5, room, step - 10, fill=RULE),
            Box(left, y + 5, max(1.0, room * value), step - 10, fill=PALE if other else STRONG),
            Text(width, y + step / 2, percent(value), SMALL, MUTED, "rm"),
        ]
    return items, len(labels) * step

"""The picture of an evaluation: pointing accuracy by layer, beside what it is held against."""

from collections.abc import Sequence

from vizstudio.core.charts import BOTTOM, Chart
from vizstudio.core.page import SMALL, Heading, moved, number, page, percent, ticks
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
    Line,
    Scene,
    Text,
    text_width,
)
from vizstudio.core.scores import Report

HEIGHT, WIDTH, NARROWEST_STEP = 300.0, 560.0, 24.0
ABOVE = 24.0  # pixels above the chart, for its title and legend, which has some room there of its own
ASIDE = 5.0  # pixels by which two curves are apart, so that neither's errors hide the other's
AFTER = 96.0  # pixels right of the chart, for the names of lines across it


def pointing_scene(report: Report, subject: str) -> Scene:
    """Draw pointing accuracy by layer.

    Parameters
    ----------
    report : dict
        With ``main_object`` or ``nouns`` as `vizstudio.core.scores` reports them; at least one of them.
    subject : str
        The model and the images.

    Returns
    -------
    Scene
        A chart of each.
    """
    panels, y, width = list[Item](), 0.0, 0.0
    main, nouns = report.get("main_object"), report.get("nouns")
    for found, title in (
        (main, f"{' and '.join(main['queries'])}, main object" if main else ""),
        (nouns, f"nouns of the captions ({nouns['count']})" if nouns else ""),
    ):
        if found and found["count"]:
            items, wide = _panel(found, title)
            panels += [moved(item, 0, y) for item in items]
            y, width = y + HEIGHT + ABOVE + 24, max(width, wide)
    explanation = (
        "How often the strongest cell of a map lies on the object that it is about. A line at each dot: twice the "
        "standard error to both sides. Chance is the share of the photo that the object covers."
    )
    if nouns and nouns["count"]:
        explanation += (
            " One token late is the map of the next step, which read the noun: the mistake of showing attention on "
            "the token that its query read."
        )
    return page(Heading("Pointing game", [subject]), explanation, [], width, y - 24, panels)


def _panel(found: Report, title: str) -> tuple[list[Item], float]:
    """Return (items, width) of a chart of one report."""
    layers, late, rollout = found["layers"], found.get("one_token_late"), found.get("rollout")
    high = _highest(found)
    marks, decimals = ticks(0.0, 100 * high)
    left = max(text_width(number(mark, decimals) + "%", SMALL) for mark in marks) + 14
    columns = len(layers) + bool(rollout)
    chart = Chart(max(WIDTH, left + columns * NARROWEST_STEP), HEIGHT, high, columns, left)
    items: list[Item] = []
    for mark in marks:
        y = chart.y(mark / 100)
        items.append(Box(left, y, chart.width - left, 1, fill=RULE))
        items.append(Text(left - 8, y, number(mark, decimals) + "%", SMALL, MUTED, "rm"))
    for column, layer in enumerate(layers):
        items.append(Text(chart.x(column), HEIGHT - BOTTOM + 8, str(layer["layer"]), SMALL, MUTED, "ma"))
    middle = (chart.x(0) + chart.x(len(layers) - 1)) / 2
    items.append(Text(middle, HEIGHT - 14, "layer", SMALL, MUTED, "ma"))
    chance = chart.y(found["chance"]["mean"])
    items += [
        Box(left, chance - 0.5, chart.width - left, 1.5, fill=MUTED),
        Text(chart.width + 8, chance, f"chance {percent(found['chance']['mean'])}", SMALL, MUTED, "lm"),
    ]
    items += _heads(chart, layers)
    if late:
        items += [moved(item, ASIDE, 0) for item in _curve(chart, late, ACCENT)]
    items += [moved(item, -ASIDE if late else 0, 0) for item in _curve(chart, layers, STRONG)]
    if rollout:
        items += _point(chart, len(layers), rollout["pointing"], INK)
        items.append(Text(chart.x(len(layers)), HEIGHT - BOTTOM + 8, "rollout", SMALL, MUTED, "ma"))
    names = [("mean of heads", STRONG), ("mean of heads, one token late", ACCENT), ("each head", PALE)]
    above = [
        Text(0, 0, f"pointing accuracy: {title}", SMALL, INK),
        *_legend([pair for pair in names if late or pair[1] != ACCENT]),
    ]
    return [*above, *(moved(item, 0, ABOVE) for item in items)], chart.width + AFTER


def _highest(found: Report) -> float:
    """Return where the axis ends: above every dot and its error, and at most at 1."""
    means = [found["chance"], *([found["rollout"]["pointing"]] if found.get("rollout") else [])]
    for layer in [*found["layers"], *found.get("one_token_late", [])]:
        means += [layer["pointing"]["mean_of_heads"], *layer["pointing"]["heads"]]
    return min(1.0, 1.05 * max(mean["mean"] + 2 * (mean["error"] or 0.0) for mean in means)) or 1.0


def _heads(chart: Chart, layers: Sequence[Report]) -> list[Item]:
    """Return a pale dot per head, side by side so that none hides another."""
    items: list[Item] = []
    for column, layer in enumerate(layers):
        heads = layer["pointing"]["heads"]
        apart = min(7.0, chart.step * 0.7 / len(heads))
        for i, head in enumerate(heads):
            x = chart.x(column) + (i - (len(heads) - 1) / 2) * apart
            items.append(Dot(x, chart.y(head["mean"]), 2.5, PALE))
    return items


def _curve(chart: Chart, layers: Sequence[Report], colour: str) -> list[Item]:
    """Return the means of heads, joined."""
    means = [layer["pointing"]["mean_of_heads"] for layer in layers]
    at = tuple((chart.x(i), chart.y(mean["mean"])) for i, mean in enumerate(means))
    items: list[Item] = [Line(0, 0, at, colour)] if len(at) > 1 else []
    for i, mean in enumerate(means):
        items += _point(chart, i, mean, colour)
    return items


def _point(chart: Chart, column: int, value: Report, colour: str) -> list[Item]:
    """Return a dot with twice its standard error to both sides, within what a share can be."""
    x, error = chart.x(column), 2 * (value["error"] or 0.0)
    top, bottom = chart.y(min(chart.high, value["mean"] + error)), chart.y(max(0.0, value["mean"] - error))
    return [Box(x - 0.75, top, 1.5, bottom - top, fill=colour), Dot(x, chart.y(value["mean"]), 4, colour)]


def _legend(names: Sequence[tuple[str, str]]) -> list[Item]:
    """Return what the colours mean, in a line below the title."""
    items, x = list[Item](), 0.0
    for name, colour in names:
        items += [Dot(x + 4, 24, 4, colour), Text(x + 14, 24, name, SMALL, MUTED, "lm")]
        x += 14 + text_width(name, SMALL) + 18
    return items

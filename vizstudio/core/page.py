"""The parts that figures share: the page with its title, the colour bar, labelled tiles, axes."""

import math

import numpy as np
from PIL import Image

from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import lookup_table
from vizstudio.core.scene import ACCENT, INK, MUTED, RULE, Box, Dot, Item, Picture, Scene, Text, text_width

MARGIN = 24
TITLE, BODY, SMALL = 17.0, 12.5, 11.0
BAR_WIDTH = 14


def photo_at(image: ImageSource, longest: int) -> tuple[np.ndarray, float]:
    """Return the photo scaled so that its longest side has `longest` pixels, and pixels per original pixel."""
    scale = longest / max(image.size)
    size = (max(1, round(image.size[0] * scale)), max(1, round(image.size[1] * scale)))
    how = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return np.array(image.pil().resize(size, how)), scale


def wrap(text: str, size: float, width: float) -> list[str]:
    """Break a text into lines that are at most `width` pixels long."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def page(
    title: str, explanation: str, notes: tuple[str, ...], width: float, height: float, items: list[Item]
) -> Scene:
    """Put items of a `width` × `height` body under a title and above its explanation and notes."""
    inner = max(width, 420.0, min(text_width(title, TITLE), 900.0))
    heading = wrap(title, TITLE, inner)
    below = [(line, MUTED) for line in wrap(explanation, BODY, inner)]
    below += [
        (line, ACCENT) for note in notes for line in wrap(note[:1].upper() + note[1:] + ".", BODY, inner)
    ]
    top = MARGIN + len(heading) * (TITLE + 7) + 8
    bottom = top + height + 14
    scene = Scene(round(inner + 2 * MARGIN), round(bottom + len(below) * (BODY + 6) + MARGIN - 6))
    scene.items += [Text(MARGIN, MARGIN + i * (TITLE + 7), t, TITLE) for i, t in enumerate(heading)]
    scene.items += [_moved(item, MARGIN, top) for item in items]
    scene.items += [Text(MARGIN, bottom + i * (BODY + 6), t, BODY, c) for i, (t, c) in enumerate(below)]
    return scene


def _moved(item: Item, dx: float, dy: float) -> Item:
    from dataclasses import replace

    return replace(item, x=item.x + dx, y=item.y + dy)


def colour_bar(
    x: float, height: float, colormap: str, low: float, high: float, unit: str
) -> tuple[list[Item], float]:
    """Return (items, width) of a vertical colour bar with its ticks and its unit above them."""
    ramp = np.repeat(lookup_table(colormap)[::-1, None], 2, axis=1)
    labels = [format_value(low + (high - low) * i / 4, high - low) for i in range(5)]
    top = 20.0
    items: list[Item] = [Text(x, 0, unit, SMALL, MUTED), Picture(x, top, BAR_WIDTH, height - top, ramp, True)]
    for i, label in enumerate(labels):
        y = height - (height - top) * i / 4
        y_text = min(max(y, top + SMALL / 2), height - SMALL / 2)
        items += [
            Box(x + BAR_WIDTH, min(y, height - 1), 4, 1, fill=MUTED),
            Text(x + BAR_WIDTH + 8, y_text, label, SMALL, MUTED, "lm"),
        ]
    labels_width = BAR_WIDTH + 8 + max(text_width(label, SMALL) for label in labels)
    return items, max(labels_width, text_width(unit, SMALL))


def format_value(value: float, extent: float) -> str:
    """Return a number with as many digits as a scale of this extent needs."""
    digits = max(0, 2 - math.floor(math.log10(extent))) if extent > 0 else 3
    return f"{value:.{min(digits, 6)}f}" if digits <= 6 else f"{value:.2e}"


def tiles(
    pictures: list[np.ndarray], labels: list[str], columns: int, side: tuple[float, float]
) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of labelled pictures in rows of `columns`."""
    width, height = side
    items: list[Item] = []
    gap, label_height = 10.0, 18.0
    for i, (pixels, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = (i % columns) * (width + gap), (i // columns) * (height + label_height + gap)
        items += [Text(x, y, label, SMALL, MUTED), Picture(x, y + label_height, width, height, pixels)]
    rows = math.ceil(len(pictures) / columns)
    shown = min(columns, len(pictures))
    return items, shown * (width + gap) - gap, rows * (height + label_height + gap) - gap


def axes(
    width: float, height: float, x_labels: list[str], x_title: str, y_title: str, low: float, high: float
) -> tuple[list[Item], float]:
    """Return (items, left) of a chart whose plot starts at x = left; one x position per label."""
    ticks = [low + (high - low) * i / 4 for i in range(5)]
    texts = [format_value(t, high - low) for t in ticks]
    left = max(text_width(t, SMALL) for t in texts) + 10
    items: list[Item] = [Text(0, 0, y_title, SMALL, MUTED)]
    plot_top, plot_bottom = 24.0, height - 40
    for tick, text in zip(ticks, texts, strict=True):
        y = plot_bottom - (plot_bottom - plot_top) * (tick - low) / (high - low)
        items += [Box(left, y, width - left, 1, fill=RULE), Text(left - 8, y, text, SMALL, MUTED, "rm")]
    for i, label in enumerate(x_labels):
        items.append(Text(x_place(i, len(x_labels), left, width), plot_bottom + 8, label, SMALL, MUTED, "ma"))
    items.append(Text((left + width) / 2, height - 14, x_title, SMALL, MUTED, "ma"))
    return items, left


def x_place(i: int, count: int, left: float, width: float) -> float:
    """Return where the i-th of `count` positions lies on a chart's x axis."""
    return left + (width - left) * (i + 0.5) / count


def scatter(values: list[np.ndarray], width: float, height: float, y_title: str, colormap: str) -> list[Item]:
    """Return a chart with one column of dots per layer, a dot per head coloured by its number."""
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    high = float(known.max()) * 1.05 if known.size and known.max() > 0 else 1.0
    items, left = axes(width, height, [str(i) for i in range(len(values))], "layer", y_title, 0.0, high)
    table = lookup_table(colormap)
    for i, layer in enumerate(values):
        x = x_place(i, len(values), left, width)
        for head, value in enumerate(layer):
            if np.isfinite(value):
                y = height - 40 - (height - 64) * float(value) / high
                colour = "#{:02x}{:02x}{:02x}".format(*table[round(head / max(len(layer) - 1, 1) * 230)])
                items.append(Dot(x, y, 4, colour))
    return items


def bars(labels: list[str], values: list[float], width: float) -> tuple[list[Item], float]:
    """Return (items, height) of horizontal bars from 0 to 1 with their names and percentages."""
    items: list[Item] = []
    step, bar_left = 26.0, min(max(text_width(label, BODY) for label in labels) + 12, width * 0.5)
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = i * step
        shown = label
        while text_width(shown, BODY) > bar_left - 12 and len(shown) > 4:
            shown = shown[:-2].rstrip("…") + "…"
        room = width - bar_left - 60
        items += [
            Text(0, y + step / 2, shown, BODY, INK, "lm"),
            Box(bar_left, y + 5, max(1.0, room * value), step - 10, fill="#3b6fb6"),
            Text(bar_left + max(1.0, room * value) + 8, y + step / 2, f"{value:.1%}", SMALL, MUTED, "lm"),
        ]
    return items, len(labels) * step

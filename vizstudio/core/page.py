"""The parts that figures share: the page with its heading, colour bars, labelled tiles, axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import lookup_table
from vizstudio.core.scene import ACCENT, INK, MUTED, Box, Item, Picture, Scene, Text, text_width

MARGIN = 24
TITLE, BODY, SMALL = 18.0, 12.5, 11.0
BAR_WIDTH = 14
NARROWEST = 440.0
THIN = 48  # a panorama is drawn at least this high, stretched, or nothing could be seen on it


def photo_at(image: ImageSource, longest: int) -> np.ndarray:
    """Return the photo (height, width, 3) scaled so that its longest side has `longest` pixels."""
    scale = longest / max(image.size)
    shortest = min(THIN, longest)
    size = (max(shortest, round(image.size[0] * scale)), max(shortest, round(image.size[1] * scale)))
    how = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return np.array(image.pil().resize(size, how))


def is_stretched(image: ImageSource, longest: int) -> bool:
    """Return whether `photo_at` changes the photo's proportions because it is so thin."""
    return min(image.size) * longest / max(image.size) < min(THIN, longest) - 0.5


def wrap(text: str, size: float, width: float) -> list[str]:
    """Break a text into lines that are at most `width` pixels long: between words, long words within."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size) > width:
            lines.append(line)
            longer = word
        while len(longer) > 1 and text_width(longer, size) > width:
            fits = next(
                n for n in range(len(longer) - 1, 0, -1) if n == 1 or text_width(longer[:n], size) <= width
            )
            lines.append(longer[:fits])
            longer = longer[fits:]
        line = longer
    return [*lines, line] if line else lines


def shorten(text: str, size: float, width: float) -> str:
    """Cut a text to `width` pixels, with an ellipsis where it was cut."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


@dataclass(frozen=True, eq=False)
class Heading:
    """What stands above a figure: a title, lines of facts, and a small picture of what was analysed."""

    title: str
    facts: Sequence[str] = ()
    thumbnail: np.ndarray | None = None


def page(
    heading: Heading, explanation: str, notes: Sequence[str], width: float, height: float, items: list[Item]
) -> Scene:
    """Put items of a `width` × `height` body under a heading and above its explanation and notes."""
    inner = max(width, NARROWEST)
    above, top = _heading(heading, inner)
    below = [(line, INK) for line in wrap(explanation, BODY, inner)]
    for note in notes:
        colour = ACCENT if note.startswith("untrained") else MUTED
        below += [(line, colour) for line in wrap(note[:1].upper() + note[1:] + ".", BODY, inner)]
    bottom = top + height + 16
    scene = Scene(round(inner + 2 * MARGIN), round(bottom + len(below) * (BODY + 6) + MARGIN - 6))
    scene.items += [*above, *(moved(item, MARGIN, top) for item in items)]
    scene.items += [Text(MARGIN, bottom + i * (BODY + 6), t, BODY, c) for i, (t, c) in enumerate(below)]
    return scene


def _heading(heading: Heading, inner: float) -> tuple[list[Item], float]:
    """Return (items, y of the body)."""
    room, items, end = inner, list[Item](), float(MARGIN)
    if heading.thumbnail is not None:
        tall, wide = heading.thumbnail.shape[:2]
        room -= wide + 16
        items.append(Picture(MARGIN + inner - wide, MARGIN, wide, tall, heading.thumbnail, smooth=True))
        end = MARGIN + tall
    y = float(MARGIN - 2)
    for line in wrap(heading.title, TITLE, room):
        items.append(Text(MARGIN, y, line, TITLE))
        y += TITLE + 7
    for fact in heading.facts:
        for line in wrap(fact, BODY, room):
            items.append(Text(MARGIN, y, line, BODY, MUTED))
            y += BODY + 5
    return items, round(max(y, end) + 16)  # whole pixels, so that pictures stay sharp


def moved(item: Item, dx: float, dy: float) -> Item:
    """Return an item at another place."""
    return replace(item, x=item.x + dx, y=item.y + dy)


def ticks(low: float, high: float, most: int = 6) -> tuple[list[float], int]:
    """Return (values, decimals): at most `most` round numbers from `low` to `high`, and how to write them."""
    finest = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (finest * multiple for multiple in (1, 2, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
        if last - first < most:
            break
    return [i * step for i in range(first, last + 1)], max(0, -math.floor(math.log10(step) + 1e-9))


def number(value: float, decimals: int) -> str:
    """Return a number as it is printed: a true minus, and powers of ten for what is tiny."""
    if decimals > 6 and value:
        text = f"{value:.{max(0, decimals + math.floor(math.log10(abs(value))))}e}"
    else:
        text = f"{value:.{min(decimals, 6)}f}"
    return text.replace("-", "\u2212")


def short_number(value: float) -> str:
    """Return a positive number with two significant digits, such as 0.0042."""
    if value <= 0 or not math.isfinite(value):
        return "0"
    return number(value, max(0, 1 - math.floor(math.log10(value))))


def percent(value: float) -> str:
    """Return a probability as it is printed; one that is small keeps a digit and is not called 0."""
    if value >= 0.001:
        return f"{value:.1%}"
    return f"{float(f'{100 * value:.1g}'):g}%" if value >= 1e-5 else "<0.001%"


def colour_bar(
    x: float, height: float, colormap: str, low: float, high: float, unit: str
) -> tuple[list[Item], float]:
    """Return (items, width) of a vertical colour bar with round numbers beside it and its unit above."""
    values, decimals = ticks(low, high, 6 if height > 200 else 4)
    marks = [((value - low) / (high - low), number(value, decimals)) for value in values]
    return _bar(x, height, colormap, marks, unit)


def relative_bar(x: float, height: float, colormap: str) -> tuple[list[Item], float]:
    """Return (items, width) of a colour bar for pictures that have a scale each."""
    return _bar(x, height, colormap, [(0.0, "0"), (1.0, "max")], "attention")


def _bar(
    x: float, height: float, colormap: str, marks: list[tuple[float, str]], unit: str
) -> tuple[list[Item], float]:
    ramp = np.repeat(lookup_table(colormap)[::-1, None], 2, axis=1)
    top = 20.0
    items: list[Item] = [Text(x, 0, unit, SMALL, MUTED), Picture(x, top, BAR_WIDTH, height - top, ramp, True)]
    for fraction, label in marks:
        y = height - (height - top) * fraction
        y_text = min(max(y, top + SMALL / 2), height - SMALL / 2)
        items += [
            Box(x + BAR_WIDTH, min(max(y - 0.5, top), height - 1), 4, 1, fill=MUTED),
            Text(x + BAR_WIDTH + 8, y_text, label, SMALL, MUTED, "lm"),
        ]
    widest = max((text_width(label, SMALL) for _, label in marks), default=0.0)
    return items, max(BAR_WIDTH + 8 + widest, text_width(unit, SMALL))


def grid_numbers(rows: int, cols: int, left: float, top: float, width: float, height: float) -> list[Text]:
    """Return the numbers of columns above a grid at (left, top), and of rows on its left."""
    items: list[Text] = []
    across = max(1, math.ceil(cols / max(1, width // 26)))
    down = max(1, math.ceil(rows / max(1, height // 18)))
    for i in range(0, cols, across):
        items.append(Text(left + width * (i + 0.5) / cols, top - 16, str(i), SMALL, MUTED, "ma"))
    for i in range(0, rows, down):
        items.append(Text(left - 6, top + height * (i + 0.5) / rows, str(i), SMALL, MUTED, "rm"))
    return items


def tiles(
    pictures: list[np.ndarray], labels: list[str], columns: int, marks: Sequence[Item] = ()
) -> tuple[list[Item], float, float]:
    """Return (items, width, height) of labelled pictures of one size in rows of `columns`, `marks` on each."""
    height, width = pictures[0].shape[:2]
    items: list[Item] = []
    gap, label_height = 12.0, 18.0
    pitch = max(width, *(text_width(label, SMALL) for label in labels)) + gap
    for i, (pixels, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = (i % columns) * pitch, (i // columns) * (height + label_height + gap)
        items += [
            Text(x, y, label, SMALL, MUTED),
            Picture(x, y + label_height, width, height, pixels),
            *(moved(mark, x, y + label_height) for mark in marks),
        ]
    rows = math.ceil(len(pictures) / columns)
    shown = min(columns, len(pictures))
    return items, shown * pitch - gap, rows * (height + label_height + gap) - gap

"""Pictures of a training run: the learning rate, a confusion matrix, a gallery of mistakes."""

import math
import re
from collections.abc import Sequence

import numpy as np

from vizstudio.core.images import ImageSource
from vizstudio.core.overlay import colorize, lookup_table
from vizstudio.core.page import (
    BODY,
    SMALL,
    Heading,
    colour_bar,
    moved,
    page,
    percent,
    photo_at,
    shorten,
    ticks,
)
from vizstudio.core.scene import INK, MUTED, RULE, STRONG, Box, Item, Line, Picture, Scene, Text, text_width

CHART = (640.0, 260.0)
SMALLEST_LABELLED = 12  # pixels of a cell: below, there is no room for the names of classes
MOST_NUMBERS = 24  # with more classes than that there is no room for numbers in the cells
Mistake = tuple[ImageSource, str, float, str]
"""An image, the class it was taken for, with what probability, and its true class."""


def rate_scene(
    rates: Sequence[float], title: str, facts: Sequence[str], marks: Sequence[tuple[int, str]]
) -> Scene:
    """Draw the learning rate of every step.

    Parameters
    ----------
    rates : sequence of float
        That of step 1 first.
    title, facts
        What stands above the chart.
    marks : sequence of (int, str)
        Steps to point out, and what they are called.
    """
    width, height = CHART
    high = max(rates) * 1.08
    values, _ = ticks(0.0, high)
    left = max(text_width(_rate(v), SMALL) for v in values) + 14
    across = (width - left) / max(1, len(rates) - 1)

    def at(step: int, rate: float) -> tuple[float, float]:
        return left + (step - 1) * across, height - 36 - (height - 60) * rate / high

    items: list[Item] = [Text(0, 0, "learning rate", SMALL, MUTED)]
    for value in values:
        y = at(1, value)[1]
        items += [
            Box(left, y, width - left, 1, fill=RULE),
            Text(left - 8, y, _rate(value), SMALL, MUTED, "rm"),
        ]
    steps, _ = ticks(1.0, float(max(2, len(rates))))
    for step in steps:
        items.append(Text(at(round(step), 0)[0], height - 28, f"{step:,.0f}", SMALL, MUTED, "ma"))
    items.append(Text((left + width) / 2, height - 10, "step", SMALL, MUTED, "ma"))
    for step, name in marks:
        x, y = at(step, rates[step - 1])
        after = x + 8 + text_width(name, SMALL) < width
        items += [
            Box(x, y, 1, height - 36 - y, fill=MUTED),
            Text(x + 6 if after else x - 6, height - 54, name, SMALL, MUTED, "la" if after else "ra"),
        ]
    every = max(1, len(rates) // 800)
    shown = sorted({*range(1, len(rates) + 1, every), len(rates), *(step for step, _ in marks)})
    items.append(Line(0, 0, tuple(at(step, rates[step - 1]) for step in shown), STRONG))
    explanation = (
        "The learning rate of every step of the optimiser; a parameter group may have a share of it."
    )
    return page(Heading(title, facts), explanation, [], width, height, items)


def _rate(value: float) -> str:
    """Return a learning rate as people write it, such as 2e−7."""
    return re.sub(r"e-0*", "e\u2212", f"{value:.3g}")


def confusion_scene(matrix: np.ndarray, names: Sequence[str], subject: str) -> Scene:
    """Draw how often images of each class are taken for each class.

    Parameters
    ----------
    matrix : (classes, classes) int array
        Images by their class (row) and the class they are taken for (column).
    names : sequence of str
        Of the classes.
    subject : str
        The model and the images.
    """
    count = len(names)
    side = max(4, min(44, 880 // count))
    labelled = side >= SMALLEST_LABELLED
    texts = [f"{shorten(name, SMALL, 150)}  {i}" for i, name in enumerate(names)]
    left = max(text_width(text, SMALL) for text in texts) + 12 if labelled else 20.0
    top = 40.0 if labelled else 20.0
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    items: list[Item] = [
        Text(left, 0, "taken for →", SMALL, MUTED),
        Picture(left, top, side * count, side * count, colorize(shares, "cividis", 0.0, 1.0)),
    ]
    items += _labels(texts, left, top, side) if labelled else []
    if count <= MOST_NUMBERS:
        items += _numbers(matrix, shares, left, top, side)
    right, accuracy = totals.sum(), float(np.trace(matrix)) / max(1, int(totals.sum()))
    wrong = [
        f"{names[a]} for {names[b]} ({matrix[a, b]})"
        for a, b in sorted(zip(*np.nonzero(matrix), strict=True), key=lambda ab: -matrix[ab])
        if a != b
    ][:3]
    explanation = (
        "A row per class: the shares of its images that are taken for each class. Columns are numbered as the rows "
        "are; the diagonal is what is right."
    )
    facts = [subject, f"accuracy {percent(accuracy)} of {right} images"]
    notes = [f"most often confused: {', '.join(wrong)}"] if wrong else []
    width, height = left + side * count, top + side * count
    bar, bar_width = colour_bar(0, max(height - top, 110) + 20, "cividis", 0.0, 1.0, "share of the class")
    items += [moved(item, width + 20, top - 20) for item in bar]
    height = max(height, top + 110)
    return page(Heading("Confusion matrix", facts), explanation, notes, width + 20 + bar_width, height, items)


def _labels(texts: Sequence[str], left: float, top: float, side: int) -> list[Item]:
    """Return the names of rows and the numbers of columns."""
    items: list[Item] = []
    for i, text in enumerate(texts):
        middle = (i + 0.5) * side
        items.append(Text(left - 8, top + middle, text, SMALL, MUTED, "rm"))
        if side >= 18 or i % 2 == 0:
            items.append(Text(left + middle, top - 18, str(i), SMALL, MUTED, "ma"))
    return items


def _numbers(matrix: np.ndarray, shares: np.ndarray, left: float, top: float, side: int) -> list[Item]:
    """Return the counts, legible on their cells."""
    table = lookup_table("cividis")
    items: list[Item] = []
    for (row, col), value in np.ndenumerate(matrix):
        if value:
            light = table[round(float(shares[row, col]) * 255)].mean() > 110
            place = left + (col + 0.5) * side, top + (row + 0.5) * side
            items.append(Text(*place, str(value), SMALL, INK if light else "#ffffff", "mm"))
    return items


def gallery_scene(mistakes: Sequence[Mistake], total: int, subject: str) -> Scene:
    """Draw the images that a model is most sure of and wrong about.

    Parameters
    ----------
    mistakes : sequence of (ImageSource, str, float, str)
        Image, predicted class, its probability, and the true class.
    total : int
        The number of all its mistakes.
    subject : str
        What was evaluated, for the heading.
    """
    title = "Misclassified images"
    if not mistakes:
        items: list[Item] = [Text(0, 0, "Every image was taken for what it is.", BODY, INK)]
        return page(Heading(title, [subject]), "There is no mistake to show.", [], 480, 20, items)
    columns, cell, gap = min(6, len(mistakes)), 148.0, 14.0
    items, pitch = [], cell + 36 + gap
    for i, (image, guess, probability, truth) in enumerate(mistakes):
        x, y = (i % columns) * (cell + gap), (i // columns) * pitch
        pixels = photo_at(image, round(cell) * 2)
        height, width = pixels.shape[0] / 2, pixels.shape[1] / 2
        said = f" {percent(probability)}"
        items += [
            Box(x, y, cell, cell, fill="#f1f3f5"),
            Picture(x + (cell - width) / 2, y + (cell - height) / 2, width, height, pixels, True),
            Text(x, y + cell + 4, shorten(guess, SMALL, cell - text_width(said, SMALL)) + said, SMALL, INK),
            Text(x, y + cell + 19, shorten(f"is {truth}", SMALL, cell), SMALL, MUTED),
        ]
    rows = math.ceil(len(mistakes) / columns)
    facts = [subject, f"{len(mistakes)} of {total} mistakes, those with the highest probability first"]
    explanation = "Below each image what it was taken for, with its probability, and then what it is."
    return page(
        Heading(title, facts), explanation, [], columns * (cell + gap) - gap, rows * pitch - gap, items
    )

"""A picture of the captions that a training got wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from vizstudio.core.images import ImageSource
from vizstudio.core.page import BODY, SMALL, Heading, moved, page, percent, photo_at, shorten
from vizstudio.core.scene import ACCENT, INK, MUTED, Box, Item, Picture, Scene, Text, text_width

COLUMNS, CELL, GAP = 4, 228.0, 24.0
LINE, MOST_LINES = 17.0, 5
Coloured = tuple[str, str]
"""A word and its colour."""


@dataclass(frozen=True, eq=False)
class WrongCaption:
    """An image with the caption that was written, which is none of the references.

    Parameters
    ----------
    image : ImageSource
    caption : str
        What was written.
    probability : float
        Of the caption, from 0 to 1.
    references : tuple of str
        What people wrote, one or more.
    """

    image: ImageSource
    caption: str
    probability: float
    references: tuple[str, ...]


def caption_gallery_scene(wrong: Sequence[WrongCaption], total: int, subject: str) -> Scene:
    """Draw images with their wrong captions.

    Parameters
    ----------
    wrong : sequence of WrongCaption
        Those to show.
    total : int
        The number of all that are wrong.
    subject : str
        What the captions are of, for the heading.
    """
    title = "Wrong captions"
    if not wrong:
        items: list[Item] = [Text(0, 0, "Every caption is one of its references, word for word.", BODY, INK)]
        return page(Heading(title, [subject]), "There is no mistake to show.", [], 480, 20, items)
    items, top = [], 0.0
    columns = min(COLUMNS, len(wrong))
    for start in range(0, len(wrong), columns):
        cells = [_cell(one) for one in wrong[start : start + columns]]
        for column, (cell, _) in enumerate(cells):
            items += [moved(item, column * (CELL + GAP), top) for item in cell]
        top += max(height for _, height in cells) + GAP
    facts = [subject, f"{len(wrong)} of {total} wrong captions, those with the highest probability first"]
    explanation = (
        "Below each image the caption that was written, with its probability, and the nearest reference. Words in "
        "which the two differ are coloured."
    )
    return page(Heading(title, facts), explanation, [], columns * (CELL + GAP) - GAP, top - GAP, items)


def _cell(one: WrongCaption) -> tuple[list[Item], float]:
    """Return an image with what is said of it, and the height."""
    pixels = photo_at(one.image, round(CELL) * 2)
    height, width = pixels.shape[0] / 2, pixels.shape[1] / 2
    items: list[Item] = [
        Box(0, 0, CELL, CELL, fill="#f1f3f5"),
        Picture((CELL - width) / 2, (CELL - height) / 2, width, height, pixels, True),
    ]
    nearest = max(one.references, key=lambda reference: _compare(one.caption, reference).ratio())
    own, theirs = _differences(one.caption or "(nothing)", nearest)
    y = CELL + 8
    for words, size in (([*own, (percent(one.probability), MUTED)], BODY), ([("is", MUTED), *theirs], SMALL)):
        for line in _lines(words, size):
            items += [moved(text, 0, y) for text in line]
            y += LINE
        y += 3
    return items, y


def _compare(caption: str, reference: str) -> "SequenceMatcher[str]":
    return SequenceMatcher(None, caption.split(), reference.split(), autojunk=False)


def _differences(caption: str, reference: str) -> tuple[list[Coloured], list[Coloured]]:
    """Return the words of both, coloured where they differ."""
    same = _compare(caption, reference).get_matching_blocks()
    in_caption = {block.a + i for block in same for i in range(block.size)}
    in_reference = {block.b + i for block in same for i in range(block.size)}
    return (
        [(word, INK if i in in_caption else ACCENT) for i, word in enumerate(caption.split())],
        [(word, MUTED if i in in_reference else ACCENT) for i, word in enumerate(reference.split())],
    )


def _lines(words: Sequence[Coloured], size: float) -> list[list[Item]]:
    """Lay words out in lines as wide as a cell; a network that has learnt little may repeat itself for long."""
    lines: list[list[Item]] = [[]]
    x, space = 0.0, text_width(" ", size)
    for word, colour in ((shorten(word, size, CELL), colour) for word, colour in words):
        if x and x + text_width(word, size) > CELL:
            if len(lines) == MOST_LINES:
                return [*lines, [Text(0, 0, "…", size, colour)]]
            lines.append([])
            x = 0.0
        lines[-1].append(Text(x, 0, word, size, colour))
        x += text_width(word, size) + space
    return lines

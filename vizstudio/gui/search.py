"""Finds what was typed among some thousand texts, at once. No Qt here."""

import re
from collections.abc import Sequence

STARTS, INSIDE, BEHIND, SCATTERED = 0, 1, 2, 6  # how well a word matches; the smaller the better


def find(typed: str, texts: Sequence[str], scattered: bool = False) -> list[int]:
    """Return the places of the texts that match, best first.

    Parameters
    ----------
    typed : str
        Words in any order; each must be part of a text, in upper or lower case.
    texts : sequence of str
        In lower case; what is behind a line's end is searched too, but counts less.
    scattered : bool
        Take a word too whose letters come in this order with others between them, such as "opw" in
        "open weights".

    Returns
    -------
    list of int
        Where all words begin a word comes before where they are inside of one, and then what is shorter; texts
        that match equally well stay in their order. All places if nothing was typed.
    """
    words = typed.lower().split()
    if not words:
        return list(range(len(texts)))
    spread = [re.compile(".*?".join(map(re.escape, word))) for word in words]
    found: list[tuple[int, int, int]] = []
    for place, text in enumerate(texts):
        total = 0
        for word, letters in zip(words, spread, strict=True):
            cost = _cost(word, text)
            if cost is None and scattered and letters.search(text):
                cost = SCATTERED
            if cost is None:
                break
            total += cost
        else:
            found.append((total, len(text.partition("\n")[0]), place))
    return [place for _, _, place in sorted(found)]


def _cost(word: str, text: str) -> int | None:
    first = text.partition("\n")[0]
    at = first.find(word)
    if at < 0:
        return BEHIND if word in text else None
    while at >= 0:
        if at == 0 or not first[at - 1].isalnum():
            return STARTS
        at = first.find(word, at + 1)
    return INSIDE

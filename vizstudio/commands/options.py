"""Reads the values of options, and groups options in the help."""

import re
from collections.abc import Sequence

from cyclopts import Group

from vizstudio.core.errors import UsageError
from vizstudio.registry import no_such

MODEL = Group("Model", sort_key=1)
SECOND = Group("What it is compared with", sort_key=1.5)
SHOWN = Group("What is shown", sort_key=2)
CAPTION = Group("Captions", sort_key=3)
LOOK = Group("How it looks", sort_key=4)
OUTPUT = Group("Output", sort_key=5)


def parse_choices(text: str, known: Sequence[str], noun: str, hint: str = "") -> list[str]:
    """Read names with commas between, each once.

    Raises
    ------
    UsageError
        If one is not known, or there is none.
    """
    chosen = [part.strip() for part in text.split(",") if part.strip()]
    for part in chosen:
        if part not in known:
            raise UsageError(no_such(noun, part, tuple(known)) + hint)
    if not chosen:
        raise UsageError(f"no {noun} given: choose from {', '.join(known)}")
    return list(dict.fromkeys(chosen))


def parse_cell(text: str, option: str) -> tuple[int, int]:
    """Read ``"ROW,COL"``, both counted from 0.

    Raises
    ------
    UsageError
        If it has another form.
    """
    found = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text, re.ASCII)
    if not found:
        raise UsageError(f"{option} {text!r} is no patch: give ROW,COL, such as 3,5")
    return int(found[1]), int(found[2])


def parse_range(text: str, option: str) -> tuple[float, float]:
    """Read ``"LOW,HIGH"``, two numbers.

    Raises
    ------
    UsageError
        If it has another form.
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is no range: give LOW,HIGH, such as 0,0.02") from error
    return low, high


def parse_size(text: str, option: str) -> tuple[int, int]:
    """Read ``"WIDTHxHEIGHT"`` in pixels.

    Raises
    ------
    UsageError
        If it has another form or a side is 0.
    """
    found = re.fullmatch(r"\s*(\d+)\s*[x×]\s*(\d+)\s*", text, re.ASCII | re.IGNORECASE)
    if not found or not (int(found[1]) and int(found[2])):
        raise UsageError(f"{option} {text!r} is no size: give WIDTHxHEIGHT in pixels, such as 384x256")
    return int(found[1]), int(found[2])

"""What was looked at, one place after the other: undo and redo, back and forward. No Qt here."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from vizstudio.core.session import Place
from vizstudio.core.state import ViewState

GAP = 0.7  # seconds; what changes again sooner is one sweep of a slider or one drag
LONGEST = 500  # places
LOOKED_AT = ("view", "layer", "head", "query", "panel", "word", "pins")
"""The fields of a view that say what is looked at; the others say how it looks."""


def what_of(place: Place) -> Place:
    """Return a place without how it looks: two that differ in that alone are the same to back and forward."""
    plain = ViewState()
    looks = {f.name: getattr(plain, f.name) for f in fields(ViewState) if f.name not in LOOKED_AT}
    return replace(place, state=replace(place.state, **looks))


def changes(before: Place, after: Place) -> frozenset[str]:
    """Return the names of what differs, such as ``{"state.layer"}``."""
    return frozenset(_changes(before, after, ""))


def _changes(before: Any, after: Any, prefix: str) -> list[str]:
    names = list[str]()
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if field.name in ("state", "caption") and old is not None and new is not None:
            names += _changes(old, new, f"{field.name}.")
        else:
            names.append(prefix + field.name)
    return names


@dataclass(frozen=True)
class Entry:
    """A place, what changed to come to it, and when, in seconds."""

    place: Place
    changed: frozenset[str]
    at: float


class History:
    """Places in order and where the user is among them.

    Undo and redo go through all of them; back and forward skip those that only look different. A place that is
    gone to may take time to be shown, or fail to be: `record` says that it is shown, `revert` that it failed.

    Parameters
    ----------
    clock : callable
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._at = self._shown = -1

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def current(self) -> Place | None:
        """Where the user is, None at first."""
        return self._entries[self._at].place if self._entries else None

    def record(self, place: Place, amend: bool = False) -> None:
        """Come to a new place; what could be redone is gone then.

        Parameters
        ----------
        place : Place
        amend : bool
            It is the current place, as it turned out to be, rather than another.
        """
        now = self._clock()
        if place == self.current:
            self._shown = self._at
            return
        if amend and self._entries:
            self._entries[self._at] = replace(self._entries[self._at], place=place)
            self._shown = self._at
            return
        del self._entries[self._at + 1 :]
        changed = changes(self._entries[-1].place, place) if self._entries else frozenset({"image"})
        if self._is_sweep(changed, now):
            self._entries.pop()
            if self._entries and self._entries[-1].place == place:  # swept to and fro
                changed, place = self._entries[-1].changed, self._entries.pop().place
        self._entries.append(Entry(place, changed, now))
        del self._entries[:-LONGEST]
        self._at = self._shown = len(self._entries) - 1

    def _is_sweep(self, changed: frozenset[str], now: float) -> bool:
        last = self._entries[-1] if len(self._entries) > 1 else None
        swept = bool(changed) and all(name.startswith(("state.", "caption.")) for name in changed)
        return last is not None and swept and last.changed == changed and now - last.at < GAP

    def undo(self) -> Place | None:
        """Go to the place before; None if there is none."""
        return self._go(self._at - 1)

    def redo(self) -> Place | None:
        """Go to the place after; None if there is none."""
        return self._go(self._at + 1)

    def back(self) -> Place | None:
        """Go to the newest earlier place where something else was looked at; None if there is none."""
        return self._go(self._other(-1))

    def forward(self) -> Place | None:
        """Go to the next later place where something else was looked at; None if there is none."""
        return self._go(self._other(1))

    @property
    def can(self) -> dict[str, bool]:
        """Which of the four are possible, by name."""
        there = range(len(self._entries))
        steps = {
            "undo": self._at - 1,
            "redo": self._at + 1,
            "back": self._other(-1),
            "forward": self._other(1),
        }
        return {name: index in there for name, index in steps.items()}

    @property
    def is_shown(self) -> bool:
        """Whether the current place is shown, rather than gone to."""
        return self._at == self._shown

    def revert(self) -> None:
        """Be again at the place that is shown, as the one gone to could not be."""
        self._at = self._shown

    def _other(self, step: int) -> int:
        index = self._at + step
        if self.current is None:
            return index
        here = what_of(self.current)
        while 0 <= index < len(self._entries) and what_of(self._entries[index].place) == here:
            index += step
        return index

    def _go(self, index: int) -> Place | None:
        if not 0 <= index < len(self._entries):
            return None
        self._at = index
        return self._entries[index].place

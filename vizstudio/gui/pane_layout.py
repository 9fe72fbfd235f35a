"""The layout of panes as a text, to be kept from one start to the next."""

import json
from math import inf
from typing import Any

from PySide6.QtCore import Qt

from vizstudio.gui.pane import Pane
from vizstudio.gui.panes import MOST, Panes, tab_name

DIRECTIONS = {"across": Qt.Orientation.Horizontal, "down": Qt.Orientation.Vertical}


def layout_text(panes: Panes) -> str:
    """Return the layout as JSON: the direction, and of each pane its tabs, the one in front, its share."""
    row = panes.row
    told = []
    for pane in row.panes():
        waiting = [name for name, home in panes.homes.items() if home is pane]
        names = [*map(tab_name, pane.pages()), *waiting]
        told.append({"tabs": names, "front": tab_name(pane.front), "share": pane.share})
    direction = next(name for name, known in DIRECTIONS.items() if known == row.orientation())
    return json.dumps({"direction": direction, "panes": told, "used": row.panes().index(panes.active)})


def lay_out(panes: Panes, text: str) -> bool:
    """Lay the panes out as a text says; returns whether it is one, else nothing is changed.

    Tabs that it does not name stay in the first pane; those that it names and that are not made yet come to their
    pane when they are.
    """
    try:
        told = json.loads(text)
        direction = DIRECTIONS[told["direction"]]
        wanted = [_read(pane) for pane in told["panes"]]
        used = int(told["used"])
    except (ValueError, KeyError, TypeError):
        return False
    if not 0 < len(wanted) <= MOST or not 0 <= used < len(wanted):
        return False
    row = panes.row
    with panes.changes():
        row.setOrientation(direction)
        opened = [*row.panes(), *(row.open(at) for at in range(len(row.panes()), len(wanted)))]
        for pane, (names, front, _) in zip(opened, wanted, strict=False):
            _fill(panes, pane, names, front)
        panes.active = opened[used]
    for pane, (_, _, share) in zip(opened, wanted, strict=False):
        pane.share = share
    row.share_out()
    return True


def _read(pane: Any) -> tuple[list[str], str, float]:
    """Return the names of a pane's tabs, the one in front, and the share.

    Raises
    ------
    TypeError, KeyError, ValueError
        If it is something else.
    """
    names, front = pane["tabs"], pane["front"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in [*names, front]):
        raise TypeError("tabs are named by texts")
    share = float(pane["share"])
    if not 0 < share < inf:
        raise ValueError("a share of the room is above 0")
    return names, front, share


def _fill(panes: Panes, pane: Pane, names: list[str], front: str) -> None:
    pages = {tab_name(panes.widget(i)): i for i in range(panes.count())}
    for name in names:
        if name not in pages:
            panes.homes[name] = pane
            continue
        index = pages[name]
        page = panes.widget(index)
        if pane.indexOf(page) < 0:
            panes.put(page, panes.tabText(index), pane)
        if name == front and panes.isTabVisible(index):
            pane.setCurrentWidget(page)

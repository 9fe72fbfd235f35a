"""Whether there is a screen for the window."""

import sys
from collections.abc import Mapping

UNSEEN = ("offscreen", "minimal", "vnc")
NO_DISPLAY = (
    "`vizstudio run` and `vizstudio demo` need none; for the window start a desktop session, connect with "
    "`ssh -X`, or use `xvfb-run vizstudio` (sudo apt-get install xvfb xauth)"
)


def find_display(environment: Mapping[str, str]) -> str:
    """Return where Qt will show a window, as ``NAME=VALUE``; empty if Linux has no display for it."""
    if not sys.platform.startswith("linux"):
        return sys.platform
    names = ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY")
    return next((f"{name}={environment[name]}" for name in names if environment.get(name)), "")


def is_seen(display: str) -> bool:
    """Return whether somebody can see a window on what `find_display` found."""
    name, _, value = display.partition("=")
    return bool(display) and not (name == "QT_QPA_PLATFORM" and value.split(":")[0] in UNSEEN)

"""Light and dark: readable, and followed by what is already shown."""

from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtGui import QAction, QColor

from vizstudio.gui import theme
from vizstudio.gui.actions import saved_appearance


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(colour).getRgbF()]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_can_be_read(colours: theme.Colours) -> None:
    pairs = [
        (colours.text, colours.window),
        (colours.text, colours.base),
        (colours.text, colours.raised),
        (colours.muted, colours.window),
        (colours.on_accent, colours.accent),
        (colours.warning, colours.warning_base),
        (colours.warning, colours.window),
        (colours.good, colours.window),
    ]
    assert [pair for pair in pairs if contrast(*pair) < 4.5] == []  # WCAG 2.2, level AA


def test_the_appearance_menu_changes_what_is_shown_and_is_remembered(studio: Any, qapp: Any) -> None:
    actions = {action.data(): action for action in studio.findChildren(QAction) if action.data()}
    try:
        actions["dark"].trigger()
        assert theme.is_dark(qapp) and saved_appearance() == "dark"
        assert theme.DARK.good in studio.inspector.facts.text()
        actions["light"].trigger()
        assert not theme.is_dark(qapp) and saved_appearance() == "light"
        assert theme.LIGHT.good in studio.inspector.facts.text()
    finally:
        theme.apply(qapp, "light")


def test_an_unknown_saved_appearance_is_the_systems() -> None:
    from vizstudio.gui.kept import settings

    assert saved_appearance() == "system"
    settings().setValue("appearance", "purple")
    assert saved_appearance() == "system"

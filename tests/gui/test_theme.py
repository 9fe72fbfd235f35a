"""Light and dark: readable, and followed by what is already shown."""

from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QRadioButton, QStyle, QStyleOptionButton

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
        *((colours.muted, on) for on in (colours.window, colours.base, colours.raised, colours.stage)),
        *((ink, colours.band) for ink in (colours.text, colours.muted, colours.accent)),
        (colours.accent, colours.window),
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


def indicator(box: QAbstractButton) -> tuple[list[str], list[str]]:
    """Return the colours of a box's or button's outline, at its left, and of the line through its middle."""
    option = QStyleOptionButton()
    box.initStyleOption(option)
    parts = QStyle.SubElement
    part = parts.SE_CheckBoxIndicator if isinstance(box, QCheckBox) else parts.SE_RadioButtonIndicator
    area, image = box.style().subElementRect(part, option, box), box.grab().toImage()
    line = [image.pixelColor(x, area.center().y()).name() for x in range(area.left(), area.right() + 1)]
    return line[:3], line[3:-3]


@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_boxes_and_buttons_have_outlines_and_marks_that_can_be_seen(
    appearance: theme.Appearance, kind: type[QAbstractButton], qapp: Any, qtbot: Any
) -> None:
    theme.start(qapp, appearance)
    try:
        ground = theme.colours(qapp).window
        box = kind("one")
        qtbot.addWidget(box)
        box.resize(box.sizeHint())
        for on in (False, True):
            box.setChecked(on)
            outline, inside = indicator(box)
            assert max(contrast(colour, ground) for colour in outline) >= 3  # WCAG 2.2, non-text
            marked = max(contrast(one, other) for one in inside for other in inside)
            assert marked >= 3 if on else marked == 1
    finally:
        theme.apply(qapp, "light")


def test_an_unknown_saved_appearance_is_the_systems() -> None:
    from vizstudio.gui.kept import settings

    assert saved_appearance() == "system"
    settings().setValue("appearance", "purple")
    assert saved_appearance() == "system"

"""How a probability looks: as a percentage, and as a colour that can be read in light and dark."""

import numpy as np
from PySide6.QtGui import QColor, QPalette

from vizstudio.core.overlay import lookup_table
from vizstudio.core.page import percent as printed

COLORMAP = "crameri:oslo"  # one hue, and equal steps of probability are equal steps to the eye
ON_LIGHT, ON_DARK = (
    (0.88, 0.34),
    (0.17, 0.72),
)  # where on it 0 and 1 lie: the probable stands out of the ground
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def percent(probability: float) -> str:
    """Return such as "87 %", "0.4 %" or "<0.1 %"."""
    if probability >= 0.0995:
        return f"{100 * probability:.0f} %"
    return f"{100 * probability:.1f} %" if probability >= 0.001 else "<0.1 %"


def exact_percent(share: float) -> str:
    """Return such as "87.3 %" or "0.004 %", the digits of a picture's caption."""
    return printed(share).replace("%", " %")


def fill(probability: float, palette: QPalette) -> QColor:
    """Return the colour of a probability on a palette's ground."""
    low, high = ON_DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else ON_LIGHT
    place = low + (high - low) * min(max(probability, 0.0), 1.0)
    return QColor(*(int(part) for part in lookup_table(COLORMAP)[round(255 * place)]))


def ink(ground: QColor) -> QColor:
    """Return black or white, whichever has more contrast: at least 4.5 to 1 on any ground (WCAG 2.2, 1.4.3)."""
    light = _luminance(ground) + 0.05
    return QColor("#000000") if light / 0.05 > 1.05 / light else QColor("#ffffff")


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    """Return relative luminance, 0 to 1."""
    parts = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ LUMINANCE)

"""Light and dark colours: Qt's own scheme is ignored on many platforms, so a palette is set in any case."""

from dataclasses import dataclass
from typing import Literal, get_args

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from vizstudio.resources import resource_path

Appearance = Literal["system", "light", "dark"]
APPEARANCES: tuple[Appearance, ...] = get_args(Appearance)


@dataclass(frozen=True)
class Colours:
    """The colours of one theme."""

    window: str
    base: str
    raised: str
    text: str
    muted: str
    rule: str
    accent: str
    on_accent: str
    stage: str  # behind pictures
    band: str  # behind what is chosen, with muted text on it
    warning: str
    warning_base: str
    good: str


LIGHT = Colours(
    window="#f4f5f7",
    base="#ffffff",
    raised="#fcfcfd",
    text="#1b1f24",
    muted="#5b6470",
    rule="#d5d9df",
    accent="#2f66b0",
    on_accent="#ffffff",
    stage="#e3e6ea",
    band="#e2e5ea",
    warning="#7a4b00",
    warning_base="#fff1d6",
    good="#1a7a43",
)
DARK = Colours(
    window="#1f2329",
    base="#2b3139",
    raised="#333a44",
    text="#e4e7eb",
    muted="#9ca5b1",
    rule="#434b56",
    accent="#6aa5ea",
    on_accent="#10141a",
    stage="#131519",
    band="#2f3640",
    warning="#ffd68a",
    warning_base="#4a3a1a",
    good="#6fcf97",
)

_STYLE = """
QToolBar {{ border: 0; border-bottom: 1px solid {rule}; padding: 5px 8px; spacing: 8px; }}
QToolBar QToolButton {{ background: {raised}; border: 1px solid {rule}; border-radius: 4px;
    padding: 4px 12px; }}
QToolBar QComboBox {{ min-height: 21px; }}
QToolBar QToolButton:hover, QToolBar QToolButton:focus {{ border-color: {accent}; }}
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator {{ border: 1px solid {muted};
    border-radius: 2px; background: {base}; width: 11px; height: 11px; margin: 1px; }}
QRadioButton::indicator {{ border-radius: 6px; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{ background: {accent};
    border-color: {accent}; image: url("{check}"); }}
QRadioButton::indicator:checked {{ border-color: {accent}; background: qradialgradient(cx: 0.5, cy: 0.5,
    radius: 0.5, fx: 0.5, fy: 0.5, stop: 0 {on_accent}, stop: 0.4 {on_accent}, stop: 0.5 {accent},
    stop: 1 {accent}); }}
QAbstractItemView::indicator:checked:selected {{ border-color: {on_accent}; }}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {rule}; }}
QCheckBox::indicator:checked:disabled {{ background: {rule}; }}
QRadioButton::indicator:checked:disabled {{ background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5,
    fx: 0.5, fy: 0.5, stop: 0 {muted}, stop: 0.4 {muted}, stop: 0.5 {base}, stop: 1 {base}); }}
QAbstractSpinBox {{ min-height: 18px; }}
QMessageBox QLabel#qt_msgbox_label, QMessageBox QLabel#qt_msgbox_informativelabel {{ min-width: 380px; }}
QStatusBar {{ border-top: 1px solid {rule}; }}
QStatusBar::item {{ border: 0; }}
QTabWidget::tab-bar {{ left: 14px; }}
QDockWidget::title {{ text-align: left; background: {window}; padding: 9px 14px 5px 10px; }}
QToolTip {{ color: {text}; background: {raised}; border: 1px solid {rule}; padding: 3px; }}
QLabel[muted="true"] {{ color: {muted}; }}
QLabel[heading="true"] {{ font-weight: 600; }}
QLabel[problem="true"] {{ color: {warning}; }}
QFrame#banner {{ background: {warning_base}; border-radius: 5px; }}
QFrame#banner QLabel {{ color: {warning}; }}
QDialog#palette {{ border: 1px solid {muted}; }}
QFrame#tour {{ background: {raised}; border: 1px solid {accent}; border-radius: 8px; }}
QToolButton#sample {{ border: 1px solid transparent; border-radius: 6px; padding: 7px; }}
QToolButton#sample:hover, QToolButton#sample:focus {{ background: {raised}; border-color: {accent}; }}
QPushButton#primary {{ background: {accent}; color: {on_accent}; border: 1px solid {accent};
    border-radius: 5px; padding: 8px 22px; font-weight: 600; }}
QPushButton#primary:focus {{ border-color: {text}; }}
"""


def is_dark(application: QApplication) -> bool:
    """Return whether the dark colours are in use."""
    return application.palette().color(QPalette.ColorRole.Window).lightness() < 128


def colours(application: QApplication) -> Colours:
    """Return the colours in use."""
    return DARK if is_dark(application) else LIGHT


def apply(application: QApplication, appearance: Appearance) -> None:
    """Give every widget the colours asked for; `"system"` follows the desktop where it says what it wants."""
    scheme = {
        "system": Qt.ColorScheme.Unknown,
        "light": Qt.ColorScheme.Light,
        "dark": Qt.ColorScheme.Dark,
    }
    hints = application.styleHints()
    hints.setColorScheme(scheme[appearance])  # colours title bars too, where the platform knows of it
    dark = appearance == "dark" or (appearance == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
    chosen = DARK if dark else LIGHT
    application.setPalette(_palette(chosen))
    check = resource_path(f"icons/check-{'dark' if dark else 'light'}.svg").as_posix()
    application.setStyleSheet(_STYLE.format(check=check, **vars(chosen)))


def start(application: QApplication, appearance: Appearance) -> None:
    """Set style, font and colours; call it once, before the first widget."""
    application.setStyle("Fusion")  # the one style that honours a palette everywhere
    if not QFontDatabase.families():  # a bare machine has no font at all, and every letter would be a box
        QFontDatabase.addApplicationFont(str(resource_path("fonts/DejaVuSans.ttf")))
    apply(application, appearance)


def _palette(c: Colours) -> QPalette:
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    named = {
        role.Window: c.window,
        role.WindowText: c.text,
        role.Base: c.base,
        role.AlternateBase: c.stage,
        role.Text: c.text,
        role.Button: c.raised,
        role.ButtonText: c.text,
        role.BrightText: c.warning,
        role.ToolTipBase: c.raised,
        role.ToolTipText: c.text,
        role.PlaceholderText: c.muted,
        role.Highlight: c.accent,
        role.HighlightedText: c.on_accent,
        role.Link: c.accent,
        role.Light: c.raised,
        role.Midlight: c.band,
        role.Mid: c.rule,
        role.Dark: c.muted,
        role.Accent: c.accent,
    }
    for where, colour in named.items():
        palette.setColor(where, QColor(colour))
    faint = QColor(c.muted)
    faint.setAlpha(130)
    for where in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(group.Disabled, where, faint)
    palette.setColor(group.Disabled, role.Highlight, QColor(c.rule))
    return palette

"""Does one random thing to a widget, by mouse, wheel or key, as a user may; says what it did."""

import random
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QSplitterHandle,
    QTabBar,
    QWidget,
)

from vizstudio.gui.canvas import Canvas

Key, Left = Qt.Key, Qt.MouseButton.LeftButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
ARROWS = (Key.Key_Left, Key.Key_Right, Key.Key_Up, Key.Key_Down)
FAR = (Key.Key_Home, Key.Key_End, Key.Key_PageUp, Key.Key_PageDown)
TAKING = (Key.Key_Return, Key.Key_Space, Key.Key_Delete)
TYPED = (
    "",
    "a",
    "a bi",
    "head",
    "layer 1",
    "co",
    "vit tiny",
    "zzz",
    "model",
    "1",
    "-3",
    "0.02",
    "é☃ %1 & <b>",
)
"""What is typed into lines and boxes of numbers."""


def named(widget: QWidget) -> str:
    """Return what a widget can be told by in a log."""
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return f"{type(widget).__name__} {widget.accessibleName() or text or widget.objectName()!r}"


def use(widget: QWidget, rng: random.Random) -> str:
    """Do one thing to a widget."""
    for kind, hand in HANDS:
        if isinstance(widget, kind):
            return f"{hand(widget, rng)} on {named(widget)}"
    return f"{on_picture(widget, rng)} on {named(widget)}"


def is_usable(widget: QWidget) -> bool:
    """Return whether a user can do something to it itself, rather than to what it holds or is a part of."""
    if not widget.isVisible() or not widget.isEnabled() or widget.visibleRegion().isEmpty():
        return False
    if isinstance(widget, QLineEdit | QAbstractScrollArea) and isinstance(
        widget.parent(), QComboBox | QAbstractSpinBox
    ):
        return False
    if isinstance(widget, tuple(kind for kind, _ in HANDS)):
        return True
    if isinstance(widget, QLabel):  # takes the mouse, to let texts be selected
        return False
    return (
        widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        or type(widget).mousePressEvent is not QWidget.mousePressEvent
    )


def place_in(rect: QRect, rng: random.Random) -> QPoint:
    """Return a random place in a rectangle."""
    return QPoint(
        rng.randint(rect.left(), max(rect.left(), rect.right())),
        rng.randint(rect.top(), max(rect.top(), rect.bottom())),
    )


def wheel(widget: QWidget, place: QPoint, turns: int) -> None:
    """Turn the wheel over a place, by notches; positive is away from the user."""
    event = QWheelEvent(
        QPointF(place),
        QPointF(widget.mapToGlobal(place)),
        QPoint(0, 0),
        QPoint(0, 120 * turns),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def type_text(widget: QWidget, text: str) -> None:
    """Type letter by letter; those that are not on every keyboard too, of which `QTest` has no names."""
    for letter in text:
        if letter.isascii():
            QTest.keyClicks(widget, letter)
        else:
            QTest.sendKeyEvent(QTest.KeyAction.Click, widget, Key.Key_unknown, letter, NONE)


def drag(widget: QWidget, start: QPoint, end: QPoint) -> None:
    """Press, move in three steps and let go."""
    QTest.mousePress(widget, Left, NONE, start)
    for share in (0.3, 0.6, 1.0):
        QTest.mouseMove(widget, start + (end - start) * share)
    QTest.mouseRelease(widget, Left, NONE, end)


def menu_at(widget: QWidget, place: QPoint) -> None:
    """Ask for the menu of what is at a place."""
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place), NONE)
    QApplication.sendEvent(widget, event)


def on_button(button: QAbstractButton, rng: random.Random) -> str:
    """Click it."""
    QTest.mouseClick(button, Left, NONE, button.rect().center())
    return "click"


def on_box(box: QComboBox, rng: random.Random) -> str:
    """Choose by key or wheel, or open the list, in which the next thing is done."""
    way = rng.choice(("key", "wheel", "open"))
    if way == "key":
        QTest.keyClick(box, rng.choice((Key.Key_Down, Key.Key_Up, Key.Key_End, Key.Key_Home)))
    elif way == "wheel":
        wheel(box, box.rect().center(), rng.choice((-1, 1)))
    else:
        QTest.mouseClick(box, Left, NONE, QPoint(box.width() - 6, box.height() // 2))
    return way


def on_slider(slider: QAbstractSlider, rng: random.Random) -> str:
    """Move it by key, or click somewhere on it."""
    if rng.random() < 0.7:
        QTest.keyClick(slider, rng.choice((*ARROWS, *FAR)))
        return "key"
    if rng.random() < 0.5:
        drag(slider, place_in(slider.rect(), rng), place_in(slider.rect(), rng))
        return "drag"
    QTest.mouseClick(slider, Left, NONE, place_in(slider.rect(), rng))
    return "click"


def on_number(box: QAbstractSpinBox, rng: random.Random) -> str:
    """Step, or type."""
    if rng.random() < 0.6:
        QTest.keyClick(box, rng.choice((Key.Key_Up, Key.Key_Down)))
        return "step"
    typed = rng.choice(TYPED)
    box.selectAll()
    type_text(box, typed)
    QTest.keyClick(box, rng.choice((Key.Key_Return, Key.Key_Tab)))
    return f"type {typed!r}"


def on_line(line: QLineEdit, rng: random.Random) -> str:
    """Type, and sometimes press Enter."""
    typed = rng.choice(TYPED)
    if rng.random() < 0.7:
        line.selectAll()
        QTest.keyClick(line, Key.Key_Delete)
    type_text(line, typed)
    enter = rng.random() < 0.5
    if enter:
        QTest.keyClick(line, Key.Key_Return)
    return f"type {typed!r}{' and Enter' if enter else ''}"


def on_tabs(bar: QTabBar, rng: random.Random) -> str:
    """Show a tab, ask for its menu, or drag it away."""
    seen = [i for i in range(bar.count()) if bar.isTabVisible(i)]
    if not seen:
        return "nothing"
    place = bar.tabRect(rng.choice(seen)).center()
    way = rng.choices(("click", "menu", "drag"), (8, 1, 2))[0]
    if way == "click":
        QTest.mouseClick(bar, Left, NONE, place)
    elif way == "menu":
        menu_at(bar, place)
    else:
        drag(bar, place, place + QPoint(rng.randint(-400, 400), rng.randint(0, 500)))
    return way


def on_items(view: QAbstractItemView, rng: random.Random) -> str:
    """Click an item that is seen, press a key, or ask for a menu."""
    viewport, way = (
        view.viewport(),
        rng.choices(("click", "key", "take", "wheel", "menu"), (6, 3, 2, 1, 1))[0],
    )
    place = place_in(viewport.rect(), rng)
    if way == "click":
        QTest.mouseClick(viewport, Left, NONE, place)
    elif way == "wheel":
        wheel(viewport, place, rng.choice((-3, 3)))
    elif way == "menu":
        menu_at(viewport, place)
    else:
        key = rng.choice((*ARROWS, *FAR) if way == "key" else TAKING)
        QTest.keyClick(view, key)
        return f"key {key.name}"
    return way


def on_canvas(canvas: Canvas, rng: random.Random) -> str:
    """Click, pin, drag, hover, zoom, leave, or press an arrow key."""
    return on_picture(canvas.viewport(), rng, canvas)


def on_picture(widget: QWidget, rng: random.Random, keys: QWidget | None = None) -> str:
    """Do what a picture, a plot or anything unknown may understand; `keys` is who takes keys."""
    kinds = ("click", "pin", "double", "drag", "hover", "wheel", "leave", "arrow", "take")
    way = rng.choices(kinds, (8, 3, 1, 3, 6, 4, 1, 6, 1))[0]
    place = place_in(widget.rect(), rng)
    if way in ("click", "pin"):
        QTest.mouseClick(widget, Left, SHIFT if way == "pin" else NONE, place)
    elif way == "double":
        QTest.mouseDClick(widget, Left, NONE, place)
    elif way == "drag":
        drag(widget, place, place_in(widget.rect(), rng))
    elif way == "hover":
        QTest.mouseMove(widget, place)
    elif way == "wheel":
        wheel(widget, place, rng.choice((-2, -1, 1, 2, 5)))
    elif way == "leave":
        QApplication.sendEvent(widget, QEvent(QEvent.Type.Leave))
    else:
        key = rng.choice(ARROWS if way == "arrow" else TAKING)
        QTest.keyClick(keys or widget, key)
        return f"key {key.name}"
    return f"{way} at {place.x()},{place.y()}"


def on_handle(handle: QSplitterHandle, rng: random.Random) -> str:
    """Give one side more room."""
    middle = handle.rect().center()
    drag(handle, middle, middle + QPoint(rng.randint(-150, 150), rng.randint(-150, 150)))
    return "drag"


HANDS: tuple[tuple[type[QWidget], Callable[[Any, random.Random], str]], ...] = (
    (Canvas, on_canvas),
    (QAbstractButton, on_button),
    (QComboBox, on_box),
    (QScrollBar, on_slider),
    (QAbstractSlider, on_slider),
    (QAbstractSpinBox, on_number),
    (QLineEdit, on_line),
    (QTabBar, on_tabs),
    (QAbstractItemView, on_items),
    (QSplitterHandle, on_handle),
)
"""What is done to which kind of widget; the first that fits."""

"""The widgets of a form: each edits one option and tells what was given, None for the default."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QWidget,
)

from vizstudio.gui.training.fields import Field, as_text

FOLDERS = ("data", "out")
"""Options that name a folder; other paths are files."""
Box = TypeVar("Box", bound=QWidget)


class Editor(QWidget):
    """One option's widget, which is `control`."""

    edited = Signal()  # the user changed it

    def __init__(self, field: Field, control: QWidget) -> None:
        super().__init__()
        self.field, self.control = field, control
        control.setAccessibleName(field.title)
        control.setToolTip(_tip(field))
        self.setFocusProxy(control)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(6)
        self.row.addWidget(control, 1)

    def given(self) -> Any:
        """Return what was given, None for the default."""
        raise NotImplementedError

    def show_value(self, value: Any) -> None:
        """Show a value, None for the default; tells nobody."""
        blocker = QSignalBlocker(self.control)
        self._show(self.field.default if value is None else as_text(value))
        blocker.unblock()

    def _show(self, value: str | bool) -> None:
        raise NotImplementedError


def _tip(field: Field) -> str:
    return f"{field.name}: {field.about}" + (
        "\n“none” turns it off." if field.can_be_none and field.default else ""
    )


class FlagEditor(Editor):
    """On or off."""

    def __init__(self, field: Field) -> None:
        self.box = QCheckBox()
        super().__init__(field, self.box)
        self.box.toggled.connect(self.edited)
        self.show_value(None)

    def given(self) -> Any:
        """Return whether it is on, None if that is the default."""
        return None if self.box.isChecked() == bool(self.field.default) else self.box.isChecked()

    def _show(self, value: str | bool) -> None:
        self.box.setChecked(value is True or value == "true")


class ChoiceEditor(Editor):
    """One of a few."""

    def __init__(self, field: Field) -> None:
        self.box = quiet(QComboBox())
        if field.can_be_none and not field.default:
            self.box.addItem(self.tr("default"), "")
        for choice in field.choices:
            self.box.addItem(choice, choice)
        super().__init__(field, self.box)
        self.box.currentIndexChanged.connect(lambda _: self.edited.emit())
        self.show_value(None)

    def given(self) -> Any:
        """Return the choice, None if it is the default."""
        chosen = self.box.currentData()
        return None if chosen == self.field.default else chosen

    def _show(self, value: str | bool) -> None:
        at = self.box.findData(value)
        if at < 0:  # from a file; the options say what is wrong with it
            self.box.addItem(str(value), value)
            at = self.box.count() - 1
        self.box.setCurrentIndex(at)


class IntegerEditor(Editor):
    """A whole number between its ends."""

    def __init__(self, field: Field) -> None:
        self.box = quiet(QSpinBox())
        self.box.setRange(field.low, field.high)
        super().__init__(field, self.box)
        self.box.valueChanged.connect(lambda _: self.edited.emit())
        self.show_value(None)

    def given(self) -> Any:
        """Return the number, None if it is the default."""
        return None if str(self.box.value()) == self.field.default else self.box.value()

    def _show(self, value: str | bool) -> None:
        try:
            self.box.setValue(int(value))
        except ValueError:  # from a file; nothing that this box can show
            self.box.setValue(self.box.minimum())


class TextEditor(Editor):
    """A text, a number that may be left open, or a path; what it is by default is shown in grey."""

    def __init__(self, field: Field, offered: Sequence[str] = ()) -> None:
        self.line = QLineEdit()
        super().__init__(field, self.line)
        self.line.setPlaceholderText(str(field.default) or self.tr("default"))
        if field.required:
            self.line.setPlaceholderText(
                self.tr("A folder, or {0}").format(", ".join(offered)) if offered else ""
            )
        if offered:
            completer = QCompleter(list(offered), self.line)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            self.line.setCompleter(completer)
        if field.kind == "path" or field.name in FOLDERS:
            self._offer_browsing()
        self.line.textChanged.connect(lambda _: self.edited.emit())

    def _offer_browsing(self) -> None:
        self.browse = QToolButton()
        self.browse.setText("…")
        name = self.tr("Browse for {0}").format(self.field.title)
        self.browse.setAccessibleName(name)
        self.browse.setToolTip(name)
        self.browse.clicked.connect(self._browse)
        self.row.addWidget(self.browse)

    def _browse(self) -> None:
        title = self.field.title
        if self.field.name in FOLDERS:
            name = QFileDialog.getExistingDirectory(self, title, self.line.text())
        else:
            name, _ = QFileDialog.getOpenFileName(self, title, self.line.text())
        if name:
            self.line.setText(str(Path(name)))

    def given(self) -> Any:
        """Return the text, None for an empty one."""
        return self.line.text().strip() or None

    def show_value(self, value: Any) -> None:
        """Show a value; the default is shown by the empty line."""
        blocker = QSignalBlocker(self.line)
        text = str(as_text(value))
        self.line.setText("" if text == str(self.field.default) else text)
        blocker.unblock()


class Quiet(QObject):
    """Keeps the wheel from changing a box that it only scrolls past."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the wheel to the form unless the box has the keyboard."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def quiet(box: Box) -> Box:
    """Return a box that takes the keyboard by Tab or a click, and the wheel only then."""
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.installEventFilter(Quiet(box))
    return box


def make_editor(field: Field, offered: Sequence[str] = ()) -> Editor:
    """Return the widget for an option; `offered` completes what is typed."""
    if field.kind == "flag":
        return FlagEditor(field)
    if field.kind == "choice":
        return ChoiceEditor(field)
    if field.kind == "integer":
        return IntegerEditor(field)
    return TextEditor(field, offered)

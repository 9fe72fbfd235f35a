"""The form of a recipe's options: the most used first, the others folded; what is wrong stands at the field."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from vizstudio.gui.training.editors import Editor, make_editor
from vizstudio.gui.training.fields import FIRST, Field, check, fields_of
from vizstudio.recipes import TrainConfig


class Row:
    """An option's name, its editor, and below what is wrong with it."""

    def __init__(self, field: Field, editor: Editor) -> None:
        self.field, self.editor = field, editor
        self.name, self.problem = QLabel(field.title), QLabel()
        self.name.setBuddy(editor.control)
        self.name.setToolTip(editor.control.toolTip())
        self.problem.setWordWrap(True)
        self.problem.setProperty("problem", True)
        self.problem.setVisible(False)

    def show_row(self, visible: bool) -> None:
        """Show or hide all of it."""
        for widget in (self.name, self.editor):
            widget.setVisible(visible)
        self.problem.setVisible(visible and bool(self.problem.text()))

    def show_problem(self, text: str) -> None:
        """Say what is wrong, or with an empty text that nothing is."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text) and not self.editor.isHidden())
        self.editor.control.setAccessibleDescription(text or self.field.about)


class OptionsForm(QWidget):
    """Edits the options of one recipe; `given` is what differs from the defaults."""

    edited = Signal()  # the user changed an option

    def __init__(self) -> None:
        super().__init__()
        self.kind: type[TrainConfig] | None = None
        self.rows: dict[str, Row] = {}
        self._strict = False  # whether options that are missing are marked too
        self.search, self.more = QLineEdit(), QToolButton(self)
        self.search.setPlaceholderText(self.tr("Search the options"))
        self.search.setAccessibleName(self.search.placeholderText())
        self.search.setClearButtonEnabled(True)
        self.search.setEnabled(False)  # until there are options
        self.more.setVisible(False)
        self.more.setText(self.tr("More options"))
        self.more.setCheckable(True)
        self.more.setAutoRaise(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.general = QLabel()
        self.general.setWordWrap(True)
        self.general.setProperty("problem", True)
        self.general.setVisible(False)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        layout.addWidget(self.area, 1)
        layout.addWidget(self.general)
        self.search.textChanged.connect(lambda _: self._fold())
        self.more.toggled.connect(lambda _: self._fold())

    def show_recipe(self, kind: type[TrainConfig], offered: Mapping[str, Sequence[str]]) -> None:
        """Show a recipe's options; what was given of those with the same name stays."""
        before = self.given()
        self.kind, self._strict = kind, False
        self.search.setEnabled(True)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 10, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(1, 1)
        self.more.setParent(None)
        self.rows = {}
        for at, field in enumerate(fields_of(kind)):
            row = self.rows[field.name] = Row(field, make_editor(field, offered.get(field.name, ())))
            row.editor.edited.connect(self._edited)
            line = 2 * at + (1 if field.name not in FIRST else 0)
            grid.addWidget(row.name, line, 0)
            grid.addWidget(row.editor, line, 1)
            grid.addWidget(row.problem, line + 1, 1)
        grid.addWidget(self.more, 2 * sum(name in FIRST for name in self.rows), 0, 1, 2)
        grid.setRowStretch(2 * len(self.rows) + 2, 1)
        self.area.setWidget(inside)
        self.show_given({name: value for name, value in before.items() if name in self.rows})

    def given(self) -> dict[str, Any]:
        """Return the options that differ from their defaults."""
        values = {name: row.editor.given() for name, row in self.rows.items()}
        return {name: value for name, value in values.items() if value is not None}

    def show_given(self, values: Mapping[str, Any]) -> None:
        """Show these options, and all others at their defaults."""
        for name, row in self.rows.items():
            row.editor.show_value(values.get(name))
        self._fold()
        self._edited()

    def config(self) -> TrainConfig | None:
        """Return the options; where they are impossible, mark what is wrong, go there, and return None."""
        assert self.kind is not None
        self._strict = True
        made, problems = check(self.kind, self.given())
        self.show_problems(problems)
        for name in self.rows:
            if name in problems:
                self.search.clear()
                self.more.setChecked(self.more.isChecked() or name not in FIRST)
                self.rows[name].editor.setFocus()
                self.area.ensureWidgetVisible(self.rows[name].problem)
                break
        return made

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Mark what is wrong; what is of no field stands below the form."""
        for name, row in self.rows.items():
            row.show_problem(problems.get(name, ""))
        self.general.setText(problems.get("", ""))
        self.general.setVisible("" in problems)

    def _edited(self) -> None:
        if self.kind is None:
            return
        _, problems = check(self.kind, self.given())
        if not self._strict:
            required = {name for name, row in self.rows.items() if row.field.required}
            problems = {n: p for n, p in problems.items() if n not in required or n in self.given()}
        self.show_problems(problems)
        self.edited.emit()

    def _fold(self) -> None:
        """Show the rows that are asked for: those found, or the most used and, unfolded, all."""
        wanted = self.search.text().strip().lower()
        self.more.setVisible(not wanted)
        self.more.setArrowType(Qt.ArrowType.DownArrow if self.more.isChecked() else Qt.ArrowType.RightArrow)
        for name, row in self.rows.items():
            found = wanted in f"{row.field.title} {name} {row.field.about}".lower()
            row.show_row(found if wanted else name in FIRST or self.more.isChecked())

"""What went wrong, in one sentence, with details to copy."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

WIDTH, ICON = 560, 40


class ErrorDialog(QDialog):
    """One clear sentence; the traceback behind a button; Copy puts both on the clipboard."""

    def __init__(
        self,
        sentence: str,
        details: str,
        is_bug: bool = False,
        parent: QWidget | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self._sentence, self._details = sentence, details
        self.setWindowTitle(self.tr("vizstudio"))
        self.heading = QLabel(
            self.tr("This is a bug in vizstudio or in a plugin") if is_bug else self.tr("That did not work")
        )
        self.heading.setProperty("heading", True)
        self.sentence = QLabel(_as_sentence(sentence))
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log = QLabel(self.tr("Written down in {0}").format(log) if log else "")
        self.log.setVisible(log is not None)
        self.log.setProperty("muted", True)
        self.log.setWordWrap(True)
        self.log.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit(details)
        self.details.setReadOnly(True)
        self.details.setAccessibleName(self.tr("Details"))
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setMinimumHeight(220)
        self.details_button = QPushButton(self.tr("Details"))
        self.details_button.setCheckable(True)
        self.details_button.toggled.connect(self._show_details)
        self.copy_button = QPushButton(self.tr("Copy"))
        self.copy_button.setToolTip(self.tr("Copy the sentence and the details"))
        self.copy_button.clicked.connect(self._copy)
        self._lay_out()
        self._show_details(False)

    def _lay_out(self) -> None:
        icon = QLabel()
        symbol = self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning)
        icon.setPixmap(symbol.pixmap(ICON, ICON))
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(self.heading)
        words.addWidget(self.sentence)
        words.addWidget(self.log)
        words.addStretch()
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(icon)
        top.addLayout(words, 1)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.buttons.addButton(self.details_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.rejected.connect(self.reject)
        for button in (self.details_button, self.copy_button):
            button.setAutoDefault(False)
        close = self.buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setDefault(True)
        close.setFocus()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(16)
        layout.addLayout(top)
        layout.addWidget(self.details, 1)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(WIDTH)

    def _show_details(self, on: bool) -> None:
        self.details.setVisible(on)
        self.details_button.setText(self.tr("Hide details") if on else self.tr("Details"))
        self.adjustSize()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._sentence}\n\n{self._details}")


def _as_sentence(text: str) -> str:
    """Begin with a capital, unless the text begins with a name such as a file's."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text

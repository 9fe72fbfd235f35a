"""What went wrong, in one sentence, with details to copy."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget


class ErrorDialog(QMessageBox):
    """One clear sentence; the traceback behind a button; Copy puts both on the clipboard."""

    def __init__(self, sentence: str, details: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle(self.tr("vizstudio"))
        self.setText(sentence)
        self.setDetailedText(details)
        self.setStandardButtons(QMessageBox.StandardButton.Ok)
        self.copy_button = self.addButton(self.tr("Copy"), QMessageBox.ButtonRole.ActionRole)
        self.copy_button.clicked.disconnect()  # a click on a message box's button would close it
        self.copy_button.clicked.connect(
            lambda: QGuiApplication.clipboard().setText(f"{sentence}\n\n{details}")
        )

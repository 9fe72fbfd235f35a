"""What came of a folder: what was written and where, and what failed and why."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from vizstudio.gui.gallery_tree import reveal

WIDTH = 560


class FolderDone(QDialog):
    """The window beside it stays usable."""

    def __init__(
        self, told: str, out: Path, notes: Sequence[str], failed: Sequence[str], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._failed, self._out = "\n".join(failed), out
        self.setWindowTitle(self.tr("Folder analysed"))
        self.setMinimumWidth(WIDTH)
        self.heading, self.place = QLabel(told), QLabel(str(out))
        self.heading.setProperty("heading", True)
        self.place.setProperty("muted", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        for label in (self.heading, self.place, *(QLabel(n[:1].upper() + n[1:]) for n in notes)):
            label.setWordWrap(True)
            layout.addWidget(label)
        self.list = QPlainTextEdit("\n\n".join(failed))
        self.list.setReadOnly(True)
        self.list.setAccessibleName(self.tr("What failed"))
        title = QLabel(self.tr("Failed"))
        for widget in (title, self.list):
            widget.setVisible(bool(failed))
            layout.addWidget(widget)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.show_folder = self.buttons.addButton(
            self.tr("Open folder"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.copy_list = self.buttons.addButton(
            self.tr("Copy the list"), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.copy_list.setVisible(bool(failed))
        self.show_folder.clicked.connect(lambda: reveal(self._out))
        self.copy_list.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._failed))
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)

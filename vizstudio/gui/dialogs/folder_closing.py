"""What is asked when the window is closed while a folder is analysed."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


class FolderClosing(QMessageBox):
    """Stop and close, which calls `stop`, or go on."""

    def __init__(self, parent: QWidget, told: str, out: Path, stop: Callable[[], None]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle(self.tr("A folder is being analysed"))
        self.setText(self.tr("A folder is being analysed: {0}.").format(told))
        self.setInformativeText(
            self.tr("Closing the window stops this. What was written stays in {0}.").format(out)
        )
        self.stop = self.addButton(self.tr("Stop and close"), QMessageBox.ButtonRole.DestructiveRole)
        self.keep = self.addButton(self.tr("Go on"), QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.keep)
        self.setEscapeButton(self.keep)
        self.stop.clicked.connect(stop)

"""What is asked when the window is closed while a run goes on."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


class ClosingDialog(QMessageBox):
    """Leave the run running, stop and save it, or keep the window; calls one of two functions, or none."""

    def __init__(
        self, parent: QWidget, folder: str, leave: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle(self.tr("A run is going on"))
        self.setText(self.tr("The training in {0} is going on.").format(folder))
        self.setInformativeText(
            self.tr(
                "It can go on without the window, which finds it again the next time. Or it finishes its step, "
                "saves, and can be resumed from there exactly."
            )
        )
        self.leave = self.addButton(self.tr("Leave it running"), QMessageBox.ButtonRole.AcceptRole)
        self.stop = self.addButton(self.tr("Stop and save"), QMessageBox.ButtonRole.DestructiveRole)
        self.keep = self.addButton(QMessageBox.StandardButton.Cancel)
        self.setDefaultButton(self.leave)
        self.setEscapeButton(self.keep)
        self._answers = {self.leave: leave, self.stop: stop}
        self.buttonClicked.connect(self._answer)

    def _answer(self) -> None:
        answer = self._answers.get(self.clickedButton())  # type: ignore[call-overload]
        if answer is not None:
            answer()

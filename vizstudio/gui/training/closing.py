"""What is asked when the window is closed while a run goes on."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from vizstudio.gui.training.runs import Runs


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


class Closing:
    """Says whether the window may close; where a run goes on, the user is asked and it closes later.

    Parameters
    ----------
    window : QWidget
        The window.
    runs : Runs
        Its run.
    attempt : callable
        Does what it is given, or says why not; returns whether it was done.
    """

    def __init__(self, window: QWidget, runs: Runs, attempt: Callable[[Callable[[], None]], bool]) -> None:
        self._window, self._runs, self._attempt = window, runs, attempt
        self._is_settled = False

    def may_close(self) -> bool:
        """Return whether the window may close now; asks the user if not."""
        state = self._runs.state
        if self._is_settled or state is None or not (state.own and state.alive):
            return True
        if not self._window.findChildren(ClosingDialog):
            ClosingDialog(self._window, str(state.folder), self._leave, self._stop).open()
        return False

    def _leave(self) -> None:
        self._runs.let_go()  # one that waits would wait for ever
        self._close()

    def _stop(self) -> None:
        if self._attempt(self._runs.stop):  # it finishes its step and saves without the window
            self._close()

    def _close(self) -> None:
        self._is_settled = True
        self._window.close()

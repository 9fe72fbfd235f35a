"""How a run is going: a message, a progress bar, a button to cancel."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

STEPS = 1000


class RunStatus(QWidget):
    """The bar and the button; `message` stands elsewhere in the status bar."""

    told = Signal(str, bool)  # (what has ended or why it failed, whether it failed), to be kept

    def __init__(self) -> None:
        super().__init__()
        self.message = QLabel()
        self.message.setContentsMargins(12, 0, 0, 0)
        self.progress = QProgressBar()
        self.progress.setAccessibleName(self.tr("Progress of the run"))
        self.progress.setFixedSize(200, 12)
        self.progress.setTextVisible(False)
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setAccessibleName(self.tr("Cancel the run"))
        self.cancel.setStatusTip(self.tr("Give up the run under way"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 8, 2)
        layout.setSpacing(10)
        layout.addWidget(self.progress)
        layout.addWidget(self.cancel)
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that the picture above does not jump
        self.setSizePolicy(policy)
        self.setVisible(False)

    def show_busy(self, message: str, fraction: float) -> None:
        """Show how far a run is; a fraction of 0 is shown as "not known"."""
        self.message.setText(message)
        self.progress.setRange(0, STEPS if fraction > 0 else 0)
        self.progress.setValue(round(fraction * STEPS))
        self.setVisible(True)

    def show_idle(self, message: str) -> None:
        """Show how the last run ended."""
        self.tell(message)
        self.progress.setRange(0, STEPS)  # an unknown progress is animated by a timer, even while hidden
        self.setVisible(False)

    def tell(self, message: str, why: str = "") -> None:
        """Show what has ended, whatever runs meanwhile; `why` is the sentence that says why it failed."""
        self.message.setText(message)
        if message:
            self.told.emit(why or message, bool(why))

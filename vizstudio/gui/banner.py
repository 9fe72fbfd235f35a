"""What the user must not overlook: a strip above the views, with what can be done about it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy


class UntrainedBanner(QFrame):
    """Says that a model has no trained weights and offers some."""

    publishedRequested = Signal()  # load the published weights
    fileRequested = Signal()  # ask for a file of weights

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        words = QLabel(
            self.tr("Untrained weights: these maps show the architecture, nothing that was learned.")
        )
        words.setWordWrap(True)
        self.published = QPushButton(self.tr("Load published weights"))
        self.published.setToolTip(self.tr("Download them once; later they are taken from the cache"))
        self.file = QPushButton(self.tr("Open weights…"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 6)
        layout.addWidget(words, 1)
        for button, signal in ((self.published, self.publishedRequested), (self.file, self.fileRequested)):
            button.setAccessibleName(button.text())
            button.clicked.connect(signal)
            layout.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

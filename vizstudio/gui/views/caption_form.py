"""What a caption is asked with: a beginning, the width of the search, a limit."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget

from vizstudio.core.caption import CaptionRequest

MAX_BEAMS, MAX_TOKENS = 16, 512


class CaptionForm(QWidget):
    """Fields and the button that writes the caption anew; Enter in the text field does the same."""

    requested = Signal(object)  # a CaptionRequest

    def __init__(self) -> None:
        super().__init__()
        self.prefix, self.beams, self.tokens = QLineEdit(), QSpinBox(), QSpinBox()
        self.button = QPushButton(self.tr("Write again"))
        self.prefix.setPlaceholderText(self.tr("begin with, such as “a woman”"))
        self.prefix.setClearButtonEnabled(True)
        self.beams.setRange(1, MAX_BEAMS)
        self.tokens.setRange(0, MAX_TOKENS)
        self.tokens.setSpecialValueText(self.tr("no limit"))
        self._name()
        self._lay_out()
        self.button.clicked.connect(self._request)
        self.prefix.returnPressed.connect(self._request)

    def _name(self) -> None:
        named = {
            self.prefix: (
                self.tr("Beginning"),
                self.tr(
                    "Words that the caption has to begin with; their maps and probabilities are shown too"
                ),
            ),
            self.beams: (
                self.tr("Beams"),
                self.tr(
                    "How many captions are kept and compared while they grow; 1 takes the best word each time"
                ),
            ),
            self.tokens: (
                self.tr("Most tokens"),
                self.tr("Where to stop a caption that does not end by itself; 0 for the model's own limit"),
            ),
            self.button: (self.button.text(), self.tr("Write a caption of this photo with these settings")),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
            widget.setStatusTip(tip)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.prefix, 1)
        for box in (self.beams, self.tokens):
            label = QLabel(box.accessibleName())
            label.setBuddy(box)
            layout.addSpacing(6)
            layout.addWidget(label)
            layout.addWidget(box)
        layout.addSpacing(6)
        layout.addWidget(self.button)

    def _request(self) -> None:
        prefix = self.prefix.text().strip()
        self.requested.emit(CaptionRequest(self.beams.value(), prefix or None, self.tokens.value() or None))

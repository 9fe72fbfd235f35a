"""What is shown before there is a photo: what to do, and photos to try it with."""

from pathlib import Path

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImageReader, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from vizstudio.resources import resource_path

THUMBNAIL = QSize(150, 112)


def thumbnail(path: Path, ratio: float) -> QPixmap:
    """Return the middle of a photo, scaled while it is decoded to fill `THUMBNAIL` at a screen's pixel ratio."""
    reader = QImageReader(str(path))
    size, wanted = reader.size(), THUMBNAIL * ratio
    filled = size.scaled(wanted, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
    reader.setScaledSize(filled)
    corner = QRect(
        (filled.width() - wanted.width()) // 2,
        (filled.height() - wanted.height()) // 2,
        wanted.width(),
        wanted.height(),
    )
    pixmap = QPixmap.fromImage(reader.read().copy(corner))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


class StartView(QWidget):
    """A heading, a button to open a photo, and the photos that ship."""

    openRequested = Signal()  # the button was pressed
    photoChosen = Signal(Path)  # one of the photos that ship

    def __init__(self) -> None:
        super().__init__()
        title = QLabel(self.tr("Look inside a vision transformer"))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.9)
        font.setWeight(font.Weight.DemiBold)
        title.setFont(font)
        lead = QLabel(
            self.tr(
                "Open a photo, or drop one here, to see where the model looks and how it knows positions."
            )
        )
        self.open_button = QPushButton(self.tr("Open photo…"))
        self.open_button.setObjectName("primary")
        self.open_button.setAccessibleName(self.tr("Open photo"))
        self.open_button.clicked.connect(self.openRequested)
        self.status = QLabel()
        for label in (lead, self.status):
            label.setProperty("muted", True)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.addStretch(3)
        layout.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(6)
        layout.addWidget(lead)
        layout.addSpacing(18)
        layout.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(34)
        layout.addLayout(self._samples())
        layout.addSpacing(22)
        layout.addWidget(self.status)
        layout.addStretch(4)

    def _samples(self) -> QVBoxLayout:
        caption = QLabel(self.tr("Or try one of these"))
        caption.setProperty("muted", True)
        self.samples: list[QToolButton] = []
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addStretch()
        for path in sorted(resource_path("photos").glob("*.jpg")):
            button = QToolButton()
            button.setObjectName("sample")
            button.setText(path.stem.title())
            button.setAccessibleName(self.tr("Open the photo {0}").format(path.stem.title()))
            button.setIcon(QIcon(thumbnail(path, self.devicePixelRatioF())))
            button.setIconSize(THUMBNAIL)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _=False, path=path: self.photoChosen.emit(path))
            row.addWidget(button)
            self.samples.append(button)
        row.addStretch()
        layout = QVBoxLayout()
        layout.setSpacing(8)
        layout.addWidget(caption, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(row)
        return layout

    def say(self, text: str) -> None:
        """Say which model is chosen, or what is being done."""
        self.status.setText(text)

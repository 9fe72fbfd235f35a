"""Which versions run where: for a report of a bug."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import psutil
from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from vizstudio.gui.shelf import Kept
from vizstudio.gui.wording import translate
from vizstudio.settings import log_path, settings_path

PACKAGES = ("torch", "timm", "numpy", "pillow")


def megabytes(size: float) -> str:
    """Return bytes such as "345 MB" or "2.1 GB"; MB are 2**20 bytes."""
    mega = size / 2**20
    return f"{mega / 1024:.1f} GB" if mega >= 1024 else f"{mega:.0f} MB"


def kept_line(kept: Kept, budget: int) -> str:
    """Return which models are kept in memory, and how much they may take."""
    models = translate("wording", "one model") if kept.models == 1 else translate("wording", "{0} models")
    told = translate("wording", "{0}, {1} of {2}")
    return told.format(models.format(kept.models), megabytes(kept.size), megabytes(budget))


def installed(package: str) -> str:
    """Return a package's version without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return translate("wording", "not installed")


def facts(devices: Sequence[str], kept: Kept, budget: int) -> list[tuple[str, str]]:
    """Return what the dialog tells: names and values."""
    memory = psutil.virtual_memory()
    used = psutil.Process().memory_info().rss
    of = translate("wording", "{0} used by this window, {1} free of {2}")
    return [
        ("vizstudio", installed("vizstudio")),
        ("Python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"),
        ("Qt", f"{qVersion()} (PySide6 {installed('PySide6-Essentials')})"),
        *((package, installed(package)) for package in PACKAGES),
        (translate("wording", "Devices"), ", ".join(devices)),
        (
            translate("wording", "Memory"),
            of.format(megabytes(used), megabytes(memory.available), megabytes(memory.total)),
        ),
        (translate("wording", "Models kept"), kept_line(kept, budget)),
        (translate("wording", "Settings"), str(settings_path().parent)),
        (translate("wording", "Crash log"), str(log_path())),
    ]


class AboutDialog(QDialog):
    """Versions, devices and memory; Copy puts all of it on the clipboard."""

    def __init__(self, told: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.told = list(told)
        self.setWindowTitle(self.tr("About vizstudio"))
        title, lead = QLabel("vizstudio"), QLabel(self.tr("Look inside a vision transformer."))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.7)
        font.setWeight(font.Weight.DemiBold)
        title.setFont(font)
        lead.setProperty("muted", True)
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(5)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for name, value in self.told:
            label, text = QLabel(name), QLabel(value)
            label.setProperty("muted", True)
            text.setWordWrap(True)
            text.setMinimumWidth(340)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(label, text)
        licence = QLabel(self.tr("Apache-2.0. Photos, font and pictures have licences of their own."))
        licence.setProperty("muted", True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton(self.tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setToolTip(self.tr("Copy all of this, for a report"))
        self.copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addWidget(lead)
        layout.addLayout(form)
        layout.addWidget(licence)
        layout.addWidget(buttons)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(f"{name}: {value}" for name, value in self.told))

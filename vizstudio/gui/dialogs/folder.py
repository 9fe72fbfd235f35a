"""Asks for a folder of images, what to make of each, and where to write it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from vizstudio.core.view import View
from vizstudio.entries import ExporterEntry
from vizstudio.gui.dialogs.export import format_title

SIZE = (720, 620)
TITLE_WIDTH = 66
AFTER = 300  # milliseconds without a key, after which a folder that is typed counts as given
ID = Qt.ItemDataRole.UserRole


class FolderDialog(QDialog):
    """Folder, views, formats and where to; what is asked is done by its owner."""

    folderChanged = Signal(Path)  # another folder was given that exists: its images are to be counted
    runRequested = Signal()

    def __init__(
        self,
        views: Mapping[str, View],
        shown: str,
        formats: Sequence[ExporterEntry],
        model: str,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Analyse a folder"))
        self.resize(*SIZE)
        self._count: int | None = None
        self._typed = QTimer(self)  # not every folder on the way to the one that is typed is searched
        self._typed.setSingleShot(True)
        self._typed.setInterval(AFTER)
        self._typed.timeout.connect(self._settle)
        self._problem = ""
        self.folder, self.out, self.told = QLineEdit(), QLineEdit(), QLabel()
        self.views = _tick_list([(name, about.title, about.measure) for name, about in views.items()], shown)
        self.formats = _tick_list([(e.id, format_title(e), e.title) for e in formats], "png")
        self._name()
        self._lay_out(model)
        self._connect()
        self._tell()

    @property
    def chosen_folder(self) -> Path:
        """Whose images are to be analysed."""
        return Path(self.folder.text().strip()).expanduser()

    @property
    def chosen_out(self) -> Path:
        """Where to write."""
        return Path(self.out.text().strip()).expanduser()

    @property
    def chosen_views(self) -> list[str]:
        """The names of the views."""
        return _ticked(self.views)

    @property
    def chosen_formats(self) -> list[str]:
        """The names of the formats."""
        return _ticked(self.formats)

    def _name(self) -> None:
        self.choose_folder, self.choose_out = QPushButton(self.tr("Choose…")), QPushButton(self.tr("Choose…"))
        named: dict[QWidget, tuple[str, str]] = {
            self.folder: (self.tr("Folder"), self.tr("Its images, and those of the folders below it")),
            self.choose_folder: (self.tr("Choose the folder"), ""),
            self.views: (self.tr("Views"), ""),
            self.formats: (self.tr("Formats"), ""),
            self.out: (self.tr("Write to"), self.tr("It is made if it is not there")),
            self.choose_out: (self.tr("Choose the folder to write to"), ""),
        }
        for widget, (name, tip) in named.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
        for button in (self.choose_folder, self.choose_out):
            button.setAutoDefault(False)

    def _lay_out(self, model: str) -> None:
        about = QLabel(model)
        about.setWordWrap(True)
        lists = QHBoxLayout()
        lists.setSpacing(16)
        for title, widget, stretch in (
            (self.tr("Views"), self.views, 2),
            (self.tr("Formats"), self.formats, 3),
        ):
            column = QVBoxLayout()
            column.setSpacing(6)
            column.addWidget(QLabel(title))
            column.addWidget(widget)
            lists.addLayout(column, stretch)
        self.told.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.run = self.buttons.addButton(self.tr("Analyse"), QDialogButtonBox.ButtonRole.AcceptRole)
        hint = QLabel(self.tr("Layer, head, query and colours are those shown now."))
        hint.setProperty("muted", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(_row(self.tr("Folder"), self.folder, self.choose_folder))
        layout.addLayout(_row(self.tr("Model"), about))
        layout.addLayout(lists, 1)
        layout.addWidget(hint)
        layout.addLayout(_row(self.tr("Write to"), self.out, self.choose_out))
        layout.addWidget(self.told)
        layout.addWidget(self.buttons)
        self.run.setDefault(True)  # of this dialog, which a button belongs to from here on

    def _connect(self) -> None:
        self.folder.textChanged.connect(self._folder_changed)
        self.choose_folder.clicked.connect(lambda: self._ask(self.folder, self.tr("Folder of images")))
        self.choose_out.clicked.connect(lambda: self._ask(self.out, self.tr("Folder to write to")))
        self.out.textChanged.connect(self._tell)
        for ticks in (self.views, self.formats):
            ticks.itemChanged.connect(self._tell)
        self.buttons.accepted.connect(self.runRequested)
        self.buttons.rejected.connect(self.reject)

    def _ask(self, line: QLineEdit, title: str) -> None:
        name = QFileDialog.getExistingDirectory(self, title, line.text())
        if name:
            line.setText(str(Path(name)))

    def _folder_changed(self) -> None:
        self._count, self._problem = None, ""
        folder = self.chosen_folder
        if self.folder.text().strip() and folder.name:
            if not self.out.isModified():  # a folder beside it, so that the results are not among the images
                self.out.setText(str(folder.with_name(f"{folder.name}-vizstudio")))
            self._typed.start()
        self._tell()

    def _settle(self) -> None:
        if self._count is None and self.chosen_folder.is_dir():
            self.folderChanged.emit(self.chosen_folder)

    def show_count(self, folder: Path, count: int) -> None:
        """Tell how many images there are, unless another folder has been given meanwhile."""
        if folder == self.chosen_folder:
            self._count = count
            self._tell()

    def show_problem(self, folder: Path, sentence: str) -> None:
        """Say why nothing can be done with a folder, unless another has been given meanwhile."""
        if folder == self.chosen_folder:
            self._problem = sentence[:1].upper() + sentence[1:]
            self._tell()

    def _tell(self) -> None:
        """Say what will be written, or what is missing for that."""
        missing = self._problem or self._missing()
        views, formats = len(self.chosen_views), len(self.chosen_formats)
        if missing:
            told = missing
        elif self._count is None:
            told = self.tr("Counting images…")
        else:
            told = self.tr("Images: {0} · views: {1} · formats: {2} · files to write: {3}").format(
                self._count, views, formats, self._count * views * formats
            )
        self.told.setText(told)
        self.run.setEnabled(not missing and self._count is not None)
        if self.told.property("problem") != bool(self._problem):
            self.told.setProperty("problem", bool(self._problem))
            self.told.style().polish(self.told)

    def _missing(self) -> str:
        if not self.folder.text().strip():
            return self.tr("Choose a folder of images.")
        if not self.chosen_folder.name or not self.chosen_folder.is_dir():
            return self.tr("There is no such folder.")
        if not self.chosen_views:
            return self.tr("Tick a view or more.")
        if not self.chosen_formats:
            return self.tr("Tick a format or more.")
        return "" if self.out.text().strip() else self.tr("Choose a folder to write to.")


def _row(title: str, field: QWidget, *buttons: QPushButton) -> QHBoxLayout:
    """Return a titled row; the fields of all begin at one place."""
    row, label = QHBoxLayout(), QLabel(title)
    label.setMinimumWidth(TITLE_WIDTH)
    row.setSpacing(8)
    row.addWidget(label)
    row.addWidget(field, 1)
    for button in buttons:
        row.addWidget(button)
    return row


def _tick_list(entries: Sequence[tuple[str, str, str]], ticked: str) -> QListWidget:
    """Return a list of names to tick, each with its title and tip."""
    ticks = QListWidget()
    ticks.setUniformItemSizes(True)
    ticks.setStyleSheet("QListWidget::item { padding: 3px 0; }")
    for name, title, tip in entries:
        item = QListWidgetItem(title, ticks)
        item.setData(ID, name)
        item.setToolTip(tip)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if name == ticked else Qt.CheckState.Unchecked)
        if name == ticked:
            ticks.setCurrentItem(item)
    return ticks


def _ticked(ticks: QListWidget) -> list[str]:
    items = [ticks.item(row) for row in range(ticks.count())]
    return [item.data(ID) for item in items if item.checkState() == Qt.CheckState.Checked]

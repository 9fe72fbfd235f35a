"""All shortcuts, made from the actions, so that none is left out."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from vizstudio.gui.commands import Command
from vizstudio.gui.search import find

SIZE = (560, 620)


class ShortcutsDialog(QDialog):
    """Shortcuts by menu, with a line to find one."""

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._commands = [command for command in commands if command.shortcut]
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(*SIZE)
        self.line, self.tree = QLineEdit(), QTreeWidget()
        self.line.setPlaceholderText(self.tr("Find an action or a key"))
        self.line.setAccessibleName(self.tr("Find a shortcut"))
        self.line.setClearButtonEnabled(True)
        self.tree.setAccessibleName(self.tr("Shortcuts"))
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels([self.tr("Action"), self.tr("Keys")])
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(14)
        self.tree.setStyleSheet("QTreeWidget::item { padding: 3px 6px 3px 0; }")
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        for widget in (self.line, self.tree, buttons):
            layout.addWidget(widget)
        self.line.textChanged.connect(self._search)
        self._search()

    def _search(self) -> None:
        texts = [f"{command.searched} {command.shortcut}".lower() for command in self._commands]
        shown = sorted(find(self.line.text(), texts))  # in the order of the menus
        self.tree.clear()
        headings: dict[str, QTreeWidgetItem] = {}
        for command in (self._commands[i] for i in shown):
            if command.place not in headings:
                headings[command.place] = self._heading(command.place)
            item = QTreeWidgetItem(headings[command.place], [command.text, command.shortcut])
            item.setToolTip(0, command.tip)
        self.tree.expandAll()

    def _heading(self, text: str) -> QTreeWidgetItem:
        heading = QTreeWidgetItem(self.tree, [text])
        font = heading.font(0)
        font.setWeight(font.Weight.DemiBold)
        heading.setFont(0, font)
        heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
        return heading

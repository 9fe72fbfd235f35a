"""Which plugins there are, what they bring, and why some do not work; switches them on and off."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from vizstudio.plugins import PluginHost, PluginInfo
from vizstudio.settings import read_settings, write_settings

SIZE = (720, 560)


class PluginManager(QDialog):
    """A list with a box to tick for each plugin, and what is known of the one that is selected."""

    def __init__(self, host: PluginHost, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._host = host
        self._before = read_settings().disabled_plugins
        self.setWindowTitle(self.tr("Plugins"))
        self.resize(*SIZE)
        self.tree, self.about, self.details = QTreeWidget(), QLabel(), QPlainTextEdit()
        self.restart = QLabel(self.tr("Takes effect when vizstudio is started again."))
        self._make_tree()
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(3 * self.fontMetrics().height())
        self.details.setReadOnly(True)
        self.details.setAccessibleName(self.tr("Traceback"))
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.restart.setProperty("problem", True)
        self.restart.setVisible(False)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        self.copy = buttons.addButton(self.tr("Copy the traceback"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setAutoDefault(False)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.details.toPlainText()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self.tree, 3)
        layout.addWidget(self.about)
        layout.addWidget(self.details, 2)
        layout.addWidget(self.restart)
        layout.addWidget(buttons)
        self.tree.currentItemChanged.connect(lambda *_: self._show())
        first = self.tree.topLevelItem(0)
        if first is not None:
            self.tree.setCurrentItem(first)
        self._show()
        self.tree.itemChanged.connect(lambda item, _: self._switch(item))

    def _make_tree(self) -> None:
        tree = self.tree
        tree.setAccessibleName(self.tr("Plugins"))
        tree.setRootIsDecorated(False)
        tree.setHeaderLabels([self.tr("Plugin"), self.tr("Package"), self.tr("Status")])
        tree.setStyleSheet("QTreeWidget::item { padding: 3px 6px 3px 0; }")
        header = tree.header()
        header.setStretchLastSection(False)
        for column, mode in enumerate(
            (QHeaderView.ResizeMode.Stretch,) + 2 * (QHeaderView.ResizeMode.ResizeToContents,)
        ):
            header.setSectionResizeMode(column, mode)
        grey = QBrush(self.palette().color(QPalette.ColorRole.PlaceholderText))
        for plugin in self._host.plugins:
            package = f"{plugin.distribution} {plugin.version}".strip()
            package += f" ({self.tr('bundled')})" if plugin.bundled else ""
            item = QTreeWidgetItem(tree, [plugin.name, package, self._status(plugin)])
            item.setData(0, Qt.ItemDataRole.UserRole, plugin)
            on = plugin.name not in self._before
            item.setCheckState(0, Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            if plugin.status != "active":
                for column in range(3):
                    item.setForeground(column, grey)

    def _status(self, plugin: PluginInfo) -> str:
        return {
            "active": self.tr("active"),
            "quarantined": self.tr("broken, not loaded"),
            "disabled": self.tr("switched off"),
            "skipped": self.tr("left out in safe mode"),
        }[plugin.status]

    def _current(self) -> PluginInfo | None:
        item = self.tree.currentItem()
        return item.data(0, Qt.ItemDataRole.UserRole) if item else None

    def _show(self) -> None:
        """Tell what the selected plugin brings, or why it is not loaded."""
        plugin = self._current()
        details = plugin.details if plugin else ""
        self.details.setPlainText(details)
        self.details.setVisible(bool(details))
        self.copy.setVisible(bool(details))
        if plugin is None:
            self.about.setText(self.tr("No plugin is installed."))
        elif plugin.reason:
            self.about.setText(plugin.reason)
        else:
            brought = self._host.brought(plugin.name) if plugin.status == "active" else {}
            told = "; ".join(f"{kind}: {', '.join(ids)}" for kind, ids in brought.items())
            self.about.setText(told or self.tr("Brings nothing now."))

    def _switch(self, item: QTreeWidgetItem) -> None:
        """Keep whether a plugin is loaded from the next start on."""
        plugin: PluginInfo = item.data(0, Qt.ItemDataRole.UserRole)
        settings = read_settings()
        on = item.checkState(0) == Qt.CheckState.Checked
        write_settings(settings.enable(plugin.name) if on else settings.disable(plugin.name))
        self.restart.setVisible(read_settings().disabled_plugins != self._before)

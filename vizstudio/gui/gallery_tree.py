"""The dock's list of images: by mouse and by key."""

from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QMenu, QTreeView, QWidget

from vizstudio.gui.gallery_model import PICTURE, GalleryModel


class GalleryTree(QTreeView):
    """Headings that open and close, and images below them."""

    imageChosen = Signal(Path)  # clicked, or Enter was pressed on it
    analyseRequested = Signal(Path)  # all images of a folder are to be analysed
    removeRequested = Signal(Path)  # a recent image or a folder is to leave the list

    def __init__(self, model: GalleryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._closed: set[str] = set()  # headings that the user closed
        self._current: Path | None = None
        self._under = ""  # the heading under which it was selected
        self.setModel(model)
        self.setAccessibleName(self.tr("Images"))
        self.setHeaderHidden(True)
        self.setIconSize(PICTURE)
        self.setUniformRowHeights(True)  # else every row is asked for its height
        self.setIndentation(12)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._ask)
        self.clicked.connect(self._clicked)
        self.collapsed.connect(lambda index: self._closed.add(self._key(index)))
        self.expanded.connect(lambda index: self._closed.discard(self._key(index)))
        model.modelAboutToBeReset.connect(self._remember)
        model.modelReset.connect(self._restore)
        model.ratio = self.devicePixelRatioF()

    def _key(self, index: QModelIndex) -> str:
        section = self._model.section(index)
        return f"{section.kind} {section.folder or section.name}"

    def _remember(self) -> None:
        index = self.currentIndex()
        self._under = self._key(index) if index.isValid() else ""

    def _restore(self) -> None:
        """Open the headings again that were open, and select the image again."""
        for row in range(self._model.rowCount()):
            index = self._model.index(row, 0)
            self.setExpanded(index, self._key(index) not in self._closed)
        if self._current is not None:
            self.select(self._current)

    def select(self, path: Path) -> None:
        """Select an image: where it is selected already, else under the same heading, else where it is first."""
        self._current = path
        if self._model.path(self.currentIndex()) == path:
            return
        found = self._model.indexes(path)
        if found:
            index = next((i for i in found if self._key(i) == self._under), found[0])
            self.setCurrentIndex(index)
            if index.row() == 0:
                self.scrollTo(index.parent())
        else:
            self.clearSelection()

    def neighbour(self, step: int) -> Path | None:
        """Return the image that comes after (1) or before (-1) the current one under its heading."""
        index = self.currentIndex()
        if self._model.path(index) is None:
            return None
        if index.row() + step >= self._model.rowCount(index.parent()):
            self._model.fetchMore(index.parent())
        return self._model.path(index.siblingAtRow(index.row() + step))

    def _clicked(self, index: QModelIndex) -> None:
        path = self._model.path(index)
        if path is None:
            self.setExpanded(index, not self.isExpanded(index))
        else:
            self.imageChosen.emit(path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens an image, Delete takes it off the list."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self._clicked(index)
        elif event.key() == Qt.Key.Key_Delete and (removable := self._removable(index)):
            self.removeRequested.emit(removable)
        else:
            super().keyPressEvent(event)

    def _removable(self, index: QModelIndex) -> Path | None:
        """Return what can be taken off the list here: a recent image, or a folder by its heading."""
        if not index.isValid():
            return None
        section, path = self._model.section(index), self._model.path(index)
        return section.folder if path is None else path if section.kind == "recent" else None

    def _ask(self, place: QPoint) -> None:
        """Offer what can be done with the item under the pointer, or with the current one by key."""
        index = self.indexAt(place)
        if not index.isValid():
            index = self.currentIndex()
        if not index.isValid():
            return
        menu = self.menu_for(index)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(place))

    def menu_for(self, index: QModelIndex) -> QMenu:
        """Return the menu of an item."""
        menu = QMenu(self)
        path, section = self._model.path(index), self._model.section(index)
        target = path or section.folder

        def offer(text: str, do: object) -> QAction:
            action = menu.addAction(text)
            action.triggered.connect(do)
            return action

        if path is not None:
            offer(self.tr("Open"), lambda: self.imageChosen.emit(path))
        if path is None and section.folder is not None:
            offer(self.tr("Analyse this folder…"), lambda: self.analyseRequested.emit(target))
        if target is not None:
            offer(self.tr("Show in its folder"), lambda: reveal(target))
            offer(self.tr("Copy the path"), lambda: QGuiApplication.clipboard().setText(str(target)))
        removable = self._removable(index)
        if removable is not None:
            menu.addSeparator()
            action = offer(self.tr("Remove from the list"), lambda: self.removeRequested.emit(removable))
            action.setToolTip(self.tr("Nothing on disk is deleted"))
        return menu


def reveal(path: Path) -> None:
    """Show a file's folder, or a folder, in the desktop's own program."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))

"""The images at hand as a tree of headings and files, for Qt's views."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractItemModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    QUrl,
)
from PySide6.QtGui import QFont, QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from vizstudio.gui.gallery import Gallery, Section

Index = QModelIndex | QPersistentModelIndex
PICTURE = QSize(60, 45)
CHUNK = 1000  # files of a heading that a view lays out at a time
HEADING = 0  # the internal id of headings; a file's is the place of its heading plus one
PATH = Qt.ItemDataRole.UserRole


class GalleryModel(QAbstractItemModel):
    """Headings, and the files below each; a thumbnail is asked for when it is painted."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self._sections: list[Section] = []
        self._counts: list[int] = []  # how many files of each heading are offered so far
        self._pixmaps: dict[Path, QPixmap] = {}
        self.ratio = 1.0

    def set_sections(self, sections: Sequence[Section]) -> None:
        """Show other sections."""
        self.beginResetModel()
        self._sections, self._pixmaps = list(sections), {}
        self._counts = [min(len(section.paths), CHUNK) for section in sections]
        self.endResetModel()

    def section(self, index: Index) -> Section:
        """Return the heading at an index, or the one above it."""
        place = index.row() if index.internalId() == HEADING else index.internalId() - 1
        return self._sections[place]

    def path(self, index: Index) -> Path | None:
        """Return the image at an index, None for a heading."""
        if not index.isValid() or index.internalId() == HEADING:
            return None
        return self.section(index).paths[index.row()]

    def indexes(self, path: Path) -> list[QModelIndex]:
        """Return wherever an image is listed."""
        found = []
        for i, section in enumerate(self._sections):
            if path in section.paths:
                row, heading = section.paths.index(path), self.index(i, 0)
                self._offer(heading, row + 1)
                found.append(self.index(row, 0, heading))
        return found

    def thumbnails_came(self, paths: Iterable[Path]) -> None:
        """Paint these images anew; the view is told by who tells this, since it knows what is in sight."""
        for path in paths:
            self._pixmaps.pop(path, None)

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        """Return the index of a row below a heading, or of a heading."""
        parent = QModelIndex() if parent is None else parent
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else HEADING)

    def parent(self, index: Index | None = None) -> Any:
        """Return the heading of a file."""
        if index is None:
            return super().parent()  # the QObject's
        if not index.isValid() or index.internalId() == HEADING:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, HEADING)

    def rowCount(self, parent: Index | None = None) -> int:
        """Count headings, or the files of one."""
        if parent is None or not parent.isValid():
            return len(self._sections)
        return self._counts[parent.row()] if parent.internalId() == HEADING else 0

    def canFetchMore(self, parent: Index) -> bool:
        """Return whether a folder has more files than are offered so far."""
        if not parent.isValid() or parent.internalId() != HEADING:
            return False
        return self._counts[parent.row()] < len(self._sections[parent.row()].paths)

    def fetchMore(self, parent: Index) -> None:
        """Offer more files; a view asks for them when it is scrolled to the end."""
        self._offer(parent, self._counts[parent.row()] + CHUNK)

    def _offer(self, heading: Index, count: int) -> None:
        place = heading.row()
        before, count = self._counts[place], min(count, len(self._sections[place].paths))
        if count > before:
            self.beginInsertRows(heading, before, count - 1)
            self._counts[place] = count
            self.endInsertRows()

    def columnCount(self, parent: Index | None = None) -> int:
        """There is one column."""
        return 1

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Files can be dragged elsewhere."""
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsDragEnabled if self.path(index) else usual

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Return the files that are dragged."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in map(self.path, indexes) if path])
        return data

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a view shows of an item."""
        if not index.isValid():
            return None
        path = self.path(index)
        if path is None:
            return self._heading(self.section(index), role)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return path.name
            case Qt.ItemDataRole.DecorationRole:
                return self._pixmap(path)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.StatusTipRole:
                problem = self._gallery.problem(path)
                return f"{path}\n{problem}" if problem else str(path)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self.tr("Image {0}").format(path.name)
        return path if role == PATH else None

    def _heading(self, section: Section, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return f"{self.title(section)}  {self._count(section)}"
            case Qt.ItemDataRole.FontRole:
                font = QFont(QApplication.font())
                font.setWeight(QFont.Weight.DemiBold)
                return font
            case Qt.ItemDataRole.SizeHintRole:
                return QSize(0, PICTURE.height() + 4)  # as of images, since all rows are equally high
            case Qt.ItemDataRole.ToolTipRole:
                return section.problem or str(section.folder or "") or None
        return None

    def title(self, section: Section) -> str:
        """Return a section's heading."""
        named = {
            "recent": self.tr("Recent"),
            "photos": self.tr("Photos that ship"),
            "scenes": self.tr("Scenes that ship"),
        }
        return section.name if section.kind == "folder" else named.get(section.name, section.name)

    def _count(self, section: Section) -> str:
        if section.state == "looking":
            return self.tr("searching…")
        if section.problem:
            return self.tr("no image")
        return f"{len(section.paths):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")

    def _pixmap(self, path: Path) -> QPixmap:
        """Return the thumbnail in the middle of its box, an empty box until it comes."""
        if path not in self._pixmaps:
            made = self._gallery.thumbnail(path)
            if made is None:
                return _boxed(None, self.ratio, "!" if self._gallery.problem(path) else "")
            if len(self._pixmaps) > 500:
                self._pixmaps.clear()
            self._pixmaps[path] = _boxed(made, self.ratio, "")
        return self._pixmaps[path]


def _boxed(pixels: np.ndarray | None, ratio: float, sign: str) -> QPixmap:
    """Return a box of `PICTURE` at a screen's pixel ratio, with a picture or a sign in its middle."""
    box = QPixmap(PICTURE * ratio)
    box.setDevicePixelRatio(ratio)
    box.fill(Qt.GlobalColor.transparent)
    painter = QPainter(box)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    if pixels is None:
        palette = QApplication.palette()
        painter.fillRect(
            QRectF(0, 0, PICTURE.width(), PICTURE.height()), palette.color(QPalette.ColorRole.Midlight)
        )
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(QRectF(0, 0, PICTURE.width(), PICTURE.height()), Qt.AlignmentFlag.AlignCenter, sign)
    else:
        height, width, _ = pixels.shape
        image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        size = QSize(width, height).scaled(PICTURE, Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (PICTURE.width() - size.width()) / 2, (PICTURE.height() - size.height()) / 2
        painter.drawImage(QRectF(left, top, size.width(), size.height()), image)
    painter.end()
    return box

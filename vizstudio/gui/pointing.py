"""One patch under the pointer, shown in all views: a place on the photo is told from one view to the others."""

from typing import Protocol

from PySide6.QtCore import QObject, QPointF

from vizstudio.gui.views.map_picture import MapPicture


class PointedView(Protocol):
    """What shows the place under the pointer."""

    def point_at(self, place: QPointF | None) -> None:
        """Show a place of the original image, in its pixels; None for no more. This never comes back as a call."""

    def isVisible(self) -> bool:
        """Return whether it is on screen."""


class Pointing(QObject):
    """Tells the views on screen which place the pointer is at in one of them.

    It knows nothing of patches: each view finds its own cell at the place, as their grids differ. Views are told by
    `point_at` and tell by `point`; being told, a view must not tell.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._views: list[PointedView] = []
        self._teller: object = None

    def add(self, *views: PointedView) -> None:
        """Let views be told."""
        self._views += views

    def add_pictures(self, *pictures: MapPicture) -> None:
        """Let pictures be told, and tell where the pointer is on their canvases."""
        for picture in pictures:
            self.add(picture)
            picture.canvas.pointed.connect(lambda place, picture=picture: self.point(picture, place))
            picture.canvas.left.connect(lambda picture=picture: self.point(picture, None))

    def point(self, teller: PointedView, place: QPointF | None) -> None:
        """Tell all others that the pointer is at a place of the original image, or at none."""
        self._teller = teller
        for view in self._views:
            if view is not teller:
                view.point_at(place if view.isVisible() else None)

    def forget(self) -> None:
        """Show the place no more where the pointer itself is not, as another image has come."""
        for view in self._views:
            if view is not self._teller:
                view.point_at(None)

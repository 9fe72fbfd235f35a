"""Canvases that zoom and pan together."""

from collections.abc import Sequence

from PySide6.QtCore import QObject

from vizstudio.gui.canvas import Canvas


class CanvasLink(QObject):
    """Shows in all canvases the part of the picture that the user brought into view in one.

    Pictures of other sizes show the same share of their width and height.
    """

    def __init__(self, canvases: Sequence[Canvas], parent: QObject) -> None:
        super().__init__(parent)
        self._canvases = list(canvases)
        for canvas in self._canvases:
            canvas.viewed.connect(lambda canvas=canvas: self._follow(canvas))

    def _follow(self, leader: Canvas) -> None:
        for canvas in self._canvases:
            if canvas is not leader:
                canvas.show_sight(*leader.sight())

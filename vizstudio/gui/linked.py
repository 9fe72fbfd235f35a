"""The views that show one patch under the pointer, tied together."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from vizstudio.gui.pointing import Pointing
from vizstudio.gui.snapshot import Snapshot
from vizstudio.gui.views.panel_pointing import PanelPointing

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class LinkedViews(QObject):
    """Attention, Position, Heads, Caption and Compare; other tabs may add theirs to `pointing`."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self.pointing = Pointing(self)
        grid, heads, compared = window.attention.grid, window.more.heads, window.compare.view.maps
        self.panels = PanelPointing(window.position, self.pointing.point)
        self.pointing.add_pictures(window.attention.frame, window.caption.frame)
        self.pointing.add(grid, self.panels, heads, compared)
        grid.pointed.connect(lambda place: self.pointing.point(grid, place))
        heads.pointed.connect(lambda place: self.pointing.point(heads, place))
        compared.pointed.connect(lambda place: self.pointing.point(compared, place))

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Take it that another view is shown."""
        self.panels.show_snapshot(snapshot)
        if new_result:
            self.pointing.forget()

"""Attention on the photo: click a patch to make it the query."""

from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from vizstudio.core.geometry import PatchGrid
from vizstudio.gui.canvas import Canvas
from vizstudio.gui.items import Mark
from vizstudio.gui.snapshot import Snapshot
from vizstudio.gui.views.map_picture import MapPicture
from vizstudio.gui.wording import attention_title


class AttentionView(QWidget):
    """The photo in grey with the map in colour; what the model never saw is dark."""

    patchClicked = Signal(int, int)  # (row, col) of the query's grid, under a left click
    queryMoved = Signal(int, int)  # an arrow key: patches (down, across)

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self.canvas = Canvas(
            self.tr("Attention on the photo"),
            self.tr("Click a patch to make it the query, or move the query with the arrow keys."),
        )
        self.frame = MapPicture(self.canvas)
        self.query = Mark(2.5)
        self.canvas.add(self.query)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 10)
        layout.addWidget(self.problem)
        layout.addWidget(self.frame, 1)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.stepped.connect(self.queryMoved)

    @property
    def query_grid(self) -> PatchGrid | None:
        """The patches that may be asked in the layer that is shown."""
        if self._snapshot is None:
            return None
        state, analysis = self._snapshot.state, self._snapshot.result.analysis
        return analysis.attention.layers[state.layer].queries.grid

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show another view; the zoom is kept unless the image or model is new."""
        self._snapshot = snapshot
        result, state = snapshot.result, snapshot.state
        if new_result:
            self.frame.show_photo(result.photo, result.image.size)
        about = result.analysis.attention.layers[state.layer]
        self.frame.heading.setText(attention_title(about, state))
        self.problem.setText(snapshot.problem)
        self.problem.setVisible(bool(snapshot.problem))
        grid = self.query_grid
        on_patch = isinstance(state.query, tuple) and grid is not None
        self.query.place(grid.cell_rect(*state.query) if on_patch else None)  # type: ignore[union-attr,misc]
        self.frame.hint(
            self.tr("Click a patch to make it the query; arrow keys move it, the wheel zooms.")
            if grid is not None
            else self.tr("The queries of this layer are not patches of the image.")
        )
        self.frame.show_map(snapshot.heatmap, state, snapshot.low, snapshot.high)

    def _clicked(self, point: QPointF) -> None:
        grid = self.query_grid
        cell = grid.cell_at(point.x(), point.y()) if grid else None
        if cell is not None:
            self.patchClicked.emit(*cell)

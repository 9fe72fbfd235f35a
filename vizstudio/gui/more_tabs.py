"""The tabs of heads and predictions, maps of attention, measures of positions: computed when they are shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from vizstudio.core.errors import VizstudioError
from vizstudio.core.state import OF_POSITION
from vizstudio.gui.head_numbers import head_numbers
from vizstudio.gui.jobs import JobBridge
from vizstudio.gui.map_grid import grid_key, map_grid
from vizstudio.gui.on_demand import OnDemand
from vizstudio.gui.position_measures import measure
from vizstudio.gui.snapshot import Result, Snapshot
from vizstudio.gui.views.heads import HeadsView
from vizstudio.gui.views.predictions import PredictionsView
from vizstudio.plugins import PluginHost
from vizstudio.views import reductions_of

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class MoreTabs(QObject):
    """Adds the tabs, keeps their workers, and sends what the user does there to the controller."""

    def __init__(self, window: "MainWindow", host: PluginHost) -> None:
        super().__init__(window)
        self._window = window
        self._snapshot: Snapshot | None = None
        self._bridges: list[JobBridge] = []
        self.heads, self.predictions = HeadsView(), PredictionsView()
        self.numbers = self._on_demand("heads", self.heads.show_numbers, self._failed)
        self.maps = self._on_demand("many", window.attention.show_grid, self._no_maps)
        self.measures = self._on_demand("positions", window.position.show_measure, self._broken)
        window.tabs.addTab(self.heads, self.tr("Heads"))
        window.tabs.addTab(self.predictions, self.tr("Predictions"))
        window.tabs.shownChanged.connect(self._look)
        window.attention.offer_reductions({name: title for name, (title, _) in reductions_of(host).items()})
        window.attention.changed.connect(lambda changes: window.controller.change(**changes))
        window.position.viewChosen.connect(self._choose_position)
        window.position.viewShown.connect(self._look)
        self.heads.chosen.connect(lambda changes: window.controller.change(**changes))

    def _on_demand(
        self, name: str, show: Callable[[Any], None], fail: Callable[[BaseException, str], None]
    ) -> OnDemand:
        """Return what computes in a worker of its own: several tabs can be in front, each of its pane."""
        bridge = JobBridge(f"vizstudio-{name}", self)
        demand = OnDemand(bridge, self._window.controller.shelf, show, fail)
        bridge.finished.connect(demand.latest.on_finished)
        bridge.failed.connect(demand.latest.on_failed)
        bridge.stopped.connect(demand.latest.on_stopped)
        self._bridges.append(bridge)
        return demand

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show another view."""
        self._snapshot = snapshot
        self._look()

    def _look(self) -> None:
        """Show what is in front; the rest has time until it comes there."""
        snapshot, is_shown = self._snapshot, self._window.tabs.is_shown
        if snapshot is None:
            return
        if is_shown(self.predictions):
            self.predictions.show_snapshot(snapshot)
        result, state = snapshot.result, snapshot.state
        if is_shown(self._window.attention) and self._window.attention.shows_grid:
            self.maps.ask(grid_key(result, state), lambda: map_grid(result, state))
        if is_shown(self.heads):
            self.heads.show_snapshot(snapshot)
            self.numbers.ask((result,), lambda: head_numbers(result))
        position = self._window.position
        if is_shown(position) and position.view != OF_POSITION[0] and result.positions is not None:
            view = position.view
            self.measures.ask((result, view), lambda: measure(result, view))
        self._keep_only(result)

    def _keep_only(self, result: Result) -> None:
        """Have hidden tabs hold nothing of a result that is no longer shown; they ask again in front."""
        for demand in (self.numbers, self.maps, self.measures):
            demand.keep_only(result)
        self.heads.keep_only(result)
        attention = self._window.attention
        if not (self._window.tabs.is_shown(attention) and attention.shows_grid):
            attention.grid.keep_only(result)

    def _choose_position(self, view: str) -> None:
        self._window.position.show_view(view)
        self._window.controller.travel.show_position(view)

    def _no_maps(self, error: BaseException, details: str) -> None:
        if isinstance(error, VizstudioError):
            self._window.attention.grid.show_problem(str(error))
        else:
            self._broken(error, details)

    def _failed(self, error: BaseException, details: str) -> None:
        if isinstance(error, VizstudioError):
            self.heads.show_problem(str(error))
        else:
            self._broken(error, details)

    def _broken(self, error: BaseException, details: str) -> None:
        self._window.show_failed(f"{type(error).__name__}: {error}", details, True)

    def close(self, timeout: float) -> bool:
        """Cancel what runs and wait a moment; returns whether it had ended by then."""
        ended = [bridge.close(timeout) for bridge in self._bridges]
        return all(ended)

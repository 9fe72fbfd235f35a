"""What the window does, without Qt: requests to the workers, what is asked to be seen, what is shown of it."""

from collections.abc import Hashable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from vizstudio.core.caption import CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.errors import ImageError, PluginError, VizstudioError
from vizstudio.core.geometry import TokenAxis
from vizstudio.core.images import read_image
from vizstudio.core.maps import at_same_place
from vizstudio.core.state import ViewState, resolve
from vizstudio.gui.captions import Captions, CaptionsView
from vizstudio.gui.heap import give_back
from vizstudio.gui.latest import Jobs, Latest
from vizstudio.gui.shelf import ModelShelf, model_key
from vizstudio.gui.snapshot import ModelChoice, Result, Snapshot, make_result, map_key, take_snapshot
from vizstudio.gui.travel import Travel
from vizstudio.plugins import PluginHost
from vizstudio.views import reductions_of


class StudioView(Protocol):
    """What the controller tells the window; none of these calls ever comes back as a request."""

    def show_sources(self, image: Path | None, choice: ModelChoice | None) -> None:
        """Say which image and model are asked for."""

    def show_busy(self, message: str, fraction: float) -> None:
        """Say that a run is under way; an empty message for one that just began."""

    def show_done(self, result: Result) -> None:
        """Say that a run ended well and is shown."""

    def show_cancelled(self) -> None:
        """Say that the run was cancelled."""

    def show_failed(self, sentence: str, details: str, is_bug: bool) -> None:
        """Say that what the user asked for failed."""

    def show_controls(self, result: Result, state: ViewState) -> None:
        """Set the controls to what is asked, clamped to what the result has."""

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show a view; `new_result` tells another image or model from a mere change of view."""


class Controller:
    """Turns what the user does into requests and views.

    Three workers: `runs` runs models, `maps` and `captions.words` compute what is shown of what they left. A
    change of the view never runs the model again, and never waits for it but while it runs.
    """

    def __init__(
        self,
        view: StudioView,
        captions_view: CaptionsView,
        jobs: Jobs,
        maps: Jobs,
        words: Jobs,
        host: PluginHost,
    ) -> None:
        self._view = view
        self.runs = Latest(jobs, self._run_failed, view.show_busy, self._run_stopped)
        self.maps = Latest(maps, self._fail)
        self.shelf, self.reductions = ModelShelf(host), reductions_of(host)
        self.captions = Captions(
            captions_view,
            self.runs,
            words,
            self.shelf,
            self._fail,
            lambda: self.travel.note(),
            self._keep_photo,
        )
        self.travel = Travel(self)
        self._analysing: int | None = None  # the number of the run that was asked for last
        self._asked: Hashable = None  # the key of its model
        self._result: Result | None = None
        self._snapshot: Snapshot | None = None
        self.second: Result | None = None  # stands beside what is shown, see `vizstudio.gui.comparing`
        self.image: Path | None = None
        self.choice: ModelChoice | None = None
        self.state = ViewState()

    @property
    def shown(self) -> Snapshot | None:
        """What is shown, None at first."""
        return self._snapshot

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way, or the first map of what it left."""
        shown = self._snapshot.result if self._snapshot is not None else None
        return self.runs.number is not None or (self._result is not shown and self.maps.number is not None)

    def open_image(self, path: Path) -> None:
        """Analyse another image with the model chosen."""
        self.travel.leave()
        self.image = path
        self.request()

    def choose_model(self, choice: ModelChoice) -> None:
        """Analyse the image with another model; a choice that failed, or whose file has changed, runs again."""
        key = model_key(choice)
        pending = self.runs.number is not None and self.runs.number == self._analysing and key == self._asked
        shown = self._result is not None and self._result.model_key == key
        if choice == self.choice and (pending or shown):
            return
        self.travel.leave()
        self.choice = choice
        self.request()

    def change(self, **changes: Any) -> None:
        """Change fields of what is asked, such as ``layer=3``; never runs the model again."""
        self.state = replace(self.state, **changes)
        if self._result is None:
            return
        asked = resolve(self._result.analysis, self.state)
        self._view.show_controls(self._result, asked)
        shown = self._snapshot
        if shown is not None and shown.result is self._result and map_key(shown.state) == map_key(asked):
            self.maps.drop()
            self._show(replace(shown, state=asked))
        else:
            self._request_map()

    def move_query(self, down: int, across: int) -> None:
        """Move the query by patches; a query that is no patch starts in the middle of the grid."""
        if self._result is None:
            return
        asked = resolve(self._result.analysis, self.state)
        grid = self._result.analysis.attention.layers[asked.layer].queries.grid
        if grid is None:
            return
        if isinstance(asked.query, tuple):
            row = min(max(asked.query[0] + down, 0), grid.rows - 1)
            col = min(max(asked.query[1] + across, 0), grid.cols - 1)
        else:
            row, col = grid.rows // 2, grid.cols // 2
        self.change(query=(row, col))

    def pin_panel(self, panel: tuple[int, int] | None) -> None:
        """Pin the position panel of a patch, which is the query then too; None releases it and keeps the query."""
        changes: dict[str, Any] = {"panel": panel}
        if panel is not None and self._result is not None:
            analysis = self._result.analysis
            layer = analysis.attention.layers[resolve(analysis, self.state).layer]
            if layer.queries.grid is not None:
                changes["query"] = at_same_place(
                    panel, TokenAxis((), analysis.position().grid), layer.queries
                )
        shown = self._snapshot
        if (
            shown is not None and shown.result is self._result
        ):  # the panel at once; the query's map comes later
            self._snapshot = replace(shown, state=replace(shown.state, panel=panel))
            self._view.show_snapshot(self._snapshot, False)
        self.change(**changes)

    def cancel(self) -> None:
        """Give up the run under way; what is shown stays."""
        self.runs.cancel()

    def stay(self) -> None:
        """Give up what is not shown yet, also a result whose map is under way."""
        shown = self._snapshot.result if self._snapshot is not None else None
        if self.runs.number is not None or self._result is not shown:  # a run counts until its map is shown
            self.runs.drop()
            self._view.show_cancelled()
        self.maps.drop()
        self._result = shown

    def _keep_photo(self) -> None:
        """Give up another photo or model on its way, as a caption of the one in view is asked for."""
        if self.runs.number is not None and self.runs.number == self._analysing:
            self.stay()
            self.travel.fail()
            self.change()  # of the photo in view, whose map may have been under way

    def request(self) -> None:
        """Run the model on the image, if both are chosen."""
        self._view.show_sources(self.image, self.choice)
        if self.image is None or self.choice is None:
            return
        self._asked = model_key(self.choice)
        image, choice, request = self.image, self.choice, self.travel.request(self.captions.request)
        self._analysing = self.runs.start(
            lambda context: self.analyse(image, choice, request, context), self._land
        )

    def analyse(
        self, path: Path, choice: ModelChoice, request: CaptionRequest | None, context: RunContext
    ) -> Result:
        """Do the work of one request, with a caption if one is asked for; runs in the first worker."""
        give_back()  # what was freed as the result before was let go of
        image = read_image(path)
        context.check()
        key = model_key(choice)  # before the file is read: one that is written meanwhile counts as changed
        model = self.shelf.take(choice, context)
        with self.shelf.using(context, model.info.device) as own:
            if model.can_caption and request is not None:
                analysis = model.caption(image, **asdict(request), context=own)
            else:
                analysis = model.analyze(image, own)
        context.check()
        made = make_result(choice, model.info, image, analysis)
        return replace(made, request=request, model_key=key, fallback=model.fallback)

    def _request_map(self) -> None:
        result, state = self._result, self.state
        assert result is not None
        self.maps.start(lambda context: self._take(result, state, context), self._land_map)

    def _take(self, result: Result, state: ViewState, context: RunContext) -> Snapshot:
        """Compute one map; runs in the second worker."""
        with self.shelf.using(context):
            return take_snapshot(result, state, self.reductions)

    def _land(self, result: Result) -> None:
        """Take a result and ask for a map of it."""
        self._result = result
        self._request_map()

    def _land_map(self, snapshot: Snapshot) -> None:
        """Show a map, with the looks of now."""
        asked = resolve(snapshot.result.analysis, self.state)
        if map_key(asked) != map_key(snapshot.state):  # a place is gone to whose own map comes later
            asked = snapshot.state
        self._view.show_controls(snapshot.result, asked)
        is_new = self._snapshot is None or self._snapshot.result is not snapshot.result
        self._show(replace(snapshot, state=asked))
        if is_new and self.runs.number is None:
            self._view.show_done(snapshot.result)

    def _run_failed(self, error: BaseException, details: str) -> None:
        if isinstance(error, ImageError):  # the next model is tried on an image that can be read
            self.image = self._result.image.path if self._result else None
        self._fail(error, details)

    def _run_stopped(self) -> None:
        self.travel.fail()
        self._view.show_cancelled()

    def _fail(self, error: BaseException, details: str) -> None:
        self.travel.fail()
        known = isinstance(error, VizstudioError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        self._view.show_failed(sentence, details, not known or isinstance(error, PluginError))

    def _show(self, snapshot: Snapshot) -> None:
        is_new = self._snapshot is None or self._snapshot.result is not snapshot.result
        self._snapshot = snapshot
        self._view.show_snapshot(snapshot, is_new)
        self.captions.follow(snapshot)
        if is_new:
            self.travel.arrive()
        else:
            self.travel.note()

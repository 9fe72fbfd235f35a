"""What the window does, without Qt: requests to the workers, what is asked to be seen, what is shown of it."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from vizstudio.core.context import RunContext
from vizstudio.core.errors import ImageError, PluginError, VizstudioError
from vizstudio.core.images import read_image
from vizstudio.core.state import ViewState, resolve
from vizstudio.gui.quiet import import_quietly
from vizstudio.gui.snapshot import ModelChoice, Result, Snapshot, make_result, map_key, take_snapshot
from vizstudio.models import LoadedModel, load_model
from vizstudio.plugins import PluginHost

LOCK_POLL = 0.02  # seconds between looks at whether a waiting map was cancelled


class Jobs(Protocol):
    """Where work is done; events come back to the controller's ``on_…`` methods."""

    def submit(self, job: Callable[[RunContext], Any]) -> int:
        """Start a job, cancelling the one before; returns its number."""

    def cancel(self) -> None:
        """Cancel what runs."""


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

    Two workers: `jobs` runs models, `maps` computes what is shown of what they left. A change of the view
    never runs the model again, and never waits for it but while it runs.
    """

    def __init__(self, view: StudioView, jobs: Jobs, maps: Jobs, host: PluginHost) -> None:
        self._view, self._jobs, self._maps, self._host = view, jobs, maps, host
        self._loaded: tuple[ModelChoice, LoadedModel] | None = None
        # A map may run one module of the model again, which must not happen amid a forward pass.
        self._model_in_use = threading.Lock()
        self._running: int | None = None
        self._mapping: int | None = None
        self._result: Result | None = None
        self._snapshot: Snapshot | None = None
        self.image: Path | None = None
        self.choice: ModelChoice | None = None
        self.state = ViewState()

    def open_image(self, path: Path) -> None:
        """Analyse another image with the model chosen."""
        self.image = path
        self._request()

    def choose_model(self, choice: ModelChoice) -> None:
        """Analyse the image with another model; a choice that failed may be tried again."""
        pending = self._running is not None
        shown = self._result is not None and self._result.choice == choice
        if choice == self.choice and (pending or shown):
            return
        self.choice = choice
        self._request()

    def change(self, **changes: Any) -> None:
        """Change fields of what is asked, such as ``layer=3``; never runs the model again."""
        self.state = replace(self.state, **changes)
        if self._result is None:
            return
        asked = resolve(self._result.analysis, self.state)
        self._view.show_controls(self._result, asked)
        shown = self._snapshot
        if shown is not None and shown.result is self._result and map_key(shown.state) == map_key(asked):
            self._mapping = None
            self._maps.cancel()
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

    def cancel(self) -> None:
        """Give up the run under way; what is shown stays."""
        self._jobs.cancel()

    def _request(self) -> None:
        self._view.show_sources(self.image, self.choice)
        if self.image is None or self.choice is None:
            return
        image, choice = self.image, self.choice
        self._view.show_busy("", 0.0)
        self._running = self._jobs.submit(lambda context: self._analyse(image, choice, context))

    def _analyse(self, path: Path, choice: ModelChoice, context: RunContext) -> Result:
        """Do the work of one request; runs in the first worker."""
        image = read_image(path)
        context.check()
        model = self._model(choice, context)
        with self._model_in_use:
            analysis = model.analyze(image, replace(context, device=model.info.device))
        context.check()
        return make_result(choice, model.info, image, analysis)

    def _model(self, choice: ModelChoice, context: RunContext) -> LoadedModel:
        if self._loaded is None or self._loaded[0] != choice:
            context.report(0.0, f"loading {choice.model_id}")
            self._loaded = None  # let go of the old model before the new one takes memory
            import_quietly(self._host.models.find(choice.model_id)[0].load)
            context.check()
            model = load_model(
                choice.model_id,
                choice.checkpoint,
                choice.pretrained,
                choice.device,
                context=context,
                host=self._host,
            )
            self._loaded = (choice, model)
        return self._loaded[1]

    def _request_map(self) -> None:
        result, state = self._result, self.state
        assert result is not None
        self._mapping = self._maps.submit(lambda context: self._take(result, state, context))

    def _take(self, result: Result, state: ViewState, context: RunContext) -> Snapshot:
        """Compute one map; runs in the second worker."""
        while not self._model_in_use.acquire(timeout=LOCK_POLL):
            context.check()
        try:
            return take_snapshot(result, state)
        finally:
            self._model_in_use.release()

    def on_progress(self, number: int, fraction: float, message: str) -> None:
        """Show how far the newest run is."""
        if number == self._running:
            self._view.show_busy(message, fraction)

    def on_finished(self, number: int, result: Result) -> None:
        """Take a result and ask for a map of it, unless a newer request was made since."""
        if number == self._running:
            self._running, self._result = None, result
            self._request_map()

    def on_map_finished(self, number: int, snapshot: Snapshot) -> None:
        """Show a map, unless a newer one was asked for since."""
        if number != self._mapping:
            return
        self._mapping = None
        asked = resolve(snapshot.result.analysis, self.state)
        self._view.show_controls(snapshot.result, asked)
        is_new = self._snapshot is None or self._snapshot.result is not snapshot.result
        self._show(replace(snapshot, state=asked))
        if is_new and self._running is None:
            self._view.show_done(snapshot.result)

    def on_failed(self, number: int, error: BaseException, details: str) -> None:
        """Tell the user, unless a newer request was made since."""
        if number != self._running:
            return
        self._running = None
        if isinstance(error, ImageError):  # the next model is tried on an image that can be read
            self.image = self._result.image.path if self._result else None
        self._fail(error, details)

    def on_map_failed(self, number: int, error: BaseException, details: str) -> None:
        """Tell the user that a map could not be computed."""
        if number == self._mapping:
            self._mapping = None
            self._fail(error, details)

    def on_stopped(self, number: int) -> None:
        """Note that the newest run was cancelled."""
        if number == self._running:
            self._running = None
            self._view.show_cancelled()

    def _fail(self, error: BaseException, details: str) -> None:
        known = isinstance(error, VizstudioError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        self._view.show_failed(sentence, details, not known or isinstance(error, PluginError))

    def _show(self, snapshot: Snapshot) -> None:
        is_new = self._snapshot is None or self._snapshot.result is not snapshot.result
        self._snapshot = snapshot
        self._view.show_snapshot(snapshot, is_new)

"""What the window does, without Qt: requests to the worker, the one selection, what is shown of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vizstudio.core.context import RunContext
from vizstudio.core.errors import VizstudioError
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.maps import attention_heatmap, outlier_tokens
from vizstudio.core.overlay import value_range
from vizstudio.core.state import ViewState, resolve
from vizstudio.core.types import Analysis, Heatmap
from vizstudio.models import LoadedModel, load_model
from vizstudio.plugins import PluginHost


@dataclass(frozen=True)
class ModelChoice:
    """A model as the user chose it; loaded again only when it changes."""

    model_id: str
    checkpoint: Path | None = None
    pretrained: bool = False
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class Result:
    """What one job brings back: everything that would take the window too long to compute."""

    image: ImageSource
    analysis: Analysis
    similarity: np.ndarray | None
    position_note: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the views show: a result, and the view of it clamped to what exists.

    `heatmap` is None where `problem` says why there is none.
    """

    result: Result
    state: ViewState
    heatmap: Heatmap | None
    low: float
    high: float
    problem: str = ""


class Jobs(Protocol):
    """Where work is done; events come back through `Controller.on_finished` and its siblings."""

    def submit(self, job: Callable[[RunContext], Any]) -> int:
        """Start a job, cancelling the one before."""

    def cancel(self) -> None:
        """Cancel what runs."""


class StudioView(Protocol):
    """What the controller tells the window; none of these calls ever comes back as a request."""

    def show_busy(self, message: str, fraction: float) -> None:
        """A job is under way."""

    def show_idle(self, message: str) -> None:
        """No job is under way; `message` says how the last one ended."""

    def show_error(self, sentence: str, details: str) -> None:
        """Something the user asked for failed."""

    def show_snapshot(self, snapshot: Snapshot, new_result: bool) -> None:
        """Show a view; `new_result` tells another image or model from a mere change of view."""


class Controller:
    """Turns what the user does into requests and views."""

    def __init__(self, view: StudioView, jobs: Jobs, host: PluginHost) -> None:
        self._view, self._jobs, self._host = view, jobs, host
        self._loaded: tuple[ModelChoice, LoadedModel] | None = None
        self._running: int | None = None
        self._result: Result | None = None
        self.image: Path | None = None
        self.choice: ModelChoice | None = None
        self.state = ViewState()

    def open_image(self, path: Path) -> None:
        """Analyse another image with the model chosen."""
        self.image = path
        self._request()

    def choose_model(self, choice: ModelChoice) -> None:
        """Analyse the image with another model."""
        if choice != self.choice:
            self.choice = choice
            self._request()

    def change(self, **changes: Any) -> None:
        """Change fields of the view, such as ``layer=3``; never runs the model again."""
        self.state = replace(self.state, **changes)
        self._refresh(new_result=False)

    def cancel(self) -> None:
        """Give up the job under way; what is shown stays."""
        self._jobs.cancel()

    def _request(self) -> None:
        if self.image is None or self.choice is None:
            return
        image, choice = self.image, self.choice
        self._view.show_busy(f"Opening {image.name}", 0.0)
        self._running = self._jobs.submit(lambda context: self._analyse(image, choice, context))

    def _analyse(self, path: Path, choice: ModelChoice, context: RunContext) -> Result:
        """Do the work of one request; runs in the worker."""
        image = read_image(path)
        context.check()
        if self._loaded is None or self._loaded[0] != choice:
            context.report(0.0, f"Loading {choice.model_id}")
            self._loaded = None  # let go of the old model before the new one takes memory
            model = load_model(
                choice.model_id,
                choice.checkpoint,
                choice.pretrained,
                choice.device,
                context=context,
                host=self._host,
            )
            self._loaded = (choice, model)
        model = self._loaded[1]
        analysis = model.analyze(image, replace(context, device=model.info.device))
        try:
            return Result(image, analysis, analysis.position().similarity(), "")
        except VizstudioError as error:
            return Result(image, analysis, None, str(error))

    def on_progress(self, number: int, fraction: float, message: str) -> None:
        """Show how far the newest job is."""
        if number == self._running:
            self._view.show_busy(message[:1].upper() + message[1:], fraction)

    def on_finished(self, number: int, result: Result) -> None:
        """Take a result, unless a newer request was made since."""
        if number != self._running:
            return
        self._running, self._result = None, result
        seconds = result.analysis.timings.get("forward", 0.0)
        self._view.show_idle(f"{result.image.name}: analysed in {seconds:.2f} s")
        self._refresh(new_result=True)

    def on_failed(self, number: int, error: Exception, details: str) -> None:
        """Tell the user, unless a newer request was made since."""
        if number != self._running:
            return
        self._running = None
        self._view.show_idle("Failed")
        sentence = str(error)
        if not isinstance(error, VizstudioError):
            sentence = f"This is a bug in vizstudio or a plugin ({type(error).__name__}: {error})"
        self._view.show_error(sentence, details)

    def on_stopped(self, number: int) -> None:
        """Note that the newest job was cancelled."""
        if number == self._running:
            self._running = None
            self._view.show_idle("Cancelled")

    def _refresh(self, new_result: bool) -> None:
        if self._result is not None:
            self._view.show_snapshot(take_snapshot(self._result, self.state), new_result)


def take_snapshot(result: Result, asked: ViewState) -> Snapshot:
    """Clamp what is asked to what the result has and compute its one map."""
    state = resolve(result.analysis, asked)
    try:
        hide = hidden_tokens(result.analysis, state)
        heatmap = attention_heatmap(result.analysis.attention, state.layer, state.head, state.query, hide)
    except VizstudioError as error:
        return Snapshot(result, state, None, 0.0, 1.0, str(error))
    return Snapshot(result, state, heatmap, *value_range(heatmap.values, from_zero=True))


def hidden_tokens(analysis: Analysis, state: ViewState) -> list[int]:
    """Return the high-norm tokens to leave out of a map, if that is asked."""
    if not state.hide_outliers or analysis.token_norms is None:
        return []
    norms = analysis.token_norms[min(state.layer, len(analysis.token_norms) - 1)]
    prefix = analysis.attention.layers[state.layer].keys.num_prefix_tokens
    return [int(token) for token in outlier_tokens(norms, prefix)]

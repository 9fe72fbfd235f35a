"""What the window does with captions, without Qt: stepping, branching, writing anew, the tree of all of them."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Protocol

from vizstudio.core.caption import Caption, CaptionPath, CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.images import ImageSource
from vizstudio.core.types import Analysis
from vizstudio.gui.caption_snapshot import (
    CaptionSnapshot,
    CaptionState,
    MapKey,
    WordMaps,
    maps_key,
    resolve_caption,
    unit_of,
    units_of,
    word_maps,
)
from vizstudio.gui.caption_tree import CaptionTree, Written, write_paths
from vizstudio.gui.latest import Jobs, Latest
from vizstudio.gui.shelf import ModelShelf
from vizstudio.gui.snapshot import Snapshot
from vizstudio.models import LoadedModel


class CaptionsView(Protocol):
    """What `Captions` tells the window; none of these calls ever comes back as a request."""

    def show_caption(self, snapshot: CaptionSnapshot | None, new_result: bool) -> None:
        """Show a word of a caption; None if the model wrote none."""

    def show_written(self) -> None:
        """Say that another caption was written."""

    def show_lost(self, problems: list[str]) -> None:
        """Say why some captions of a session could not be written again, a sentence for each."""


class Captions:
    """Keeps the captions of the photo that is shown.

    Parameters
    ----------
    view : CaptionsView
    runs : Latest
        The worker that runs models, shared with the controller: a newer request of either replaces the other's.
    jobs : Jobs
        The worker that computes maps of words.
    shelf : ModelShelf
        Who may use the model when.
    failed : callable
        Called as ``failed(error, traceback)``.
    noted : callable
        Called when something else was shown.
    begun : callable
        Called before a caption of the photo in view is written because the user asked for it.
    """

    def __init__(
        self,
        view: CaptionsView,
        runs: Latest,
        jobs: Jobs,
        shelf: ModelShelf,
        failed: Callable[[BaseException, str], None],
        noted: Callable[[], None],
        begun: Callable[[], None],
    ) -> None:
        self._view, self._runs, self._shelf, self._noted, self._begun = view, runs, shelf, noted, begun
        self.words = Latest(jobs, failed)
        self._writing: int | None = None  # the number of the run that was asked for last
        self._source: Snapshot | None = None
        self._shown: CaptionSnapshot | None = None
        self._maps: dict[MapKey, WordMaps] = {}
        self.tree = CaptionTree()
        self.state = CaptionState()
        self.request = CaptionRequest()  # what a new photo is captioned with

    @property
    def shown(self) -> CaptionSnapshot | None:
        """What is shown, None if there is no caption."""
        return self._shown

    @property
    def _caption(self) -> Caption:
        return self.tree.current.caption

    def follow(self, source: Snapshot) -> None:
        """Start a new tree for another image or model; show the same words in other colours for another view."""
        is_new = self._source is None or self._source.result is not source.result
        self._source = source
        if is_new:
            if self._writing is not None and self._runs.number == self._writing:
                self._runs.drop()  # it would belong to the old tree
            self.words.drop()
            self._maps.clear()
            self.tree, self.state = CaptionTree(), replace(self.state, step=0)
            if source.result.analysis.steps:
                request = source.result.request or self.request
                self.tree = self.tree.with_request(source.result.analysis, request)
            else:
                self._shown = None
                self._view.show_caption(None, True)
        if self.tree.branches:
            self._show()

    def change(self, **changes: Any) -> None:
        """Change fields of what is asked, such as ``layer=3``; never runs the model again."""
        self.state = replace(self.state, **changes)
        if self.tree.branches:
            self._show()

    def move(self, by: int) -> None:
        """Step to a later word or, for a negative number, an earlier one."""
        if self.tree.branches:
            self.jump(unit_of(units_of(self._caption, self.state.pieces), self.state.step) + by)

    @property
    def _is_seen(self) -> bool:
        """Whether the captions in view are those of the photo; those of the one before stay until maps are there."""
        return (
            self._shown is not None and self._source is not None and self._shown.result is self._source.result
        )

    def jump(self, unit: int) -> None:
        """Go to a word, or to the nearest one there is."""
        if not self._is_seen:
            return
        units = units_of(self._caption, self.state.pieces)
        self.change(step=units[min(max(unit, 0), len(units) - 1)].steps[0].index)

    def select(self, number: int) -> None:
        """Show another caption of the tree, at the word where it left its parent."""
        if not self._is_seen:
            return
        self.tree = self.tree.show(number)
        step = self.tree.current.step
        self.change(step=self.state.step if step is None else step)

    def branch(self, step: int, alternative: int) -> None:
        """Go on from a step with another token; a caption that was written already is shown again."""
        if not self._is_seen or self._shown.tree.shown != self.tree.shown:  # type: ignore[union-attr]
            return  # the alternatives in view are another caption's
        of, current = self.tree.shown, self.tree.current
        token = current.caption.steps[step].alternatives[alternative].token_id
        known = self.tree.find(of, step, token)
        if known is not None:
            if known != of:
                self.tree = self.tree.show(known)
                self.change(step=step)
            return
        assert self._source is not None
        result = self._source.result

        def work(context: RunContext) -> Analysis:
            with self._shelf.using(context, result.info.device) as own:
                return current.analysis.branch(step, alternative, own)

        self._begun()
        self._writing = self._runs.start(work, lambda analysis: self._branched(analysis, of, step))

    def _branched(self, analysis: Analysis, of: int, step: int) -> None:
        """Keep a branch; show it unless another caption was chosen meanwhile."""
        was_shown = self.tree.shown
        self.tree = self.tree.with_branch(analysis, of, step)
        if was_shown == of:
            self.tree = self.tree.show(len(self.tree.branches) - 1)
            self.state = replace(self.state, step=step)
        self._show()
        self._view.show_written()

    def write(self, request: CaptionRequest) -> None:
        """Write a caption of the same photo anew; later photos get the same request without its prefix."""
        if self._source is None:
            return
        result = self._source.result
        self.request = replace(request, prefix=None)

        def work(context: RunContext) -> Analysis:
            model = self._shelf.take_again(result, context)
            with self._shelf.using(context, result.info.device) as own:
                return model.caption(result.image, **asdict(request), context=own)

        self._begun()
        self._writing = self._runs.start(work, lambda analysis: self._written(analysis, request))

    def _written(self, analysis: Analysis, request: CaptionRequest) -> None:
        self.tree = self.tree.with_request(analysis, request)
        self.change(step=0)
        self._view.show_written()

    def bring(self, path: CaptionPath, state: CaptionState, others: tuple[CaptionPath, ...] = ()) -> None:
        """Show a caption and a word of it; what is not there of it and of `others` is written, in their order."""
        if self._source is None or not self.tree.branches:
            return
        self.state = state
        result, written = self._source.result, self.tree.written
        number = self.tree.find_path(path)
        if number is not None and written.keys() >= set(others):
            self.tree = self.tree.show(number)
            self._show()
            return

        def work(context: RunContext) -> Written:
            model = self._shelf.take_again(result, context)
            with self._shelf.using(context, result.info.device) as own:
                return write_paths(path, others, written, partial(_ask, model, result.image), own)

        shown = self.tree.shown
        self._writing = self._runs.start(work, lambda found: self._brought(found, path, others, shown))

    def _brought(
        self, found: Written, path: CaptionPath, others: tuple[CaptionPath, ...], was_shown: int
    ) -> None:
        """Keep captions; show the path's unless another caption was chosen meanwhile."""
        chosen = self.tree.shown
        for one in (*others, path):
            if one in found.captions:
                self.tree = self.tree.with_path(one, found.captions)
        if chosen != was_shown:
            self.tree = self.tree.show(chosen)
        self._show()
        self._view.show_written()
        if found.problems:
            self._view.show_lost(found.problems)

    def _show(self) -> None:
        """Show what is asked, as soon as its maps are there."""
        assert self._source is not None
        caption, asked = self._caption, resolve_caption(self._caption, self.state)
        key = maps_key(self.tree, asked)
        words = self._maps.get(key)
        if words is None:
            self.words.start(lambda context: self._compute(caption, asked, context), self._keep(key))
            return
        if self.words.number is not None:
            self.words.drop()
        at = unit_of(words.units, asked.step)
        result, before = self._source.result, self._shown
        self._shown = CaptionSnapshot(result, self.tree, asked, self._source.state, at, words)
        self._view.show_caption(self._shown, before is None or before.result is not result)
        self._noted()

    def _compute(self, caption: Caption, asked: CaptionState, context: RunContext) -> WordMaps:
        """Compute maps; runs in the worker for maps of words."""
        with self._shelf.using(context):
            return word_maps(caption, asked)

    def _keep(self, key: MapKey) -> Callable[[WordMaps], None]:
        def landed(words: WordMaps) -> None:
            self._maps[key] = words
            self._show()

        return landed


def _ask(model: LoadedModel, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
    return model.caption(image, **asdict(request), context=context)

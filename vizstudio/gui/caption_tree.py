"""The captions that were written for one photo, and how each left another. No Qt here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from vizstudio.core.caption import Caption, CaptionPath, CaptionRequest, TokenStep
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.types import Analysis


@dataclass(frozen=True, eq=False)
class Branch:
    """A caption of the tree.

    Parameters
    ----------
    analysis : Analysis
        Whose caption it is.
    parent : int or None
        The caption that it belongs to; None for one that was asked for anew.
    step : int or None
        Where it left its parent; None if it did not: a caption asked for, or another beam.
    request : CaptionRequest or None
        What was asked for; None if the parent's request brought it too.
    beam : int
        Its rank among the beams of one request, from 0.
    """

    analysis: Analysis
    parent: int | None = None
    step: int | None = None
    request: CaptionRequest | None = None
    beam: int = 0

    @property
    def caption(self) -> Caption:
        """Return its caption."""
        assert self.analysis.caption is not None
        return self.analysis.caption


@dataclass(frozen=True, eq=False)
class CaptionTree:
    """Captions numbered in the order in which they came, and the one that is shown."""

    branches: tuple[Branch, ...] = ()
    shown: int = 0

    @property
    def current(self) -> Branch:
        """Return the caption that is shown."""
        return self.branches[self.shown]

    def show(self, number: int) -> "CaptionTree":
        """Return the tree with another caption shown."""
        return replace(self, shown=number)

    def with_request(self, analysis: Analysis, request: CaptionRequest) -> "CaptionTree":
        """Return the tree with a caption that was asked for, which is shown, and its other beams."""
        number = len(self.branches)
        found = [Branch(analysis, request=request)]
        for rank in range(1, len(analysis.other_captions) + 1):
            found.append(Branch(analysis.beam(rank), parent=number, beam=rank))
        return CaptionTree((*self.branches, *found), number)

    def with_branch(self, analysis: Analysis, of: int, step: int) -> "CaptionTree":
        """Return the tree with a caption that left caption `of` at a step; what is shown stays.

        It hangs on the caption that wrote the tokens before that step, which may be an ancestor of `of`.
        """
        branch = Branch(analysis, self._writer(of, step), step)
        return replace(self, branches=(*self.branches, branch))

    def find(self, of: int, step: int, token_id: int) -> int | None:
        """Return the caption that was written already by taking a token at a step of caption `of`."""
        writer = self._writer(of, step)
        if _token(self.branches[writer], step) == token_id:
            return writer
        for number, branch in enumerate(self.branches):
            if branch.parent == writer and branch.step == step and _token(branch, step) == token_id:
                return number
        return None

    def left_at(self, number: int) -> tuple[TokenStep, TokenStep] | None:
        """Return the step of the parent where a caption left it, and its own step there."""
        branch = self.branches[number]
        if branch.parent is None or branch.step is None:
            return None
        return self.branches[branch.parent].caption.steps[branch.step], branch.caption.steps[branch.step]

    def path(self, number: int) -> "CaptionPath":
        """Return how a caption is written again from nothing."""
        branch, taken = self.branches[number], list[tuple[int, int]]()
        while branch.parent is not None and branch.step is not None:
            parent = self.branches[branch.parent]
            tokens = [a.token_id for a in parent.caption.steps[branch.step].alternatives]
            taken.insert(0, (branch.step, tokens.index(branch.caption.steps[branch.step].token_id)))
            branch = parent
        asked = branch if branch.parent is None else self.branches[branch.parent]
        assert asked.request is not None
        return CaptionPath(asked.request, branch.beam, tuple(taken))

    def find_path(self, path: CaptionPath) -> int | None:
        """Return the caption that a path leads to, None if it was not written yet."""
        return next((n for n in range(len(self.branches)) if self.path(n) == path), None)

    @property
    def written(self) -> dict[CaptionPath, Analysis]:
        """Return every caption by its path, in order."""
        return {self.path(number): branch.analysis for number, branch in enumerate(self.branches)}

    def with_path(self, path: CaptionPath, written: Mapping[CaptionPath, Analysis]) -> "CaptionTree":
        """Return the tree with what the path's request brought and all captions on the path, its end shown.

        All of them are among those that were `written`; see `vizstudio.core.caption.CaptionPath.reach`.
        """
        tree, asked = self, CaptionPath(path.request)
        if tree.find_path(asked) is None:
            tree = tree.with_request(written[asked], path.request)
        number = tree.find_path(CaptionPath(path.request, path.beam))
        assert number is not None
        for i, (step, _) in enumerate(path.branches):
            analysis = written[replace(path, branches=path.branches[: i + 1])]
            known = tree.find(number, step, analysis.steps[step].token_id)
            if known is None:
                known, tree = len(tree.branches), tree.with_branch(analysis, number, step)
            number = known
        return tree.show(number)

    def _writer(self, number: int, step: int) -> int:
        """Climb to the caption that shares all tokens before a step and was there first."""
        branch = self.branches[number]
        while branch.parent is not None and branch.step is not None and step <= branch.step:
            number = branch.parent
            branch = self.branches[number]
        return number


def _token(branch: Branch, step: int) -> int | None:
    steps = branch.caption.steps
    return steps[step].token_id if step < len(steps) else None


def text_from(caption: Caption, step: int) -> str:
    """Return a caption from the word on that a step belongs to, with an ellipsis for what is left out."""
    words = [word for word in caption.words if word.steps[-1] is not caption.ending]
    tail = [word.text for word in words if word.steps[-1].index >= step]
    return caption.text if len(tail) == len(words) else " ".join(["…", *tail]).replace("… ", "…")


@dataclass(frozen=True, eq=False)
class Written:
    """Captions by their paths, and why some could not be written."""

    captions: dict[CaptionPath, Analysis]
    problems: list[str]


def write_paths(
    path: CaptionPath,
    others: Sequence[CaptionPath],
    written: Mapping[CaptionPath, Analysis],
    ask: Callable[[CaptionRequest, RunContext], Analysis],
    context: RunContext,
) -> Written:
    """Write a caption and others that are wanted with it; what was `written` is not written again.

    Raises
    ------
    UsageError
        If the caption `path` leads to cannot be written; one of the others may fail.
    """
    captions, problems = dict(written), list[str]()

    def write(one: CaptionPath) -> None:
        asked = CaptionPath(one.request)
        if asked not in captions:
            captions[asked] = ask(one.request, context)
        one.reach(captions, context)

    write(path)
    for other in others:
        try:
            write(other)
        except UsageError as error:
            problems.append(str(error))
    return Written(captions, problems)

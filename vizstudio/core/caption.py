"""A caption as it was written, token by token, each with the attention of the step that wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from vizstudio.core.errors import UsageError
from vizstudio.core.types import Attention, Head, Heatmap

if TYPE_CHECKING:
    from vizstudio.core.context import RunContext
    from vizstudio.core.types import Analysis


@dataclass(frozen=True)
class CaptionRequest:
    """How a caption is to be written.

    Parameters
    ----------
    beams : int
        Width of the beam search; 1 is greedy.
    prefix : str or None
        Words that the caption has to begin with (teacher forcing).
    max_tokens : int or None
        Most tokens to write, the prefix's included; None for the model's own limit.
    length_penalty : float
        A beam's score is its log-probability divided by ``tokens ** length_penalty``.
    temperature : float or None
        Sample instead of taking the most probable token; above 0.
    top_p : float
        Sample among the most probable tokens that together reach this probability; above 0, at most 1.
    seed : int
        Of sampling.
    alternatives : int
        How many tokens to keep at every step.
    """

    beams: int = 1
    prefix: str | None = None
    max_tokens: int | None = None
    length_penalty: float = 1.0
    temperature: float | None = None
    top_p: float = 1.0
    seed: int = 0
    alternatives: int = 10

    def __post_init__(self) -> None:
        for ok, sentence in (
            (self.beams >= 1, f"beams must be at least 1, not {self.beams}"),
            (
                self.max_tokens is None or self.max_tokens >= 1,
                f"max tokens must be at least 1, not {self.max_tokens}",
            ),
            (
                self.temperature is None or self.temperature > 0,
                f"temperature must be above 0, not {self.temperature}",
            ),
            (0 < self.top_p <= 1, f"top-p must be above 0 and at most 1, not {self.top_p}"),
            (self.alternatives >= 1, f"alternatives must be at least 1, not {self.alternatives}"),
            (
                self.beams == 1 or self.temperature is None,
                "beam search takes no temperature: choose one of the two",
            ),
        ):
            if not ok:
                raise UsageError(sentence)


@dataclass(frozen=True)
class CaptionPath:
    """How one caption comes to be: what is asked for, which of its beams, and where it is left.

    Parameters
    ----------
    request : CaptionRequest
        What is asked for.
    beam : int
        Its rank, from 0, the best.
    branches : tuple of (int, int)
        Each a step to leave the caption at and which of its alternatives to take, in this order; see
        `vizstudio.core.types.Analysis.branch`.
    """

    request: CaptionRequest = CaptionRequest()
    beam: int = 0
    branches: tuple[tuple[int, int], ...] = ()

    def follow(self, analysis: "Analysis", context: "RunContext | None" = None) -> "Analysis":
        """Go from the caption that the request brought to the one meant.

        Raises
        ------
        UsageError
            If there is no such beam, step or alternative.
        """
        return self.reach({CaptionPath(self.request): analysis}, context)

    def reach(
        self, written: "dict[CaptionPath, Analysis]", context: "RunContext | None" = None
    ) -> "Analysis":
        """Return the caption meant, going on from those that are there.

        `written` holds what the request brought and whatever else is there; what is written on the way is added.
        """
        on_the_way = [replace(self, branches=self.branches[:i]) for i in range(len(self.branches) + 1)]
        for i, path in enumerate(on_the_way):
            if path not in written and i:
                written[path] = written[on_the_way[i - 1]].branch(*self.branches[i - 1], context)
            elif path not in written:
                written[path] = written[CaptionPath(self.request)].beam(self.beam)
        return written[self]


@dataclass(frozen=True)
class Alternative:
    """A token that a step might have written.

    Parameters
    ----------
    token_id : int
        Its number in the vocabulary.
    text : str
        As the vocabulary spells it, without marks of continuation.
    log_prob : float
        Given all tokens before, in nats.
    """

    token_id: int
    text: str
    log_prob: float


@dataclass(frozen=True, eq=False)
class TokenStep:
    """One step of the decoder: the token that it *wrote*, and what it attended to while writing it.

    The decoder read the token before; its query at that position decides this token, so the map belongs here.

    Parameters
    ----------
    index : int
        Position in the caption, from 0.
    token_id : int
        Number of the token that was written.
    text : str
        The token as the vocabulary spells it, without marks of continuation.
    starts_word : bool
        False for a piece that continues the word before.
    log_prob : float
        Of this token given all before, in nats.
    entropy : float
        Of the whole distribution over the vocabulary, in nats.
    alternatives : tuple of Alternative
        The most probable tokens, most probable first.
    cross : Attention
        A layer per decoder layer, each with one query; keys are the image.
    itself : Attention
        A layer per decoder layer, each with one query; keys are the tokens read so far.
    forced : bool
        Whether the token was given by the user rather than chosen by the model.
    taken : bool
        Whether the user took it from the alternatives of the caption that this one branches from; it is forced
        then, and the tokens before it are as they were there.
    """

    index: int
    token_id: int
    text: str
    starts_word: bool
    log_prob: float
    entropy: float
    alternatives: tuple[Alternative, ...]
    cross: Attention
    itself: Attention
    forced: bool = False
    taken: bool = False

    @property
    def probability(self) -> float:
        """Of this token given all before, in [0, 1]."""
        return exp(self.log_prob)

    def heatmap(self, layer: int = -1, head: Head = "mean") -> Heatmap:
        """Return where the decoder looked on the image when it wrote this token."""
        return self.cross.heatmap(layer, head, 0)


def mean_heatmap(steps: Sequence[TokenStep], layer: int, head: Head, label: str) -> Heatmap:
    """Return the mean of the maps of some steps; see `TokenStep.heatmap`."""
    maps = [step.heatmap(layer, head) for step in steps]
    values = np.stack([m.values for m in maps]).mean(axis=0)
    masses = [m.prefix_mass for m in maps if m.prefix_mass is not None]
    mass = sum(masses) / len(masses) if masses else None
    return Heatmap(values, maps[0].grid, label, maps[0].unit, mass)


@dataclass(frozen=True, eq=False)
class Word:
    """A word of the caption and the steps that wrote its pieces.

    Parameters
    ----------
    text : str
        The pieces put together.
    steps : tuple of TokenStep
        In order.
    """

    text: str
    steps: tuple[TokenStep, ...]

    @property
    def log_prob(self) -> float:
        """Sum over its pieces, in nats."""
        return sum(step.log_prob for step in self.steps)

    @property
    def probability(self) -> float:
        """Product over its pieces, in [0, 1]."""
        return exp(self.log_prob)

    def heatmap(self, layer: int = -1, head: Head = "mean") -> Heatmap:
        """Return the mean of its pieces' maps."""
        return mean_heatmap(self.steps, layer, head, self.text)


def given_word(step: TokenStep) -> str:
    """Return "taken" or "given" for a token that the model did not choose, and else nothing."""
    return ("taken" if step.taken else "given") if step.forced else ""


@dataclass(frozen=True, eq=False)
class Caption:
    """A whole caption.

    Parameters
    ----------
    steps : tuple of TokenStep
        In order; the token that ends the caption is the last one if it was written.
    text : str
        The caption without marks.
    score : float
        What beams are ranked by: log-probability over length, as the request says.
    finished : bool
        Whether the decoder ended it itself, rather than a limit.
    """

    steps: tuple[TokenStep, ...]
    text: str
    score: float
    finished: bool

    @property
    def log_prob(self) -> float:
        """Sum over all steps, in nats."""
        return sum(step.log_prob for step in self.steps)

    @property
    def ending(self) -> TokenStep | None:
        """The step that ended the caption; None if a limit did."""
        return self.steps[-1] if self.finished and self.steps else None

    def as_branch(self, before: Sequence[TokenStep]) -> "Caption":
        """Return this caption, whose beginning was forced, as a branch from another.

        Parameters
        ----------
        before : sequence of TokenStep
            The other's steps up to the branch: whoever chose their tokens chose them here. The token after them
            was taken by the user.
        """
        kept = [
            replace(own, forced=old.forced, taken=old.taken)
            for own, old in zip(self.steps, before, strict=False)
        ]
        taken = replace(self.steps[len(before)], forced=True, taken=True)
        return replace(self, steps=(*kept, taken, *self.steps[len(before) + 1 :]))

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The steps grouped into words; a repeated word stays a word of its own, and so does the end."""
        groups: list[list[TokenStep]] = []
        for step in self.steps:
            if step.starts_word or not groups or step is self.ending:
                groups.append([])
            groups[-1].append(step)
        return tuple(Word("".join(s.text for s in group), tuple(group)) for group in groups)

"""Writes captions with any decoder that reads a token at a time, and keeps what each step looked at."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from vizstudio.compute.calls import AttentionCall
from vizstudio.compute.trace import AttentionTrace
from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep
from vizstudio.core.geometry import TokenAxis
from vizstudio.core.types import AttentionLayer, Head, Heatmap, Query

Tokens = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class QueryCalls:
    """The attention calls of one query.

    Parameters
    ----------
    kind : {"self", "cross"}
        Whether its keys are the tokens that were read, or others.
    calls : sequence of AttentionCall
        One per layer, each with one query.
    keys : TokenAxis
        What was attended to, the same in every layer.
    """

    kind: Literal["self", "cross"]
    calls: Sequence[AttentionCall]
    keys: TokenAxis

    def trace(self, written: str) -> AttentionTrace:
        """Return them as attention whose query is named by the token that it wrote."""
        queries = TokenAxis((written,))
        layers = [
            AttentionLayer(c.name, self.kind, c.heads, queries, self.keys, c.max_error) for c in self.calls
        ]
        return AttentionTrace(layers, self.calls)


Look = Callable[[], QueryCalls]
"""Puts together what a query attended to; called when somebody looks, as most steps of most captions never are."""


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """What a decoder computed as it read the last token of a beginning.

    Parameters
    ----------
    log_probs : (vocabulary,) Tensor
        Of the token that comes next, in nats; float32 on the CPU.
    cross : callable
        Returns the `QueryCalls` on the image.
    itself : callable
        Returns those on the tokens read so far.
    """

    log_probs: Tensor
    cross: Look
    itself: Look


Read = Callable[[Sequence[Tokens]], Sequence[Reading]]
"""Takes beginnings of captions, without what every caption starts with; returns what comes of reading each.

They are those of several beams, which are equally long, or all that a forced caption has, from the empty one on: in
both cases a decoder may read them in one pass.
"""


class StepAttention:
    """The attention of one step, every layer's one query; put together and checked when somebody looks.

    Parameters
    ----------
    look : callable
        Returns the calls.
    written : str
        The token that the step wrote, by which its query is named.
    """

    def __init__(self, look: Look, written: str) -> None:
        self._look, self._written = look, written

    @cached_property
    def _trace(self) -> AttentionTrace:
        return self._look().trace(self._written)

    @property
    def layers(self) -> tuple[AttentionLayer, ...]:
        """The decoder's layers."""
        return self._trace.layers

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        """Return float32 (heads, 1, keys); see `AttentionTrace.weights`."""
        return self._trace.weights(layer, heads, queries)

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """Return the map of one layer on the photo; the step's only query may be left out."""
        return self._trace.heatmap(layer, head, query)


class Spelling(Protocol):
    """A vocabulary."""

    def piece(self, token_id: int) -> tuple[str, bool]:
        """Return a token without marks, and whether it starts a word."""

    def text(self, token_ids: Sequence[int]) -> str:
        """Return tokens as a sentence, without special tokens."""


@dataclass(frozen=True, eq=False)
class _Draft:
    """A caption as far as it is written; `finished` if it has ended itself."""

    tokens: Tokens = ()
    steps: tuple[TokenStep, ...] = ()
    log_prob: float = 0.0
    finished: bool = False

    def score(self, length_penalty: float) -> float:
        return self.log_prob / max(len(self.steps), 1) ** length_penalty


@dataclass(frozen=True, eq=False)
class _Outlook:
    """What may come after a beginning: its reading, and what every step from there tells of it.

    `best` holds the most probable tokens and their log-probabilities, as many as may be needed.
    """

    reading: Reading
    best: list[tuple[int, float]]
    entropy: float
    alternatives: tuple[Alternative, ...]


class CaptionWriter:
    """Writes captions of one image as a request asks: greedily, by chance, or the best of several beams.

    Parameters
    ----------
    read : callable
        Reads beginnings; see `Read`. The writer asks for beginnings that grow by one token.
    spelling : Spelling
        The vocabulary.
    ends : collection of int
        Tokens that end a caption.
    limit : int
        Most tokens to write.
    request : CaptionRequest
        How to choose; its `prefix` and `max_tokens` are the caller's to turn into tokens.
    on_token : callable
        Called with the tokens of the leading caption before each reading; what it raises ends the writing.
    """

    def __init__(
        self,
        read: Read,
        spelling: Spelling,
        ends: Collection[int],
        limit: int,
        request: CaptionRequest,
        on_token: Callable[[Tokens], None] = lambda tokens: None,
    ) -> None:
        self._read, self._spelling, self._ends, self._limit = read, spelling, ends, limit
        self._request, self._on_token = request, on_token

    def write(self, prefix: Sequence[int] = ()) -> list[Caption]:
        """Return as many captions as there are beams, best first; all begin with the tokens of `prefix`."""
        draft = self._forced(tuple(prefix))
        if self._is_done(draft):
            drafts = [draft]
        elif self._request.temperature is None:
            drafts = self._beams(draft)
        else:
            drafts = [self._by_chance(draft, self._request.temperature)]
        penalty = self._request.length_penalty
        return [Caption(d.steps, self._spelling.text(d.tokens), d.score(penalty), d.finished) for d in drafts]

    def _is_done(self, draft: _Draft) -> bool:
        return draft.finished or len(draft.steps) >= self._limit

    def _forced(self, prefix: Tokens) -> _Draft:
        draft = _Draft()
        if prefix:
            outlooks = self._outlooks([prefix[:length] for length in range(len(prefix))])
            for token, outlook in zip(prefix, outlooks, strict=True):
                draft = self._grown(draft, outlook, token, forced=True)
        return draft

    def _by_chance(self, draft: _Draft, temperature: float) -> _Draft:
        generator = torch.Generator().manual_seed(self._request.seed)
        while not self._is_done(draft):
            [outlook] = self._outlooks([draft.tokens])
            log_probs = outlook.reading.log_probs
            token = sample_token(log_probs, temperature, self._request.top_p, generator)
            draft = self._grown(draft, outlook, token)
        return draft

    def _beams(self, draft: _Draft) -> list[_Draft]:
        """Keep the most probable drafts of one length; one that ends leaves its place empty for good.

        One beam is greedy.
        """
        live: list[_Draft] = [draft]
        done: list[_Draft] = []
        while live:
            places = self._request.beams - len(done)
            outlooks = self._outlooks([beam.tokens for beam in live], places)
            longer = [
                (beam.log_prob + log_prob, beam, outlook, token)
                for beam, outlook in zip(live, outlooks, strict=True)
                for token, log_prob in outlook.best[:places]
            ]
            longer.sort(key=lambda candidate: -candidate[0])
            grown = [self._grown(beam, outlook, token) for _, beam, outlook, token in longer[:places]]
            done += [beam for beam in grown if self._is_done(beam)]
            live = [beam for beam in grown if not self._is_done(beam)]
        return sorted(done, key=lambda d: -d.score(self._request.length_penalty))

    def _outlooks(self, beginnings: Sequence[Tokens], least: int = 1) -> list[_Outlook]:
        """Read beginnings; of each outlook at least so many tokens are the most probable."""
        self._on_token(beginnings[0])
        return [self._outlook(reading, least) for reading in self._read(beginnings)]

    def _outlook(self, reading: Reading, least: int) -> _Outlook:
        log_probs, told = reading.log_probs, self._request.alternatives
        found = log_probs.topk(min(max(told, least), len(log_probs)))
        best = list(zip(found.indices.tolist(), found.values.tolist(), strict=True))
        alternatives = tuple(
            Alternative(token, self._spelling.piece(token)[0], p) for token, p in best[:told]
        )
        return _Outlook(reading, best, entropy(log_probs), alternatives)

    def _grown(self, draft: _Draft, outlook: _Outlook, token: int, forced: bool = False) -> _Draft:
        text, starts_word = self._spelling.piece(token)
        reading = outlook.reading
        # The query at the token read last decides this one, so its attention is the attention of this step.
        step = TokenStep(
            index=len(draft.steps),
            token_id=token,
            text=text,
            starts_word=starts_word,
            log_prob=float(reading.log_probs[token]),
            entropy=outlook.entropy,
            alternatives=outlook.alternatives,
            cross=StepAttention(reading.cross, text),
            itself=StepAttention(reading.itself, text),
            forced=forced,
        )
        log_prob, ended = draft.log_prob + step.log_prob, token in self._ends
        return _Draft((*draft.tokens, token), (*draft.steps, step), log_prob, ended)


def entropy(log_probs: Tensor) -> float:
    """Return the entropy, in nats, of a distribution given by (outcomes,) log-probabilities; 0 · log 0 is 0."""
    finite = log_probs.clamp_min(torch.finfo(log_probs.dtype).min)
    return -float(log_probs.exp() @ finite)


def sample_token(log_probs: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> int:
    """Draw a token.

    Parameters
    ----------
    log_probs : (vocabulary,) Tensor
        Of the model.
    temperature : float
        Log-probabilities are divided by it; below 1 the probable tokens become more so.
    top_p : float
        Only the fewest most probable tokens that together reach this probability are drawn from
        (Holtzman et al. 2020, The Curious Case of Neural Text Degeneration); the temperature is applied first.
    generator : torch.Generator
        On the CPU, so that a seed gives the same tokens on every device.
    """
    probs, tokens = (log_probs.double() / temperature).softmax(-1).sort(descending=True, stable=True)
    before = probs.cumsum(-1) - probs
    probs = probs.where(before < top_p, 0)
    return int(tokens[torch.multinomial(probs, 1, generator=generator)])

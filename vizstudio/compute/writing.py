"""Writes captions with any decoder that reads a token at a time, and keeps what each step looked at."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from vizstudio.compute.calls import AttentionCall
from vizstudio.compute.trace import AttentionTrace
from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep
from vizstudio.core.geometry import TokenAxis
from vizstudio.core.types import AttentionLayer


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


@dataclass(frozen=True, eq=False)
class Reading:
    """What a decoder computed as it read the last token of a beginning.

    Parameters
    ----------
    log_probs : (vocabulary,) Tensor
        Of the token that comes next, in nats; float32 on the CPU.
    cross : QueryCalls
        Where it looked on the image.
    itself : QueryCalls
        Where it looked on the tokens read so far.
    """

    log_probs: Tensor
    cross: QueryCalls
    itself: QueryCalls


Read = Callable[[tuple[int, ...]], Reading]
"""Takes the tokens written so far, without what every caption starts with; returns what comes of reading them."""


class Spelling(Protocol):
    """A vocabulary."""

    def piece(self, token_id: int) -> tuple[str, bool]:
        """Return a token without marks, and whether it starts a word."""

    def text(self, token_ids: Sequence[int]) -> str:
        """Return tokens as a sentence, without special tokens."""


@dataclass(frozen=True, eq=False)
class _Draft:
    """A caption as far as it is written; `finished` if it has ended itself."""

    steps: tuple[TokenStep, ...] = ()
    log_prob: float = 0.0
    finished: bool = False

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(step.token_id for step in self.steps)

    def score(self, length_penalty: float) -> float:
        return self.log_prob / max(len(self.steps), 1) ** length_penalty


class CaptionWriter:
    """Writes captions of one image as a request asks: greedily, by chance, or the best of several beams.

    Parameters
    ----------
    read : callable
        Reads a beginning; see `Read`. The writer asks for beginnings that grow by one token.
    spelling : Spelling
        The vocabulary.
    ends : collection of int
        Tokens that end a caption.
    limit : int
        Most tokens to write.
    request : CaptionRequest
        How to choose; its `prefix` and `max_tokens` are the caller's to turn into tokens.
    on_token : callable
        Called with the text so far and its number of tokens before each token; what it raises ends the writing.
    """

    def __init__(
        self,
        read: Read,
        spelling: Spelling,
        ends: Collection[int],
        limit: int,
        request: CaptionRequest,
        on_token: Callable[[str, int], None] = lambda text, count: None,
    ) -> None:
        self._read_tokens, self._spelling, self._ends, self._limit = read, spelling, ends, limit
        self._request, self._on_token = request, on_token

    def write(self, prefix: Sequence[int] = ()) -> list[Caption]:
        """Return as many captions as there are beams, best first; all begin with the tokens of `prefix`."""
        draft = _Draft()
        for token in prefix:
            draft = self._grown(draft, self._read(draft), token, forced=True)
        if self._is_done(draft):
            drafts = [draft]
        elif self._request.beams > 1:
            drafts = self._beams(draft)
        else:
            drafts = [self._single(draft)]
        penalty = self._request.length_penalty
        return [Caption(d.steps, self._spelling.text(d.tokens), d.score(penalty), d.finished) for d in drafts]

    def _read(self, draft: _Draft) -> Reading:
        self._on_token(self._spelling.text(draft.tokens), len(draft.steps))
        return self._read_tokens(draft.tokens)

    def _is_done(self, draft: _Draft) -> bool:
        return draft.finished or len(draft.steps) >= self._limit

    def _single(self, draft: _Draft) -> _Draft:
        request, generator = self._request, torch.Generator().manual_seed(self._request.seed)
        while not self._is_done(draft):
            reading = self._read(draft)
            if request.temperature is None:
                token = int(reading.log_probs.argmax())
            else:
                token = sample_token(reading.log_probs, request.temperature, request.top_p, generator)
            draft = self._grown(draft, reading, token)
        return draft

    def _beams(self, draft: _Draft) -> list[_Draft]:
        """Keep the most probable drafts of one length; one that ends leaves its place empty for good."""
        live: list[_Draft] = [draft]
        done: list[_Draft] = []
        while live:
            readings = [self._read(beam) for beam in live]
            totals = torch.stack(
                [r.log_probs.double() + beam.log_prob for r, beam in zip(readings, live, strict=True)]
            )
            best = totals.flatten().topk(min(self._request.beams - len(done), totals.numel())).indices
            grown: list[_Draft] = []
            for index in best.tolist():
                beam, token = divmod(index, totals.shape[1])
                longer = self._grown(live[beam], readings[beam], token)
                (done if self._is_done(longer) else grown).append(longer)
            live = grown
        return sorted(done, key=lambda d: -d.score(self._request.length_penalty))

    def _grown(self, draft: _Draft, reading: Reading, token: int, forced: bool = False) -> _Draft:
        log_probs = reading.log_probs
        best = log_probs.topk(min(self._request.alternatives, len(log_probs)))
        text, starts_word = self._spelling.piece(token)
        # The query at the token read last decides this one, so its attention is the attention of this step.
        step = TokenStep(
            index=len(draft.steps),
            token_id=token,
            text=text,
            starts_word=starts_word,
            log_prob=float(log_probs[token]),
            entropy=float(torch.special.entr(log_probs.exp()).sum()),
            alternatives=tuple(
                Alternative(number, self._spelling.piece(number)[0], log_prob)
                for number, log_prob in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ),
            cross=reading.cross.trace(text),
            itself=reading.itself.trace(text),
            forced=forced,
        )
        return _Draft((*draft.steps, step), draft.log_prob + step.log_prob, token in self._ends)


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

"""Which token to write next: the most probable, one drawn by chance, or the best of several beams."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vizstudio.api import CaptionRequest
from vizstudio_catr.decoding import Decoding, Node, Prefix

Chooser = Callable[[Tensor], int]
"""Takes (vocabulary,) log-probabilities, returns a token."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A token that was written, and what else might have been.

    Parameters
    ----------
    node : Node
        The token read before it, whose attention decided this one.
    token_id : int
        The token written.
    log_prob : float
        Of this token, in nats.
    entropy : float
        Of the whole distribution, in nats.
    alternatives : tuple of (int, float)
        The most probable tokens and their log-probabilities.
    forced : bool
        Whether it was given by the user.
    """

    node: Node
    token_id: int
    log_prob: float
    entropy: float
    alternatives: tuple[tuple[int, float], ...]
    forced: bool = False


@dataclass(frozen=True, eq=False)
class Draft:
    """A caption as far as it is written.

    Parameters
    ----------
    choices : tuple of Choice
        In order.
    log_prob : float
        Sum over all of them.
    finished : bool
        Whether the last one is the end token.
    """

    choices: tuple[Choice, ...] = ()
    log_prob: float = 0.0
    finished: bool = False

    @property
    def tokens(self) -> Prefix:
        """What was written."""
        return tuple(choice.token_id for choice in self.choices)

    def score(self, length_penalty: float) -> float:
        """Return what captions are ranked by: log-probability over ``length ** length_penalty``."""
        return self.log_prob / max(len(self.choices), 1) ** length_penalty


class Search:
    """Writes captions of one image as a request asks.

    Parameters
    ----------
    decoding : Decoding
        Of the image.
    start, end : int
        Tokens that begin and end a caption.
    limit : int
        Most tokens to write.
    request : CaptionRequest
        How to choose.
    on_token : callable
        Called with the leading draft before every token; what it raises ends the search.
    """

    def __init__(
        self,
        decoding: Decoding,
        start: int,
        end: int,
        limit: int,
        request: CaptionRequest,
        on_token: Callable[[Draft], None] = lambda draft: None,
    ) -> None:
        self._decoding, self._start, self._end, self._limit = decoding, start, end, limit
        self._request, self._on_token = request, on_token

    def run(self, prefix: Sequence[int] = ()) -> list[Draft]:
        """Return as many finished or full drafts as there are beams, best first; all begin with `prefix`."""
        draft = self._forced(prefix)
        if self._is_done(draft):
            return [draft]
        if self._request.beams > 1:
            return self._beams(draft)
        return [self._single(draft, self._chooser())]

    def _chooser(self) -> Chooser:
        temperature = self._request.temperature
        if temperature is None:
            return lambda log_probs: int(log_probs.argmax())
        generator = torch.Generator().manual_seed(self._request.seed)
        top_p = self._request.top_p
        return lambda log_probs: sample(log_probs, temperature, top_p, generator)

    def _is_done(self, draft: Draft) -> bool:
        return draft.finished or len(draft.choices) >= self._limit

    def _forced(self, prefix: Sequence[int]) -> Draft:
        """Write what is given; as it is known beforehand, the decoder reads all of it at once."""
        draft = Draft()
        if not prefix:
            return draft
        self._on_token(draft)
        [last] = self._decoding.read([(self._start, *prefix)])
        nodes = last.path[:-1]
        for node, token, log_probs in zip(nodes, prefix, self._decoding.log_probs(nodes), strict=True):
            draft = self._write(draft, node, token, log_probs, forced=True)
        return draft

    def _single(self, draft: Draft, choose: Chooser) -> Draft:
        while not self._is_done(draft):
            nodes, log_probs = self._read([draft])
            draft = self._write(draft, nodes[0], choose(log_probs[0]), log_probs[0])
        return draft

    def _beams(self, draft: Draft) -> list[Draft]:
        """Keep the most probable drafts of one length; one that ends leaves its place empty for good."""
        live: list[Draft] = [draft]
        done: list[Draft] = []
        while live:
            nodes, log_probs = self._read(live)
            grown: list[Draft] = []
            for beam, token in self._most_probable(live, log_probs, self._request.beams - len(done)):
                longer = self._write(live[beam], nodes[beam], token, log_probs[beam])
                (done if self._is_done(longer) else grown).append(longer)
            live = grown
        return sorted(done, key=lambda d: -d.score(self._request.length_penalty))

    def _read(self, drafts: Sequence[Draft]) -> tuple[list[Node], Tensor]:
        """Return what the decoder computed on reading drafts of one length, and what may come next."""
        self._on_token(drafts[0])
        nodes = self._decoding.read([(self._start, *draft.tokens) for draft in drafts])
        return nodes, self._decoding.log_probs(nodes)

    @staticmethod
    def _most_probable(live: Sequence[Draft], log_probs: Tensor, count: int) -> list[tuple[int, int]]:
        """Return (beam, token) of the `count` most probable continuations, best first."""
        totals = log_probs.double() + torch.tensor([[draft.log_prob] for draft in live], dtype=torch.float64)
        best = totals.flatten().topk(min(count, totals.numel())).indices.tolist()
        return [divmod(index, log_probs.shape[1]) for index in best]

    def _write(self, draft: Draft, node: Node, token: int, log_probs: Tensor, forced: bool = False) -> Draft:
        best = log_probs.topk(min(self._request.alternatives, len(log_probs)))
        log_prob = float(log_probs[token])
        choice = Choice(
            node=node,
            token_id=token,
            log_prob=log_prob,
            entropy=float(torch.special.entr(log_probs.exp()).sum()),
            alternatives=tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True)),
            forced=forced,
        )
        return Draft((*draft.choices, choice), draft.log_prob + log_prob, token == self._end)


def sample(log_probs: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> int:
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

"""The decoder on one encoded image, token by token; whatever prefix was read once is never computed again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vizstudio.api import AttentionCall, FusedCall, capture
from vizstudio_catr.network import CaptionNetwork, Encoded
from vizstudio_catr.transformer import KeysValues

DECODER = "transformer.decoder"
Prefix = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Node:
    """A token that was read after certain others, and what the decoder computed there.

    Parameters
    ----------
    token_id : int
        The token.
    parent : Node or None
        The token before; None at the start.
    kept : (layers, 2, heads, head width) Tensor
        Its keys and values in every layer's self-attention.
    state : (width,) Tensor
        What the next token is told from.
    calls : tuple of AttentionCall
        Of every layer the self- and the cross-attention of its one query.
    """

    token_id: int
    parent: "Node | None"
    kept: Tensor
    state: Tensor
    calls: tuple[AttentionCall, ...]

    @property
    def path(self) -> "list[Node]":
        """All tokens read up to this one."""
        nodes = list(self._back())
        return nodes[::-1]

    def _back(self) -> "Iterator[Node]":
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


@dataclass(frozen=True, eq=False)
class KeptOnPath:
    """The keys or values that a node's self-attention read: put together when asked, not kept twice."""

    before: Node | None
    own: Tensor
    layer: int
    which: int

    def get(self, owner: str) -> Tensor:
        """Return (1, heads, length, head width)."""
        kept = [node.kept for node in self.before.path] if self.before else []
        parts = [part[self.layer, self.which] for part in (*kept, self.own)]
        return torch.stack(parts, 1)[None]


@dataclass(frozen=True, eq=False)
class Shared:
    """The image's keys or values, one tensor for all tokens."""

    tensor: Tensor

    def get(self, owner: str) -> Tensor:
        """Return (1, heads, cells, head width)."""
        return self.tensor


class Decoding:
    """Reads prefixes of captions of one image.

    Parameters
    ----------
    network : CaptionNetwork
        In evaluation mode.
    encoded : Encoded
        One image.
    """

    def __init__(self, network: CaptionNetwork, encoded: Encoded) -> None:
        self._network = network
        self._nodes: dict[Prefix, Node] = {}
        with torch.no_grad():
            self._image = network.readable(encoded)

    def read(self, prefixes: Sequence[Prefix]) -> list[Node]:
        """Return the last node of each prefix; all are equally long, and known but for their last token."""
        missing = [prefix for prefix in dict.fromkeys(prefixes) if prefix not in self._nodes]
        if missing:
            self._nodes |= zip(missing, self._compute(missing), strict=True)
        return [self._nodes[prefix] for prefix in prefixes]

    def log_probs(self, nodes: Sequence[Node]) -> Tensor:
        """Return (nodes, vocabulary) float32 log-probabilities of the token after each node, on the CPU."""
        with torch.no_grad():
            scores = self._network.scores(torch.stack([node.state for node in nodes]))
        return scores.float().log_softmax(-1).cpu()

    def _compute(self, prefixes: Sequence[Prefix]) -> list[Node]:
        """Let the decoder read one token more of every prefix, in one batch."""
        parents = [self._nodes[prefix[:-1]] if len(prefix) > 1 else None for prefix in prefixes]
        device = self._image.layers[0][0].device
        tokens = torch.tensor([prefix[-1:] for prefix in prefixes], device=device)
        decoder = self._network.get_submodule(DECODER)
        with torch.no_grad(), capture(decoder) as recorder:
            states, own = self._network.read(tokens, self._image.expand(len(prefixes)), self._past(parents))
        kept = torch.stack(
            [torch.stack(pair, 1)[..., 0, :] for pair in own], 1
        )  # (batch, layers, 2, heads, dim)
        return [
            Node(prefix[-1], parent, kept[i], states[i, 0], self._calls(recorder.calls, i, parent, kept[i]))
            for i, (prefix, parent) in enumerate(zip(prefixes, parents, strict=True))
        ]

    @staticmethod
    def _past(parents: Sequence[Node | None]) -> list[KeysValues] | None:
        paths = [parent.path for parent in parents if parent is not None]
        if not paths:
            return None
        kept = torch.stack([node.kept for path in paths for node in path])
        # (batch, length, layers, 2, heads, dim) to layers and 2 of (batch, heads, length, dim)
        by_layer = kept.view(len(paths), -1, *kept.shape[1:]).permute(2, 3, 0, 4, 1, 5)
        return [(layer[0], layer[1]) for layer in by_layer]

    def _calls(
        self, calls: Sequence[AttentionCall], number: int, parent: Node | None, kept: Tensor
    ) -> tuple[AttentionCall, ...]:
        """Take the `number`-th caption's part of every captured call, without what is kept elsewhere."""
        parts = []
        for i, call in enumerate(calls):
            assert isinstance(call, FusedCall)
            layer, is_cross = divmod(i, 2)
            sources: list[Any] = [KeptOnPath(parent, kept, layer, which) for which in (0, 1)]
            if is_cross:
                sources = [Shared(tensor) for tensor in self._image.layers[layer]]
            part = call.part(number, *sources)
            part.name = f"{DECODER}.{call.name}"
            parts.append(part)
        return tuple(parts)

"""The decoder on one encoded image, token by token; whatever prefix was read once is never computed again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vizstudio.api import FusedCall
from vizstudio_catr.network import CaptionNetwork, Encoded, Readable
from vizstudio_catr.transformer import KeysValues, Looked

Prefix = tuple[int, ...]
Kind = Literal["self", "cross"]
CALL_NAMES: dict[Kind, str] = {
    "self": "transformer.decoder.layers.{}.self_attn",
    "cross": "transformer.decoder.layers.{}.multihead_attn",
}
"""Of the attention calls that every layer makes, in this order."""
MOST_KEPT = 4000
"""Tokens to know at most; each takes 36 kB at CATR's own sizes."""


@dataclass(frozen=True, eq=False, slots=True)
class Pass:
    """What the decoder computed in one pass over some tokens of some captions; few tensors, for many captions.

    Parameters
    ----------
    image : Readable
        What it read beside them.
    states : (captions, length, width) Tensor
        What the token after each is told from.
    kept : (2, layers, captions, heads, length, head width) Tensor
        Their keys and values in every layer's self-attention.
    seen : (2, calls, captions, heads, length, head width) Tensor
        What every attention call was asked and what it gave out.
    """

    image: Readable
    states: Tensor
    kept: Tensor
    seen: Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A token that was read after certain others: a place in the pass that read it.

    Parameters
    ----------
    token_id : int
        The token.
    parent : Node or None
        The token before; None at the start.
    computed : Pass
        What came of it.
    row, place : int
        The caption and the token there.
    """

    token_id: int
    parent: "Node | None"
    computed: Pass
    row: int
    place: int

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

    @property
    def state(self) -> Tensor:
        """What the next token is told from, (width,)."""
        return self.computed.states[self.row, self.place]

    def calls(self, kind: Kind) -> list[FusedCall]:
        """Return the attention of this one query, a call per layer."""
        count = len(self.path)
        out = []
        for layer, image in enumerate(self.computed.image.layers):
            number = list(CALL_NAMES).index(kind) + len(CALL_NAMES) * layer
            query, given = self.computed.seen[:, number, self.row, :, self.place, None].unsqueeze(1)
            name = CALL_NAMES[kind].format(layer)
            if kind == "self":
                key, value = (KeptOnPath(self, layer, which) for which in (0, 1))
                out.append(FusedCall.of_kept(name, query, key, value, count, given))
            else:
                own_key, own_value = (Shared(tensor) for tensor in image)
                keys, real = image[0].shape[2], self.computed.image.real
                out.append(FusedCall.of_kept(name, query, own_key, own_value, keys, given, real))
        return out


@dataclass(frozen=True, eq=False)
class KeptOnPath:
    """The keys (0) or values (1) that a node's self-attention read: put together when asked, not kept twice."""

    node: Node
    layer: int
    which: int

    def get(self, owner: str) -> Tensor:
        """Return (1, heads, length, head width)."""
        parts = [n.computed.kept[self.which, self.layer, n.row, :, n.place] for n in self.node.path]
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
        assert not network.training, "dropout would falsify what is seen of attention"
        self._network = network
        self._nodes: dict[Prefix, Node] = {}
        # What was read last and the keys and values of all tokens up to there, which the next token mostly needs.
        self._last: tuple[list[Node], list[KeysValues]] = [], []
        with torch.no_grad():
            self._image = network.readable(encoded)

    def read(self, prefixes: Sequence[Prefix]) -> list[Node]:
        """Return the last node of each prefix.

        What is not known of those of one length is read at once, with all that they begin with.
        """
        if len(self._nodes) > MOST_KEPT:
            self._nodes, self._last = {}, ([], [])
        for length in sorted({len(prefix) for prefix in prefixes}, reverse=True):
            wanted = dict.fromkeys(prefix for prefix in prefixes if len(prefix) == length)
            missing = [prefix for prefix in wanted if prefix not in self._nodes]
            if missing:
                self._compute(missing, min(self._known(prefix) for prefix in missing))
        return [self._nodes[prefix] for prefix in prefixes]

    def log_probs(self, nodes: Sequence[Node]) -> Tensor:
        """Return (nodes, vocabulary) float32 log-probabilities of the token after each node, on the CPU."""
        with torch.no_grad():
            scores = self._network.scores(torch.stack([node.state for node in nodes]))
        return scores.float().log_softmax(-1).cpu()

    def _known(self, prefix: Prefix) -> int:
        """Return how many tokens of a prefix were read before."""
        return next((n for n in range(len(prefix) - 1, 0, -1) if prefix[:n] in self._nodes), 0)

    def _compute(self, prefixes: Sequence[Prefix], start: int) -> None:
        """Let the decoder read all tokens from place `start` on, in one batch."""
        parents = [self._nodes[prefix[:start]] for prefix in prefixes] if start else []
        device = self._image.layers[0][0].device
        tokens = torch.tensor([prefix[start:] for prefix in prefixes], device=device)
        image, past = self._image.expand(len(prefixes)), self._past(parents)
        seen: list[Looked] = []
        with torch.no_grad():
            states, kept = self._network.read(tokens, image, past, seen)
        own = [pair[which][:, :, start:] for which in (0, 1) for pair in kept]
        looked = [pair[which] for which in (0, 1) for pair in seen]
        halves = (torch.unflatten(torch.stack(tensors), 0, (2, -1)) for tensors in (own, looked))
        computed = Pass(self._image, states, *halves)
        last = []
        for row, prefix in enumerate(prefixes):
            node = parents[row] if parents else None
            for place, token in enumerate(prefix[start:]):
                node = Node(token, node, computed, row, place)
                node = self._nodes.setdefault(prefix[: start + place + 1], node)
            assert node is not None
            last.append(node)
        self._last = last, kept

    def _past(self, parents: Sequence[Node]) -> list[KeysValues] | None:
        """Return the keys and values of all tokens up to some nodes, of one depth."""
        if not parents:
            return None
        nodes, grown = self._last
        if list(parents) == nodes:
            return grown
        if all(parent in nodes for parent in parents):
            rows = torch.tensor([nodes.index(parent) for parent in parents], device=grown[0][0].device)
            return [(keys[rows], values[rows]) for keys, values in grown]
        rows_kept = []
        for parent in parents:
            parts = [node.computed.kept[:, :, node.row, :, node.place] for node in parent.path]
            rows_kept.append(torch.stack(parts, 3))  # (2, layers, heads, length, head width)
        keys, values = torch.stack(rows_kept, 2)
        return list(zip(keys, values, strict=True))

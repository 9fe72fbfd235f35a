"""The text decoders of transformers' captioners: one token at a time, with what each step looked at."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, GPT2LMHeadModel

from vizstudio.api import ModelError, QueryCalls, Reading, TokenAxis, capture_rows

KeysValues = tuple[Tensor, Tensor]
CACHE = "cache" if "cache" in inspect.signature(GPT2LMHeadModel.forward).parameters else "past_key_values"
"""What decoders call their cache; it was renamed in transformers 5.24."""
MOST_KEPT = 2000
"""Beginnings to know at most."""


@dataclass(frozen=True)
class Parts:
    """What a captioner is made of.

    Parameters
    ----------
    model : nn.Module
        All of it.
    tower : nn.Module
        What sees the image.
    states : callable
        From the tower's output to the image's tokens as the decoder reads them, (1, tokens, width).
    logits : callable
        Called as ``logits(ids, states, **options)`` with one token, for the decoder's output.
    start : int
        The token that every caption starts with.
    ends : frozenset of int
        Those that end it.
    vocabulary, positions : int
        How many tokens the decoder knows, and how many of a caption it can read.
    usual : int
        How many it writes at most unless asked for more.
    prefill : callable or None
        Where the image's tokens are keys of self-attention: reads them into a cache.
    """

    model: Any
    tower: Any
    states: Callable[[Any], Tensor]
    logits: Callable[..., Any]
    start: int
    ends: frozenset[int]
    vocabulary: int
    positions: int
    usual: int
    prefill: Callable[[Tensor, Any], Any] | None = None


def parts_of(model: Any) -> Parts:
    """Take a captioner of transformers apart.

    Raises
    ------
    ModelError
        If its decoder is of another kind, or no token is named that starts or ends a caption.
    """
    return {"vision-encoder-decoder": _vision_gpt2, "blip": _blip, "git": _git}[model.config.model_type](
        model
    )


def _vision_gpt2(model: Any) -> Parts:
    kinds = model.encoder.config.model_type, model.decoder.config.model_type
    if kinds[0] not in ("vit", "dinov2") or kinds[1] != "gpt2":
        raise ModelError(
            f"it pairs {kinds[0]} with {kinds[1]}, and this plugin knows vit or dinov2 with gpt2"
        )
    told, project = model.generation_config, getattr(model, "enc_to_dec_proj", None)

    def states(output: Any) -> Tensor:
        found: Tensor = output.last_hidden_state
        return found if project is None else project(found)

    def logits(ids: Tensor, image: Tensor, **options: Any) -> Any:
        return model.decoder(input_ids=ids, encoder_hidden_states=image, **options)

    start = told.decoder_start_token_id if told.decoder_start_token_id is not None else told.bos_token_id
    return _parts(model, model.encoder, model.decoder.config, states, logits, start, told.eos_token_id)


def _blip(model: Any) -> Parts:
    text = model.config.text_config

    def logits(ids: Tensor, image: Tensor, **options: Any) -> Any:
        return model.text_decoder(input_ids=ids, encoder_hidden_states=image, **options)

    def states(output: Any) -> Tensor:
        return output.last_hidden_state

    # Its own generate ends at sep_token_id too.
    return _parts(model, model.vision_model, text, states, logits, text.bos_token_id, text.sep_token_id)


def _git(model: Any) -> Parts:
    if model.config.num_image_with_embedding:
        raise ModelError("it describes videos, and this plugin shows photos")
    told = model.generation_config

    def states(output: Any) -> Tensor:
        return model.git.visual_projection(output.last_hidden_state)

    def logits(ids: Tensor, image: Tensor, **options: Any) -> Any:
        return model(input_ids=ids, **options)

    def prefill(image: Tensor, cache: Any) -> Any:
        # The image's tokens see one another and no text, so they are read once, without a mask.
        return model.git.encoder(image, attention_mask=None, use_cache=True, **{CACHE: cache})

    tower, config = model.git.image_encoder, model.config
    return _parts(model, tower, config, states, logits, told.bos_token_id, told.eos_token_id, prefill)


def _parts(
    model: Any,
    tower: Any,
    text: Any,
    states: Callable[[Any], Tensor],
    logits: Callable[..., Any],
    start: int | None,
    ends: int | Sequence[int] | None,
    prefill: Callable[[Tensor, Any], Any] | None = None,
) -> Parts:
    if start is None or ends is None:
        raise ModelError("its configuration names no token that starts a caption or none that ends it")
    told = getattr(model, "generation_config", None)
    usual = getattr(told, "max_new_tokens", None) or (getattr(told, "max_length", None) or 51) - 1
    stops = frozenset([ends] if isinstance(ends, int) else ends)
    positions = text.max_position_embeddings
    most = min(usual, positions)
    return Parts(model, tower, states, logits, int(start), stops, text.vocab_size, positions, most, prefill)


@dataclass(frozen=True, eq=False)
class Node:
    """A token as it was read: what came of it, and its own keys and values in every layer."""

    reading: Reading
    own: list[KeysValues]


@dataclass(eq=False)
class Decoding:
    """Reads beginnings of captions of one image; whatever was read once is never computed again.

    Parameters
    ----------
    parts : Parts
        The captioner.
    output : object
        What its tower gave out.
    image : TokenAxis
        What the image's tokens stand for.
    name_of : callable
        Returns a token's text.
    """

    parts: Parts
    output: Any
    image: TokenAxis
    name_of: Callable[[int], str]
    _nodes: dict[tuple[int, ...], Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The image's keys in cross-attention are computed with the first token and shared by all.
        self._shared = DynamicCache()
        self._before: list[KeysValues] = []
        with torch.no_grad():
            self._states = self.parts.states(self.output)
            if self.parts.prefill is not None:
                cache = DynamicCache()
                self.parts.prefill(self._states, cache)
                self._before = [(layer.keys, layer.values) for layer in cache.layers]
        # The beginning read last and its cache, which mostly the next token goes on from.
        self._last: tuple[tuple[int, ...] | None, Any] = None, None

    def read(self, beginnings: Sequence[tuple[int, ...]]) -> list[Reading]:
        """Return what comes of reading the start and each beginning; see `vizstudio.api.Reading`."""
        if len(self._nodes) > MOST_KEPT:
            self._nodes.clear()
        return [self._read((self.parts.start, *tokens)) for tokens in beginnings]

    def _read(self, read: tuple[int, ...]) -> Reading:
        for length in range(1, len(read) + 1):
            if read[:length] not in self._nodes:
                self._nodes[read[:length]] = self._step(read[:length])
        return self._nodes[read].reading

    def _step(self, read: tuple[int, ...]) -> Node:
        cache = self._last[1] if self._last[0] == read[:-1] else self._rebuilt(read[:-1])
        place = torch.tensor([[len(read) - 1]], device=self._states.device)
        ids = torch.tensor([[read[-1]]], device=self._states.device)
        past = cache if self.parts.prefill else EncoderDecoderCache(cache, self._shared)
        with torch.no_grad(), capture_rows(self.parts.model) as seen:
            out = self.parts.logits(ids, self._states, position_ids=place, use_cache=True, **{CACHE: past})
        self._last = read, cache
        own = [(layer.keys[..., -1:, :].clone(), layer.values[..., -1:, :].clone()) for layer in cache.layers]
        log_probs = out.logits[0, -1].float().log_softmax(-1).cpu()
        return Node(self._reading(log_probs, seen.calls, read), own)

    def _rebuilt(self, read: tuple[int, ...]) -> Any:
        """Return a cache of all that was read up to here."""
        cache = DynamicCache()
        nodes = [self._nodes[read[:length]].own for length in range(1, len(read) + 1)]
        for number in range(len(self._before or (nodes and nodes[0]))):
            parts = [*([self._before[number]] if self._before else []), *(own[number] for own in nodes)]
            keys, values = (torch.cat(tensors, -2) for tensors in zip(*parts, strict=True))
            cache.update(keys, values, number)
        return cache

    def _reading(self, log_probs: Tensor, calls: Sequence[Any], read: tuple[int, ...]) -> Reading:
        def both() -> QueryCalls:
            return QueryCalls("self", calls, self._joined(self._names(read)))

        def cross() -> QueryCalls:
            return QueryCalls("cross", [c for c in calls if "crossattention" in c.name], self.image)

        def itself() -> QueryCalls:
            own = [c for c in calls if "crossattention" not in c.name]
            return QueryCalls("self", own, TokenAxis(self._names(read)))

        return Reading(log_probs, *((cross, itself) if self.parts.prefill is None else (both, both)))

    def _names(self, read: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(self.name_of(token) for token in read)

    def _joined(self, names: tuple[str, ...]) -> TokenAxis:
        """Return the keys of a self-attention that sees the image and the text: labels come first by agreement."""
        assert self.image.grid is not None
        prefix, cells = self.image.num_prefix_tokens, len(self.image.grid)
        labels = prefix + len(names)
        order = [*range(prefix), *range(labels, labels + cells), *range(prefix, labels)]
        index = np.array([order], np.int32)
        return TokenAxis((*self.image.labels, *names), self.image.grid, index)

"""Follows the places of pixels through a forward pass, so that where a token lies is measured, not guessed.

Every tensor that holds image content has a twin of the same shape that holds places (see `places`). Whatever
moves values moves places by the very same call (reshape, roll, window partition); whatever mixes channels
keeps the place; a strided convolution or a merge of patches joins places. An operation that is none of these
loses the place, and what has lost its place is told as such.

The limit of this: an operation that is not known here and keeps a tensor's shape is taken to keep places too.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizstudio.compute.places import LOST, finer, is_constant, pixels, resized, strided, union

_MOVES = """
    __getitem__ chunk expand expand_as flatten flip gather index_select movedim moveaxis narrow permute repeat
    repeat_interleave reshape reshape_as roll select split split_with_sizes squeeze swapaxes swapdims tensor_split
    tile transpose t unbind unflatten unfold unsqueeze view view_as pixel_shuffle pixel_unshuffle channel_shuffle
"""
_CASTS = "bfloat16 clone contiguous cpu cuda detach double float half to type type_as"
_LOSES = "argsort cumprod cumsum fold index_add index_copy index_put masked_select rot90 scatter sort topk"
_NORMS = "batch_norm group_norm instance_norm layer_norm rms_norm"
_POOLS = "adaptive_avg_pool2d adaptive_max_pool2d avg_pool2d lp_pool2d max_pool2d"


def _functions(names: str) -> set[Any]:
    found = set()
    for name in names.split():
        found |= {getattr(home, name) for home in (Tensor, torch, F) if hasattr(home, name)}
    return found


MOVES = _functions(_MOVES) | {Tensor.T.__get__, Tensor.mT.__get__, Tensor.H.__get__, Tensor.mH.__get__}  # type: ignore[attr-defined]
MAXIMA = {torch.max, torch.amax, Tensor.max, Tensor.amax}
LOSES, POOLS, CASTS, NORMS = map(_functions, (_LOSES, _POOLS, _CASTS, _NORMS))
JOINS = {torch.cat, torch.concat, torch.concatenate, torch.stack, torch.hstack, torch.vstack}
PRODUCTS = {torch.matmul, torch.bmm, Tensor.matmul, Tensor.bmm, Tensor.__matmul__, Tensor.__rmatmul__}
ATTENTION = F.scaled_dot_product_attention
LINEAR, CONV = {F.linear}, {F.conv2d, torch.conv2d}


@dataclass(frozen=True, eq=False)
class Twin:
    """The places of a tensor's values, and whether they are scores of queries against keys."""

    places: Tensor
    scores: bool = False


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


class PlaceFollower:
    """Knows the twin of every living tensor that has one.

    Parameters
    ----------
    model : nn.Module
        Its parameters of shape (1, count, width) with ``token`` or ``latent`` in their names are tokens that
        lie nowhere on the image, and so is a ``class_embedding`` of that shape or of (width,), as CLIP has it;
        `labels` tells their names.
    inputs : (1, channels, height, width) Tensor
        What the model will be called with.
    """

    def __init__(self, model: nn.Module, inputs: Tensor) -> None:
        self._twins: dict[int, tuple[weakref.ref[Tensor], Twin]] = {}
        self.labels: dict[int, str] = {}
        self._last = 0
        places = pixels(inputs.shape[-2], inputs.shape[-1], inputs.device)
        self._mark(inputs, Twin(places.expand(inputs.shape)))
        for name, parameter in model.named_parameters():
            leaf = name.rpartition(".")[2]
            of_class = leaf == "class_embedding"
            if (
                parameter.ndim == 3
                and len(parameter) == 1
                and ("token" in leaf or "latent" in leaf or of_class)
            ):
                self._mark(parameter, Twin(self._new_tokens(parameter, 1, leaf)))
            elif parameter.ndim == 1 and of_class:
                self._mark(parameter, Twin(self._new_tokens(parameter[None], 0, leaf)[0]))

    def twin(self, tensor: Any) -> Twin | None:
        """Return what is known of a tensor."""
        found = self._twins.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def _mark(self, tensor: Tensor, twin: Twin) -> None:
        key = id(tensor)
        self._twins[key] = (weakref.ref(tensor, lambda _: self._twins.pop(key, None)), twin)

    def _new_tokens(self, like: Tensor, dim: int, name: str = "") -> Tensor:
        """Return places of new tokens, one per index of `dim`."""
        count = like.shape[dim]
        numbers = -torch.arange(self._last + 1, self._last + count + 1, device=like.device)
        for i in range(count):
            self.labels[-(self._last + 1 + i)] = _label(name, i, count)
        self._last += count
        shape = [1] * like.ndim
        shape[dim] = count
        return numbers.view(shape).expand(like.shape)

    def follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Note where the values of a call's result lie."""
        sources = [t for t in _tensors((*args, *kwargs.values())) if self.twin(t) is not None]
        if not sources:
            return
        found: dict[int, Twin] = {}
        if func not in LOSES:
            try:
                results = self._results(func, args, kwargs, out, sources)
                found = {id(made): twin for made, twin in results if twin.places.shape == made.shape}
            except (RuntimeError, TypeError, ValueError, IndexError):
                pass  # an unusual call: its results are lost
        scores = any(twin.scores for twin in map(self.twin, sources) if twin)
        for made in _tensors(out):
            lost = torch.full((), LOST, device=made.device).expand(made.shape)
            self._mark(made, found.get(id(made)) or Twin(lost, scores))

    def _results(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, sources: list[Tensor]
    ) -> Iterator[tuple[Tensor, Twin]]:
        first = self.twin(sources[0])
        assert first is not None
        if func in CASTS:
            yield from ((made, first) for made in _tensors(out))
        elif func in NORMS:
            yield out, Twin(first.places)  # what was normalised is a token again, no score
        elif func in MOVES or func is F.pad:
            if sources[0] is args[0]:  # not an index that was made from an image
                moved = _again(func, (first.places, *args[1:]), kwargs)
                pairs = zip(_tensors(out), _tensors(moved), strict=True)
                yield from ((made, Twin(places, first.scores)) for made, places in pairs)
        elif func in JOINS:
            yield out, Twin(self._joined(func, args, kwargs))
        elif func in LINEAR:
            yield out, Twin(union(first.places)[..., None].expand(out.shape), first.scores)
        elif func in MAXIMA:
            dim: Any = kwargs["dim"] if "dim" in kwargs else args[1]
            joined = union(first.places.movedim(dim, -1))
            yield from ((m, Twin(joined.reshape(m.shape), first.scores)) for m in _tensors(out))
        elif func in CONV or func in POOLS:
            yield out, self._pooled(func, args, kwargs, first, out)
        elif func is F.interpolate:
            channel = union(first.places.movedim(1, -1))[:, None]
            yield out, Twin(resized(channel, out.shape[-2:]).expand(out.shape))
        elif func in PRODUCTS or func is torch.einsum or func is ATTENTION:
            twin = self._product(func, args, out)
            if twin is not None:
                yield out, twin
        else:
            yield from self._elementwise(out, sources)

    def _joined(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        parts, rest = list(args[0]), args[1:]
        dim = kwargs.get("dim", rest[0] if rest else 0)
        twins = [self.twin(part) for part in parts]
        along = dim if func is not torch.stack else 0
        places = [t.places if t else self._new_tokens(p, along) for p, t in zip(parts, twins, strict=True)]
        return func(places, *rest, **kwargs)

    @staticmethod
    def _pooled(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], twin: Twin, out: Tensor) -> Twin:
        places = twin.places
        if func in CONV or is_constant(places, 1):
            places = union(places.movedim(1, -1))[:, None]
        size, before = out.shape[-2:], places.shape[-2:]
        stride = [max(1, round(b / s)) for b, s in zip(before, size, strict=True)]
        if func in CONV:
            given = kwargs.get("stride", args[3] if len(args) > 3 else 1)
            stride = [given, given] if isinstance(given, int) else list(given) * (2 // len(given))
        pooled = strided(places, (stride[0], stride[1]), (size[0], size[1]))
        if pooled is None:
            raise ValueError("the result's size is not that of blocks of one stride")
        return Twin(pooled.expand(out.shape), twin.scores)

    def _product(self, func: Any, args: tuple[Any, ...], out: Tensor) -> Twin | None:
        """Give a product the places of the rows of its left factor, else of the columns of its right one."""
        if func is torch.einsum:
            inputs, result = args[0].replace(" ", "").split("->")
            names, operands = inputs.split(","), list(_tensors(args[1:]))
        else:
            lead = "".join(chr(ord("a") + i) for i in range(out.ndim - 2))
            left, right = (args[1], args[0]) if func is Tensor.__rmatmul__ else (args[0], args[1])
            if func is ATTENTION:
                right = args[2] if len(args) > 2 else left
            operands, result = [left, right], lead + "xz"
            names = [(lead + "xy")[-left.ndim :], (lead + "yz")[-right.ndim :]]
        known = [self.twin(operand) for operand in operands]
        mixes = any(isinstance(operand, nn.Parameter) for operand in operands)
        scores = not mixes and not any(twin.scores for twin in known if twin) and func is not ATTENTION
        for letters, twin in zip(names, known, strict=True):
            if twin is None:
                continue
            summed = [i for i, letter in enumerate(letters) if letter not in result]
            if all(is_constant(twin.places, i) for i in summed):
                places = twin.places
                for i in reversed(summed):
                    places = places.select(i, 0)
                kept = [letter for letter in letters if letter in result]
                places = places.permute([kept.index(x) for x in result if x in kept])
                for i, letter in enumerate(result):
                    if letter not in kept:
                        places = places.unsqueeze(i)
                return Twin(places.expand(out.shape), scores)
        return None

    def _elementwise(self, out: Any, sources: list[Tensor]) -> Iterator[tuple[Tensor, Twin]]:
        for made in _tensors(out):
            found: Twin | None = None
            for source in sources:
                twin = self.twin(source)
                if twin is None or not _fits(source.shape, made.shape):
                    continue
                if found is None or source.shape != made.shape:
                    found = found or Twin(twin.places.expand(made.shape), twin.scores)
                else:
                    found = Twin(finer(found.places, twin.places), found.scores or twin.scores)
            if found is not None:
                yield made, found


def _fits(shape: torch.Size, wanted: torch.Size) -> bool:
    """Return whether a tensor of `shape` broadcasts to `wanted`."""
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return len(shape) <= len(wanted) and all(size in (1, whole) for size, whole in pairs)


def _again(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Move places as a call moved values; a view that their strides do not allow becomes a copy."""
    if func is Tensor.view:
        return args[0].reshape(*args[1:], **kwargs)
    if func is F.pad:
        mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
        return F.pad(args[0], kwargs["pad"] if "pad" in kwargs else args[1], mode)  # a constant is padding: 0
    if func is F.unfold:
        return func(args[0].double(), *args[1:], **kwargs).long()
    return func(*args, **kwargs)


_SHORT_NAMES = (("cls", "cls"), ("class", "cls"), ("dist", "dist"), ("reg", "reg"), ("latent", "probe"))


def _label(name: str, index: int, count: int) -> str:
    """Return the short name of a token that a parameter holds."""
    for part, short in (
        ("cls", "cls"),
        ("class", "cls"),
        ("dist", "dist"),
        ("reg", "reg"),
        ("latent", "probe"),
    ):
        if part in name:
            return f"{short}{index + 1}" if count > 1 or short == "reg" else short
    return f"{name or 'extra'}{index + 1}" if count > 1 else name or "extra"

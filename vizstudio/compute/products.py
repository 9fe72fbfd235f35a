"""Attention that a module computes itself: follows a softmax to the matrix product with the values."""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SOFTMAXES = {F.softmax, torch.softmax, Tensor.softmax, torch.special.softmax}
PRODUCTS = {
    torch.matmul,
    torch.bmm,
    torch.einsum,
    Tensor.matmul,
    Tensor.bmm,
    Tensor.__matmul__,
    Tensor.__rmatmul__,
}


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


@dataclass(frozen=True, eq=False)
class Origin:
    """The softmax that a tensor was made from, and the modules that were running when it was computed.

    The softmax lives as long as a tensor made from it: a head-mixing model rebinds the name at once.
    """

    softmax: Tensor | None
    running: tuple[Any, ...]


class SoftmaxFollower:
    """Knows which living tensors came out of a softmax, and out of which; holds no finished matrix alive."""

    def __init__(self) -> None:
        self._origins: dict[int, tuple[weakref.ref[Tensor], Origin]] = {}

    def origin(self, tensor: Any) -> Origin | None:
        """Return where a tensor came from, or None if no softmax is behind it."""
        found = self._origins.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def _mark(self, tensor: Tensor, origin: Origin) -> None:
        key = id(tensor)
        self._origins[key] = (weakref.ref(tensor, lambda _: self._origins.pop(key, None)), origin)

    def follow(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any, running: list[Any]
    ) -> None:
        """Note what became of a softmax: whatever keeps the number of its values is still the matrix."""
        if func in SOFTMAXES and isinstance(out, Tensor):
            self._mark(out, Origin(None, tuple(running)))
            return
        if not self._origins:
            return
        for source in _tensors((*args, *kwargs.values())):
            origin = self.origin(source)
            if origin is not None:
                for made in _tensors(out):
                    if made.numel() == source.numel() and made is not source:
                        self._mark(
                            made, Origin(source if origin.softmax is None else origin.softmax, origin.running)
                        )
                return


Arrange = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Product:
    """A product of attention with values, whichever way round it was written.

    Attributes
    ----------
    origin : Origin
        Of the softmax that the matrix was made from.
    factors : (Tensor, Tensor)
        Attention and values as the model wrote them.
    arrange : (callable, callable)
        What brings each factor into the form of `matrix` and `value`.
    out : (..., queries, dim) Tensor
    """

    origin: Origin
    factors: tuple[Tensor, Tensor]
    arrange: tuple[Arrange, Arrange]
    out: Tensor

    @property
    def matrix(self) -> Tensor:
        """The attention, (..., queries, keys)."""
        return self.arrange[0](self.factors[0])

    @property
    def value(self) -> Tensor:
        """The values, (..., keys, dim)."""
        return self.arrange[1](self.factors[1])


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.mT


def attention_product(
    follower: SoftmaxFollower, func: Any, args: tuple[Any, ...], out: Any
) -> Product | None:
    """Return the product of attention that a call was, or None if it was something else.

    A product with a parameter mixes heads and is no attention.
    """
    if func is torch.einsum:
        return _einsum_product(follower, args, out)
    left, right = args[0], args[1]
    if func is Tensor.__rmatmul__:
        left, right = right, left
    if isinstance(left, nn.Parameter) or isinstance(right, nn.Parameter) or left.ndim < 2 or right.ndim < 2:
        return None
    if (origin := follower.origin(left)) is not None:
        return Product(origin, (left, right), (_as_it_is, _as_it_is), out)
    if (origin := follower.origin(right)) is not None:
        return Product(origin, (right, left), (_transposed, _transposed), out.mT)
    return None


def _einsum_product(follower: SoftmaxFollower, args: tuple[Any, ...], out: Tensor) -> Product | None:
    """Bring ``einsum("bhij,bhjd->bihd", matrix, value)`` and its like into the form of a matmul."""
    equation, operands = args[0], list(_tensors(args[1:]))
    if not isinstance(equation, str) or len(operands) != 2 or "..." in equation or "->" not in equation:
        return None
    which = next((i for i in (0, 1) if follower.origin(operands[i]) is not None), None)
    if which is None or any(isinstance(operand, nn.Parameter) for operand in operands):
        return None
    inputs, result = equation.replace(" ", "").split("->")
    names = inputs.split(",")
    of_matrix, of_value = names[which], names[1 - which]
    batch = [n for n in of_matrix if n in of_value and n in result]
    keys = [n for n in of_matrix if n in of_value and n not in result]
    queries = [n for n in of_matrix if n not in of_value and n in result]
    dims = [n for n in of_value if n not in of_matrix and n in result]
    if not (len(keys) == len(queries) == len(dims) == 1):
        return None

    def order(letters: str, wanted: list[str]) -> Arrange:
        return lambda tensor: tensor.permute([letters.index(letter) for letter in wanted])

    origin = follower.origin(operands[which])
    assert origin is not None
    return Product(
        origin,
        (operands[which], operands[1 - which]),
        (order(of_matrix, batch + queries + keys), order(of_value, batch + keys + dims)),
        order(result, batch + queries + dims)(out),
    )

"""One attention call of a forward pass: what was kept of it, and its weights on demand."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vizstudio.compute.split import Split
from vizstudio.core.errors import AttentionError

ROWS_CHECKED = 4
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6, torch.float16: 1e-2, torch.bfloat16: 4e-2}


def sample_rows(length: int) -> list[int]:
    """Return a few query positions spread from the first to the last."""
    count = min(ROWS_CHECKED, length)
    return sorted({round(i * (length - 1) / max(count - 1, 1)) for i in range(count)})


def relative_error(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the largest difference relative to the largest value, as a tensor of one number."""
    theirs = theirs.float()
    return (ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-12)


class TensorSource(Protocol):
    """Where a tensor comes from when it is asked for."""

    def get(self, owner: str) -> Tensor:
        """Return the tensor; `owner` is the attention that asks, for messages."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A tensor kept by reference, and the means to know that nobody wrote into it since."""

    tensor: Tensor
    version: int | None = field(init=False)

    def __post_init__(self) -> None:
        # Inference tensors count no versions; vizstudio's own runs use no_grad so that there is one.
        version = None if self.tensor.is_inference() else self.tensor._version
        object.__setattr__(self, "version", version)

    def get(self, owner: str) -> Tensor:
        """Return the tensor, or raise `AttentionError` if it was changed in place."""
        if self.version is not None and self.tensor._version != self.version:
            raise AttentionError(
                f"attention of {owner} cannot be shown: the model changed the call's inputs in place afterwards"
            )
        return self.tensor


@dataclass(eq=False)
class AttentionCall(ABC):
    """What one attention call left behind.

    Attributes
    ----------
    name : str
        Dotted name of the module that made the call.
    module : nn.Module or None
        That module.
    windows, heads, queries, keys : int
        Shape of its weights. `windows` counts independent attentions: 1 for global attention on one image.
    check : callable
        Returns the relative difference between ``weights @ value`` and the call's real output, over a few
        rows; called once, when `max_error` is first asked.
    tolerance : float
        Largest error that the call's precision explains.
    note : str
        What a reader of these weights must know.
    refusal : str
        Why the weights cannot be shown at all; empty if they can.
    """

    name: str
    module: nn.Module | None
    windows: int
    heads: int
    queries: int
    keys: int
    check: Callable[[], Tensor] | None
    tolerance: float
    note: str = ""
    refusal: str = ""

    @cached_property
    def max_error(self) -> float:
        """The self-check's result."""
        assert self.check is not None
        error = float(self.check())
        self.check = None  # and with it the values
        return error

    def require_verified(self) -> None:
        """Raise `AttentionError` unless the self-check held."""
        if self.refusal:
            raise AttentionError(f"attention of {self.name} is not shown: {self.refusal}")
        if not self.max_error <= self.tolerance:  # also catches NaN
            raise AttentionError(
                f"attention of {self.name} is not shown: weights @ value differs from the call's own output "
                f"by {self.max_error:.2g} (allowed: {self.tolerance:.2g})"
            )

    def rows(self, window: int, heads: list[int], positions: list[int] | None) -> Tensor:
        """Return float32 weights (heads, positions, keys) of one window; all positions for None."""
        return self.reader()(window, heads, positions)

    @abstractmethod
    def reader(self) -> "Reader":
        """Return what `rows` does, for many windows: what they share is computed once and dropped with it."""


Reader = Callable[[int, list[int], list[int] | None], Tensor]


@dataclass(frozen=True, eq=False)
class FusedInputs:
    """The arguments of one ``scaled_dot_product_attention``.

    `split` brings a tensor's leading dimensions into the form (windows, heads).
    """

    query: TensorSource
    key: TensorSource
    bias: TensorSource | None
    is_causal: bool
    scale: float
    split: Callable[[Tensor], Tensor]

    def weights(
        self, owner: str, window: slice, heads: list[int] | None, positions: list[int] | None
    ) -> Tensor:
        """Return float32 (windows, heads, positions, keys): softmax(q kᵀ · scale + bias)."""
        rows: Any = slice(None) if positions is None else positions
        query, key = self.query.get(owner), self.split(self.key.get(owner))[window]
        chosen = self.split(query[..., rows, :])[window]
        group = chosen.shape[1] // key.shape[1]  # grouped-query attention: query heads share key heads
        if heads is None:
            key = key.repeat_interleave(group, 1) if group > 1 else key
        else:
            chosen, key = chosen[:, heads], key[:, [head // group for head in heads]]
        scores = chosen.float() @ key.float().mT * self.scale
        if self.is_causal:
            allowed = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
            scores = scores.masked_fill(~allowed[rows], -torch.inf)
        if self.bias is not None:
            bias = self.bias.get(owner).expand(*query.shape[:-1], key.shape[-2])
            bias = self.split(bias[..., rows, :])[window]
            bias = bias if heads is None else bias[:, heads]
            masked = bias.dtype == torch.bool
            scores = scores.masked_fill(~bias, -torch.inf) if masked else scores + bias.float()
        return scores.softmax(-1)


@dataclass(frozen=True, eq=False)
class FusedCheck:
    """Compares ``weights @ value`` with a few rows of what a call really gave out.

    Parameters
    ----------
    owner : str
        Name of the module that made the call.
    inputs : FusedInputs
        What the weights are computed from.
    value : TensorSource
        The call's values.
    rows : list of int
        Positions of the queries that are compared.
    given : (windows, heads, rows, dim) Tensor
        Their output.
    """

    owner: str
    inputs: FusedInputs
    value: TensorSource
    rows: list[int]
    given: Tensor

    def __call__(self) -> Tensor:
        """Return the relative error."""
        weights = self.inputs.weights(self.owner, slice(None), None, self.rows)
        factors = self.inputs.split(self.value.get(self.owner)).float()
        factors = factors.repeat_interleave(weights.shape[1] // factors.shape[1], 1)
        return relative_error(weights @ factors, self.given)


@dataclass(eq=False, kw_only=True)
class FusedCall(AttentionCall):
    """A call of ``F.scaled_dot_product_attention``: its q, k and bias are kept, never the matrix.

    Parameters
    ----------
    inputs : FusedInputs
        What it was given, and how its dimensions divide into windows and heads.
    check : FusedCheck or None
        What the weights are compared with when `max_error` is first asked.
    """

    inputs: FusedInputs
    check: FusedCheck | None

    @classmethod
    def of_kept(
        cls,
        name: str,
        query: Tensor,
        key: TensorSource,
        value: TensorSource,
        keys: int,
        out: Tensor,
        bias: Tensor | None = None,
    ) -> "FusedCall":
        """Return a call on one image from what was kept of it; for those who keep it in a form of their own.

        Parameters
        ----------
        name : str
            Dotted name of the module that made the call.
        query : (1, heads, queries, dim) Tensor
            What the call was given.
        key, value : TensorSource
            Of (1, heads, keys, dim); asked when the weights are.
        keys : int
            How many there are.
        out : (1, heads, queries, dim) Tensor
            What the call gave out, by which it is checked.
        bias : Tensor, optional
            The call's mask.
        """
        heads, queries, dim = query.shape[1:]
        inputs = FusedInputs(
            Kept(query), key, None if bias is None else Kept(bias), False, dim**-0.5, Split(heads)
        )
        rows = sample_rows(queries)
        return cls(
            name=name,
            module=None,
            windows=1,
            heads=heads,
            queries=queries,
            keys=keys,
            check=FusedCheck(name, inputs, value, rows, out[..., rows, :]),
            tolerance=TOLERANCE[query.dtype],
            inputs=inputs,
        )

    def reader(self) -> Reader:
        def read(window: int, heads: list[int], positions: list[int] | None) -> Tensor:
            return self.inputs.weights(self.name, slice(window, window + 1), heads, positions)[0]

        return read


@dataclass(eq=False, kw_only=True)
class ModuleCall(AttentionCall):
    """A call whose module computes the matrix itself: its inputs are kept and the module is run again.

    Attributes
    ----------
    kept : tuple of Kept
        The module's inputs.
    again : callable
        Runs the module again and returns its (windows, heads, queries, keys) matrix.
    sample : (windows, heads, rows, keys) Tensor
        A few rows of the matrix as it was, which the matrix of another run has to equal.
    """

    kept: tuple[Kept, ...]
    again: Callable[[], Tensor]
    sample: Tensor

    def reader(self) -> Reader:
        for tensor in self.kept:
            tensor.get(self.name)
        matrix = self.again()
        same_shape = matrix.shape == (self.windows, self.heads, self.queries, self.keys)
        rows = sample_rows(self.queries)
        if not same_shape or relative_error(matrix[..., rows, :].float(), self.sample) > self.tolerance:
            raise AttentionError(
                f"attention of {self.name} is not shown: run again, the module took another way"
            )

        def read(window: int, heads: list[int], positions: list[int] | None) -> Tensor:
            chosen = matrix[window, heads]
            return (chosen if positions is None else chosen[:, positions]).float()

        return read

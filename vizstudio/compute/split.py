"""How the leading dimensions of an attention call divide into windows and heads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from vizstudio.compute.places import is_constant

HEAD_COUNTS = ("num_heads", "num_attention_heads", "heads", "n_heads", "n_head")


@dataclass(frozen=True)
class Split:
    """Brings tensors (…, length, dim) of one call into the form (windows, heads, length, dim).

    Parameters
    ----------
    heads : int
        Number of heads.
    windows : tuple of int
        The leading dimensions that count windows; the others count heads. Where one dimension counts both,
        windows before heads, it is neither, and `flat` is set.
    flat : bool
        Whether windows and heads share one dimension.
    refusal : str
        Why windows and heads cannot be told apart; empty if they can.
    """

    heads: int
    windows: tuple[int, ...] = (0,)
    flat: bool = False
    refusal: str = ""

    def __call__(self, tensor: Tensor) -> Tensor:
        """Return a view or copy (windows, heads, length, dim)."""
        length, dim = tensor.shape[-2:]
        lead = tensor.shape[:-2]
        if self.flat:
            return tensor.reshape(-1, self.heads, length, dim)
        rest = [i for i in range(len(lead)) if i not in self.windows]
        if self.windows == (0,) and len(lead) == 2:
            return tensor
        moved = tensor.permute(*self.windows, *rest, -2, -1)
        return moved.reshape(math.prod(lead[i] for i in self.windows), -1, length, dim)


def _declared(module: nn.Module | None) -> int | None:
    counts = [getattr(module, name, None) for name in HEAD_COUNTS]
    return next((count for count in counts if isinstance(count, int)), None)


def by_convention(shape: Sequence[int], module: nn.Module | None) -> Split:
    """Split by what is usual: (windows, heads), or with other dimensions by the module's own head count."""
    lead, declared = tuple(shape[:-2]), _declared(module)
    if len(lead) == 2:
        return Split(lead[1])
    if len(lead) < 2:  # (windows · heads, length, dim), as torch's own multi-head attention flattens it
        return Split(declared if declared and math.prod(lead) % declared == 0 else 1, flat=True)
    places = [i for i, size in enumerate(lead) if size == declared]
    chosen = places[0] if len(places) == 1 else len(lead) - 1
    refusal = ""
    if len(places) != 1:
        refusal = f"which of its dimensions {tuple(shape)} holds the heads cannot be told"
    return Split(lead[chosen], tuple(i for i in range(len(lead)) if i != chosen), refusal=refusal)


def by_places(lead: Sequence[int], placed: Sequence[Tensor]) -> Split:
    """Split by what was measured: heads are the leading dimensions along which no token differs in place.

    Parameters
    ----------
    lead : sequence of int
        The leading dimensions of the call's queries, for an input of one image.
    placed : sequence of (*lead, length) int64 Tensor
        Places of the queries, of the keys, or both.
    """
    if len(lead) < 2:
        return Split(min(_run(places) for places in placed), flat=True)
    varying = [i for i in range(len(lead)) if any(not is_constant(places, i) for places in placed)]
    heads = math.prod(size for i, size in enumerate(lead) if i not in varying)
    windows = tuple(varying)
    if not windows and lead[0] == 1:
        windows = (0,)  # the batch of one image
    return Split(heads, windows)


def _run(places: Tensor) -> int:
    """Return how many of the first rows of (count, length) are the same."""
    if places.ndim < 2:
        return 1
    differs = (places != places[0]).any(-1).nonzero()
    return int(differs[0]) if len(differs) else len(places)

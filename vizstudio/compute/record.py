"""Turns what the capture sees into attention calls: finds windows and heads, and checks a few rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vizstudio.compute.calls import (
    TOLERANCE,
    FusedCall,
    FusedCheck,
    FusedInputs,
    Kept,
    ModuleCall,
    relative_error,
    sample_rows,
)
from vizstudio.compute.products import Product
from vizstudio.compute.split import Split, by_convention

ROW_SUM_TOLERANCE = {torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""How far from 1 the sum of rounded weights may be, by their type."""
EXACT_ROW_SUM_TOLERANCE = 1e-3


@dataclass(eq=False)
class Frame:
    """A module that is running, and how many matrix products of attention it made so far."""

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    products: int = 0


def fused_call(
    frame: Frame | None,
    out: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    split: Split | None = None,
) -> FusedCall:
    """Keep what one ``scaled_dot_product_attention`` was given, and what checks it against what it gave out."""
    split = split or by_convention(query.shape, frame.module if frame else None)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    bias = Kept(attn_mask) if attn_mask is not None else None
    inputs = FusedInputs(Kept(query), Kept(key), bias, is_causal, scale, split)
    name, rows = frame.name if frame else "", sample_rows(query.shape[-2])
    # Only a few rows of the output are copied; values mostly share their memory with queries and keys.
    check = FusedCheck(name, inputs, Kept(value), rows, split(out[..., rows, :]))
    return FusedCall(
        name=name,
        module=frame.module if frame else None,
        windows=check.given.shape[0],
        heads=split.heads,
        queries=query.shape[-2],
        keys=key.shape[-2],
        check=check,
        tolerance=TOLERANCE[query.dtype],
        refusal=split.refusal,
        inputs=inputs,
    )


def _all_tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _all_tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _all_tensors(item)


def _shown_matrix(product: Product) -> tuple[Tensor, str, str]:
    """Return (matrix, note, refusal): the matrix used, or the softmax where the use was mixed over heads."""
    if _sums_to_one(product.matrix):
        return product.matrix, "", ""
    softmax = product.origin.softmax
    if softmax is not None and softmax.shape == product.matrix.shape and _sums_to_one(softmax):
        return softmax, "shown before the model mixes its heads", ""
    return product.matrix, "", "its rows do not sum to 1"


def _sums_to_one(matrix: Tensor) -> bool:
    rows = matrix[..., sample_rows(matrix.shape[-2]), :].float()
    allowed = ROW_SUM_TOLERANCE.get(matrix.dtype, EXACT_ROW_SUM_TOLERANCE)
    return bool(((rows.sum(-1) - 1).abs() < allowed).all()) and bool((rows >= 0).all())


def module_call(
    frame: Frame, product: Product, again: Callable[[], Tensor], split: Split | None = None
) -> tuple[ModuleCall, Tensor]:
    """Keep what a module was given that computes attention itself; also return its matrix as it made it."""
    matrix, note, refusal = _shown_matrix(product)
    split = split or by_convention(matrix.shape, frame.module)
    rows = sample_rows(matrix.shape[-2])
    used, values, given = product.matrix[..., rows, :], Kept(product.value), product.out[..., rows, :]
    sample = split(matrix[..., rows, :]).float()
    call = ModuleCall(
        name=frame.name,
        module=frame.module,
        windows=sample.shape[0],
        heads=split.heads,
        queries=matrix.shape[-2],
        keys=matrix.shape[-1],
        check=lambda: relative_error(used.float() @ values.get(frame.name).float(), given),
        tolerance=TOLERANCE[matrix.dtype],
        note=note,
        refusal=refusal or split.refusal,
        kept=tuple(Kept(t) for t in _all_tensors((frame.args, frame.kwargs))),
        again=lambda: split(again()),
        sample=sample,
    )
    return call, matrix

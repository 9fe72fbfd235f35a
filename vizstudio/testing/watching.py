"""Watches a model run: its attention calls, its questions whether to go on, and what it leaves behind.

Nothing here is what plugins capture attention with: it is a second look, which can contradict theirs.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from vizstudio.core.context import RunContext

ATTENTION, CHECK = "attention", "check"


class Asked(Event):
    """An event that notes each question whether it is set, and sets itself at one of them."""

    def __init__(self, marks: list[str], cancel_at: int | None) -> None:
        super().__init__()
        self._marks, self._cancel_at = marks, cancel_at

    def is_set(self) -> bool:
        """Return whether it is set; the question counts."""
        self._marks.append(CHECK)
        if self._cancel_at is not None and self._marks.count(CHECK) > self._cancel_at:
            self.set()
        return super().is_set()


@dataclass
class Watched:
    """What was seen of a run.

    Parameters
    ----------
    running : int
        How many modules are running now, one inside the other.
    marks : list of str
        In order: `ATTENTION` for each attention call that a module made, and `CHECK` for each question whether to
        go on.
    products : list of (value, output)
        Of each attention call, as tensors (..., keys, width) and (..., queries, width).
    """

    running: int = 0
    marks: list[str] = field(default_factory=list)
    products: list[tuple[Any, Any]] = field(default_factory=list)

    def context(self, device: str, cancel_at: int | None = None) -> RunContext:
        """Return a context that notes questions; cancelled from the question after the `cancel_at`-th on."""
        return RunContext(device, cancel_event=Asked(self.marks, cancel_at))

    @property
    def checks(self) -> int:
        """How often the model asked whether to go on."""
        return self.marks.count(CHECK)

    @property
    def attention_calls(self) -> int:
        """How many attention calls were seen; 0 for a model that does not use torch."""
        return self.marks.count(ATTENTION)

    @property
    def longest_gap(self) -> int:
        """The most attention calls between two questions, or before the first or after the last one."""
        gaps = "".join("a" if mark == ATTENTION else " " for mark in self.marks).split(" ")
        return max(map(len, gaps))

    def agrees(self, weights: np.ndarray) -> bool | None:
        """Return whether ``weights @ value`` is the output of a call that was seen; None if none has that shape.

        Parameters
        ----------
        weights : (heads, queries, keys) float32
            Of one layer with global attention.
        """
        heads, queries, keys = weights.shape
        errors = []
        for value, output in self.products:
            fits = value.shape[-2] == keys and output.shape[-2] == queries
            if fits and value.numel() == heads * keys * value.shape[-1]:
                v = value.detach().float().cpu().numpy().reshape(heads, keys, -1)
                out = output.detach().float().cpu().numpy().reshape(heads, queries, -1)
                errors.append(float(np.abs(weights @ v - out).max() / max(np.abs(out).max(), 1e-12)))
        return min(errors) < 1e-2 if errors else None


@contextmanager
def watching() -> Iterator[Watched]:
    """Watch the attention calls of this thread; of a process without torch there are none."""
    watched = Watched()
    if "torch" not in sys.modules:
        yield watched
        return
    from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

    def enter(*_: Any) -> None:
        watched.running += 1

    def leave(*_: Any) -> None:
        watched.running -= 1

    # What is computed outside any module is the plugin's own checking of what it saw.
    handles = register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)
    try:
        with _mode(watched):
            yield watched
    finally:
        for handle in handles:
            handle.remove()


def _mode(watched: Watched) -> Any:
    import torch
    import torch.nn.functional as F
    from torch.overrides import TorchFunctionMode

    fused = (F.scaled_dot_product_attention, F.multi_head_attention_forward)
    softmaxes = (F.softmax, torch.softmax, torch.Tensor.softmax)
    products = (torch.matmul, torch.bmm, torch.Tensor.matmul, torch.Tensor.bmm, torch.Tensor.__matmul__)

    class Mode(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            out = func(*args, **(kwargs or {}))
            attends = func in fused or (func in softmaxes and args[0].ndim > 2)
            if attends and watched.running:
                watched.marks.append(ATTENTION)
            if func is F.scaled_dot_product_attention:
                value = kwargs["value"] if kwargs and "value" in kwargs else args[2]
                watched.products.append((value, out))
            elif func in products and len(args) == 2 and _is_attention(args[0]):
                watched.products.append((args[1], out))
            return out

    def _is_attention(matrix: Any) -> bool:
        sums = matrix.float().sum(-1) if matrix.ndim > 2 and matrix.numel() else None
        return sums is not None and bool(((sums - 1).abs() < 1e-3).all())

    return Mode()


def traces() -> dict[str, Any]:
    """Return what a run could leave behind in this process, by what it is called; empty without torch."""
    if "torch" not in sys.modules:
        return {}
    import torch
    from torch.nn.modules import module as modules

    gc.collect()  # so that modules which nobody holds do not count
    function_modes: Callable[[], int] = torch._C._len_torch_function_stack
    dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack
    alive = [found for found in gc.get_objects() if issubclass(type(found), torch.nn.Module)]
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "hooks on modules": sum(len(getattr(m, kind, ())) for m in alive for kind in kinds),
        "global hooks": len(modules._global_forward_hooks) + len(modules._global_forward_pre_hooks),
        "torch function modes": function_modes(),
        "torch dispatch modes": dispatch_modes(),
        "modules in training mode": sum(m.training for m in alive),
        "whether gradients are computed": torch.is_grad_enabled(),
        "whether inference mode is on": torch.is_inference_mode_enabled(),
        "default dtype": str(torch.get_default_dtype()),
        "number of threads": torch.get_num_threads(),
    }

"""Sees attention inside any model without a line written for its architecture, and leaves nothing behind.

A `TorchFunctionMode` around the forward pass sees every ``F.scaled_dot_product_attention`` with its real
inputs (after rotary embeddings, q/k norms and biases), and every softmax whose result later multiplies
values, whichever operations lie between. Each call checks itself on a few rows: ``weights @ value`` against
the call's own output. No attention matrix is stored; rows are computed when somebody looks.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vizstudio.compute.calls import AttentionCall
from vizstudio.compute.products import PRODUCTS, Product, SoftmaxFollower, attention_product
from vizstudio.compute.record import Frame, fused_call, module_call
from vizstudio.compute.split import Split
from vizstudio.core.errors import AttentionError

# The function hands itself to the active mode as one opaque call, inside which the mode is off. This twin runs
# the very same code without that first step, so that the attention inside it is seen like any other.
_OPEN_MHA = FunctionType(
    F.multi_head_attention_forward.__code__,
    {**F.__dict__, "has_torch_function": lambda *_: False},
    argdefs=F.multi_head_attention_forward.__defaults__,
)
_OPEN_MHA.__kwdefaults__ = F.multi_head_attention_forward.__kwdefaults__


class Recorder(TorchFunctionMode):
    """What a forward pass shows of its attention; made by `capture`.

    On its own it sees the same calls and does not know which module makes them; for a caller who does.

    Parameters
    ----------
    keep_matrices, splits
        See `capture`.

    Attributes
    ----------
    calls : list of AttentionCall
        In the order in which the model made them.
    norms : dict of str to (tokens,) Tensor
        Norms of the tokens that the modules named in ``norms_of`` gave out.
    matrices : list of Tensor or None
        The root module's own matrices, kept only when it is run again to get one.
    """

    def __init__(self, keep_matrices: bool = False, splits: Sequence[tuple[str, Split]] = ()) -> None:
        super().__init__()
        self._splits = list(splits)
        self.calls: list[AttentionCall] = []
        self.norms: dict[str, Tensor] = {}
        self.matrices: list[Tensor] | None = [] if keep_matrices else None
        self.stack: list[Frame] = []
        self.follower = SoftmaxFollower()
        self.thread = threading.get_ident()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.multi_head_attention_forward:
            with self:
                return _OPEN_MHA(*args, **kwargs)
        out = func(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            self.see_fused(out, *args, **kwargs)
        elif func in PRODUCTS and (product := attention_product(self.follower, func, args, out)):
            self._see_product(product)
        else:
            self.follower.follow(func, args, kwargs, out, self.stack)
        self._follow(func, args, kwargs, out)
        return out

    def see_fused(self, out: Tensor, *args: Any, **kwargs: Any) -> None:
        """Keep a finished call of fused attention; for those who keep it in another form."""
        frame = self.stack[-1] if self.stack else None
        split = self._known_split(frame.name if frame else "")
        self.calls.append(fused_call(frame, out, *args, **kwargs, split=split))

    def _see_product(self, product: Product) -> None:
        # The owner is the innermost module that both computed the softmax and used it.
        owners = [frame for frame in self.stack if frame in product.origin.running]
        if not owners:
            raise AttentionError(
                "attention outside any module cannot be captured: wrap it in a torch.nn.Module"
            )
        frame = owners[-1]
        ordinal, frame.products = frame.products, frame.products + 1
        self._keep_product(frame, product, ordinal)

    def _keep_product(self, frame: Frame, product: Product, ordinal: int) -> None:
        split = self._known_split(frame.name)
        call, matrix = module_call(frame, product, lambda: self._again(frame, ordinal), split)
        self.calls.append(call)
        if self.matrices is not None and frame is self.stack[0]:
            self.matrices.append(matrix)

    def _known_split(self, name: str) -> Split | None:
        """Return how the call now seen divides into windows and heads, if that was measured before."""
        known = self._splits[len(self.calls)] if len(self.calls) < len(self._splits) else None
        return known[1] if known is not None and known[0] == name else None

    def _follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Take note of a finished call of any function; for those who follow more than softmaxes."""

    @staticmethod
    def _again(frame: Frame, ordinal: int) -> Tensor:
        """Run a module again on what it was given, for the matrix of its `ordinal`-th product."""
        with torch.no_grad(), capture(frame.module, keep_matrices=True) as recorder:
            frame.module(*frame.args, **frame.kwargs)
        assert recorder.matrices is not None
        return recorder.matrices[ordinal]


OnModule = Callable[[str, float], None]
"""Called as a module starts, with its name and the share of the model's modules that started before it."""


def _hooked(model: nn.Module, norms_of: frozenset[str]) -> list[tuple[str, nn.Module]]:
    """Return the modules to hook: all but torch's own layers, which cannot attend (hooks take time)."""
    chosen = []
    for name, module in model.named_modules():
        of_torch = any(
            c.__module__.startswith("torch.nn") and c is not nn.Module for c in type(module).__mro__
        )
        plain = of_torch and next(module.children(), None) is None
        if name in norms_of or not (plain or isinstance(module, nn.ModuleList | nn.ModuleDict)):
            chosen.append((name, module))
    return chosen


def _hook_modules(
    model: nn.Module, recorder: Recorder, on_module: OnModule | None, norms_of: frozenset[str]
) -> Iterator[Any]:
    """Register the hooks that keep the recorder's stack of running modules; yields their handles."""
    hooked = _hooked(model, norms_of)
    started: set[str] = set()

    def enter(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if threading.get_ident() == recorder.thread:
                if on_module:
                    on_module(name, len(started) / len(hooked))
                    started.add(name)
                recorder.stack.append(Frame(name, module, args, kwargs))

        return hook

    def leave(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], out: Any) -> None:
            if threading.get_ident() == recorder.thread and recorder.stack:
                recorder.stack.pop()
                if name in norms_of and isinstance(out, Tensor):
                    recorder.norms[name] = out.float().norm(dim=-1)[0]

        return hook

    for name, module in hooked:
        yield module.register_forward_pre_hook(enter(name), with_kwargs=True, prepend=True)
        yield module.register_forward_hook(leave(name), always_call=True)


@contextmanager
def capture(
    model: nn.Module,
    on_module: OnModule | None = None,
    norms_of: Iterable[str] = (),
    splits: Sequence[tuple[str, Split]] = (),
    keep_matrices: bool = False,
) -> Iterator[Recorder]:
    """See the attention of every forward pass of `model` made inside this context by this thread.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode; nothing of it is changed, and every hook comes off at the end.
    on_module : callable, optional
        Called as a module starts, with its name and the share of modules that started before it; what it
        raises stops the forward pass. Torch's own layers are passed over.
    norms_of : iterable of str
        Names of modules whose output (1, tokens, width) should leave the norm of each token.
    splits : sequence of (str, Split)
        For each call to come: its module's name, and how it divides into windows and heads; see
        `vizstudio.compute.layout.observe`. Without it that is told from the usual order of dimensions.
    keep_matrices : bool
        Keep softmax matrices too; meant for running one module again.

    Raises
    ------
    AttentionError
        If the model is in training mode, where dropout falsifies the weights.
    """
    recorder = Recorder(keep_matrices, splits)
    with recording(model, recorder, on_module, norms_of):
        yield recorder


@contextmanager
def recording(
    model: nn.Module,
    recorder: Recorder,
    on_module: OnModule | None = None,
    norms_of: Iterable[str] = (),
) -> Iterator[None]:
    """Let a recorder see the forward passes of `model`; see `capture`."""
    if model.training:
        raise AttentionError("call model.eval() first: in training mode dropout falsifies attention weights")
    handles = []
    try:
        for handle in _hook_modules(model, recorder, on_module, frozenset(norms_of)):
            handles.append(handle)  # so that those hooked so far come off even if hooking fails
        with recorder:
            yield
    finally:
        for handle in handles:
            handle.remove()
        recorder.stack.clear()


def describe_failure(model: nn.Module) -> str:
    """Return one sentence on what a model without visible attention is made of instead."""
    found = {type(m).__name__ for m in model.modules() if type(m).__module__.partition(".")[0] != "torch"}
    found -= {type(model).__name__}
    found = found or {type(m).__name__ for m in model.modules()}
    attending = sorted(name for name in found if "attn" in name.lower() or "attention" in name.lower())
    if attending:
        return (
            f"no softmax attention was seen in {type(model).__name__}, though it has {', '.join(attending)}: "
            "attention of another form (linear, or in a compiled kernel) has no weights to show"
        )
    shown = ", ".join(sorted(found)[:6]) + (f" and {len(found) - 6} more" if len(found) > 6 else "")
    return f"no softmax attention was seen in {type(model).__name__}: it is made of {shown}"

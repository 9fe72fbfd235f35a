"""Where the queries and keys of every attention call lie on the image, measured by one forward pass."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vizstudio.compute.calls import AttentionCall
from vizstudio.compute.capture import OnModule, Recorder, recording
from vizstudio.compute.follow import PlaceFollower
from vizstudio.compute.places import BITS, LOST, MAX_SIDE, is_constant
from vizstudio.compute.products import Product
from vizstudio.compute.record import Frame
from vizstudio.compute.split import Split, by_convention, by_places
from vizstudio.core.errors import AttentionError, GeometryError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.types import AttentionLayer

OVER_CHANNELS = "attends over channels, not over tokens"


@dataclass(frozen=True, eq=False)
class CallLayout:
    """Where one attention call's tokens lie.

    Parameters
    ----------
    name : str
        Of the module that makes the call.
    split : Split
        How its leading dimensions divide into windows and heads.
    queries, keys : (windows, length) int64 array or None
        Places as `vizstudio.compute.places` packs them; None where they were lost on the way.
    refusal : str
        Why this is no attention between tokens, such as "attends over channels"; empty if it is.
    """

    name: str
    split: Split
    queries: np.ndarray | None
    keys: np.ndarray | None
    refusal: str = ""

    @cached_property
    def is_same_tokens(self) -> bool:
        """Whether queries and keys are known to be the same tokens, once each."""
        if self.queries is None or self.keys is None or len(self.queries) > 1:
            return False
        return np.array_equal(self.queries, self.keys)


@dataclass(frozen=True, eq=False)
class ModelLayout:
    """The layout of every call that a model makes for inputs of one size.

    Parameters
    ----------
    calls : tuple of CallLayout
        In the order in which the model makes them.
    labels : dict of int to str
        Names of the tokens that lie nowhere on the image, by their place below 0.
    """

    calls: tuple[CallLayout, ...]
    labels: dict[int, str] = field(default_factory=dict)

    @property
    def splits(self) -> list[tuple[str, Split]]:
        """What `vizstudio.compute.capture.capture` needs to know."""
        return [(call.name, call.split) for call in self.calls]

    def layer(self, number: int, call: AttentionCall, fit: ImageFit) -> AttentionLayer:
        """Say what the rows and columns of the `number`-th call's weights stand for.

        Raises
        ------
        AttentionError
            If the call attends over something else than tokens, or is not the one that was traced.
        """
        known = self.calls[number] if number < len(self.calls) else None
        if known is None or known.name != call.name:
            raise AttentionError(
                f"attention of {call.name} is not shown: the model took another way than when it was traced"
            )
        if known.refusal:
            raise AttentionError(f"{call.name} {known.refusal}")
        queries = keys = self._axis(known.queries, call.windows, call.queries, fit, shared=False)
        if not (known.is_same_tokens and call.keys == call.queries):
            keys = self._axis(known.keys, call.windows, call.keys, fit, shared=True)
        same = queries.labels == keys.labels and queries.grid == keys.grid
        return AttentionLayer(
            call.name, "self" if same else "cross", call.heads, queries, keys, call.max_error
        )

    def _axis(
        self, places: np.ndarray | None, windows: int, length: int, fit: ImageFit, shared: bool
    ) -> TokenAxis:
        """Return an axis; with `shared` a token may take part in several windows."""
        note = f"{windows} windows of {length} tokens" if windows > 1 else ""
        if places is None or places.shape != (windows, length) or _repeats(places, shared):
            return _unplaced(windows, length)
        lost = np.argwhere(places == LOST)
        if len(lost) and windows > 1:
            return _unplaced(windows, length)
        places = places.copy()
        places[tuple(lost.T)] = LOST + 1 + np.arange(len(lost))  # each a token of its own
        tokens = list(dict.fromkeys(places[places < 0].tolist()))
        cells = np.unique(places[places > 0])
        grid = _grid(cells, fit) if len(cells) else None
        if grid is None and len(cells):
            return _unplaced(windows, length)
        numbers = {0: -1, **{token: i for i, token in enumerate(tokens)}}
        numbers |= {cell: len(tokens) + i for i, cell in enumerate(cells.tolist())}
        kinds, inverse = np.unique(places, return_inverse=True)
        index = np.array([numbers[kind] for kind in kinds.tolist()], np.int32)[inverse].reshape(places.shape)
        note = note or (_unknown(len(lost)) if len(lost) else "")
        return TokenAxis(_unique([self.labels.get(token, "token") for token in tokens]), grid, index, note)


def _repeats(places: np.ndarray, shared: bool) -> bool:
    """Return whether a token takes part twice where it may only once."""
    for window in places if shared else [places.ravel()]:
        real = window[window != 0]
        if len(np.unique(real)) != len(real):
            return True
    return False


def _unplaced(windows: int, length: int) -> TokenAxis:
    labels = tuple(f"token{i + 1}" for i in range(windows * length))
    index = np.arange(windows * length, dtype=np.int32).reshape(windows, length)
    return TokenAxis(labels, None, index, _unknown(length, windows))


def _unknown(count: int, windows: int = 1) -> str:
    if count == windows == 1:
        return "one token whose place on the image is not known"
    what = f"{count} tokens" if windows == 1 else f"{windows} windows of {count} tokens"
    return f"{what} whose place on the image is not known"


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Number names that occur more than once."""
    out: list[str] = []
    for i, name in enumerate(names):
        out.append(f"{name}{list(names[: i + 1]).count(name)}" if list(names).count(name) > 1 else name)
    return tuple(out)


def _grid(cells: np.ndarray, fit: ImageFit) -> PatchGrid | None:
    """Return the grid that cells (sorted places above 0) form, or None if they form none.

    The input's edge may cut off the last row and column; rounding may move an inner edge by one pixel; and a
    cell that is a strided sample of a finer grid stands for the whole stride.
    """
    top, left, bottom, right = (cells >> BITS * shift & MAX_SIDE for shift in (3, 2, 1, 0))
    rows, cols = _lattice(top, bottom), _lattice(left, right)
    if rows is None or cols is None or rows[0] * cols[0] != len(cells):
        return None
    return PatchGrid(rows[0], cols[0], (cols[1], rows[1]), fit, (cols[2], rows[2]))


def _lattice(starts: np.ndarray, ends: np.ndarray) -> tuple[int, float, float] | None:
    """Return (count, step, origin) of equal steps along one axis, or None if the steps are not equal."""
    edges = np.unique(starts)
    count, origin = len(edges), float(edges[0])
    size = int((ends - starts).max())
    step = float(edges[-1] - edges[0]) / (count - 1) if count > 1 else float(size)
    if round(step) != step and abs(step - size) < 1:
        step = (float(ends.max()) - origin) / count  # rounded edges: the extent tells the step best
    regular = np.abs(edges - (origin + step * np.arange(count))).max() < 1
    return (count, step, origin) if regular and size < step + 1 else None


class LayoutRecorder(Recorder):
    """A `Recorder` that also notes where the tokens of each call lie."""

    def __init__(self, places: PlaceFollower) -> None:
        super().__init__()
        self.places = places
        self.layouts: list[CallLayout] = []

    def _follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        self.places.follow(func, args, kwargs, out)

    def see_fused(self, out: Tensor, *args: Any, **kwargs: Any) -> None:
        given = dict(zip(("query", "key"), args, strict=False)) | kwargs
        twins = [self.places.twin(given[name]) for name in ("query", "key")]
        queries, keys = (_positions(twin.places) if twin else None for twin in twins)
        channels = twins[1] is not None and keys is None
        frame = self.stack[-1] if self.stack else None
        self._add(frame, given["query"].shape, queries, keys, OVER_CHANNELS if channels else "")
        super().see_fused(out, *args, **kwargs)

    def _keep_product(self, frame: Frame, product: Product, ordinal: int) -> None:
        matrix, values = (self.places.twin(factor) for factor in product.factors)
        keys = _positions(product.arrange[1](values.places)) if values else None
        queries = _positions(product.arrange[0](matrix.places)) if matrix else None
        refusal = ""
        if values is not None and keys is None:
            refusal = OVER_CHANNELS
        elif matrix is None or not matrix.scores:
            refusal = "weighs tokens by a softmax that compares no queries with keys"
        self._add(frame, product.matrix.shape, queries, keys, refusal)
        super()._keep_product(frame, product, ordinal)

    def _add(
        self,
        frame: Frame | None,
        shape: Sequence[int],
        queries: Tensor | None,
        keys: Tensor | None,
        refusal: str,
    ) -> None:
        """Note a call of queries or a matrix (*lead, length, …) of that `shape`; places are (…, length)."""
        lead = tuple(shape[:-2])
        spread = [_spread(places, lead) for places in (queries, keys)]
        placed = [p for p in spread if p is not None and not (p == LOST).any()]
        split = by_places(lead, placed) if placed else by_convention(shape, frame.module if frame else None)
        name = frame.name if frame else ""
        self._splits.append((name, split))
        divided = [_windows(places, split) for places in spread]
        self.layouts.append(CallLayout(name, split, divided[0], divided[1], refusal))


def _positions(places: Tensor) -> Tensor | None:
    """Return (…, length) of places (…, length, dim), or None where they differ along the last dimension."""
    return places[..., 0] if is_constant(places, -1) else None


def _spread(places: Tensor | None, lead: tuple[int, ...]) -> Tensor | None:
    """Return places (*lead, length) of (…, length) whose leading dimensions may be 1; None if they differ."""
    if places is None or places.ndim != len(lead) + 1:
        return None
    fits = all(size in (1, whole) for size, whole in zip(places.shape, lead, strict=False))
    return places.expand(*lead, places.shape[-1]) if fits else None


def _windows(places: Tensor | None, split: Split) -> np.ndarray | None:
    """Return (windows, length) of places (*lead, length), or None if heads of one window lie differently."""
    if places is None:
        return None
    divided = split(places[..., None])[..., 0]
    return divided[:, 0].cpu().numpy() if is_constant(divided, 1) else None


@dataclass(frozen=True, eq=False)
class Observation:
    """What one forward pass gave and left behind.

    Parameters
    ----------
    output : object
        What the model returned.
    calls : tuple of AttentionCall
        In the order in which the model made them.
    norms : dict of str to (tokens,) Tensor
        Norms of the tokens that the modules named in ``norms_of`` gave out.
    layout : ModelLayout
        Where the calls' tokens lie.
    """

    output: Any
    calls: tuple[AttentionCall, ...]
    norms: dict[str, Tensor]
    layout: ModelLayout


def observe(
    model: nn.Module,
    inputs: Tensor,
    layout: ModelLayout | None = None,
    on_module: OnModule | None = None,
    norms_of: Iterable[str] = (),
    besides: Mapping[str, Any] | None = None,
) -> Observation:
    """Run a model once on an image; see its attention, and where its tokens lie.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode; nothing of it is changed, and every hook comes off at the end.
    inputs : (1, channels, height, width) Tensor
        What the model is called with.
    layout : ModelLayout, optional
        What an earlier run on an input of the same size found; without it the places are followed, which
        takes some milliseconds more.
    on_module : callable, optional
        Called as a module starts, with its name and the share of modules that started before it; what it
        raises stops the forward pass. Torch's own layers are passed over.
    norms_of : iterable of str
        Names of modules whose output (1, tokens, width) should leave the norm of each token.
    besides : mapping, optional
        What else the model is called with, by name, such as a mask of padding.

    Raises
    ------
    AttentionError
        If the model is in training mode.
    GeometryError
        If the input is not one image, or larger than places can tell.
    """
    if inputs.ndim != 4 or len(inputs) != 1:
        raise GeometryError(
            f"observe takes one image (1, channels, height, width), not {tuple(inputs.shape)}"
        )
    if layout is not None:
        recorder = Recorder(splits=layout.splits)
    elif max(inputs.shape[-2:]) > MAX_SIDE:
        width, height = inputs.shape[-1], inputs.shape[-2]
        raise GeometryError(f"an input of {width}×{height} pixels is too large: at most {MAX_SIDE} a side")
    else:
        recorder = LayoutRecorder(PlaceFollower(model, inputs))
    # no_grad rather than inference_mode: its tensors count changes in place, so a stale map is noticed.
    with torch.no_grad(), recording(model, recorder, on_module, norms_of):
        output = model(inputs, **(besides or {}))
    if isinstance(recorder, LayoutRecorder):
        layout = ModelLayout(tuple(recorder.layouts), recorder.places.labels)
    assert layout is not None
    return Observation(output, tuple(recorder.calls), recorder.norms, layout)

"""What every model promises; see `vizstudio.api.Model` and `vizstudio.api.ModelEntry`."""

from functools import cached_property
from typing import Any

import numpy as np

from vizstudio.core.context import RunContext
from vizstudio.core.errors import Cancelled, ModelError, PluginError, PrecisionError, VizstudioError
from vizstudio.core.types import Analysis, AttentionLayer
from vizstudio.models import LoadedModel, load_model
from vizstudio.testing.contract import Subject, contract, demand
from vizstudio.testing.files import unreadable_checkpoints
from vizstudio.testing.samples import photo
from vizstudio.testing.watching import Watched, traces, watching

MOST_ERROR = 1e-2
MOST_OFF = 0.2
CALLS_OF_A_LAYER = 2
"""A layer attends once, or twice: to its own tokens and to the image."""


class ModelSubject(Subject):
    """A model by its id; `options` are what `vizstudio.load_model` takes beside it."""

    _photos = 0

    @cached_property
    def model(self) -> LoadedModel:
        """The model, loaded once for all contracts."""
        return load_model(self.name, host=self.host, **{"device": "cpu"} | self.options)

    @cached_property
    def analysis(self) -> Analysis:
        """Of a wide photo."""
        return self.model.analyze(photo())

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """All weights of each layer of `analysis`."""
        return [self.analysis.attention.weights(i) for i in range(len(self.analysis.attention.layers))]

    @property
    def layers(self) -> tuple[AttentionLayer, ...]:
        """The layers of `analysis`."""
        return self.analysis.attention.layers

    @cached_property
    def can_caption(self) -> bool:
        """Whether it writes captions."""
        return self.model.can_caption

    def watched_analysis(self, cancel_at: int | None = None) -> tuple[Watched, Analysis | None]:
        """Analyse under watch; the analysis is None if the model ended as it was cancelled."""
        self._photos += 1
        image = photo(seed=100 + self._photos)  # a model may keep what it computed of the last one
        _ = self.model
        with watching() as watched:
            try:
                return watched, self.model.analyze(image, watched.context(self.model.info.device, cancel_at))
            except Cancelled:
                return watched, None


@contract("`info` says what was loaded, before any image is seen.", "vizstudio.api.ModelInfo")
def info(subject: ModelSubject) -> None:
    """Compare `info` with what was asked for."""
    told, options = subject.model.info, subject.options
    demand(told.model_id == subject.name, f"info.model_id is {told.model_id!r}")
    asked = "checkpoint" if options.get("checkpoint") else "pretrained" if options.get("pretrained") else None
    own = ("untrained", "pretrained") if asked is None else (asked,)  # some ship with their weights
    demand(told.weights in own, f"info.weights is {told.weights!r} though {asked or 'nothing'} was asked for")
    demand(told.weights_hash and isinstance(told.weights_hash, str), "info.weights_hash is empty")
    demand(min(told.input_size) > 0, f"info.input_size is {told.input_size}")
    demand(told.device == options.get("device", "cpu"), f"info.device is {told.device!r}")


@contract(
    "every array has the shape that its axes tell, and a part is the same as the whole cut down.",
    "vizstudio.api.Analysis, vizstudio.api.AttentionTrace.weights",
)
def shapes(subject: ModelSubject) -> None:
    """Check the shapes of weights, maps, logits, norms and positions."""
    analysis = subject.analysis
    demand(analysis.model_id == subject.name, f"analysis.model_id is {analysis.model_id!r}")
    demand(subject.layers, "analysis.attention has no layer")
    for number, (about, weights) in enumerate(zip(subject.layers, subject.weights, strict=True)):
        wanted = (about.heads, about.queries.num_tokens, about.keys.num_tokens)
        told = f"weights of layer {number} ({about.name}) are"
        demand(weights.shape == wanted, f"{told} {weights.shape} and its axes tell {wanted}")
        demand(weights.dtype == np.float32, f"{told} {weights.dtype}")
        last = wanted[1] - 1
        part = analysis.attention.weights(number, [wanted[0] - 1], [last, 0])
        whole = weights[[wanted[0] - 1]][:, [last, 0]]
        same = part.shape == whole.shape and np.allclose(part, whole, atol=1e-5)
        demand(same, f"{told} others when only one head and two queries are asked for")
        if about.keys.grid is not None:
            shape = analysis.attention.heatmap(number).values.shape
            demand(shape == about.keys.grid.shape, f"the map of layer {number} is {shape}")
    norms = analysis.token_norms
    demand(norms is None or (norms.ndim == 2 and (norms >= 0).all()), "token_norms are not (layers, tokens)")
    position = analysis.position_embedding
    demand(position is None or np.isfinite(position.vectors).all(), "position vectors are not finite")


@contract("predictions are probabilities of the logits, the most probable first.", "vizstudio.api.Analysis")
def predictions(subject: ModelSubject) -> None:
    """Compare predictions with the softmax of the logits."""
    found, logits = subject.analysis.predictions, subject.analysis.logits
    if not found:
        return
    given = np.array([p.probability for p in found])
    demand(abs(given.sum() - 1) < 1e-3, f"the probabilities sum to {given.sum():.4g}")
    demand((np.diff(given) <= 1e-9).all(), "the most probable does not come first")
    if logits is not None:
        demand(len(logits) == len(found), f"there are {len(logits)} logits and {len(found)} predictions")
        exps = np.exp(logits - logits.max())
        wanted = (exps / exps.sum())[[p.index for p in found]]
        demand(np.allclose(given, wanted, atol=1e-4), "the probabilities are not the softmax of the logits")


@contract("every row of weights sums to 1 and none is negative.", "vizstudio.api.AttentionTrace.weights")
def rows_sum_to_one(subject: ModelSubject) -> None:
    """Sum all rows; where a window has padding, its share may be missing."""
    for number, (about, weights) in enumerate(zip(subject.layers, subject.weights, strict=True)):
        demand(weights.min() >= 0, f"a weight of layer {number} ({about.name}) is {weights.min():.3g}")
        sums = weights.sum(-1)
        padded = (about.keys.index < 0).any()
        off = np.abs(sums - 1) if not padded else np.maximum(sums - 1, 0)
        demand(off.max() < 1e-3, f"a row of layer {number} ({about.name}) is off 1 by {off.max():.3g}")


@contract(
    "the weights are what the model computed with: times the values they give each call's own output.",
    "vizstudio.api.AttentionLayer (max_error)",
)
def weights_explain_output(subject: ModelSubject) -> None:
    """Multiply reported weights with the values that were seen beside the plugin's own capture."""
    watched, analysis = subject.watched_analysis()
    assert analysis is not None
    for number, about in enumerate(analysis.attention.layers):
        name, error = f"layer {number} ({about.name})", about.max_error
        demand(error is not None, f"{name} was not checked: its max_error is None")
        demand(error is not None and error <= MOST_ERROR, f"max_error of {name} is {error}")
        if about.queries.is_global and about.keys.is_global:
            agrees = watched.agrees(analysis.attention.weights(number))
            demand(agrees is not False, f"the weights of {name} do not give the output of any call seen")


@contract(
    "a cancelled call raises Cancelled within one layer: call `context.check()` in each.",
    "vizstudio.api.Model.analyze, vizstudio.api.RunContext.check",
)
def cancel(subject: ModelSubject) -> None:
    """Count the questions whether to go on, then answer one in the middle with no."""
    watched, _ = subject.watched_analysis()
    layers = len(subject.layers)
    if watched.attention_calls:
        gap = watched.longest_gap
        demand(gap <= CALLS_OF_A_LAYER, f"{gap} attention calls pass between two calls of context.check()")
    else:
        demand(watched.checks >= layers, f"{layers} layers call context.check() {watched.checks} times")
    for at in (0, watched.checks // 2, watched.checks - 1):
        _, analysis = subject.watched_analysis(cancel_at=at)
        demand(analysis is None, f"no Cancelled came out when check {at + 1} of {watched.checks} raised it")


@contract(
    "a run leaves no hook, no mode and no other state behind, whether it ends or is cancelled.",
    "vizstudio.api.capture",
)
def leaves_nothing_behind(subject: ModelSubject) -> None:
    """Compare torch's state and the hooks of all modules before and after."""
    _ = subject.model
    before = traces()
    watched, _ = subject.watched_analysis()
    _require_same(before, "a run")
    subject.watched_analysis(cancel_at=watched.checks // 2)
    _require_same(before, "a cancelled run")


def _require_same(before: dict[str, Any], what: str) -> None:
    for name, value in traces().items():
        demand(before[name] == value, f"{what} changes the {name} from {before[name]} to {value}")


@contract("the same photo gives the same numbers, also after another photo.", "vizstudio.api.Model.analyze")
def second_run_equals_the_first(subject: ModelSubject) -> None:
    """Analyse a photo, a larger one of another shape, and the first again."""
    first, first_weights = subject.analysis, subject.weights
    subject.model.analyze(photo((70, 130), seed=5))
    again = subject.model.analyze(photo())
    demand(first.grid == again.grid, "the grid differs in the second run")
    same = (first.logits is None) == (again.logits is None)
    if first.logits is not None and again.logits is not None:
        same = np.allclose(first.logits, again.logits, atol=1e-5)
    demand(same, "the logits differ in the second run")
    for number, weights in enumerate(first_weights):
        again_weights = again.attention.weights(number)
        demand(np.allclose(weights, again_weights, atol=1e-5), f"weights of layer {number} differ")


@contract(
    "what cannot be loaded is an error in one sentence: ModelError, or CheckpointError for a file; no code in it runs.",
    "vizstudio.api.ModelEntry, vizstudio.api.CheckpointError",
)
def errors(subject: ModelSubject) -> None:
    """Ask for a model that is not there, and load files that hold no weights of this one."""
    family = subject.name.partition(":")[0]
    _require_error("an unknown name", VizstudioError, subject, f"{family}:no-such-model-anywhere", {})
    ran = subject.folder / "code-ran"
    for path in unreadable_checkpoints(subject.folder, ran):
        options = subject.options | {"checkpoint": path, "pretrained": False}
        _require_error(f"the checkpoint {path.name}", ModelError, subject, subject.name, options)
        demand(not ran.exists(), f"loading {path.name} ran code from it: read with weights_only=True")
    try:
        odd = load_model(subject.name, host=subject.host, device="cpu", **_without(subject, "device", (7, 5)))
        odd.analyze(photo(), RunContext("cpu"))
    except VizstudioError as error:
        _require_sentence("an input of 7×5 pixels", error)


def _without(subject: ModelSubject, name: str, size: tuple[int, int]) -> dict[str, Any]:
    kept = {key: value for key, value in subject.options.items() if key != name}
    return kept | {"input_size": size}


def _require_error(
    what: str, kind: type[VizstudioError], subject: ModelSubject, model_id: str, options: dict[str, Any]
) -> None:
    try:
        load_model(model_id, host=subject.host, **{"device": "cpu"} | options)
    except VizstudioError as error:
        _require_sentence(what, error)
        demand(isinstance(error, kind), f"{what} raises {type(error).__name__}, not a {kind.__name__}")
    else:
        demand(False, f"{what} raises nothing")


def _require_sentence(what: str, error: VizstudioError) -> None:
    demand(not isinstance(error, PluginError), f"{what} makes the plugin fail: {error}")
    text = str(error)
    demand(len(text) > 15 and "\n" not in text, f"the message for {what} is no sentence: {text!r}")


@contract(
    "what `info.precision` says is the precision of what is computed: a model asked for half either has it or says "
    "float32.",
    "vizstudio.api.ModelRequest (precision), vizstudio.api.ModelInfo",
)
def precision(subject: ModelSubject) -> None:
    """Load the model in half precision and compare its weights with the exact ones."""
    options = {"device": "cpu"} | subject.options | {"precision": "bfloat16"}
    try:
        model = load_model(subject.name, host=subject.host, **options)
        analysis = model.analyze(photo())
    except PrecisionError as error:
        _require_sentence("half precision", error)
        return
    half = [analysis.attention.weights(i) for i in range(len(analysis.attention.layers))]
    demand(len(half) == len(subject.weights), f"in bfloat16 there are {len(half)} layers of attention")
    pairs = list(zip(half, subject.weights, strict=True))
    same = all(np.array_equal(*pair) for pair in pairs)
    demand(not same, "info.precision is 'bfloat16', and all weights are exactly those of float32")
    for number, ours in enumerate(half):
        demand(ours.dtype == np.float32, f"weights of layer {number} in bfloat16 are {ours.dtype}")
        demand(
            ours.sum(-1).max() < 1.03, f"a row of layer {number} sums to {ours.sum(-1).max():.3g} in bfloat16"
        )
    off = float(np.abs(pairs[0][0] - pairs[0][1]).mean() / pairs[0][1].mean())
    demand(off < MOST_OFF, f"weights of the first layer are off by {off:.0%} of their mean in bfloat16")


MODEL_CONTRACTS = (
    info,
    shapes,
    predictions,
    rows_sum_to_one,
    weights_explain_output,
    cancel,
    leaves_nothing_behind,
    second_run_equals_the_first,
    errors,
    precision,
)

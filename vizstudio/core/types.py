"""What an analysis leaves behind: frozen results, shapes checked when they are made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import PatchGrid, TokenAxis

if TYPE_CHECKING:
    from vizstudio.core.caption import Caption, TokenStep
    from vizstudio.core.context import RunContext

Query = str | int | tuple[int, int]
"""``"cls"``, another prefix token's name, ``"mean"`` of the patches, ``(row, col)``, or a token number."""
Head = int | Literal["mean", "max", "min"]
MOST_PATCHES = 2**14  # their similarity takes 1 GB
PositionKind = Literal["learned", "sincos", "rotary"]


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A value per cell of the grid, and where that grid lies on the original image.

    Parameters
    ----------
    values : (rows, cols) float32
        NaN where there is no value: cells outside the query's window.
    grid : PatchGrid
        The cells' place on the original image.
    label : str
        What is shown, in a few words.
    unit : str
        What a value means, such as ``"attention"`` or ``"cosine similarity"``.
    prefix_mass : float or None
        For attention: the share of the row that went to prefix tokens and is therefore not on the map.
    """

    values: np.ndarray
    grid: PatchGrid
    label: str = ""
    unit: str = ""
    prefix_mass: float | None = None

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise GeometryError(f"a map of {self.values.shape} does not fit a grid of {self.grid.shape}")


@dataclass(frozen=True, eq=False)
class PositionEmbedding:
    """The vectors that tell a model where a patch is.

    Parameters
    ----------
    kind : {"learned", "sincos", "rotary"}
        For rotary embeddings a vector is the cosines and sines of the patch's angles, so that the cosine
        similarity of two patches is the mean of ``cos(angle difference)`` over frequencies.
    vectors : (rows * cols, dim) float32
        One per patch; prefix tokens are left out.
    grid : PatchGrid
        Where the patches lie.
    """

    kind: PositionKind
    vectors: np.ndarray
    grid: PatchGrid

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.grid):
            raise GeometryError(
                f"{self.vectors.shape} position vectors do not fit a grid of {self.grid.shape}"
            )

    def similarity(self) -> np.ndarray:
        """Return cosine similarities (rows, cols, rows, cols), float32 in [-1, 1].

        ``similarity()[r, c]`` is the panel of patch (r, c): its similarity with every patch. The figure is
        that of Dosovitskiy et al. 2021 (An Image is Worth 16x16 Words), Figure 7.

        Raises
        ------
        UsageError
            If there are so many patches that their pairs would not fit into memory.
        """
        if len(self.grid) > MOST_PATCHES:
            raise UsageError(
                f"the similarity of {self.grid.rows}×{self.grid.cols} patches has {len(self.grid) ** 2:.1e} numbers, "
                f"too many to hold: choose a smaller input, of at most {MOST_PATCHES} patches"
            )
        vectors = np.asarray(self.vectors, np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        rows, cols = self.grid.shape
        return np.clip(unit @ unit.T, -1, 1).reshape(rows, cols, rows, cols)


@dataclass(frozen=True)
class Prediction:
    """One class and the model's belief in it.

    Parameters
    ----------
    label : str
        The class's name.
    index : int
        Its number among the logits.
    probability : float
        From 0 to 1.
    """

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class AttentionLayer:
    """What is known of one attention call before any weight is computed.

    Parameters
    ----------
    name : str
        Dotted name of the module that made the call, as in ``model.named_modules()``.
    kind : {"self", "cross"}
        Whether queries and keys come from the same tokens.
    heads : int
        Number of heads.
    queries, keys : TokenAxis
        What the rows and columns of the weights stand for.
    max_error : float or None
        Largest difference between ``weights @ value`` and the call's own output, relative to that output's
        largest value; None if the call was not checked.
    """

    name: str
    kind: Literal["self", "cross"]
    heads: int
    queries: TokenAxis
    keys: TokenAxis
    max_error: float | None = None

    @property
    def note(self) -> str:
        """What a reader must know of the layout; empty for global attention."""
        return self.keys.note or self.queries.note


class Attention(Protocol):
    """Attention of one forward pass, asked layer by layer; see `vizstudio.compute.trace.AttentionTrace`."""

    @property
    def layers(self) -> tuple[AttentionLayer, ...]:
        """The attention calls in the order in which they were made."""

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        """Return float32 (heads, queries, keys), rows summing to 1; see `AttentionTrace.weights`."""

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        """Return the map of one layer on the grid; see `vizstudio.core.maps.attention_heatmap`."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that one run of a model on one image leaves behind.

    Parameters
    ----------
    model_id : str
        Such as ``"vit:vit_base_patch16_384"``.
    grid : PatchGrid
        The patches the model cut the image into.
    predictions : tuple of Prediction
        All classes, most probable first; empty for a model without a classifier.
    logits : (classes,) float32 or None
        In class order.
    attention : Attention
        What the attention of this pass can be asked.
    position_embedding : PositionEmbedding or None
        None if the model has none that could be drawn; `notes` then says why.
    token_norms : (layers, tokens) float32 or None
        Euclidean norm of every token after every block, prefix tokens first.
    timings : mapping of str to float
        Seconds that each part of the run took.
    provenance : mapping
        What is needed to run it again: weights, their hash, the image's hash, the fit, versions, device.
    notes : tuple of str
        What the user must know, such as ``"untrained weights"``.
    caption : Caption or None
        The best caption of a model that writes one; its `attention` is then the image encoder's.
    other_captions : tuple of Caption
        The other beams, best first.
    continued : callable or None
        Called as ``continued(token_ids, context)``; returns the analysis whose caption begins with these
        tokens.
    """

    model_id: str
    grid: PatchGrid
    attention: Attention
    predictions: tuple[Prediction, ...] = ()
    logits: np.ndarray | None = None
    position_embedding: PositionEmbedding | None = None
    token_norms: np.ndarray | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    caption: "Caption | None" = None
    other_captions: "tuple[Caption, ...]" = ()
    continued: "Callable[[Sequence[int], RunContext | None], Analysis] | None" = None

    @property
    def steps(self) -> "tuple[TokenStep, ...]":
        """The steps of the caption; none for a model that writes none."""
        return self.caption.steps if self.caption else ()

    def branch(self, step: int, alternative: int, context: "RunContext | None" = None) -> "Analysis":
        """Return the caption that goes on with another token; the image is not encoded again.

        Parameters
        ----------
        step : int
            Where to leave this caption.
        alternative : int
            Which of the step's alternatives to take, from 0, the most probable.
        context : RunContext, optional
            To cancel and to hear of progress.

        Raises
        ------
        UsageError
            If there is no such step or alternative, or this model writes no captions.
        """
        if self.continued is None:
            raise UsageError(f"{self.model_id} writes no captions, so there is none to branch from")
        if self.caption is None:
            raise UsageError("no caption was written yet, so there is none to branch from: ask for one first")
        if not 0 <= step < len(self.steps):
            raise UsageError(f"step {step} does not exist: the caption has steps 0 to {len(self.steps) - 1}")
        choices = self.steps[step].alternatives
        if not 0 <= alternative < len(choices):
            raise UsageError(
                f"alternative {alternative} does not exist: step {step} has 0 to {len(choices) - 1}"
            )
        before = self.steps[:step]
        made = self.continued([*(s.token_id for s in before), choices[alternative].token_id], context)
        assert made.caption is not None
        others = tuple(other.as_branch(before) for other in made.other_captions)
        return replace(made, caption=made.caption.as_branch(before), other_captions=others)

    def beam(self, rank: int) -> "Analysis":
        """Return the caption of another beam in place of the best, which is among the others then.

        Parameters
        ----------
        rank : int
            From 0, the best.

        Raises
        ------
        UsageError
            If there is no such beam.
        """
        captions = [*([self.caption] if self.caption else []), *self.other_captions]
        if not 0 <= rank < len(captions):
            told = f"there are 0 to {len(captions) - 1}" if captions else f"{self.model_id} wrote no caption"
            raise UsageError(f"beam {rank} does not exist: {told}")
        return replace(self, caption=captions[rank], other_captions=(*captions[:rank], *captions[rank + 1 :]))

    def position(self) -> PositionEmbedding:
        """Return the position embedding.

        Raises
        ------
        UsageError
            If the model has none; the message says why.
        """
        if self.position_embedding is None:
            no = "no position embedding"
            why = next((note for note in self.notes if note.startswith(no)), f"{no} to draw")
            raise UsageError(f"{self.model_id}: {why}")
        return self.position_embedding

"""What a model plugin hands over: a model that analyses images, and how the user asked for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from vizstudio.core.caption import CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.geometry import FitMode
from vizstudio.core.images import ImageSource
from vizstudio.core.types import Analysis

PrecisionChoice = Literal["auto", "float32", "float16", "bfloat16"]
WeightSource = Literal["checkpoint", "pretrained", "untrained"]
Precision = Literal["float32", "float16", "bfloat16"]
BYTES: dict[Precision, int] = {"float32": 4, "float16": 2, "bfloat16": 2}
"""Of a number in each precision, the exact one first."""


@dataclass(frozen=True)
class ModelRequest:
    """How the user wants a model built; every plugin's ``load`` gets one.

    Parameters
    ----------
    checkpoint : Path or None
        A local file of weights.
    pretrained : bool
        Fetch published weights. With neither, the model is untrained and must say so.
    class_names : Path or None
        A text file with one class name per line; None for the model's own.
    fit : {"crop", "squash", "pad"} or None
        How an image is made to fit the model's input; None for the model's own way.
    input_size : (int, int) or None
        Width and height of the model's input in pixels; None for the model's own.
    precision : {"float32", "float16", "bfloat16"}
        Of the weights and of what is computed with them, by the names of torch's types. A plugin that knows only
        ``"float32"`` may pass over it: what `ModelInfo.precision` says is compared with it.
    """

    checkpoint: Path | None = None
    pretrained: bool = False
    class_names: Path | None = None
    fit: FitMode | None = None
    input_size: tuple[int, int] | None = None
    precision: Precision = "float32"


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a loaded model before it sees an image.

    Parameters
    ----------
    model_id : str
        Such as ``"vit:vit_base_patch16_384"``.
    weights : {"checkpoint", "pretrained", "untrained"}
        Where they come from.
    weights_hash : str
        Changes if the weights do; of untrained ones it tells the seed.
    input_size : (int, int)
        Width and height of the model's input in pixels.
    num_parameters : int
        How many numbers were, or could be, learnt.
    device : str
        Where it runs; see `RunContext`.
    precision : {"float32", "float16", "bfloat16"}
        In which it was loaded; see `ModelRequest`.
    """

    model_id: str
    weights: WeightSource
    weights_hash: str
    input_size: tuple[int, int]
    num_parameters: int
    device: str
    precision: Precision = "float32"

    @property
    def num_bytes(self) -> int:
        """What the parameters take of the memory."""
        return self.num_parameters * BYTES[self.precision]


@dataclass(frozen=True)
class ModelChoice:
    """A model as the user chose it, in the words of `vizstudio.load_model`; loaded again only when it changes."""

    model_id: str
    checkpoint: Path | None = None
    pretrained: bool = False
    device: str = "auto"
    precision: PrecisionChoice = "auto"


class Model(Protocol):
    """A loaded model, ready to analyse images; called from one thread at a time."""

    @property
    def info(self) -> ModelInfo:
        """What is known of it."""

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        """Run the model once on an image and keep what it computed.

        Raises
        ------
        vizstudio.core.errors.VizstudioError
            With one sentence for the user.
        vizstudio.core.errors.Cancelled
            Soon after ``context`` was cancelled: within one layer.
        """


@runtime_checkable
class Captioner(Model, Protocol):
    """A model that writes captions too."""

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        """Encode an image once, write its caption token by token, and keep what was computed.

        Returns
        -------
        Analysis
            With `caption` and `continued` set; its `attention` is the image encoder's.

        Raises
        ------
        vizstudio.core.errors.VizstudioError
            With one sentence for the user, such as on a prefix that is too long.
        vizstudio.core.errors.Cancelled
            Soon after ``context`` was cancelled: within one token.
        """

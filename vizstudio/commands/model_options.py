"""Which model is asked for on the command line, and which other it is compared with."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vizstudio.commands.batch import load_with_progress
from vizstudio.commands.options import MODEL, SECOND, parse_size
from vizstudio.models import LoadedModel
from vizstudio.plugins import PluginHost

_Model = Parameter(group=MODEL)


def _second(name: str) -> Parameter:
    return Parameter(name=f"--with{name}", group=SECOND, allow_leading_hyphen=True)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Options of a model.

    Parameters
    ----------
    model
        Such as vit:vit_base_patch16_384; `vizstudio models` lists them.
    checkpoint
        A local file of weights (.safetensors or .pth). Without it or --pretrained the model is untrained.
    pretrained
        Fetch the published weights, once.
    device
        auto, cpu, cuda, cuda:N or mps. With auto the CPU is taken if a graphics card's memory is too small.
    precision
        auto, float32, float16 or bfloat16. With auto float32, or float16 if a graphics card's memory is too small.
    fit
        How an image is made to fit the model's input; by default as the model was trained.
    input_size
        WIDTHxHEIGHT in pixels of what the model is given; by default the model's own.
    """

    model: Annotated[str, _Model]
    checkpoint: Annotated[Path | None, _Model] = None
    pretrained: Annotated[bool, _Model] = False
    device: Annotated[str, _Model] = "auto"
    precision: Annotated[str, _Model] = "auto"
    fit: Annotated[Literal["crop", "squash", "pad"] | None, _Model] = None
    input_size: Annotated[str | None, _Model] = None

    @property
    def size(self) -> tuple[int, int] | None:
        """What the model is given, as (width, height) in pixels; raises `UsageError` if it has another form."""
        return parse_size(self.input_size, "--input-size") if self.input_size is not None else None

    def load(self, host: PluginHost, classes: Path | None = None) -> LoadedModel:
        """Load the model, with progress on a terminal."""
        return load_with_progress(
            self.model,
            checkpoint=self.checkpoint,
            pretrained=self.pretrained,
            device=self.device,
            precision=self.precision,
            host=host,
            classes=classes,
            fit=self.fit,
            input_size=self.size,
        )


@Parameter(name="*")
@dataclass(frozen=True)
class SecondOptions:
    """Options of what is compared with a model.

    Parameters
    ----------
    model
        The second model; by default the same with the same weights, unless others are given here.
    checkpoint
        Weights of the second from a local file.
    pretrained
        The second with its published weights.
    device
        Device of the second; by default that of the first.
    precision
        Precision of the second; by default that of the first.
    layer
        Layer of the second; by default that of --layer.
    head
        Head of the second; by default that of --head.
    """

    model: Annotated[str | None, _second("")] = None
    checkpoint: Annotated[Path | None, _second("-checkpoint")] = None
    pretrained: Annotated[bool, _second("-pretrained")] = False
    device: Annotated[str | None, _second("-device")] = None
    precision: Annotated[str | None, _second("-precision")] = None
    layer: Annotated[int | None, _second("-layer")] = None
    head: Annotated[str | None, _second("-head")] = None

    def beside(self, first: ModelOptions) -> ModelOptions:
        """Return the second model: the first, but for what is given here."""
        second = replace(
            first, device=self.device or first.device, precision=self.precision or first.precision
        )
        if self.model is None and self.checkpoint is None and not self.pretrained:
            return second
        name = self.model or first.model
        return replace(second, model=name, checkpoint=self.checkpoint, pretrained=self.pretrained)

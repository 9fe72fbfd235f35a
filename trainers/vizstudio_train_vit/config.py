"""The options of ``vit-finetune``; needs no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from vizstudio.api import ImageTraining

# The fine-tuning study: ViT-B/16 at 384 pixels on 37 classes of pets. Its report gives the learning rate 1e-6,
# and a schedule that warms up and then decays exponentially.
STUDY: Mapping[str, Any] = {
    "model": "vit_base_patch16_384",
    "epochs": 40,
    "batch_size": 8,
    "lr": 1e-6,
    "schedule": "warmup-exponential",
    "flip": 0.5,
    "rotation": 15.0,
    "jitter": 0.2,
    "fit": "squash",
}


class FinetuneConfig(ImageTraining):
    """What the recipe can be asked."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"dlcv-hw3": STUDY}

    data: str = Field(
        min_length=1,
        description="A folder with a folder of images for each class, or with files CLASS_ID.jpg such as 29_4718.jpg; "
        "or with such folders train and val. Or a data set by its name: `vizstudio-train list` lists them.",
    )
    model: str = Field(
        "vit_base_patch16_224",
        min_length=1,
        description="A classifier of timm; `vizstudio models vit:` lists them.",
    )
    model_args: dict[str, int | float] = Field(
        {},
        description="What timm's constructor takes beside the model's name, as JSON; with random weights only, such as "
        '{"patch_size": 12, "depth": 6}.',
    )
    class_names: Path | None = Field(
        None, description="A text file with one class name per line, for files CLASS_ID.jpg."
    )
    pretrained: bool = Field(
        True,
        description="Start from published weights, fetched once; --no-pretrained starts from random ones.",
    )
    checkpoint: Path | None = Field(None, description="Start from the weights in this file instead.")
    position_init: Literal["random", "sine"] = Field(
        "random",
        description="What random weights have for positions: sine starts from 2-D sine positions, which are then "
        "learnt as the rest; a small data set alone teaches little of them.",
    )
    image_size: int | None = Field(
        None, ge=8, description="Width and height in pixels of the model's input; by default the model's own."
    )
    fit: Literal["crop", "squash", "pad"] | None = Field(
        None, description="How an image is made to fit the input; by default the model's own way."
    )
    flip: float = Field(0.5, ge=0, le=1, description="How often an image is mirrored.")
    rotation: float = Field(10.0, ge=0, le=180, description="Degrees by which images are turned at most.")
    jitter: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="How much brightness, contrast and saturation change at most: 0.2 is a fifth.",
    )
    layer_decay: float | None = Field(
        None, gt=0, le=1, description="Each layer's learning rate is this share of the next layer's."
    )
    class_balanced: bool = Field(
        False, description="Draw every class equally often; an image may come more than once an epoch."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the target spread over all classes."
    )

    @field_validator("model_args", mode="before")
    @classmethod
    def _read_json(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError(f"no JSON: {error}") from error

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if self.model.partition(":")[0] not in (self.model, "vit"):
            raise ValueError(f"model {self.model!r} is no classifier of timm: give its name, or vit:NAME")
        if self.position_init != "random" and (self.pretrained or self.checkpoint is not None):
            raise ValueError(
                f"position_init {self.position_init} is for random weights: give --no-pretrained and no checkpoint"
            )
        return self

    @property
    def timm_name(self) -> str:
        """The model's name without its scheme."""
        return self.model.removeprefix("vit:")

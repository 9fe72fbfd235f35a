"""The options of the recipe ``catr``; needs no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from vizstudio.api import ImageTraining

# saahiluppal/catr as published. Its turned and mirrored images keep their captions, which then say "left" or "above"
# of what is not: it is offered to repeat the published training, not as a good one. Published are changes of brightness
# by 0.5 to 1.3, contrast 0.8 to 1.5 and saturation 0.2 to 1.5; jitter is the same for all three.
PUBLISHED: Mapping[str, Any] = {
    "epochs": 30,
    "batch_size": 32,
    "lr": 1e-4,
    "backbone_lr": 1e-5,
    "weight_decay": 1e-4,
    "decay_all": True,
    "schedule": "step",
    "drop_epochs": 20,
    "drop_to": 0.1,
    "warmup_steps": 0,
    "clip": 0.1,
    "flip": 0.5,
    "quarter_turns": True,
    "jitter": 0.5,
    "count_pad": True,
    "backbone_norm": "frozen",
    "frozen_stages": 2,
    "pretrained_backbone": True,
}
SIZES = (
    *("backbone", "dilation", "backbone_width", "backbone_stages", "width", "heads", "encoder_layers"),
    *("decoder_layers", "feedforward", "dropout", "max_positions", "head_width", "head_layers", "image_size"),
)
"""The options that are fields of `vizstudio_catr.config.CatrConfig`."""


def _size(about: str, published: object, least: int = 1) -> Any:
    return Field(None, ge=least, description=f"{about}; by default the checkpoint's, or {published}.")


class CatrTraining(ImageTraining):
    """What the recipe can be asked."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"catr": PUBLISHED}

    data: str = Field(
        min_length=1,
        description="A folder in the form of COCO (annotations/captions_SPLIT.json and a folder SPLIT of images), or "
        "with captions.csv (columns image,caption). Or a data set by its name: `vizstudio-train list` lists them.",
    )
    model: Literal["catr"] = Field("catr", description="There is one architecture; its sizes are options.")
    clip: float | None = Field(0.1, gt=0, description="The greatest norm of the gradient.")
    weight_decay: float = Field(1e-4, ge=0, description="Of AdamW; biases, norms and positions are left out.")
    decay_all: bool = Field(False, description="Let weight decay concern every parameter, as published.")
    backbone_lr: float | None = Field(
        None,
        gt=0,
        description="The backbone's learning rate at its highest; by default that of the rest from scratch, else a "
        "tenth of it.",
    )

    vocabulary: str | None = Field(
        None,
        description="bert, words (those of the captions to learn from), or a file with a token per line; by default "
        "the checkpoint's, or bert.",
    )
    min_word_count: int = Field(
        1, ge=1, description="With words: how often a word must be there; rarer ones are [UNK]."
    )
    checkpoint: Path | None = Field(
        None, description="Start from the weights in this file: a published one, or one of this recipe."
    )
    pretrained_backbone: bool = Field(
        False,
        description="Start the backbone from torchvision's ImageNet weights, fetched once, where no file is given.",
    )
    backbone_weights: Path | None = Field(
        None, description="Start the backbone from this file: a ResNet of torchvision or timm."
    )
    backbone_norm: Literal["frozen", "batch"] | None = Field(
        None,
        description="Whether the backbone's norms keep the statistics that they start with, or learn; by default "
        "batch from scratch, else frozen. Statistics are of a part of a batch: with batch, accumulate and the "
        "number of processes change the result.",
    )
    frozen_stages: int | None = Field(
        None,
        ge=0,
        le=5,
        description="How much of the backbone is not trained: 1 is its stem, each one more a stage; by default 2 with "
        "frozen norms, else 0.",
    )

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101"] | None = Field(
        None, description="The backbone's kind; by default the checkpoint's, or resnet101."
    )
    dilation: bool | None = Field(
        None,
        description="Whether its last stage is dilated, not strided: cells of half the width; by default the "
        "checkpoint's, or true.",
    )
    backbone_width: int | None = _size("Channels of its first stage", 64)
    backbone_stages: int | None = _size("Its stages, 2 to 4", 4, 2)
    width: int | None = _size("The transformer's width", 256)
    heads: int | None = _size("Its heads", 8)
    encoder_layers: int | None = _size("Its layers on the image", 6)
    decoder_layers: int | None = _size("Its layers on the caption", 6)
    feedforward: int | None = _size("The hidden width of its layers' networks", 2048)
    dropout: float | None = Field(
        None, ge=0, lt=1, description="Of the transformer; by default the checkpoint's, or 0.1."
    )
    max_positions: int | None = _size("Most tokens of a caption, and one more", 128, 2)
    head_width: int | None = _size("The hidden width of the network that scores words", 512)
    head_layers: int | None = _size("That network's layers", 3)
    image_size: int | None = _size("Pixels that an image's longest side is scaled to", 299, 32)

    flip: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How often an image is mirrored; captions that say left and right become untrue.",
    )
    quarter_turns: bool = Field(
        False,
        description="Turn images by a random multiple of 90 degrees; captions that say above or left become untrue.",
    )
    jitter: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="How much brightness, contrast and saturation change at most: 0.2 is a fifth.",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the target spread over the whole vocabulary."
    )
    count_pad: bool = Field(
        False,
        description="Let the loss count the padding after a caption up to max-positions, as published; it teaches "
        "little but to pad.",
    )

    @model_validator(mode="after")
    def _check_start(self) -> Self:
        if self.checkpoint is not None and self.backbone_weights is not None:
            raise ValueError("checkpoint and backbone_weights both say what to start from: give one of them")
        return self

    @property
    def from_scratch(self) -> bool:
        """Whether the backbone starts from random weights."""
        return self.checkpoint is None and self.backbone_weights is None and not self.pretrained_backbone

    @property
    def learns_norms(self) -> bool:
        """Whether the backbone's norms learn."""
        return self.from_scratch if self.backbone_norm is None else self.backbone_norm == "batch"

    @property
    def frozen_parts(self) -> int:
        """How many parts of the backbone are not trained."""
        if self.frozen_stages is None:
            return 0 if self.learns_norms else 2
        return self.frozen_stages

    @property
    def backbone_lr_scale(self) -> float:
        """The backbone's learning rate as a share of the others'."""
        if self.backbone_lr is None:
            return 1.0 if self.from_scratch else 0.1
        return self.backbone_lr / (self.lr or self.default_lr)

    @property
    def given_sizes(self) -> dict[str, Any]:
        """The sizes that were asked for, by the names of `CatrConfig`."""
        return {name: value for name in SIZES if (value := getattr(self, name)) is not None}

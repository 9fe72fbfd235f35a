"""What a CATR model is built from, as it stands in a checkpoint of our own."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from vizstudio.api import CheckpointError

BACKBONES = ("resnet18", "resnet34", "resnet50", "resnet101")


@dataclass(frozen=True)
class CatrConfig:
    """Sizes of a CATR model; the defaults are those of the published v1, v2 and v3.

    Parameters
    ----------
    backbone : str
        One of `BACKBONES`.
    dilation : bool
        Whether the last stage is dilated instead of strided: a cell of 16 pixels rather than 32.
    backbone_width : int
        Channels of the backbone's first stage; each stage has twice as many as the one before.
    backbone_stages : int
        2 to 4; with 3, a cell is half as wide as with 4.
    width : int
        Of every token in the transformer; a multiple of 4 and of `heads`.
    heads, encoder_layers, decoder_layers, feedforward : int
        Of the transformer; `feedforward` is the hidden width of its layers' two-layer networks.
    dropout : float
        In training only.
    vocab_size : int
        Number of tokens that may be read and written.
    max_positions : int
        Length of the position table: one more token can be read than are written.
    head_width, head_layers : int
        Of the network that turns a token's state into scores of the vocabulary.
    image_size : int
        Pixels that a photo's longest side is scaled to.

    Raises
    ------
    CheckpointError
        If a value cannot be built.
    """

    backbone: str = "resnet101"
    dilation: bool = True
    backbone_width: int = 64
    backbone_stages: int = 4
    width: int = 256
    heads: int = 8
    encoder_layers: int = 6
    decoder_layers: int = 6
    feedforward: int = 2048
    dropout: float = 0.1
    vocab_size: int = 30522
    max_positions: int = 128
    head_width: int = 512
    head_layers: int = 3
    image_size: int = 299

    def __post_init__(self) -> None:
        for field in fields(self):
            value: Any = getattr(self, field.name)
            kind: Any = type(field.default)
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise CheckpointError(
                    f"the model's {field.name} must be of type {kind.__name__}, not {value!r}"
                )
            if kind is int and value < 1:
                raise CheckpointError(f"the model's {field.name} must be at least 1, not {value}")
        if self.backbone not in BACKBONES:
            raise CheckpointError(f"no backbone {self.backbone!r}: known are {', '.join(BACKBONES)}")
        if not 2 <= self.backbone_stages <= 4:
            raise CheckpointError(f"the backbone has 2 to 4 stages, not {self.backbone_stages}")
        if self.width % 4 or self.width % self.heads:
            raise CheckpointError(f"a width of {self.width} does not divide by 4 and by {self.heads} heads")
        if not 0 <= self.dropout < 1:
            raise CheckpointError(f"the model's dropout must be from 0 to below 1, not {self.dropout}")

    @property
    def max_tokens(self) -> int:
        """Most tokens that a caption can have."""
        return self.max_positions - 1

    def to_json(self) -> str:
        """Return it as it is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "CatrConfig":
        """Read what `to_json` wrote.

        Raises
        ------
        CheckpointError
            If it is no JSON object of known names and fit values.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise CheckpointError(f"the stored configuration is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise CheckpointError("the stored configuration is no JSON object")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise CheckpointError(f"the stored configuration has unknown names: {', '.join(unknown)}")
        return cls(**values)

"""The network while it learns: reads whole captions in one pass, with norms of the backbone that may learn too."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vizstudio_catr.backbone import FrozenNorm
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.network import CaptionNetwork, Encoded

MOMENTUM = 0.1  # torch's own for batch norm


class LearningNorm(nn.Module):
    """Batch norm with the names of frozen batch norm, so that one's weights load into the other."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape, normalised by the batch while training, else by what was seen."""
        return F.batch_norm(
            x,
            self.get_buffer("running_mean"),
            self.get_buffer("running_var"),
            self.weight,
            self.bias,
            self.training,
            MOMENTUM,
            self.eps,
        )


class LearningNetwork(CaptionNetwork):
    """CATR that gives scores when it is called with captions; its weights are those of `CaptionNetwork`."""

    def __init__(self, config: CatrConfig, norms_learn: bool, frozen_parts: int) -> None:
        super().__init__(config)
        parts = self.parts()
        if norms_learn:
            for part in parts[frozen_parts:]:
                _replace_norms(part)
        for part in parts[:frozen_parts]:
            part.requires_grad_(False)

    def parts(self) -> list[nn.Module]:
        """Return the backbone's parts that can be frozen: its stem, and its stages."""
        body: Any = self.backbone[0].body
        stages = [module for name, module in body.named_children() if name.startswith("layer")]
        return [nn.ModuleList([body.conv1, body.bn1]), *stages]

    def save_memory(self) -> None:
        """Compute what layers keep for the gradient again, rather than keep it."""
        layers = [*self.transformer.encoder.layers, *self.transformer.decoder.layers]
        # a norm that learns would see its batch twice
        frozen = [p for p in self.parts()[1:] if not any(isinstance(m, LearningNorm) for m in p.modules())]
        for layer in (*layers, *frozen):
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)

    def forward(  # type: ignore[override]
        self, images: Tensor, real: Tensor | None = None, tokens: Tensor | None = None
    ) -> Tensor | Encoded:
        """Encode images; with `tokens` (batch, length) return scores (batch, length, vocabulary) of what comes next."""
        encoded = super().forward(images, real)
        if tokens is None:
            return encoded
        states, _ = self.read(tokens, self.readable(encoded))
        return self.scores(states)


def _replace_norms(part: nn.Module) -> None:
    for module in [*part.modules()]:
        for name, norm in [*module.named_children()]:
            if isinstance(norm, FrozenNorm):
                setattr(module, name, LearningNorm(len(norm.weight), norm.eps))

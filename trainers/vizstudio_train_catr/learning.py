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
        learnt = self.part_names()[frozen_parts:] if norms_learn else []
        body: Any = self.backbone[0].body
        for name, module in [*body.named_modules()]:
            if isinstance(module, FrozenNorm) and name.startswith(tuple(n for part in learnt for n in part)):
                parent, _, own = name.rpartition(".")
                setattr(body.get_submodule(parent), own, LearningNorm(len(module.weight), module.eps))
        for names in self.part_names()[:frozen_parts]:
            for name in names:
                body.get_submodule(name).requires_grad_(False)

    def part_names(self) -> list[tuple[str, ...]]:
        """Return the backbone's parts that can be frozen, its stem and its stages, by what belongs to each."""
        body: Any = self.backbone[0].body
        return [("conv1", "bn1"), *((name,) for name, _ in body.named_children() if name.startswith("layer"))]

    def save_memory(self) -> None:
        """Compute what layers keep for the gradient again, rather than keep it."""
        layers = [*self.transformer.encoder.layers, *self.transformer.decoder.layers]
        # a norm that learns would see its batch twice
        body: Any = self.backbone[0].body
        stages = [body.get_submodule(name) for (name,) in self.part_names()[1:]]
        still = [s for s in stages if not any(isinstance(m, LearningNorm) for m in s.modules())]
        for layer in (*layers, *still):
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)

    def forward(  # type: ignore[override]
        self, images: Tensor, real: Tensor | None = None, tokens: Tensor | None = None
    ) -> Tensor | Encoded:
        """Encode images; with `tokens` (batch, length) return scores (batch, length, vocabulary) of what comes next."""
        # the backbone keeps the layout of its input: a quarter faster on the CPU
        encoded = super().forward(images.contiguous(memory_format=torch.channels_last), real)
        if tokens is None:
            return encoded
        states, _ = self.read(tokens, self.readable(encoded))
        return self.scores(states)

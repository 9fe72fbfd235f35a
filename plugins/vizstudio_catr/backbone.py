"""From pixels to a grid of features: a ResNet whose last stage keeps its resolution, and sine positions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import FrozenBatchNorm2d

from vizstudio_catr.config import CatrConfig

BLOCKS: dict[str, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
}
"""The kind of a ResNet's blocks and how many each stage has (He et al. 2016)."""
TEMPERATURE = 10000.0


class FrozenNorm(FrozenBatchNorm2d):  # type: ignore[misc]
    """torchvision's frozen batch norm in one fused operation instead of eight."""

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape, normalised by the stored statistics."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class Backbone(nn.Module):
    """A ResNet of torchvision's blocks under its names, without its classifier, with frozen batch norm.

    Attributes
    ----------
    channels : int
        Width of its output.
    """

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        kind, counts = BLOCKS[config.backbone]
        width = config.backbone_width
        self.body = nn.Sequential()
        self.body.add_module("conv1", nn.Conv2d(3, width, 7, 2, 3, bias=False))
        self.body.add_module("bn1", FrozenNorm(width))
        self.body.add_module("relu", nn.ReLU(inplace=True))
        self.body.add_module("maxpool", nn.MaxPool2d(3, 2, 1))
        self.channels = width
        for number, count in enumerate(counts[: config.backbone_stages]):
            planes, stride = width * 2**number, 1 if number == 0 else 2
            self.body.add_module(f"layer{number + 1}", _stage(kind, self.channels, planes, count, stride))
            self.channels = planes * kind.expansion
        if config.dilation:
            _dilate(self.body[-1])
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return features (batch, channels, rows, cols) of images (batch, 3, height, width)."""
        return self.body(images)


def _stage(
    kind: type[BasicBlock] | type[Bottleneck], channels: int, planes: int, count: int, stride: int
) -> nn.Sequential:
    """Return a stage that takes `channels`; its first block strides and changes their number."""
    out = planes * kind.expansion
    shortcut = None
    if stride != 1 or channels != out:
        shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), FrozenNorm(out))
    first = kind(channels, planes, stride, shortcut, norm_layer=FrozenNorm)
    return nn.Sequential(first, *(kind(out, planes, norm_layer=FrozenNorm) for _ in range(count - 1)))


def _dilate(stage: nn.Module) -> None:
    """Replace a stage's stride by dilation; its first block still sees neighbours, as in torchvision."""
    for number, block in enumerate(stage.children()):
        for layer in block.modules():
            if isinstance(layer, nn.Conv2d):
                layer.stride = (1, 1)
                if number > 0 and layer.kernel_size == (3, 3):
                    layer.dilation = layer.padding = (2, 2)


def sine_positions(real: Tensor, width: int) -> Tensor:
    """Return the 2-D sine positions of a grid's cells.

    Carion et al. 2020, End-to-End Object Detection with Transformers: half of the features for the row, half
    for the column, each counted from 1 over the real cells and scaled to 2π at the last of them.

    Parameters
    ----------
    real : (batch, rows, cols) bool
        False where a cell is padding.
    width : int
        Number of features; a multiple of 4.

    Returns
    -------
    (batch, rows * cols, width) float32
    """
    half = width // 2
    exponents = torch.arange(0, half, 2, device=real.device, dtype=torch.float32) / half
    features = []
    for dim in (1, 2):
        count = real.cumsum(dim, dtype=torch.float32)
        last = count.narrow(dim, real.shape[dim] - 1, 1)
        angles = (count / (last + 1e-6) * 2 * math.pi)[..., None] / TEMPERATURE**exponents
        features.append(torch.stack([angles.sin(), angles.cos()], -1).flatten(-2))  # sine and cosine in turn
    return torch.cat(features, -1).flatten(1, 2)

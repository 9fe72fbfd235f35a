"""From pixels to a grid of features: a ResNet whose last stage keeps its resolution, and sine positions."""

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from vizstudio_catr.config import CatrConfig

STAGES = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
TEMPERATURE = 10000.0


class FrozenNorm(FrozenBatchNorm2d):  # type: ignore[misc]
    """torchvision's frozen batch norm in one fused operation instead of eight."""

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape, normalised by the stored statistics."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class Backbone(nn.Module):
    """torchvision's ResNet without its classifier, with frozen batch norm.

    Attributes
    ----------
    channels : int
        Width of its output.
    """

    def __init__(self, config: CatrConfig) -> None:
        super().__init__()
        resnet = torchvision.models.get_model(config.backbone, weights=None, norm_layer=FrozenNorm)
        self.channels = int(resnet.fc.in_features)
        self.body = nn.Sequential(OrderedDict((name, getattr(resnet, name)) for name in STAGES))
        if config.dilation:
            _dilate(self.body.get_submodule("layer4"))

    def forward(self, images: Tensor) -> Tensor:
        """Return features (batch, channels, rows, cols) of images (batch, 3, height, width)."""
        return self.body(images)


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

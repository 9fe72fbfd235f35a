"""Tokens that lie nowhere on the image are known by the names of their parameters."""

import pytest
import torch
from torch import Tensor, nn

from vizstudio.api import ImageFit, observe


class Tiny(nn.Module):
    """Attention over a class token and four patches; the token's parameter has any name and shape."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.patches, self.name = nn.Conv2d(3, 8, 4, stride=4), name
        self.register_parameter(name, nn.Parameter(torch.randn(shape)))

    def forward(self, pixels: Tensor) -> Tensor:
        cells = self.patches(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([getattr(self, self.name).expand(1, 1, -1), cells], 1)[:, None]
        return nn.functional.scaled_dot_product_attention(x, x, x)


@pytest.mark.parametrize(
    ("name", "shape", "label"),
    [
        ("cls_token", (1, 1, 8), "cls"),
        ("class_embedding", (1, 1, 8), "cls"),
        ("class_embedding", (8,), "cls"),
        ("something", (8,), "extra"),
    ],
)
def test_the_class_token_is_called_so(name: str, shape: tuple[int, ...], label: str) -> None:
    seen = observe(Tiny(name, shape).eval(), torch.randn(1, 3, 8, 8))
    layer = seen.layout.layer(0, seen.calls[0], ImageFit.resized((8, 8), (8, 8), (8, 8)))
    assert layer.keys.labels == (label,)
    assert layer.keys.grid is not None and layer.keys.grid.shape == (2, 2)

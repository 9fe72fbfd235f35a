"""Models that nobody wrote a line for: torchvision's are seen, checked and laid out like timm's."""

import pytest
import torch
import torchvision

from vizstudio.compute.layout import observe
from vizstudio.core.geometry import ImageFit


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side", "grids", "first_windows"),
    [
        ("vit_b_16", 224, [14] * 12, 1),
        ("swin_t", 224, [56, 56, 28, 28, *[14] * 6, 7, 7], 64),
        ("swin_v2_t", 256, [64, 64, 32, 32, *[16] * 6, 8, 8], 64),
        ("maxvit_t", 224, [*[56] * 4, *[28] * 4, *[14] * 10, *[7] * 4], 64),
    ],
)
def test_torchvision(name: str, side: int, grids: list[int], first_windows: int) -> None:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    seen = observe(model, torch.randn(1, 3, side, side))
    fit = ImageFit.resized((side, side), (side, side), (side, side))
    layers = [seen.layout.layer(number, call, fit) for number, call in enumerate(seen.calls)]
    assert [layer.keys.grid.shape for layer in layers if layer.keys.grid] == [(g, g) for g in grids]
    assert len(layers[0].keys.index) == first_windows
    for call in seen.calls:
        call.require_verified()

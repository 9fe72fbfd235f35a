"""The same on a GPU: logits, attention of every way to compute it, and where tokens lie."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vizstudio import load_model

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here"),
]


@pytest.fixture(autouse=True)
def _full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize(
    "name",
    [
        "vit_tiny_patch16_224",
        "swin_tiny_patch4_window7_224",
        "cait_xxs24_224",
        "vit_tiny_patch16_dinov3_qkvb",
    ],
)
def test_a_gpu_gives_the_same_as_the_cpu(name: str, photos: Path) -> None:
    ours, theirs = (
        load_model(f"vit:{name}", device=device).analyze(photos / "coffee.jpg") for device in ("cuda", "cpu")
    )
    assert ours.logits is not None and theirs.logits is not None
    np.testing.assert_allclose(ours.logits, theirs.logits, atol=1e-3)
    assert len(ours.attention.layers) == len(theirs.attention.layers)
    for number, (one, other) in enumerate(zip(ours.attention.layers, theirs.attention.layers, strict=True)):
        assert one.keys.grid == other.keys.grid
        np.testing.assert_array_equal(one.keys.index, other.keys.index)
        np.testing.assert_allclose(
            ours.attention.weights(number, [0], [0, 5]),
            theirs.attention.weights(number, [0], [0, 5]),
            atol=1e-4,
        )


def test_auto_takes_the_gpu() -> None:
    assert load_model("vit:vit_tiny_patch16_224").info.device == "cuda"

"""The same on a GPU: logits, attention of every way to compute it, and where tokens lie."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vizstudio import load_model
from vizstudio.api import DeviceError

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


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_on_a_gpu_is_near(precision: str, photos: Path) -> None:
    name = "vit:vit_tiny_patch16_224"
    half = load_model(name, device="cuda", precision=precision).analyze(photos / "coffee.jpg")
    exact = load_model(name, device="cuda").analyze(photos / "coffee.jpg")
    for layer in range(len(exact.attention.layers)):
        ours, theirs = (found.attention.weights(layer) for found in (half, exact))
        np.testing.assert_allclose(ours.sum(-1), 1, atol=1e-5)  # softmax is computed in float32
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_what_does_not_fit_is_computed_elsewhere_and_said(photos: Path) -> None:
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 250 * 2**20) / total)
    try:  # 86 million parameters: 346 MB, or 173 MB in half precision
        model = load_model("vit:vit_base_patch16_224")
        assert (model.info.device, model.info.precision) == ("cuda", "float16")
        assert (
            model.analyze(photos / "coffee.jpg")
            .notes[0]
            .startswith("memory was too small for float32 on cuda")
        )
        with pytest.raises(DeviceError, match="choose float16 as the precision, the device cpu"):
            load_model("vit:vit_base_patch16_224", device="cuda", precision="float32")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)

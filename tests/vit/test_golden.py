"""The plugin against numbers that the authors' own implementation of ViT-B/16 gave for the same weights."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vizstudio.api import Analysis
from vizstudio_vit.model import ViT

pytestmark = [pytest.mark.reference, pytest.mark.slow]
NAME = "vit_base_patch16_384"


@pytest.fixture(scope="module")
def golden(reference: Path) -> Any:
    return np.load(reference / "vit_b16_golden_astronaut_seed1.npz")


@pytest.fixture(scope="module")
def state(reference: Path) -> dict[str, torch.Tensor]:
    """The weights in the names of PyTorch-Pretrained-ViT."""
    spec = importlib.util.spec_from_file_location("golden_weights", reference / "golden_weights.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out = {}
    for line in (reference / "lukemelas_b16_keys.txt").read_text(encoding="utf-8").splitlines():
        if line.strip():
            key, *dims = line.split()
            shape = tuple(int(d) for d in dims[0].split("x")) if dims else ()
            out[key] = torch.from_numpy(module.tensor(key, shape, 1))
    return out


@pytest.fixture(scope="module")
def analysis(
    state: dict[str, torch.Tensor], photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Analysis]:
    path = tmp_path_factory.mktemp("golden") / "B_16_imagenet1k.pth"
    torch.save(state, path)
    yield _analyze(path, photos)
    path.unlink()  # 350 MB


def _analyze(path: Path, photos: Path) -> Analysis:
    from vizstudio.api import ModelRequest, RunContext, read_image
    from vizstudio_vit.model import load

    model: ViT = load(NAME, ModelRequest(checkpoint=path), RunContext())
    return model.analyze(read_image(photos / "astronaut.jpg"), RunContext())


def test_logits(analysis: Analysis, golden: Any) -> None:
    assert analysis.logits is not None
    np.testing.assert_allclose(analysis.logits, golden["logits"], atol=1e-4, rtol=0)


def test_attention_of_the_class_token(analysis: Analysis, golden: Any) -> None:
    rows = np.stack([analysis.attention.weights(i, queries=[0])[:, 0] for i in range(12)])
    np.testing.assert_allclose(rows, golden["cls_attention"], atol=1e-5, rtol=0)


def test_attention_of_a_patch(analysis: Analysis, golden: Any) -> None:
    row, col = map(int, golden["patch_query"])
    token = 1 + row * 24 + col
    rows = np.stack([analysis.attention.weights(i, queries=[token])[:, 0] for i in range(12)])
    np.testing.assert_allclose(rows, golden["patch_attention"], atol=1e-5, rtol=0)


def test_position_similarity(analysis: Analysis, golden: Any) -> None:
    similarity = analysis.position().similarity()
    assert similarity.shape == (24, 24, 24, 24)
    np.testing.assert_allclose(similarity[:3], golden["position_similarity"], atol=1e-5, rtol=0)


def test_the_photo_is_squashed_as_its_authors_do(analysis: Analysis) -> None:
    assert analysis.grid.rect == (0.0, 0.0, 512.0, 512.0)
    assert any("PyTorch-Pretrained-ViT" in note for note in analysis.notes)


def test_swapped_query_and_key_would_be_noticed(
    state: dict[str, torch.Tensor], golden: Any, photos: Path, save: Callable[..., Path]
) -> None:
    """The negative control: a wrong conversion is far outside the tolerance of the tests above."""
    swap = {".proj_q.": ".proj_k.", ".proj_k.": ".proj_q."}
    wrong = {}
    for key, value in state.items():
        part = next((p for p in swap if p in key), None)
        wrong[key.replace(part, swap[part]) if part else key] = value
    path = save(wrong)
    logits = _analyze(path, photos).logits
    path.unlink()
    assert logits is not None
    assert np.abs(logits - golden["logits"]).max() > 0.1

"""Attention, logits and positions of encoders, against what transformers itself gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

import vizstudio
from vizstudio.api import RunContext

CLASSES = {
    "vit": hf.ViTForImageClassification,
    "dinov2": hf.Dinov2Model,
    "registers": hf.Dinov2WithRegistersForImageClassification,
    "clip": hf.CLIPVisionModel,
    "clip-tower": hf.CLIPVisionModel,
}
LABELS = {"registers": ("cls", "reg1", "reg2", "reg3", "reg4")}


def own(folder: Path, kind: str, photo: Path, **options: Any) -> Any:
    """Run transformers alone: its processor, its model, its own attentions."""
    processor = hf.AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels = processor(Image.open(photo), return_tensors="pt", **options).pixel_values
    model = CLASSES[kind].from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(pixels, output_attentions=True)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("kind", CLASSES)
def test_attention_is_what_transformers_gives_out(
    kind: str, eager: bool, folders: dict[str, Path], photo: Path
) -> None:
    model = vizstudio.load_model(f"hf:{folders[kind]}")
    if eager:
        model._placed.model(RunContext())._tower.set_attn_implementation("eager")
    analysis, wanted = model.analyze(photo), own(folders[kind], kind, photo)
    assert len(analysis.attention.layers) == len(wanted.attentions) == 2
    for number, matrix in enumerate(wanted.attentions):
        layer = analysis.attention.layers[number]
        assert layer.keys.labels == layer.queries.labels == LABELS.get(kind, ("cls",))
        assert layer.kind == "self" and layer.max_error is not None and layer.max_error < 1e-5
        assert np.abs(analysis.attention.weights(number) - matrix[0].numpy()).max() < 1e-5
    assert analysis.grid.shape == (4, 4)
    assert any("no classifier" in note for note in analysis.notes) == (analysis.logits is None)
    assert analysis.token_norms is not None and analysis.token_norms.shape[0] == 2


@pytest.mark.parametrize("kind", ["vit", "registers"])
def test_classes_are_named_and_scored(
    kind: str, folders: dict[str, Path], photo: Path, tmp_path: Path
) -> None:
    analysis = vizstudio.load_model(f"hf:{folders[kind]}").analyze(photo)
    wanted = own(folders[kind], kind, photo).logits[0]
    assert analysis.logits is not None
    assert np.abs(analysis.logits - wanted.numpy()).max() < 1e-4
    assert [p.label for p in analysis.predictions] == [
        ("cup", "pot", "jar")[i] for i in wanted.argsort(descending=True)
    ]
    names = tmp_path / "names.txt"
    names.write_text("red\ngreen\nblue\n", encoding="utf-8")
    other = vizstudio.load_model(f"hf:{folders[kind]}", class_names=names).analyze(photo)
    assert {p.label for p in other.predictions} == {"red", "green", "blue"}


@pytest.mark.parametrize("kind", CLASSES)
def test_positions_are_the_rows_of_the_table(kind: str, folders: dict[str, Path], photo: Path) -> None:
    position = vizstudio.load_model(f"hf:{folders[kind]}").analyze(photo).position()
    state = CLASSES[kind].from_pretrained(folders[kind]).state_dict()
    [table] = [v for k, v in state.items() if "position_embedding" in k]
    assert position.kind == "learned"
    assert np.array_equal(position.vectors, table.reshape(-1, 32)[1:].numpy())


@pytest.mark.parametrize("kind", CLASSES)
def test_another_input_size_resamples_positions_as_the_model_does(
    kind: str, folders: dict[str, Path], photo: Path
) -> None:
    analysis = vizstudio.load_model(f"hf:{folders[kind]}", input_size=(56, 40), fit="squash").analyze(photo)
    assert analysis.grid.shape == (5, 7)
    assert any("resampled" in note for note in analysis.notes)
    model = CLASSES[kind].from_pretrained(folders[kind], attn_implementation="eager").eval()
    processor = hf.AutoImageProcessor.from_pretrained(folders[kind], backend="pil")
    size = {"height": 40, "width": 56}
    pixels = processor(Image.open(photo), return_tensors="pt", size=size, do_center_crop=False).pixel_values
    takes = {} if kind in ("dinov2", "registers") else {"interpolate_pos_encoding": True}
    with torch.no_grad():
        wanted = model(pixels, output_attentions=True, **takes).attentions[-1][0].numpy()
    assert np.abs(analysis.attention.weights(-1) - wanted).max() < 1e-5
    assert len(analysis.position().vectors) == 35


@pytest.mark.parametrize(("precision", "most"), [("float16", 0.02), ("bfloat16", 0.15)])
@pytest.mark.parametrize("kind", CLASSES)
def test_half_precision_is_near(
    kind: str, precision: str, most: float, folders: dict[str, Path], photo: Path
) -> None:
    exact = vizstudio.load_model(f"hf:{folders[kind]}", device="cpu").analyze(photo)
    model = vizstudio.load_model(f"hf:{folders[kind]}", device="cpu", precision=precision)
    half = model.analyze(photo)
    assert model.info.precision == precision
    for number in range(len(exact.attention.layers)):
        ours, theirs = (found.attention.weights(number) for found in (half, exact))
        assert not np.array_equal(ours, theirs)
        np.testing.assert_allclose(ours, theirs, atol=most * theirs.max())
    np.testing.assert_allclose(half.position().vectors, exact.position().vectors, atol=0.05)

"""The Python interface: load a model, analyse an image, ask what was kept."""

import doctest
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vizstudio
from vizstudio.api import DeviceError, ImageError, ModelError, UsageError
from vizstudio.models import LoadedModel

NAME = "vit:vit_tiny_patch16_224"


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return vizstudio.load_model(NAME, device="cpu")


@pytest.fixture(scope="module")
def analysis(model: LoadedModel, photos: Path) -> Any:
    return model.analyze(photos / "astronaut.jpg")


def test_the_example_in_the_documentation_runs(photos: Path, tmp_path: Path, monkeypatch: Any) -> None:
    shutil.copy(photos / "coffee.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    examples = doctest.DocTestFinder(recurse=False).find(vizstudio, "vizstudio")
    assert [doctest.DocTestRunner().run(example) for example in examples] == [(0, 6)]


def test_weights_are_rows_that_sum_to_one(analysis: Any) -> None:
    attention = analysis.attention
    assert len(attention.layers) == 12
    for layer in range(12):
        weights = attention.weights(layer)
        assert weights.dtype == np.float32
        assert weights.shape == (3, 197, 197)
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        np.testing.assert_allclose(
            attention.weights(layer, [2, 0], [5, 0, 196]), weights[[2, 0]][:, [5, 0, 196]], atol=1e-7
        )
    np.testing.assert_array_equal(attention.weights(-1), attention.weights(11))


def test_a_heatmap_is_the_row_of_its_query_laid_over_the_grid(analysis: Any) -> None:
    row = analysis.attention.weights(-1, queries=[0])[:, 0].astype(np.float64).mean(axis=0)
    heatmap = analysis.attention.heatmap(layer=-1, head="mean", query="cls")
    assert heatmap.values.shape == (14, 14)
    for cell in ((0, 0), (0, 13), (7, 3), (13, 13)):
        assert heatmap.values[cell] == pytest.approx(row[1 + 14 * cell[0] + cell[1]], abs=1e-6)
    assert heatmap.prefix_mass == pytest.approx(row[0], abs=1e-6)
    assert heatmap.values.sum() + heatmap.prefix_mass == pytest.approx(1, abs=1e-5)
    one = analysis.attention.heatmap(layer=3, head=1, query=(2, 5))
    np.testing.assert_allclose(
        one.values.ravel(), analysis.attention.weights(3, [1], [1 + 2 * 14 + 5])[0, 0, 1:], atol=1e-7
    )


def test_position_similarity_is_the_cosine_of_every_pair(analysis: Any) -> None:
    embedding = analysis.position_embedding
    similarity = embedding.similarity()
    assert similarity.shape == (14, 14, 14, 14)
    a, b = embedding.vectors[3 * 14 + 4].astype(np.float64), embedding.vectors[9 * 14 + 1].astype(np.float64)
    expected = sum(a * b) / (sum(a * a) ** 0.5 * sum(b * b) ** 0.5)
    assert similarity[3, 4, 9, 1] == pytest.approx(expected, abs=1e-5)
    assert similarity[9, 1, 3, 4] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(np.einsum("rcrc->rc", similarity), 1, atol=1e-5)


def test_a_path_a_picture_and_an_array_give_the_same(model: LoadedModel, analysis: Any, photos: Path) -> None:
    path = photos / "astronaut.jpg"
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
        same = [model.analyze(str(path)), model.analyze(picture), model.analyze(pixels)]
    for other in same:
        np.testing.assert_array_equal(other.logits, analysis.logits)
        np.testing.assert_array_equal(other.attention.weights(5), analysis.attention.weights(5))


def test_predictions_are_the_softmax_of_the_logits(analysis: Any) -> None:
    exps = np.exp(analysis.logits.astype(np.float64))
    for prediction in analysis.predictions:
        assert prediction.probability == pytest.approx(exps[prediction.index] / exps.sum(), rel=1e-6)
    probabilities = [p.probability for p in analysis.predictions]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len(probabilities) == 1000


def test_what_is_known_of_a_model_and_of_a_run(model: LoadedModel, analysis: Any) -> None:
    assert model.info.model_id == NAME
    assert model.info.weights == "untrained"
    assert model.info.input_size == (224, 224)
    assert model.info.num_parameters == 5_717_416  # as published for DeiT and ViT tiny
    assert any("untrained" in note for note in analysis.notes)
    assert analysis.provenance["weights"] == "untrained"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model_id": "vit_tiny_patch16_224"}, UsageError, "did you mean vit:vit_tiny_patch16_224"),
        ({"model_id": "vot:vit_tiny_patch16_224"}, UsageError, "did you mean vit"),
        ({"model_id": "vit:vit_tiny_patch16_225"}, ModelError, "vit_tiny_patch16_224"),
        ({"checkpoint": "absent.pth"}, UsageError, "no checkpoint at absent.pth"),
        ({"class_names": "absent.txt"}, UsageError, "no file of class names at absent.txt"),
        ({"device": "abacus"}, DeviceError, "no device 'abacus' here: choose auto or cpu"),
    ],
)
def test_what_is_not_there_is_one_sentence(options: dict[str, str], error: type, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        vizstudio.load_model(**{"model_id": NAME, **options})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 2)), np.full((4, 4), 2.0), np.zeros(3), "absent.jpg"])
def test_what_is_no_image_is_refused(wrong: Any, model: LoadedModel) -> None:
    with pytest.raises(ImageError):
        model.analyze(wrong)

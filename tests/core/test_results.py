"""Predictions, class names and provenance, as plugins get them from the interface."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vizstudio
from vizstudio.api import ImageFit, ModelError, ModelInfo, provenance, ranked, read_class_names, read_image


@given(st.lists(st.floats(-300, 300, width=32), min_size=1, max_size=12))
def test_classes_are_ranked_by_their_softmax(values: list[float]) -> None:
    logits = np.array(values, np.float32)
    found = ranked(logits, [f"class {i}" for i in range(len(values))])
    assert [p.index for p in found] == sorted(range(len(values)), key=lambda i: (-logits[i], i))
    assert [p.label for p in found] == [f"class {p.index}" for p in found]
    assert sum(p.probability for p in found) == pytest.approx(1)
    for first, other in pairwise(found):
        difference = float(logits[first.index]) - float(logits[other.index])
        if other.probability > 1e-30:
            assert np.log(first.probability / other.probability) == pytest.approx(difference, abs=1e-6)


def test_names_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeffrote Tasse\n\n  Kännchen \n", encoding="utf-8")
    assert read_class_names(path, 2) == ("rote Tasse", "Kännchen")
    with pytest.raises(ModelError, match=r"names\.txt names 2 classes, but the model has 3"):
        read_class_names(path, 3)
    with pytest.raises(ModelError, match="cannot be read"):
        read_class_names(tmp_path / "none.txt", 2)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ModelError, match="cannot be read"):
        read_class_names(path, 1)


def test_provenance_is_that_of_the_bundled_models(photos: Path) -> None:
    model = vizstudio.load_model("vit:test_vit")
    image = read_image(photos / "coffee.jpg")
    analysis = model.analyze(image)
    told = provenance(model.info, image, analysis.grid.fit, torch="1", timm="2")
    assert told.keys() == analysis.provenance.keys()
    same = told.keys() - {"torch", "timm"}
    assert {key: told[key] for key in same} == {key: analysis.provenance[key] for key in same}


def test_versions_stand_beside() -> None:
    info = ModelInfo("toy:a", "untrained", "seed 0", (4, 4), 1, "cpu")
    image = read_image(np.zeros((8, 6, 3), np.uint8))
    told = provenance(info, image, ImageFit.resized((6, 8), (3, 4), (3, 4)), numpy="2.0")
    assert told["input_size"] == "3×4" and told["numpy"] == "2.0" and told["image_sha256"] == image.sha256

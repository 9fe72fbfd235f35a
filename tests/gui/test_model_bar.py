"""The bar says which weights a model has."""

from pathlib import Path
from typing import Any

import pytest

from vizstudio.gui.model_bar import FILE, PRETRAINED, UNTRAINED, ModelBar
from vizstudio.gui.snapshot import ModelChoice

pytestmark = pytest.mark.usefixtures("qapp")


def test_a_model_that_comes_with_weights_is_not_called_untrained() -> None:
    bar = ModelBar("cpu")
    bar.show_choice(ModelChoice("fake:trained"))
    assert bar.weights.currentText() == "Untrained weights"  # nothing is known of it yet
    bar.set_models(["fake:trained", "fake:bare"], {"fake:trained"})
    assert (bar.weights.currentData(), bar.weights.currentText()) == (UNTRAINED, "Weights it comes with")
    bar.show_choice(ModelChoice("fake:bare"))
    assert bar.weights.currentText() == "Untrained weights"
    bar.show_choice(ModelChoice("fake:bare", pretrained=True))
    assert (bar.weights.currentData(), bar.weights.currentText()) == (PRETRAINED, "Published weights")
    bar.show_choice(ModelChoice("fake:bare", Path("mine.safetensors")))
    assert (bar.weights.currentData(), bar.weights.currentText()) == (FILE, "mine.safetensors")
    bar.deleteLater()


def test_the_bar_is_whole_in_the_narrowest_window(studio: Any, tmp_path: Path, qtbot: Any) -> None:
    bar = studio.model_bar
    bar.show_choice(ModelChoice("fake:small", tmp_path / f"{'long' * 30}.safetensors"))
    studio.resize(studio.minimumSizeHint())
    qtbot.waitUntil(lambda: bar.isVisible() and bar.name.width() >= 100, timeout=30_000)
    right = bar.weights.mapTo(studio, bar.weights.rect().topRight()).x()
    assert right <= studio.width() and bar.weights.width() <= 220

"""The bar says which weights a model has."""

from pathlib import Path

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

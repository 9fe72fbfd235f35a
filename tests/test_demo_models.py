"""The models that ship: they know what their cards say, from the very files that ship, through the public interface."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import vizstudio
from vizstudio.resources import resource_path

SCENES = 200
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What the command finds of both models, on scenes that they never saw."""
    found = {}
    for model in ("vit:demo", "catr:demo"):
        words = ["evaluate", model, "--count", str(SCENES), "--seed", "1", "--json", "--device", "cpu"]
        done = subprocess.run(
            [sys.executable, "-m", "vizstudio.train_cli", *words], capture_output=True, text=True, check=True
        )
        found[model] = json.loads(done.stdout)
    return found


def test_they_fit_into_12_megabytes() -> None:
    sizes = [path.stat().st_size for path in resource_path("models").glob("*.safetensors")]
    assert len(sizes) == 2 and sum(sizes) < 12e6


def test_the_classifier_is_right_on_scenes_it_never_saw(measured: dict[str, Any]) -> None:
    told = measured["vit:demo"]
    assert told["classes"]["accuracy"]["mean"] >= 0.93  # of 200; the card has 2,000
    main = told["main_object"]
    best = max(layer["pointing"]["mean_of_heads"]["mean"] for layer in main["layers"])
    assert best > main["chance"]["mean"] + 0.3


def test_the_captioner_is_exactly_right_and_looks_at_what_it_names(measured: dict[str, Any]) -> None:
    told = measured["catr:demo"]
    assert told["captions"]["exact"]["mean"] >= 0.85
    nouns = told["nouns"]
    best = max(nouns["layers"], key=lambda layer: layer["pointing"]["mean_of_heads"]["mean"])
    assert best["pointing"]["mean_of_heads"]["mean"] >= 0.8
    # the maps of the words that were read: the mistake that would make all of them wrong
    late = max(layer["pointing"]["mean_of_heads"]["mean"] for layer in nouns["one_token_late"])
    assert late < 0.5


def test_positions_are_most_alike_to_their_neighbours() -> None:
    model = vizstudio.load_model("vit:demo", device="cpu")
    analysis = model.analyze(resource_path("photos/coffee.jpg"))
    panels = analysis.position().similarity()
    rows, cols = panels.shape[:2]
    assert rows >= 12 and cols >= 12
    flat = panels.reshape(rows * cols, rows * cols)
    assert (flat.argmax(axis=1) == np.arange(rows * cols)).all()
    row, col = np.indices((rows, cols)).reshape(2, -1)
    distance = np.hypot(row[:, None] - row, col[:, None] - col)
    means = [flat[np.isclose(distance, d)].mean() for d in (1, 2, 3, 4)]
    assert means == sorted(means, reverse=True), means

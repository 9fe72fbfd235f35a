"""Half precision of the models that ship, on the CPU: near what float32 gives, checked, and said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vizstudio.api import Analysis
from vizstudio.models import load_model

MODELS = {
    "vit:vit_tiny_patch16_224": {"input_size": (64, 48)},
    "vit:swin_tiny_patch4_window7_224": {},
    "vit:demo": {},
    "catr:demo": {},
}
EPSILON = {"float16": 2**-10, "bfloat16": 2**-7}
"""The distance of 1 to the next number."""


@pytest.fixture(scope="module")
def analysed(photos: Path) -> Any:
    """``analysed(name, precision)``: of a photo, computed once."""
    known: dict[tuple[str, str], Analysis] = {}

    def analyse(name: str, precision: str) -> Analysis:
        if (name, precision) not in known:
            model = load_model(name, device="cpu", precision=precision, **MODELS[name])
            image = photos / "coffee.jpg"
            known[name, precision] = model.caption(image) if model.can_caption else model.analyze(image)
        return known[name, precision]

    return analyse


@pytest.mark.parametrize("precision", EPSILON)
@pytest.mark.parametrize("name", MODELS)
def test_half_precision_is_near_and_verified(name: str, precision: str, analysed: Any) -> None:
    half, exact, epsilon = analysed(name, precision), analysed(name, "float32"), EPSILON[precision]
    assert half.provenance["precision"] == precision and exact.provenance["precision"] == "float32"
    differing = 0
    for number, (ours, theirs) in enumerate(zip(half.attention.layers, exact.attention.layers, strict=True)):
        assert (ours.keys.labels, ours.keys.grid) == (theirs.keys.labels, theirs.keys.grid)
        np.testing.assert_array_equal(ours.keys.index, theirs.keys.index)
        assert ours.max_error is not None and 0 < ours.max_error < 4 * epsilon
        weights, wanted = (a.attention.weights(number) for a in (half, exact))
        assert weights.dtype == np.float32
        np.testing.assert_allclose(weights.sum(-1), 1, atol=epsilon)
        np.testing.assert_allclose(weights, wanted, atol=8 * epsilon * wanted.max())
        differing += not np.array_equal(weights, wanted)
    assert differing
    if exact.logits is not None:
        np.testing.assert_allclose(half.logits, exact.logits, atol=20 * epsilon)


def test_rows_of_kept_queries_and_keys_are_computed_in_float32(analysed: Any) -> None:
    for precision in EPSILON:
        rows = analysed("vit:vit_tiny_patch16_224", precision).attention.weights(-1)
        np.testing.assert_allclose(rows.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize("precision", EPSILON)
def test_a_caption_in_half_precision(precision: str, analysed: Any) -> None:
    half, exact = analysed("catr:demo", precision), analysed("catr:demo", "float32")
    assert half.caption.text == exact.caption.text
    for ours, theirs in zip(half.steps, exact.steps, strict=True):
        assert abs(ours.log_prob - theirs.log_prob) < 40 * EPSILON[precision]
        maps = [step.heatmap(layer=-1, head="mean").values for step in (ours, theirs)]
        np.testing.assert_allclose(*maps, atol=8 * EPSILON[precision])
    branch = half.branch(step=1, alternative=1)
    assert branch.steps[1].token_id == half.steps[1].alternatives[1].token_id


def test_the_type_of_the_weights_is_that_of_the_model(photos: Path) -> None:
    model = load_model("vit:vit_tiny_patch16_224", device="cpu", precision="float16", input_size=(64, 48))
    assert model.info.precision == "float16"
    assert model.info.num_bytes == 2 * model.info.num_parameters

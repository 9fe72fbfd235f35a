"""A loaded model as a whole: what it says of an image, that it can be stopped, and that it leaves nothing behind."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vizstudio.api import Cancelled, ModelError, RunContext, read_image
from vizstudio_vit.model import ViT

Load = Callable[..., ViT]
Make = Callable[..., nn.Module]
Save = Callable[..., Path]


@pytest.fixture
def photo(photos: Path) -> Any:
    return read_image(photos / "coffee.jpg")


def _hooks(model: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs")
    return sum(len(getattr(module, kind, ())) for module in model.modules() for kind in kinds)


def test_the_same_image_twice_gives_the_same(load_vit: Load, photo: Any) -> None:
    model = load_vit()
    first, second = (model.analyze(photo, RunContext()) for _ in range(2))
    np.testing.assert_array_equal(first.logits, second.logits)
    for layer in range(len(first.attention.layers)):
        np.testing.assert_array_equal(first.attention.weights(layer), second.attention.weights(layer))
    assert first.provenance == second.provenance


def test_an_untrained_model_is_the_same_every_time(load_vit: Load) -> None:
    one, other = load_vit()._model.state_dict(), load_vit()._model.state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_loading_leaves_torchs_generator_alone(load_vit: Load) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_vit()
    assert torch.equal(torch.rand(3), expected)


def test_logits_are_those_of_a_plain_forward(load_vit: Load, make_timm: Make, save: Save, photo: Any) -> None:
    plain = make_timm(num_classes=5)
    model = load_vit(checkpoint=save(plain.state_dict()))
    pixels, _ = model._built.preprocessing(photo)
    with torch.no_grad():
        expected = plain(pixels)[0].numpy()
    analysis = model.analyze(photo, RunContext())
    np.testing.assert_array_equal(analysis.logits, expected)
    best = analysis.predictions[0]
    assert best.index == expected.argmax()
    np.testing.assert_allclose(best.probability, torch.from_numpy(expected).softmax(0).max(), rtol=1e-6)
    assert [p.probability for p in analysis.predictions] == sorted(
        (p.probability for p in analysis.predictions), reverse=True
    )


def test_rows_sum_to_one_and_equal_the_unfused_softmax(load_vit: Load, photo: Any) -> None:
    model = load_vit()
    analysis = model.analyze(photo, RunContext())
    matrices: list[torch.Tensor] = []
    pixels, _ = model._built.preprocessing(photo)
    for block in model._model.blocks:
        block.attn.fused_attn = False  # then timm multiplies itself, and its dropout sees the matrix
        block.attn.attn_drop.register_forward_hook(lambda *args: matrices.append(args[2][0]))
    with torch.no_grad():
        model._model(pixels)
    assert len(matrices) == len(analysis.attention.layers) == 6
    for layer, matrix in enumerate(matrices):
        weights = analysis.attention.weights(layer)
        np.testing.assert_allclose(weights, matrix.numpy(), atol=1e-6)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


# --- cancel and clean-up --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 10, 20])
def test_cancel_takes_effect_within_one_module(after: int, load_vit: Load, photo: Any) -> None:
    model = load_vit()
    context: RunContext
    started: list[str] = []

    def report(_: float, message: str) -> None:
        started.append(message)
        if len(started) == after:
            context.cancel_event.set()

    context = RunContext(report=report)
    with pytest.raises(Cancelled):
        model.analyze(photo, context)
    assert len(started) == after
    assert _hooks(model._model) == 0
    assert model.analyze(photo, RunContext()).logits is not None  # and it works as before


def test_progress_rises_to_its_end(load_vit: Load, photo: Any) -> None:
    told: list[float] = []
    load_vit().analyze(photo, RunContext(report=lambda fraction, _: told.append(fraction)))
    assert told == sorted(told) and 0.5 < told[-1] <= 1


def test_capture_leaves_no_hook_behind(load_vit: Load, photo: Any) -> None:
    model = load_vit()
    before = {name: dict(module.__dict__) for name, module in model._model.named_modules()}
    model.analyze(photo, RunContext())
    assert _hooks(model._model) == 0
    assert torch.overrides._get_current_function_mode() is None
    after = {name: module.__dict__ for name, module in model._model.named_modules()}
    assert {n: set(d) for n, d in before.items()} == {n: set(d) for n, d in after.items()}


def test_it_works_in_a_thread_of_its_own(load_vit: Load, photo: Any) -> None:
    """Whether gradients are recorded is a matter of each thread."""
    model, got = load_vit(), []
    thread = threading.Thread(target=lambda: got.append(model.analyze(photo, RunContext())))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(got[0].logits, model.analyze(photo, RunContext()).logits)
    assert all(p.grad is None for p in model._model.parameters())


# --- geometry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "shape"),
    [
        ("test_vit", (320, 96), (6, 20)),  # takes any size as it runs
        ("vit_tiny_patch16_224", (96, 160), (10, 6)),  # is built for one size
        ("swin_tiny_patch4_window7_224", (256, 128), (32, 64)),
        ("pvt_v2_b0", (128, 192), (48, 32)),  # knows no input size: its stages are of convolutions' strides
    ],
)
@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_the_grid_lies_where_the_input_shows_the_photo(
    fit: str, name: str, size: tuple[int, int], shape: tuple[int, int], load_vit: Load, photo: Any
) -> None:
    analysis = load_vit(name, input_size=size, fit=fit).analyze(photo, RunContext())
    assert analysis.grid.fit.input_size == size
    rows, cols = analysis.grid.shape
    assert (rows, cols) == shape or (shape[0] % rows, shape[1] % cols) == (0, 0)
    left, top, width, height = analysis.grid.rect
    across, down = photo.size
    if fit == "squash":
        np.testing.assert_allclose((left, top, width, height), (0, 0, across, down), atol=1e-6)
        return
    assert abs(width / height - size[0] / size[1]) < 0.02 * size[0] / size[1]  # rounded to whole pixels
    np.testing.assert_allclose(
        (left + width / 2, top + height / 2), (across / 2, down / 2), atol=across / size[0]
    )
    inside = left > -1 and top > -1 and left + width < across + 1 and top + height < down + 1
    assert inside == (fit == "crop")
    assert analysis.attention.heatmap(0, "mean", (rows - 1, 0)).values.shape


def test_every_part_has_the_grid_of_the_size_asked_for(load_vit: Load, photo: Any) -> None:
    analysis = load_vit(input_size=(320, 96)).analyze(photo, RunContext())
    assert analysis.position().similarity().shape == (6, 20, 6, 20)
    assert analysis.attention.weights(0, [0], [0]).shape == (1, 1, 121)
    assert analysis.token_norms is not None and analysis.token_norms.shape == (6, 121)
    assert analysis.provenance["input_size"] == "320×96"


def test_a_registers_grid(load_vit: Load, photo: Any) -> None:
    analysis = load_vit("test_vit2").analyze(photo, RunContext())
    assert analysis.attention.layers[0].keys.labels == ("reg1",)
    assert analysis.attention.weights(-1).shape == (2, 101, 101)


# --- what it says of itself -----------------------------------------------------------------------------------------


def test_untrained_is_said(load_vit: Load, photo: Any) -> None:
    model = load_vit()
    assert (model.info.weights, model.info.weights_hash) == ("untrained", "seed 0")
    analysis = model.analyze(photo, RunContext())
    assert analysis.notes[0].startswith("untrained weights: ")
    assert analysis.provenance["weights"] == "untrained"


def test_trained_is_not_said_to_be_untrained(load_vit: Load, make_timm: Make, save: Save, photo: Any) -> None:
    analysis = load_vit(checkpoint=save(make_timm(num_classes=5).state_dict())).analyze(photo, RunContext())
    assert not any("untrained" in note for note in analysis.notes)
    assert analysis.provenance["weights"] == "checkpoint"


def test_a_thousand_classes_are_imagenets(load_vit: Load) -> None:
    names = load_vit()._built.class_names
    assert len(names) == 1000
    assert names[0].startswith("tench") and names[504].startswith("coffee mug")


def test_other_numbers_of_classes_are_numbered(load_vit: Load, make_timm: Make, save: Save) -> None:
    model = load_vit(checkpoint=save(make_timm(num_classes=37).state_dict()))
    assert model._built.class_names[-1] == "class 36"


def test_an_unknown_name_suggests_others(load_vit: Load) -> None:
    with pytest.raises(
        ModelError, match="timm has no model 'vit_tiny_patch16_225': did you mean vit_tiny_patch"
    ):
        load_vit("vit_tiny_patch16_225")


def test_an_old_name_is_translated_and_said(load_vit: Load) -> None:
    model = load_vit("vit_tiny_patch16_224_in21k")
    assert len(model._built.class_names) == 21843
    assert (
        "vit_tiny_patch16_224_in21k is an old name of vit_tiny_patch16_224.augreg_in21k" in model._built.notes
    )


@pytest.mark.parametrize("size", [(225, 224), (224, 100)])
def test_a_size_that_does_not_divide_into_patches(size: tuple[int, int], load_vit: Load, photo: Any) -> None:
    """timm cuts off what is left over: the grid says which part of the input was seen."""
    analysis = load_vit("vit_tiny_patch16_224", input_size=size, fit="squash").analyze(photo, RunContext())
    rows, cols = analysis.grid.shape
    assert (cols, rows) == (size[0] // 16, size[1] // 16)
    left, top, width, height = analysis.grid.rect
    np.testing.assert_allclose(
        (width, height), (cols * 16 / size[0] * photo.size[0], rows * 16 / size[1] * photo.size[1])
    )
    assert (left, top) == (0, 0)

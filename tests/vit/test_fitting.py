"""Weights of another input size, against timm's own loading of the same file; and what does not fit."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch import nn

from vizstudio.api import CheckpointError, ModelError
from vizstudio_vit.model import ViT

Load = Callable[..., ViT]
Make = Callable[..., nn.Module]
Save = Callable[..., Path]


def _assert_same(model: nn.Module, expected: nn.Module) -> None:
    theirs = expected.state_dict()
    for key, value in model.state_dict().items():
        assert torch.equal(value, theirs[key]), key


# (model, how the file's model was made, width and height asked for, words of the note)
RESAMPLED = [
    ("test_vit", {}, (224, 224), "10×10 to 14×14"),
    ("test_vit", {"img_size": 224}, None, "14×14 to 10×10"),
    ("test_vit", {}, (320, 96), "10×10 to 6×20"),
    ("test_vit2", {}, (224, 128), "10×10 to 8×14"),  # a register, whose position is not embedded
    ("vit_tiny_patch16_224", {"reg_tokens": 4}, (160, 224), "14×14 to 14×10"),
    ("vit_tiny_patch16_224", {"class_token": False, "global_pool": "avg"}, (160, 160), "14×14 to 10×10"),
    ("deit_tiny_distilled_patch16_224", {}, (160, 160), "14×14 to 10×10"),
    ("eva02_tiny_patch14_224", {}, (280, 168), "16×16 to 12×20"),
    ("beit_base_patch16_224", {}, (256, 160), "position tables resampled"),
    ("swin_tiny_patch4_window7_224", {"window_size": 6}, None, "position tables resampled"),
    ("vit_relpos_small_patch16_224", {}, (256, 160), ""),
]


@pytest.mark.parametrize(("name", "made", "size", "note"), RESAMPLED)
def test_equals_timms_own_loading(
    name: str,
    made: dict[str, object],
    size: tuple[int, int] | None,
    note: str,
    load_vit: Load,
    make_timm: Make,
    save: Save,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = {**made, **({"depth": 2} if "swin" not in name else {})}
    path = save(make_timm(name, num_classes=5, **made).state_dict())
    architecture = {k: v for k, v in made.items() if k not in ("img_size", "window_size")}
    options = {**architecture, **({"img_size": (size[1], size[0])} if size else {})}
    overlay = {"file": str(path), "num_classes": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # timm's own, on indexing
        expected = timm.create_model(
            name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=5, **options
        )
    # The plugin builds models as timm registers them; registers and depth are added on the way for this test.
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda n, **k: create(n, **{**architecture, **k}))
    model = load_vit(name, path, input_size=size)
    _assert_same(model._model, expected)
    assert not note or any(note in n for n in model._built.notes), model._built.notes


def test_equals_a_computation_of_its_own(load_vit: Load, make_timm: Make, save: Save) -> None:
    """Without timm: the class token's position stays, the patches' go through torch's antialiased bicubic."""
    state = make_timm(num_classes=5).state_dict()
    model = load_vit(checkpoint=save(state), input_size=(96, 240))
    table = state["pos_embed"][:, 1:].reshape(1, 10, 10, 64).permute(0, 3, 1, 2)
    resized = nn.functional.interpolate(table, (15, 6), mode="bicubic", antialias=True, align_corners=False)
    expected = torch.cat([state["pos_embed"][:, :1], resized.permute(0, 2, 3, 1).reshape(1, 90, 64)], 1)
    torch.testing.assert_close(model._model.pos_embed.detach(), expected, atol=1e-6, rtol=0)


def test_resampled_from_a_wrapped_lukemelas_file_too(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    foreign = {"positional_embedding.pos_embedding": state.pop("pos_embed"), **state}
    model = load_vit(checkpoint=save({"state_dict": foreign}), input_size=(320, 320))
    expected = resample_abs_pos_embed(foreign["positional_embedding.pos_embedding"], [20, 20])
    assert torch.equal(model._model.pos_embed.detach(), expected)


def test_the_same_size_changes_nothing(load_vit: Load, make_timm: Make, save: Save) -> None:
    model = make_timm(num_classes=5, img_size=(96, 320))
    loaded = load_vit(checkpoint=save(model.state_dict()), input_size=(320, 96))
    _assert_same(loaded._model, model)
    assert "position embedding taken to be of 6×20 patches, as many as it has" in loaded._built.notes


def test_a_grid_that_is_no_square_is_not_guessed(load_vit: Load, make_timm: Make, save: Save) -> None:
    path = save(make_timm(num_classes=5, img_size=(96, 320)).state_dict())
    with pytest.raises(CheckpointError) as caught:
        load_vit(checkpoint=path)
    assert "its position embedding is of 120 patches, which form no square" in str(caught.value)
    assert "choose the input size that it was trained with" in str(caught.value)


def test_a_relative_table_that_is_no_square_is_not_guessed(
    load_vit: Load, make_timm: Make, save: Save
) -> None:
    name = "swin_tiny_patch4_window7_224"
    path = save(make_timm(name, num_classes=5, window_size=(7, 4)).state_dict())
    with pytest.raises(CheckpointError, match="does not fit swin_tiny_patch4_window7_224"):
        load_vit(name, path)


# --- what does not fit ----------------------------------------------------------------------------------------------


def test_missing_keys(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    for block in range(2):
        del state[f"blocks.{block}.attn.qkv.weight"], state[f"blocks.{block}.attn.qkv.bias"]
    with pytest.raises(CheckpointError) as caught:
        load_vit(checkpoint=save(state))
    assert str(caught.value) == (
        "weights.pth does not fit test_vit: 4 missing (blocks.0.attn.qkv.weight, blocks.0.attn.qkv.bias, "
        "blocks.1.attn.qkv.weight and 1 more)"
    )


def test_unexpected_keys(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    with pytest.raises(CheckpointError) as caught:
        load_vit(checkpoint=save({**state, "decoder.weight": torch.zeros(2)}))
    assert str(caught.value) == "weights.pth does not fit test_vit: 1 unexpected (decoder.weight)"


def test_misshaped_keys(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    state["norm.bias"] = torch.zeros(65)
    with pytest.raises(CheckpointError) as caught:
        load_vit(checkpoint=save(state))
    assert (
        str(caught.value) == "weights.pth does not fit test_vit: 1 of another shape (norm.bias is 65, not 64)"
    )


def test_all_three_in_one_sentence(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    state["norm.bias"], state["extra"] = torch.zeros(65), state.pop("norm.weight")
    with pytest.raises(CheckpointError) as caught:
        load_vit(checkpoint=save(state))
    for part in ("1 missing (norm.weight)", "1 unexpected (extra)", "1 of another shape (norm.bias"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", ["resnet18", "test_maxvit", "swin_tiny_patch4_window7_224"])
def test_another_architecture(other: str, load_vit: Load, make_timm: Make, save: Save) -> None:
    with pytest.raises(CheckpointError, match=r"weights\.pth does not fit test_vit: \d+ missing \("):
        load_vit(checkpoint=save(make_timm(other, num_classes=5).state_dict()))


def test_a_vit_in_a_swin(load_vit: Load, make_timm: Make, save: Save) -> None:
    """The sentence tells the shapes in the file, not those that timm stretched them to."""
    with pytest.raises(CheckpointError) as caught:
        load_vit("swin_tiny_patch4_window7_224", save(make_timm(num_classes=5).state_dict()))
    assert "does not fit swin_tiny_patch4_window7_224: " in str(caught.value)
    assert "patch_embed.proj.weight is 64×3×16×16, not 96×3×4×4" in str(caught.value)


def test_registers_that_the_model_lacks(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5, reg_tokens=4).state_dict()
    with pytest.raises(CheckpointError, match=r"1 unexpected \(reg_token\)"):
        load_vit(checkpoint=save(state))


def test_patches_of_another_size_are_not_stretched(load_vit: Load, make_timm: Make, save: Save) -> None:
    """timm would resample the kernel, and a ViT/32 would pass for a ViT/16."""
    state = make_timm(num_classes=5, patch_size=32).state_dict()
    with pytest.raises(CheckpointError, match=r"patch_embed\.proj\.weight is 64×3×32×32, not 64×3×16×16"):
        load_vit(checkpoint=save(state))


def test_grey_images_are_refused(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5, in_chans=1).state_dict()
    with pytest.raises(CheckpointError, match=r"patch_embed\.proj\.weight is 64×1×16×16, not 64×3×16×16"):
        load_vit(checkpoint=save(state))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value: float, load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    state["blocks.1.mlp.fc1.bias"][3] = value
    with pytest.raises(CheckpointError, match=r"blocks\.1\.mlp\.fc1\.bias holds values that are not finite"):
        load_vit(checkpoint=save(state))


def test_the_sizes_fault_is_not_the_files(load_vit: Load, make_timm: Make, save: Save) -> None:
    name = "nest_tiny"
    path = save(make_timm(name, num_classes=5).state_dict())
    with pytest.raises(ModelError) as caught:
        load_vit(name, path, input_size=(256, 192))
    assert (
        str(caught.value)
        == "timm cannot build nest_tiny for 256×192 pixels: Model only handles square inputs"
    )
    assert not isinstance(caught.value, CheckpointError)


def test_no_second_copy_of_the_weights_is_kept(load_vit: Load, make_timm: Make, save: Save) -> None:
    model = load_vit(checkpoint=save(make_timm(num_classes=5).state_dict()))
    assert "state_dict" not in model._model.pretrained_cfg

"""Every form of checkpoint, each a real file: what is read is what the model then computes with."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vizstudio.api import CheckpointError, VizstudioError
from vizstudio_vit.checkpoint import from_lukemelas, read_weights
from vizstudio_vit.model import ViT

State = dict[str, Tensor]
Load = Callable[..., ViT]
Make = Callable[..., nn.Module]
Save = Callable[..., Path]


def _prefixed(state: State, prefix: str) -> State:
    return {prefix + key: value for key, value in state.items()}


FORMS: dict[str, Callable[[State], Any]] = {
    "flat": lambda s: s,
    "model": lambda s: {"model": s, "epoch": 3},
    "state_dict": lambda s: {"state_dict": s, "optimizer": {"state": {}, "param_groups": []}},
    "model_state_dict": lambda s: {"model_state_dict": s},
    "data parallel": lambda s: _prefixed(s, "module."),
    "compiled": lambda s: _prefixed(s, "_orig_mod."),
    "lightning": lambda s: {"state_dict": _prefixed(s, "model."), "epoch": 3, "loops": {}},
    "data parallel in state_dict": lambda s: {"state_dict": _prefixed(s, "module.")},
    "compiled, data parallel, in model": lambda s: {"model": _prefixed(s, "module._orig_mod.")},
    "data parallel, compiled": lambda s: _prefixed(s, "_orig_mod.module."),
    "torch's averaged model": lambda s: {**_prefixed(s, "module."), "n_averaged": torch.tensor(4)},
    "timm's train.py": lambda s: {
        "epoch": 1,
        "arch": "vit_tiny_patch16_224",
        "state_dict": s,
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-3}]},
        "version": 2,
        "args": argparse.Namespace(model="vit_tiny_patch16_224", lr=1e-3),
        "metric": 71.5,
    },
}


def _assert_holds(model: nn.Module, state: State) -> None:
    own = model.state_dict()
    assert own.keys() == state.keys()
    for key, value in state.items():
        assert torch.equal(own[key], value), key


@pytest.mark.parametrize("form", FORMS)
def test_pickled_forms(form: str, load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    model = load_vit(checkpoint=save(FORMS[form](state)))
    _assert_holds(model._model, state)
    assert model.info.weights == "checkpoint"


@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod."])
def test_safetensors(prefix: str, load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    _assert_holds(load_vit(checkpoint=save(_prefixed(state, prefix), "w.safetensors"))._model, state)


def test_a_suffix_in_capitals(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    path = save(state, "w.safetensors")
    _assert_holds(load_vit(checkpoint=path.rename(path.with_name("W.SAFETENSORS")))._model, state)


@pytest.mark.parametrize("key", ["state_dict_ema", "model_ema", "ema"])
def test_averaged_weights_are_preferred_and_said(
    key: str, load_vit: Load, make_timm: Make, save: Save
) -> None:
    last, averaged = make_timm(num_classes=5, seed=1).state_dict(), make_timm(num_classes=5).state_dict()
    model = load_vit(checkpoint=save({"state_dict": last, "model": last, key: averaged}))
    _assert_holds(model._model, averaged)
    assert f"averaged weights are shown: {key} of weights.pth" in model._built.notes


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_computed_in_float32(
    dtype: torch.dtype, load_vit: Load, make_timm: Make, save: Save
) -> None:
    state = {k: v.to(dtype) for k, v in make_timm(num_classes=5).state_dict().items()}
    model = load_vit(checkpoint=save(state))
    _assert_holds(model._model, {k: v.float() for k, v in state.items()})


def test_the_legacy_format_of_pickles(tmp_path: Path, load_vit: Load, make_timm: Make) -> None:
    state = make_timm(num_classes=5).state_dict()
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    _assert_holds(load_vit(checkpoint=tmp_path / "old.pth")._model, state)


def test_a_checkpoint_without_classifier(load_vit: Load, make_timm: Make, save: Save, photos: Path) -> None:
    from vizstudio.api import RunContext, read_image

    model = load_vit(checkpoint=save(make_timm(num_classes=0).state_dict()))
    analysis = model.analyze(read_image(photos / "coffee.jpg"), RunContext())
    assert analysis.predictions == () and analysis.logits is None
    assert "the checkpoint has no classifier, so there are no predictions" in analysis.notes


def test_the_hash_is_that_of_the_file(load_vit: Load, make_timm: Make, save: Save) -> None:
    import hashlib

    path = save(make_timm(num_classes=5).state_dict())
    assert load_vit(checkpoint=path).info.weights_hash == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_checkpoint_tells_how_its_model_is_built(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5, patch_size=8, depth=2, img_size=64).state_dict()
    told = {"model_args": '{"patch_size": 8, "depth": 2}', "preprocessing": '{"input_size": [3, 64, 64]}'}
    model = load_vit(checkpoint=save(state, "w.safetensors", told))
    _assert_holds(model._model, state)
    assert model.info.input_size == (64, 64)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("{", "model_args that are not JSON"),
        ('{"norm_layer": "os.system"}', "model_args that are not numbers by their names"),
        ('{"depth": -1}', "timm cannot build test_vit"),
    ],
)
def test_arguments_that_cannot_be(
    told: str, message: str, load_vit: Load, make_timm: Make, save: Save
) -> None:
    path = save(make_timm(num_classes=5).state_dict(), "w.safetensors", {"model_args": told})
    with pytest.raises(VizstudioError, match=message):
        load_vit(checkpoint=path)


# --- lukemelas ------------------------------------------------------------------------------------------------------


def _to_lukemelas(state: State) -> State:
    """Rename timm's keys, independently of the code under test: split where it joins."""
    out: State = {"pre_logits.weight": torch.zeros(2, 2)}
    for key, value in state.items():
        parts = key.split(".")
        if key == "cls_token":
            out["class_token"] = value
        elif key == "pos_embed":
            out["positional_embedding.pos_embedding"] = value
        elif parts[0] == "patch_embed":
            out[f"patch_embedding.{parts[2]}"] = value
        elif parts[0] == "head":
            out[f"fc.{parts[1]}"] = value
        elif parts[0] == "blocks" and parts[2:4] == ["attn", "qkv"]:
            for name, part in zip("qkv", value.chunk(3), strict=True):
                out[f"transformer.blocks.{parts[1]}.attn.proj_{name}.{parts[4]}"] = part
        elif parts[0] == "blocks":
            rest = ".".join(parts[2:]).replace("attn.proj", "proj").replace("mlp.", "pwff.")
            out[f"transformer.blocks.{parts[1]}.{rest}"] = value
        else:
            out[key] = value
    return out


def test_lukemelas_keys(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=5).state_dict()
    foreign = _to_lukemelas(state)
    assert not foreign.keys() & {k for k in state if not k.startswith("norm.")}
    model = load_vit(checkpoint=save(foreign))
    _assert_holds(model._model, state)
    preprocessing = model._built.preprocessing
    assert (preprocessing.fit, preprocessing.interpolation) == ("squash", "bilinear")


def test_lukemelas_with_a_lost_part_says_what_is_missing(load_vit: Load, make_timm: Make, save: Save) -> None:
    foreign = _to_lukemelas(make_timm(num_classes=5).state_dict())
    del foreign["transformer.blocks.3.attn.proj_k.weight"]
    with pytest.raises(CheckpointError, match=r"1 missing \(blocks\.3\.attn\.qkv\.weight\)"):
        load_vit(checkpoint=save(foreign))


def test_lukemelas_conversion_is_complete(reference: Path) -> None:
    keys = (reference / "lukemelas_b16_keys.txt").read_text(encoding="utf-8").split("\n")
    state = {line.split()[0]: torch.zeros(1) for line in keys if line.strip()}
    import timm

    with torch.device("meta"):
        expected = timm.create_model("vit_base_patch16_384").state_dict().keys()
    assert from_lukemelas(state).keys() == expected


# --- classes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {"class_names": ["a", "b", "c"]},
        {"classes": ("a", "b", "c")},
        {"class_to_idx": {"b": 1, "c": 2, "a": 0}},
    ],
)
def test_class_names_in_the_checkpoint(
    told: dict[str, Any], load_vit: Load, make_timm: Make, save: Save
) -> None:
    state = make_timm(num_classes=3).state_dict()
    assert load_vit(checkpoint=save({"model": state, **told}))._built.class_names == ("a", "b", "c")


def test_class_names_in_the_metadata_of_safetensors(load_vit: Load, make_timm: Make, save: Save) -> None:
    state = make_timm(num_classes=2).state_dict()
    path = save(state, "w.safetensors", {"class_names": json.dumps(["Abyssinian", "Sphynx"])})
    assert load_vit(checkpoint=path)._built.class_names == ("Abyssinian", "Sphynx")


def test_class_names_from_a_text_file_win(
    tmp_path: Path, load_vit: Load, make_timm: Make, save: Save
) -> None:
    names = tmp_path / "names.txt"
    names.write_bytes("\ufeffkatze\r\nhund\r\n\r\nvögel \r\n".encode())
    checkpoint = save({"model": make_timm(num_classes=3).state_dict(), "class_names": ["a", "b", "c"]})
    model = load_vit(checkpoint=checkpoint, class_names=names)
    assert model._built.class_names == ("katze", "hund", "vögel")


def test_a_text_file_of_another_length_is_refused(
    tmp_path: Path, load_vit: Load, make_timm: Make, save: Save
) -> None:
    from vizstudio.api import ModelError

    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"names\.txt names 2 classes, but the model has 3"):
        load_vit(checkpoint=save(make_timm(num_classes=3).state_dict()), class_names=names)


def test_a_missing_text_file_is_named(tmp_path: Path, load_vit: Load) -> None:
    from vizstudio.api import ModelError

    with pytest.raises(ModelError, match=r"class names cannot be read from .*absent\.txt"):
        load_vit(class_names=tmp_path / "absent.txt")


def test_class_names_of_another_number_are_said_not_used(load_vit: Load, make_timm: Make, save: Save) -> None:
    checkpoint = save({"model": make_timm(num_classes=3).state_dict(), "class_names": ["a", "b"]})
    model = load_vit(checkpoint=checkpoint)
    assert model._built.class_names == ("class 0", "class 1", "class 2")
    assert any("names 2 classes for a classifier of 3" in note for note in model._built.notes)


def test_a_thousand_nameless_classes_are_said_to_be_taken_as_imagenet(
    load_vit: Load, make_timm: Make, save: Save
) -> None:
    model = load_vit(checkpoint=save(make_timm(num_classes=1000).state_dict()))
    assert model._built.class_names[281].startswith("tabby")
    assert "the checkpoint names no classes; its 1000 are taken to be ImageNet's" in model._built.notes


@pytest.mark.parametrize(
    ("name", "classes"), [("swin_tiny_patch4_window7_224", 4), ("deit_tiny_distilled_patch16_224", 6)]
)
def test_classifiers_of_other_names(
    name: str, classes: int, load_vit: Load, make_timm: Make, save: Save
) -> None:
    model = load_vit(name, save(make_timm(name, num_classes=classes).state_dict()))
    assert len(model._built.class_names) == classes


def test_reading_needs_no_model(make_timm: Make, save: Save) -> None:
    weights = read_weights(save({"model": make_timm(num_classes=5).state_dict(), "classes": list("vwxyz")}))
    assert weights.class_names == tuple("vwxyz") and weights.state["head.weight"].shape == (5, 64)

"""Every form of checkpoint, each a real file: what is read is what the model computes with, or one clear error."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from vizstudio.api import CheckpointError, ImageSource, ModelError, ModelRequest, OfflineError, RunContext
from vizstudio_catr import checkpoint
from vizstudio_catr.checkpoint import read_checkpoint, write_checkpoint
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.model import Catr, load
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary

State = dict[str, torch.Tensor]


@pytest.fixture
def published_are_small(monkeypatch: pytest.MonkeyPatch, small: CatrConfig) -> CatrConfig:
    """Let files without a configuration be small ones, with 30522 words."""
    config = replace(small, vocab_size=30522)
    monkeypatch.setattr(checkpoint, "CatrConfig", type("Config", (), {"__new__": lambda cls: config}))
    return config


def _load(path: Path, name: str = "own") -> Catr:
    return load(name, ModelRequest(checkpoint=path), RunContext())


def _equal(ours: State, theirs: State) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_the_authors_checkpoints(
    prefix: str,
    wrapped: bool,
    published_are_small: CatrConfig,
    make_network: Callable[..., CaptionNetwork],
    tmp_path: Path,
) -> None:
    state = make_network(published_are_small).state_dict()
    stored: Any = {prefix + key: value for key, value in state.items()}
    stored[prefix + "backbone.0.body.bn1.num_batches_tracked"] = torch.tensor(7)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], lr=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 20)
    if wrapped:
        stored = {
            "model": stored,
            "optimizer": optimizer.state_dict(),
            "lr_scheduler": scheduler.state_dict(),
            "epoch": 29,
        }
    path = tmp_path / "checkpoint.pth"
    torch.save(stored, path)
    loaded = read_checkpoint(path)
    assert _equal(loaded.network.state_dict(), state)
    assert not loaded.network.training
    assert len(loaded.vocabulary) == 30522
    assert loaded.notes == ["weights in the names and sizes of saahiluppal/catr"]


def test_our_own_keep_sizes_and_vocabulary(
    small: CatrConfig, make_network: Callable[..., CaptionNetwork], make_checkpoint: Callable[..., Path]
) -> None:
    path = make_checkpoint(small, 5)
    loaded = read_checkpoint(path)
    assert loaded.network.config == small
    assert _equal(loaded.network.state_dict(), make_network(small, 5).state_dict())
    assert loaded.vocabulary.tokens[4:6] == ("a", "the")
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["catr_config"])["width"] == 32


def test_the_vocabulary_that_ships_need_not_be_stored(
    small: CatrConfig, make_network: Callable[..., CaptionNetwork], tmp_path: Path
) -> None:
    path = tmp_path / "own.safetensors"
    write_checkpoint(path, make_network(replace(small, vocab_size=30522)))
    assert len(read_checkpoint(path).vocabulary) == 30522


def test_a_loaded_model_tells_what_it_is(make_checkpoint: Callable[..., Path]) -> None:
    model = _load(make_checkpoint())
    assert model.info.model_id == "catr:own" and model.info.weights == "checkpoint"
    assert len(model.info.weights_hash) == 64 and model.info.input_size == (96, 96)


def _refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        _load(path, "v3")
    told = str(caught.value)
    assert "\n" not in told and path.name in told
    return told


def test_a_vision_transformers_checkpoint(tmp_path: Path) -> None:
    import timm

    path = tmp_path / "vit.pth"
    torch.save(timm.create_model("test_vit").state_dict(), path)
    told = _refusal(path)
    assert "vit.pth does not fit CATR: 716 missing (backbone.0.body.conv1.weight, " in told
    assert "unexpected (cls_token, pos_embed, patch_embed.proj.weight and " in told


def test_weights_of_another_size_without_a_configuration(
    small: CatrConfig, make_network: Callable[..., CaptionNetwork], tmp_path: Path
) -> None:
    path = tmp_path / "small.pth"
    torch.save({"model": make_network(replace(small, vocab_size=77)).state_dict()}, path)
    told = _refusal(path)
    assert "does not fit CATR" in told and "of another shape" in told


def test_a_published_model_of_another_vocabulary(
    published_are_small: CatrConfig, make_network: Callable[..., CaptionNetwork], tmp_path: Path
) -> None:
    state = make_network(published_are_small).state_dict()
    for key in ("transformer.embeddings.word_embeddings.weight", "mlp.layers.2.weight", "mlp.layers.2.bias"):
        state[key] = state[key][:28996].clone()  # the cased vocabulary's size
    path = tmp_path / "cased.pth"
    torch.save(state, path)
    assert "word_embeddings.weight is 28996×32, not 30522×32" in _refusal(path)


def test_a_vocabulary_that_does_not_fit_the_network(
    small: CatrConfig,
    make_network: Callable[..., CaptionNetwork],
    make_vocabulary: Callable[[int], Vocabulary],
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.safetensors"
    write_checkpoint(path, make_network(small), make_vocabulary(49))
    assert _refusal(path).endswith("its vocabulary has 49 tokens, and the network has 50")
    write_checkpoint(path, make_network(small))
    assert "no vocabulary is stored in it, and the one that ships has 30522 tokens" in _refusal(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"catr_config": "{"}, "configuration is not JSON"),
        ({"catr_config": '{"width": 31}'}, "width of 31 does not divide"),
        ({"catr_vocabulary": "nothing"}, "its vocabulary is not JSON"),
        ({"catr_vocabulary": '{"a": 1}'}, "its vocabulary is no JSON list of texts"),
        ({"catr_vocabulary": '["a"]'}, r"lacks \[PAD\]"),
    ],
)
def test_damaged_metadata(metadata: dict[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata)
    with pytest.raises(CheckpointError, match=rf"own\.safetensors cannot be used: .*{message}"):
        _load(path)


def test_a_damaged_file(make_checkpoint: Callable[..., Path]) -> None:
    path = make_checkpoint()
    path.write_bytes(path.read_bytes()[:2000])
    assert "is not a whole safetensors file" in _refusal(path)


def test_weights_that_are_no_numbers(
    small: CatrConfig,
    make_network: Callable[..., CaptionNetwork],
    make_vocabulary: Callable[[int], Vocabulary],
    tmp_path: Path,
) -> None:
    network, path = make_network(small), tmp_path / "own.safetensors"
    with torch.no_grad():
        network.input_proj.weight[0, 0] = torch.nan
    write_checkpoint(path, network, make_vocabulary(50))
    assert "input_proj.weight holds values that are not finite numbers" in _refusal(path)


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> Any:
            return exec, (f"open({str(tmp_path / 'trap')!r}, 'w').close()",)

    path = tmp_path / "bad.pth"
    torch.save({"model": Attack()}, path)
    assert "wants to call exec" in _refusal(path)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("name", "request_", "message"),
    [
        ("v9", {}, "there is no catr:v9: choose catr:demo, catr:v1, catr:v2, catr:v3, catr:own"),
        ("own", {"pretrained": True}, "catr:own has no published weights: choose catr:v1"),
        ("v3", {"class_names": Path("x.txt")}, "has no classes"),
        ("v3", {"input_size": (299, 199)}, "square input size such as 299x299, not 299x199"),
    ],
)
def test_what_cannot_be_asked(name: str, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(name, ModelRequest(**request_), RunContext())


def test_untrained_weights_are_marked(photo: ImageSource, ask: Callable[..., Any]) -> None:
    model = load("own", ModelRequest(), RunContext())
    assert model.info.weights == "untrained"
    analysis = ask(model, photo, max_tokens=2)
    assert any(n.startswith("untrained weights: ") and "--checkpoint" in n for n in analysis.notes)
    again = load("own", ModelRequest(), RunContext())
    assert ask(again, photo, max_tokens=2).caption.text == analysis.caption.text


def test_the_name_of_a_release_fetches_it_and_is_never_untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fetch(name: str, context: RunContext) -> tuple[Path, str]:
        asked.append(name)
        raise OfflineError("no network")

    monkeypatch.setattr("vizstudio_catr.build.fetch", fetch)
    with pytest.raises(OfflineError):
        load("v3", ModelRequest(), RunContext())
    assert asked == ["v3"]

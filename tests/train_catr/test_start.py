"""What a run starts from: checkpoints of its own and of the authors, and vocabularies."""

import os
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import load_file
from tiny_captions import NETWORK, task_of, tiny
from tiny_training import Done, run_here
from torch.utils.data import default_collate
from torchvision.models import ResNet18_Weights, resnet18

from vizstudio.core.errors import CheckpointError, ModelError, OfflineError, UsageError
from vizstudio.training.config import make_config
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.network import CaptionNetwork
from vizstudio_train_catr.config import CatrTraining

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def best(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a run of one epoch."""
    out = tmp_path_factory.mktemp("start") / "run"
    done = run_here("--data", table, "--out", out, *tiny(epochs=1), recipe="catr")
    assert done.returncode == 0, done.stderr
    return out / "best.safetensors"


def test_it_starts_from_its_own_checkpoint_with_its_sizes_and_words(
    best: Path, table: Path, tmp_path: Path
) -> None:
    def train(*options: str) -> Done:
        start = ("--data", table, "--checkpoint", best, "--device", "cpu", "--num-workers", "0")
        return run_here(*start, "--out", tmp_path / "run", "--epochs", "1", *options, recipe="catr")

    done = train("--width", "32")
    assert done.returncode == 2
    assert "width is to be 32, and" in done.stderr
    done = train("--vocabulary", "bert")
    assert done.returncode == 2
    assert "has a vocabulary of its own, other than bert" in done.stderr
    done = train("--lr", "1e-9", "--image-size", "40", "--vocabulary", "words")
    assert done.returncode == 0, done.stderr
    before, after = load_file(best), load_file(tmp_path / "run" / "best.safetensors")
    assert before.keys() == after.keys()
    for key in before:
        torch.testing.assert_close(before[key], after[key], atol=1e-6, rtol=1e-5)


def test_the_authors_training_checkpoint_is_gone_on_from(table: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = CaptionNetwork(CatrConfig())
    state = network.state_dict()
    means = [key for key in state if key.endswith("running_mean")]
    stored = {
        "model": state
        | {key.replace("running_mean", "num_batches_tracked"): torch.tensor(1) for key in means},
        "optimizer": torch.optim.AdamW(network.mlp.parameters()).state_dict(),
        "lr_scheduler": {"step_size": 20, "last_epoch": 3},
        "epoch": 3,
    }
    torch.save(stored, tmp_path / "catr.pth")
    kept = ("image_size", "device", "num_workers", "batch_size", "lr", "log_steps")
    published = {name: None for name in NETWORK if name not in kept}
    task = task_of(table, checkpoint=tmp_path / "catr.pth", **published)
    assert len(task.vocabulary) == 30522
    assert (task.config.learns_norms, task.config.frozen_parts, task.config.backbone_lr_scale) == (
        False,
        2,
        0.1,
    )
    for key, value in task.model.state_dict().items():
        assert torch.equal(value, state[key]), key
    pair = task.train.get(0, None)
    assert task.vocabulary.text(pair.tokens.tolist()) == pair.references.split("\n")[0]
    task.losses(task.model, default_collate([pair])).sum().backward()
    named = task.model.named_parameters()
    learnt = {name.split(".")[3] for name, p in named if p.grad is not None and "body" in name}
    assert learnt == {"layer2", "layer3", "layer4"}


def test_the_published_settings_are_those_of_the_published_training(table: Path) -> None:
    config = make_config(CatrTraining, {"data": str(table), "out": "run"}, preset="catr")
    assert isinstance(config, CatrTraining)
    assert (config.epochs, config.batch_size, config.clip, config.count_pad) == (30, 32, 0.1, True)
    assert (config.backbone_lr_scale, config.weight_decay, config.frozen_parts) == (
        pytest.approx(0.1),
        1e-4,
        2,
    )
    assert (config.learns_norms, config.quarter_turns, config.flip) == (False, True, 0.5)
    theirs = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(theirs, 20)
    for epoch in range(30):
        for step in (1, 7):
            rate = config.learning_rate(epoch * 7 + step, 30 * 7, 256)
            assert rate == pytest.approx(theirs.param_groups[0]["lr"]), epoch
        theirs.step()
        schedule.step()


def test_published_weights_of_the_backbone_come_from_torchvision_or_an_error_says_why(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = resnet18(weights=None).state_dict()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = tmp_path / "hub" / "checkpoints" / Path(ResNet18_Weights.DEFAULT.url).name
    cached.parent.mkdir(parents=True)
    torch.save(theirs, cached)
    sizes = {"backbone_width": 64, "backbone_stages": 4}
    task = task_of(table, pretrained_backbone=True, **sizes)
    for key, value in task.model.state_dict().items():
        if key.startswith("backbone.0.body."):
            assert torch.equal(value, theirs[key.removeprefix("backbone.0.body.")]), key
    cached.unlink()

    def fetch(*_: Any, **__: Any) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(OfflineError, match=r"cannot be fetched .*no network.*--backbone-weights FILE"):
        task_of(table, pretrained_backbone=True, **sizes)


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_among_the_backbones_weights_is_not_run(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = tmp_path / "hub" / "checkpoints" / Path(ResNet18_Weights.DEFAULT.url).name
    cached.parent.mkdir(parents=True)
    torch.save({"conv1.weight": Code(tmp_path / "ran")}, cached)
    with pytest.raises(ModelError, match=r"weights of resnet18 are damaged .*delete .*resnet18-\w+\.pth"):
        task_of(table, pretrained_backbone=True, backbone_width=64, backbone_stages=4)
    assert not (tmp_path / "ran").exists()


def test_words_that_are_rare_are_unknown_and_told(table: Path) -> None:
    task = task_of(table, min_word_count=12)
    words = {*task.vocabulary.tokens}
    assert "square" in words
    assert "wide" not in words
    assert "captions to learn from have words that the vocabulary lacks" in task.notes[0]


def test_a_vocabulary_from_a_file(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "square", "##s", "a"]
    path.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    assert task_of(table, vocabulary=str(path)).vocabulary.tokens == tuple(tokens)
    path.write_text("red\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"the vocabulary .*words.txt cannot be used: the vocabulary lacks"):
        task_of(table, vocabulary=str(path))
    with pytest.raises(UsageError, match=r"the vocabulary .*none.txt cannot be used"):
        task_of(table, vocabulary=str(tmp_path / "none.txt"))


def test_a_damaged_checkpoint_is_refused(table: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        task_of(table, checkpoint=tmp_path / "bad.pth")

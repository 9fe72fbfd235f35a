"""A run from its images to a checkpoint that the studio opens, its folder, and what stops it."""

import csv
import errno
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_training import TINY, events, make_images, run_here

import vizstudio
from vizstudio.cli import main as vizstudio_command
from vizstudio.core.errors import DeviceError, ModelError
from vizstudio.datasets import Datasets
from vizstudio.plugins import load_plugins
from vizstudio.training import checkpoints
from vizstudio.training.config import make_config
from vizstudio.training.engine import find_accumulation, make_accelerator, release_accelerator
from vizstudio.training.order import Plan
from vizstudio_train_vit.config import FinetuneConfig
from vizstudio_train_vit.recipe import Finetune, make_task

pytestmark = pytest.mark.slow
LARGER = [option if option != "48" else "64" for option in TINY]


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 4 epochs."""
    out = tmp_path_factory.mktemp("trained") / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "4")
    assert done.returncode == 0, done.stderr
    return out


def task_of(images: Path, **options: Any) -> Finetune:
    given = {"model": "test_vit", "pretrained": False, "image_size": 48, "device": "cpu", "batch_size": 8}
    config = make_config(FinetuneConfig, {"data": str(images), "out": "run", **given, **options})
    assert isinstance(config, FinetuneConfig)
    return make_task(config, Datasets(load_plugins(True).datasets))


def test_the_runs_folder_holds_what_is_promised(trained: Path) -> None:
    there = {p.name for p in trained.iterdir()}
    assert there == {
        *("last.safetensors", "best.safetensors", "state", "config.yaml", "events.jsonl", "tensorboard"),
        *("snapshots", "confusion.png", "confusion.csv", "misclassified.png", "report.json"),
    }
    assert yaml.safe_load((trained / "config.yaml").read_text(encoding="utf-8"))["epochs"] == 4
    kinds = [e["event"] for e in events(trained)]
    assert (kinds[0], kinds[-1]) == ("start", "end")
    assert (kinds.count("step"), kinds.count("epoch"), kinds.count("saved")) == (20, 4, 4)


def test_tensorboard_reads_the_same_losses(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(trained / "tensorboard"))
    board.Reload()
    told = {e["step"]: e["loss"] for e in events(trained, "step")}
    assert {s.step: s.value for s in board.Scalars("train/loss")} == pytest.approx(told, rel=1e-6)
    assert len(board.Scalars("epoch/accuracy")) == 4


def test_it_learns_and_the_studio_shows_the_checkpoint_with_its_classes(
    trained: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert events(trained, "epoch")[-1]["loss"] < events(trained, "epoch")[0]["loss"] / 2
    words = ["run", str(images / "red" / "000.png"), "--model", "vit:test_vit", "--device", "cpu"]
    best = ["--checkpoint", str(trained / "best.safetensors")]
    assert (
        vizstudio_command([*words, *best, "--view", "predictions", "--format", "csv", "--out", str(tmp_path)])
        == 0
    )
    with (tmp_path / "000_predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert rows[0]["label"] == "red"
    assert {row["label"] for row in rows} == {"blue", "green", "red"}


def test_the_studio_prepares_images_as_they_were_prepared_to_evaluate(trained: Path, images: Path) -> None:
    task = task_of(images)
    task.model.load_state_dict(load_file(trained / "best.safetensors"))
    model = vizstudio.load_model("vit:test_vit", checkpoint=trained / "best.safetensors", device="cpu")
    for index in range(len(task.val)):
        with torch.inference_mode():
            logits = task.model.eval()(task.val.get(index, None)[0][None])[0]
        analysis = model.analyze(images.parent / images.name / task.val.name(index))
        assert analysis.logits is not None
        np.testing.assert_allclose(analysis.logits, logits.numpy(), atol=1e-5)


def test_the_report_agrees_with_a_count_of_its_own(trained: Path, images: Path) -> None:
    told = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    model = vizstudio.load_model("vit:test_vit", checkpoint=trained / "best.safetensors", device="cpu")
    task = task_of(images)
    right = 0
    matrix = np.zeros((3, 3), int)
    for index in range(len(task.val)):
        name = task.val.name(index)
        guess = model.analyze(images / name).predictions[0]
        right += guess.label == name.split("/")[0]
        matrix[task.val.get(index, None)[1], guess.index] += 1
    assert (told["images"], told["accuracy"]) == (3, right / 3)
    assert told["accuracy"] == pytest.approx(max(e["accuracy"] for e in events(trained, "epoch")))
    with (trained / "confusion.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.reader(file)]
    assert rows[0] == ["class", "blue", "green", "red"]
    assert [[int(v) for v in row[1:]] for row in rows[1:]] == matrix.tolist()
    for name in ("confusion.png", "misclassified.png"):
        with Image.open(trained / name) as picture:
            assert min(picture.size) > 200


def test_snapshots_are_what_the_studio_computes(trained: Path, images: Path) -> None:
    names = sorted(p.name for p in (trained / "snapshots").iterdir())
    assert names == [f"{epoch:04d}.npz" for epoch in range(5)]
    model = vizstudio.load_model("vit:test_vit", checkpoint=trained / "last.safetensors", device="cpu")
    task = task_of(images)
    with (
        np.load(trained / "snapshots" / names[-1]) as kept,
        np.load(trained / "snapshots" / names[0]) as first,
    ):
        assert not np.array_equal(kept["position"], first["position"])
        for i, index in enumerate(kept["probes"]):
            analysis = model.analyze(images / task.val.name(int(index)))
            weights = [analysis.attention.weights(layer, None, [0])[:, 0] for layer in kept[f"layers_{i}"]]
            np.testing.assert_allclose(kept[f"attention_{i}"], np.stack(weights), atol=1e-3)
            assert kept[f"attention_{i}"].dtype == np.float16
            assert tuple(kept[f"grid_{i}"]) == analysis.grid.shape
        assert analysis.position_embedding is not None
        np.testing.assert_allclose(kept["position"], analysis.position_embedding.vectors, atol=2e-3)


def test_best_is_the_epoch_with_the_highest_accuracy(trained: Path) -> None:
    told = events(trained, "epoch")
    best = max(told, key=lambda e: e["accuracy"])  # the first of equals
    assert [e["step"] for e in told if e["best"]][-1] == best["step"]
    with safe_open(trained / "best.safetensors", "pt") as file:
        assert file.metadata()["step"] == str(best["step"])


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_images(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Finetune.losses

    def broken(self: Finetune, model: Any, batch: Any) -> torch.Tensor:
        return torch.where(batch[2] == 7, torch.nan, ours(self, model, batch))

    monkeypatch.setattr(Finetune, "losses", broken)
    done = run_here("--data", images, "--out", tmp_path / "run", *TINY, "--epochs", "1")
    assert (done.returncode, done.stdout) == (1, "")
    (failed,) = events(tmp_path / "run", "failed")
    plan = Plan(33, 0, 1, 8)
    assert failed["indices"] == [d.index for d in plan.batch(failed["step"])]
    assert 7 in failed["indices"]
    assert f"the loss of step {failed['step'] + 1} is nan" in done.stderr
    name = task_of(images).train.name(7)
    assert f"7 ({name})" in done.stderr


def test_a_full_disk_stops_the_run_with_what_was_saved_whole(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = checkpoints.save_file, []

    def full(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args, **kwargs)

    monkeypatch.setattr(checkpoints, "save_file", full)
    out = tmp_path / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "3")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device; what was saved before is whole: --resume goes on" in done.stderr
    monkeypatch.undo()
    done = run_here("--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert [e["epoch"] for e in events(out, "epoch")] == [1, 2, 3]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB; a state of the tiny run has 3.5, and two are kept."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_disk_that_is_really_full_loses_nothing(images: Path, tmp_path: Path, small_disk: Path) -> None:
    whole, out = tmp_path / "whole", small_disk / "run"
    options = ("--data", str(images), *TINY, "--epochs", "3")
    assert run_here(*options, "--out", whole).returncode == 0
    (small_disk / "other").write_bytes(bytes(2_000_000))
    done = run_here(*options, "--out", out)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device" in done.stderr
    assert "what was saved before is whole: --resume goes on" in done.stderr
    (small_disk / "other").unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert run_here("--out", out, "--resume").returncode == 0
    ours, theirs = (load_file(folder / "last.safetensors") for folder in (out, whole))
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())


class Small(torch.nn.Module):
    """A classifier that runs out of memory with more than `most` images at a time."""

    def __init__(self, model: torch.nn.Module, most: int) -> None:
        super().__init__()
        self.model, self.most = model, most
        self.sizes: list[int] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")
        self.sizes.append(len(pixels))
        out: torch.Tensor = self.model(pixels)
        return out


@pytest.mark.parametrize(("most", "parts"), [(8, 1), (3, 4)])
def test_parts_are_halved_until_one_fits(most: int, parts: int, images: Path) -> None:
    task = task_of(images)
    task.model = Small(task.model, most)
    before = {k: v.clone() for k, v in task.model.state_dict().items()}
    accelerator = make_accelerator(task.config)
    try:
        assert find_accumulation(accelerator, task, Plan(33, 0, 1, 8), 1) == parts
        assert all(torch.equal(v, before[k]) for k, v in task.model.state_dict().items())
        assert all(p.grad is None for p in task.model.parameters())
        task.model.most = 0
        with pytest.raises(DeviceError, match="not even one image fits into memory"):
            find_accumulation(accelerator, task, Plan(33, 0, 1, 8), 1)
    finally:
        release_accelerator(accelerator)


def test_find_batch_size_keeps_the_batch_of_a_step(
    images: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Finetune.losses

    def tight(self: Finetune, model: Any, batch: Any) -> torch.Tensor:
        if len(batch[1]) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return ours(self, model, batch)

    monkeypatch.setattr(Finetune, "losses", tight)
    out = tmp_path / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "4", "--find-batch-size")
    assert done.returncode == 0, done.stderr
    assert events(out, "start")[0]["accumulate"] == 4
    mine, theirs = events(out, "step"), events(trained, "step")
    assert [e["loss"] for e in mine[:6]] == pytest.approx([e["loss"] for e in theirs[:6]], rel=2e-3)


def test_positions_can_start_from_sines_that_the_position_view_shows(images: Path) -> None:
    table = task_of(images, position_init="sine").model.pos_embed
    assert isinstance(table, torch.nn.Parameter) and table.requires_grad
    vectors = table[0, -9:].detach().numpy()  # 48 pixels are 3×3 patches
    dim = vectors.shape[1]
    for patch in range(9):
        row, col = divmod(patch, 3)
        waves = 1 / 10000 ** (np.arange(dim // 4) / (dim // 4))
        expected = [f(place * waves) for place in (row, col) for f in (np.sin, np.cos)]
        np.testing.assert_allclose(np.sort(vectors[patch]), np.sort(np.concatenate(expected)), atol=1e-5)
    with pytest.raises(ModelError, match="no learned vector for each patch's position"):
        task_of(images, position_init="sine", model="resnet18")


def test_layer_decay_gives_earlier_layers_a_smaller_share(images: Path) -> None:
    task = task_of(images, layer_decay=0.5)
    names = {id(p): name for name, p in task.model.named_parameters()}
    scale = {names[id(p)]: g["lr_scale"] for g in task.parameter_groups() for p in g["params"]}
    assert scale["head.weight"] == 1.0
    blocks = [scale[f"blocks.{i}.attn.qkv.weight"] for i in range(6)]
    assert blocks == pytest.approx([0.5 ** (6 - i) for i in range(6)])
    assert scale["pos_embed"] == pytest.approx(0.5**7)


@pytest.mark.parametrize("layer_decay", [None, 0.8])
def test_every_parameter_is_learnt_once_and_positions_do_not_decay(
    layer_decay: float | None, images: Path
) -> None:
    task = task_of(images, layer_decay=layer_decay)
    groups = task.parameter_groups()
    assert sorted(id(p) for g in groups for p in g["params"]) == sorted(map(id, task.model.parameters()))
    decayed = {id(p) for g in groups if g["weight_decay"] for p in g["params"]}
    for name, parameter in task.model.named_parameters():
        spared = parameter.ndim < 2 or name in ("pos_embed", "cls_token")
        assert (id(parameter) in decayed) is not spared, name


def test_changes_are_random_by_the_draw_and_off_to_evaluate(images: Path) -> None:
    task = task_of(images)

    def get(seed: int | None) -> torch.Tensor:
        pixels: torch.Tensor = task.train.get(0, None if seed is None else np.random.default_rng(seed))[0]
        return pixels

    assert torch.equal(get(1), get(1))
    assert not torch.equal(get(1), get(2))
    still = task_of(images, flip=0, rotation=0, jitter=0)
    assert torch.equal(still.train.get(0, np.random.default_rng(1))[0], get(None))
    mirrored = task_of(images, flip=1, rotation=0, jitter=0)
    assert torch.equal(mirrored.train.get(0, np.random.default_rng(1))[0].flip(2), get(None))


def test_class_balanced_draws_by_class(tmp_path: Path) -> None:
    task = task_of(make_images(tmp_path, {"blue": 30, "red": 5}), class_balanced=True)
    assert task.weights is not None
    assert len(task.weights) == len(task.train)
    labels = np.array([task.train.get(i, None)[1] for i in range(len(task.train))])
    assert task.weights[labels == 0].sum() == pytest.approx(task.weights[labels == 1].sum())


def test_a_model_without_attention_trains_without_snapshots(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = [o if o != "test_vit" else "test_resnet" for o in TINY]
    done = run_here("--data", images, "--out", out, *options, "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert not (out / "snapshots").exists()


def test_a_data_set_by_its_name(tmp_path: Path) -> None:
    out = tmp_path / "run"
    sizes = ("--images", "12", "--val-images", "5", "--epochs", "2", "--model-args", '{"depth": 2}')
    done = run_here("--data", "emoji-scenes", "--out", out, *LARGER, *sizes)
    assert done.returncode == 0, done.stderr
    assert events(out, "start")[0]["images"] == 12
    model = vizstudio.load_model("vit:test_vit", checkpoint=out / "best.safetensors", device="cpu")
    assert len(model.analyze(np.zeros((64, 64, 3), np.uint8)).attention.layers) == 2
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert told["images"] == 5
    assert len(told["classes"]) == len(load_names())
    done = run_here("--data", "emoji-scenes", "--out", tmp_path / "no", *LARGER, "--class-balanced")
    assert done.returncode == 2
    assert "class_balanced needs images with known classes" in done.stderr


def load_names() -> tuple[str, ...]:
    """Return the classes of the data set."""
    return Datasets(load_plugins(True).datasets).open("emoji-scenes", 64, 1, 0, "train").class_names

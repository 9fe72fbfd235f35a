"""One process and two learn the same."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import TINY, assert_alike, events, run_command, run_here

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process, a batch in one part."""
    out = tmp_path_factory.mktemp("alone") / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    return out


def test_two_processes_under_torchrun_with_gloo_have_the_same_loss_curve(
    images: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = run_command("--data", images, "--out", out, *TINY, "--epochs", "2", launcher=launcher)
    assert done.returncode == 0, done.stderr
    assert events(out, "start")[0]["processes"] == 2
    assert_alike(out, alone, ("loss", "val_loss", "accuracy"))
    assert len(done.stdout.split()) == 1  # the main process alone prints


def test_a_batch_in_parts_has_the_same_loss_curve(images: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "2", "--accumulate", "3")
    assert done.returncode == 0, done.stderr
    assert_alike(out, alone, ("loss", "val_loss", "accuracy"))


def test_gradient_checkpointing_changes_nothing(images: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "2", "--gradient-checkpointing")
    assert done.returncode == 0, done.stderr
    assert_alike(out, alone, ("loss", "val_loss", "accuracy"))


def test_mixed_precision_learns_too_and_weights_stay_float32(
    images: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "2", "--precision", "bf16")
    assert done.returncode == 0, done.stderr
    assert {v.dtype for v in load_file(out / "last.safetensors").values()} == {torch.float32}
    mine, theirs = events(out, "step")[0]["loss"], events(alone, "step")[0]["loss"]
    assert mine != theirs
    assert mine == pytest.approx(theirs, rel=3e-2)
    done = run_here("--data", images, "--out", out.parent / "no", *TINY, "--precision", "fp16")
    assert done.returncode == 2
    assert "precision fp16 needs a GPU" in done.stderr

"""States are whole or not there, and damage is noticed."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from vizstudio.core.errors import CheckpointError, VizstudioError
from vizstudio.training import checkpoints
from vizstudio.training.checkpoints import Progress, load_state, save_state, save_tensors


def trained(steps: int) -> tuple[torch.nn.Module, torch.optim.AdamW]:
    """Return a small model after some steps."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW([{"params": model[0].parameters()}, {"params": model[1].parameters()}])
    for _ in range(steps):
        model(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def save(folder: Path, steps: int) -> None:
    model, optimizer = trained(steps)
    packed = checkpoints.pack_optimizer(optimizer)
    save_state(folder, model.state_dict(), packed, Progress(steps, 0.5, 1.25, 7, "abc", {"scale": 2.0}))


def test_a_state_comes_back_with_all_that_the_optimiser_remembers(tmp_path: Path) -> None:
    save(tmp_path, 3)
    model, remembered, progress, warnings = load_state(tmp_path)
    assert (progress, warnings) == (Progress(3, 0.5, 1.25, 7, "abc", {"scale": 2.0}), [])
    same, optimizer = trained(3)
    for key, value in same.state_dict().items():
        assert torch.equal(model[key], value), key
    fresh, other = trained(0)
    fresh.load_state_dict(model)
    checkpoints.unpack_optimizer(other, remembered)
    for which in (same, fresh):  # a step more must do the same to both
        torch.manual_seed(9)
        which.zero_grad()
        which(torch.randn(5, 3)).square().sum().backward()
    optimizer.step()
    other.step()
    for a, b in zip(same.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for steps in (1, 2, 3):
        save(tmp_path, steps)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["000000002.safetensors", "000000003.safetensors"]


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "flipped bit":
        content[-3] ^= 1
    elif how == "empty":
        content = bytearray()
    else:
        content = bytearray(os.urandom(len(content)))
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "flipped bit", "empty", "random"])
def test_a_damaged_state_gives_way_to_the_one_before_and_that_is_said(how: str, tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)
    damage(tmp_path / "000000002.safetensors", how)
    model, _, progress, warnings = load_state(tmp_path)
    assert progress.step == 1
    assert torch.equal(model["0.weight"], trained(1)[0].state_dict()["0.weight"])
    assert len(warnings) == 2
    assert warnings[0].startswith("the state 000000002.safetensors is damaged")
    assert warnings[1] == "going on from the state before, of step 1"
    damage(tmp_path / "000000001.safetensors", how)
    with pytest.raises(CheckpointError, match=r"no whole state is left in .*000000002.*000000001"):
        load_state(tmp_path)


def test_without_a_state_a_run_starts_from_its_beginning(tmp_path: Path) -> None:
    model, remembered, progress, warnings = load_state(tmp_path / "not there")
    assert (model, remembered, progress.step) == ({}, {}, 0)
    assert warnings == ["no step was saved yet: starting from the beginning"]


@pytest.mark.parametrize("failing", ["fsync", "replace", "save_file"])
def test_a_full_disk_leaves_what_was_there(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    save_tensors(path, {"a": torch.ones(3)}, {})

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "fsync":
        monkeypatch.setattr(checkpoints.os, "fsync", full)
    elif failing == "replace":
        monkeypatch.setattr(Path, "replace", full)
    else:
        monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(VizstudioError, match=r"last.safetensors cannot be written: No space left on device"):
        save_tensors(path, {"a": torch.zeros(3)}, {})
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]
    assert torch.equal(load_file(path)["a"], torch.ones(3))


def test_the_digest_tells_names_types_shapes_and_values_apart() -> None:
    base = {"a": torch.tensor([1.0, 2.0])}
    others: list[dict[str, torch.Tensor]] = [
        {"b": torch.tensor([1.0, 2.0])},
        {"a": torch.tensor([1.0, 2.0]).view(torch.int32)},
        {"a": torch.tensor([[1.0, 2.0]])},
        {"a": torch.tensor([1.0, -2.0])},
        {"a": torch.tensor([1.0, 2.0]), "s": torch.tensor(3)},
    ]
    digests = [checkpoints.digest(state) for state in (base, *others)]
    assert len({*digests}) == len(digests)
    assert checkpoints.digest({"a": torch.tensor([1.0, 2.0])}) == digests[0]

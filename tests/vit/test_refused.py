"""Files that are no checkpoints, and one that is an attack: each gets its own sentence, and no code runs."""

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from vizstudio.api import CheckpointError
from vizstudio_vit.model import ViT

Load = Callable[..., ViT]
Make = Callable[..., nn.Module]
Save = Callable[..., Path]


def _refusal(load_vit: Load, path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_vit(checkpoint=path)
    told = str(caught.value)
    assert "\n" not in told and len(told) < 300
    assert path.name in told
    return told


class _Attack:
    """What `pickle.load` would turn into a call that writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (f"open({str(self.target)!r}, 'w').close()",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_with_code_runs_nothing(
    legacy: bool, tmp_path: Path, load_vit: Load, make_timm: Make
) -> None:
    trap, path = tmp_path / "trap.txt", tmp_path / "evil.pth"
    content = {"model": make_timm(num_classes=5).state_dict(), "extra": _Attack(trap)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    told = _refusal(load_vit, path)
    assert not trap.exists()
    assert "is refused: its pickle wants to call exec," in told
    # The trap is real: whoever unpickles it is caught.
    torch.load(path, weights_only=False)
    assert trap.exists()


def test_a_bare_pickle_with_code_runs_nothing(tmp_path: Path, load_vit: Load) -> None:
    trap, path = tmp_path / "trap.txt", tmp_path / "evil.bin"
    path.write_bytes(pickle.dumps(_Attack(trap), protocol=2))
    told = _refusal(load_vit, path)
    assert not trap.exists()
    assert "exec" in told


def test_a_whole_pickled_model_is_refused_by_the_name_of_its_class(load_vit: Load, save: Save) -> None:
    told = _refusal(load_vit, save(nn.Linear(2, 2)))
    assert "torch.nn.modules.linear.Linear" in told and "save its state_dict alone" in told


@pytest.mark.parametrize("keep", [0.5, 0.99])
@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
def test_truncated(name: str, keep: float, load_vit: Load, make_timm: Make, save: Save) -> None:
    path = save(make_timm(num_classes=5).state_dict(), name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    told = _refusal(load_vit, path)
    assert (
        "not a whole safetensors file" if "safetensors" in name else "is truncated or no checkpoint"
    ) in told


def test_truncated_legacy(tmp_path: Path, load_vit: Load, make_timm: Make) -> None:
    path = tmp_path / "cut.pth"
    torch.save(make_timm(num_classes=5).state_dict(), path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "is truncated or no checkpoint" in _refusal(load_vit, path)


@pytest.mark.parametrize("name", ["empty.pth", "empty.safetensors", "empty"])
def test_empty(name: str, tmp_path: Path, load_vit: Load) -> None:
    path = tmp_path / name
    path.touch()
    assert _refusal(load_vit, path) == f"{name} is empty: get the file again"


def test_text_renamed_to_pth(tmp_path: Path, load_vit: Load) -> None:
    path = tmp_path / "notes.pth"
    path.write_text("<!DOCTYPE html><html>404 Not Found</html>", encoding="utf-8")
    assert "is no checkpoint of tensors" in _refusal(load_vit, path)


def test_text_renamed_to_safetensors(tmp_path: Path, load_vit: Load) -> None:
    path = tmp_path / "notes.safetensors"
    path.write_text("<!DOCTYPE html><html>404 Not Found</html>", encoding="utf-8")
    assert "is not a whole safetensors file" in _refusal(load_vit, path)


def test_a_zip_that_is_no_checkpoint(tmp_path: Path, load_vit: Load) -> None:
    path = tmp_path / "photos.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "holiday photos")
    assert "is truncated or no checkpoint" in _refusal(load_vit, path)


def test_a_photo(photos: Path, load_vit: Load) -> None:
    assert "is no checkpoint of tensors" in _refusal(load_vit, photos / "coffee.jpg")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.zeros(2)], torch.zeros(2), {"model": {}}])
def test_a_file_without_weights(content: object, load_vit: Load, save: Save) -> None:
    assert "holds no weights" in _refusal(load_vit, save(content))


def test_safetensors_without_tensors(load_vit: Load, save: Save) -> None:
    assert "holds no weights" in _refusal(load_vit, save({}, "none.safetensors"))


def test_no_file(tmp_path: Path, load_vit: Load) -> None:
    assert "no checkpoint at" in _refusal(load_vit, tmp_path / "absent.pth")


def test_a_folder(tmp_path: Path, load_vit: Load) -> None:
    assert "no checkpoint at" in _refusal(load_vit, tmp_path)


def test_broken_class_names_in_metadata(load_vit: Load, make_timm: Make, save: Save) -> None:
    path = save(make_timm(num_classes=2).state_dict(), "w.safetensors", {"class_names": "[unquoted"})
    assert "class_names that are not JSON" in _refusal(load_vit, path)

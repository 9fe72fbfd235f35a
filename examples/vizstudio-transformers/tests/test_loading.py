"""What cannot be loaded is one sentence; nothing is fetched unasked and no code of a folder runs."""

import ast
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import vizstudio_transformers
from safetensors.torch import load_file, save_file

import vizstudio
from vizstudio.api import CheckpointError, ModelError, OfflineError


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.target),)


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders["vit"], tmp_path / "copy"))


def refused(folder: Path | str, kind: type[ModelError], match: str, **options: Any) -> str:
    with pytest.raises(kind, match=match) as caught:
        vizstudio.load_model(f"hf:{folder}", **options)
    sentence = str(caught.value)
    assert "\n" not in sentence and str(folder) in sentence
    return sentence


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(
        json.dumps({k: v for k, v in (content | changes).items() if v is not None}), encoding="utf-8"
    )


def test_an_id_that_is_not_cached_is_not_fetched_unasked() -> None:
    sentence = refused("google/vit-base-patch16-224", OfflineError, "neither a folder nor in the hub's cache")
    assert "--pretrained" in sentence


def test_asked_for_offline_it_says_so() -> None:
    refused("google/vit-base-patch16-224", OfflineError, "could not be fetched", pretrained=True)


def test_a_name_that_is_no_id(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", OfflineError, "neither a folder")


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    refused(tmp_path, ModelError, r"holds no config\.json")


@pytest.mark.parametrize("content", ["{", "[]", "{}", "\x00"])
def test_a_configuration_that_is_none(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content, encoding="utf-8")
    refused(folder, ModelError, "config.json .* cannot be read")


@pytest.mark.parametrize("kind", ["bert", ["vit"]])
def test_another_kind_of_model(folder: Path, kind: Any) -> None:
    edit(folder / "config.json", model_type=kind)
    assert "dinov2" in refused(folder, ModelError, "is a .* model: this plugin knows")


def test_without_a_processor(folder: Path) -> None:
    for file in folder.glob("*process*.json"):
        file.unlink()
    refused(folder, ModelError, "preprocessor_config.json")


def test_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    refused(folder, CheckpointError, "cannot be loaded")


def test_truncated_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    refused(folder, CheckpointError, "cannot be loaded")


def test_missing_weights_are_not_made_up(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    gone = next(key for key in state if "layer" in key and "weight" in key)
    save_file({key: value for key, value in state.items() if key != gone}, path, {"format": "pt"})
    refused(folder, CheckpointError, "1 missing")


def test_weights_of_another_shape(folder: Path) -> None:
    edit(folder / "config.json", image_size=64)
    refused(folder, CheckpointError, "of another shape|cannot be loaded")


def test_a_pickle_of_tensors_loads_and_one_that_wants_to_run_code_does_not(folder: Path, photo: Path) -> None:
    wanted = vizstudio.load_model(f"hf:{folder}").analyze(photo).logits
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    got = vizstudio.load_model(f"hf:{folder}").analyze(photo).logits
    assert wanted is not None and got is not None and (wanted == got).all()
    ran = folder / "ran"
    torch.save(state | {"x": Runs(str(ran))}, folder / "pytorch_model.bin")
    refused(folder, CheckpointError, "cannot be loaded")
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump(Runs(str(ran)), file)
    refused(folder, CheckpointError, "cannot be loaded")
    assert not ran.exists()


def test_code_that_a_folder_brings_is_not_run(folder: Path, photo: Path) -> None:
    ran = folder / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass M: pass\n", encoding="utf-8")
    classes = {"AutoModelForImageClassification": "own.M", "AutoModel": "own.M", "AutoConfig": "own.M"}
    edit(folder / "config.json", auto_map=classes)
    edit(folder / "preprocessor_config.json", auto_map={"AutoImageProcessor": "own.M"})
    vizstudio.load_model(f"hf:{folder}").analyze(photo)
    assert not ran.exists()


def test_a_checkpoint_beside_it_is_refused(folder: Path, tmp_path: Path) -> None:
    refused(folder, ModelError, "brings its own weights", checkpoint=folder / "model.safetensors")


@pytest.mark.parametrize(("lines", "match"), [("a\nb\n", "names 2 classes"), ("\udcff", "cannot be read")])
def test_class_names_that_do_not_fit(folder: Path, tmp_path: Path, lines: str, match: str) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(lines.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match=match):
        vizstudio.load_model(f"hf:{folder}", class_names=path)


def test_an_input_smaller_than_a_patch(folder: Path) -> None:
    refused(folder, ModelError, "smaller than one patch", input_size=(7, 5))


def test_pictures_from_the_command_line(folder: Path, photo: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vizstudio", "run", photo, "--model", f"hf:{folder}"]
    views = ["--view", "attention,wall,rollout,position,norms,predictions", "--out", tmp_path / "out"]
    done = subprocess.run([*command, *views], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) == 6
    command[-1] = f"hf:{tmp_path}"
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert failed.returncode == 2
    assert "holds no config.json" in failed.stderr and "Traceback" not in failed.stderr


def test_of_vizstudio_only_the_interface_is_imported() -> None:
    imported = set()
    for file in Path(vizstudio_transformers.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    assert {name for name in imported if name.partition(".")[0] == "vizstudio"} == {"vizstudio.api"}
    assert not {name for name in imported if "PySide" in name}


def test_listing_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; from vizstudio_transformers.plugin import list_models; assert len(list_models()) > 5\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

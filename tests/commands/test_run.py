"""``vizstudio run`` and ``vizstudio demo``: what is written, what is told, and what fails."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import vizstudio
from vizstudio.batch import find_images, unique_stems
from vizstudio.cli import main
from vizstudio.core.figures import VIEWS, render
from vizstudio.core.state import CAPTION
from vizstudio.resources import resource_path

MODEL = "vit:vit_tiny_patch16_224"
COMMON = ["--model", MODEL, "--device", "cpu"]


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    """A folder with two photos, a folder below with a photo of the same name, and two bad files."""
    here = tmp_path / "photos"
    (here / "below").mkdir(parents=True)
    shutil.copy(photos / "coffee.jpg", here / "coffee.jpg")
    shutil.copy(photos / "chelsea.jpg", here / "chelsea.jpg")
    shutil.copy(photos / "rocket.jpg", here / "below" / "coffee.jpg")
    (here / "empty.jpg").write_bytes(b"")
    (here / "below" / "torn.jpg").write_bytes((photos / "coffee.jpg").read_bytes()[:2000])
    return here


def test_bad_files_in_a_folder_do_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio", "run", "photos", *COMMON, "--out", "out", "--format", "png,json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 1, done.stderr
    stems = ("chelsea", "coffee", "coffee-2")
    expected = {f"{stem}_attention.{kind}" for stem in stems for kind in ("png", "json")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected
    assert {Path(line).name for line in done.stdout.splitlines()} == expected
    assert "Traceback" not in done.stderr
    told = done.stderr.splitlines()
    assert told[0].startswith(f"3 of 5 images analysed with {MODEL} on cpu in ")
    assert told[0].endswith("; 6 files in out")
    assert told[1].startswith("note: untrained weights")
    failed = told[told.index("failed:") + 1 :]
    assert len(failed) == 2
    assert any(line.strip().startswith(str(Path("photos/empty.jpg"))) for line in failed)
    assert any(str(Path("photos/below/torn.jpg")) in line for line in failed)
    facts = json.loads((tmp_path / "out" / "coffee_attention.json").read_text(encoding="utf-8"))
    assert (facts["layer"], facts["head"], facts["grid"]) == (11, "mean", [14, 14])


def test_a_bug_met_with_one_image_does_not_stop_the_others(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def buggy(analysis: Any, image: Any, *rest: Any, **options: Any) -> Any:
        if image.name == "coffee.jpg":
            raise ZeroDivisionError("division by zero")
        return render(analysis, image, *rest, **options)

    monkeypatch.setattr("vizstudio.batch.render", buggy)
    images = [str(photos / name) for name in ("coffee.jpg", "rocket.jpg")]
    assert main(["run", *images, *COMMON, "--out", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rocket_attention.png"]
    told = capsys.readouterr().err
    assert f"  {images[0]}: this is a bug in vizstudio (ZeroDivisionError: division by zero)" in told
    assert "Traceback" not in told
    assert main(["run", images[0], *COMMON, "--out", str(tmp_path), "--debug"]) == 1
    assert "in buggy" in capsys.readouterr().err


def test_notes_on_one_image_are_not_told_as_if_they_were_of_all(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(photos / "coffee.jpg") as photo:
        photo.convert("CMYK").save(tmp_path / "cmyk.tif")
    images = [str(tmp_path / "cmyk.tif"), str(photos / "rocket.jpg")]
    words = [*COMMON, "--view", "predictions", "--format", "json", "--out", str(tmp_path / "out")]
    assert main(["run", *images, *words]) == 0
    assert "CMYK" not in capsys.readouterr().err
    assert main(["run", images[0], *words]) == 0
    assert "note: converted from CMYK" in capsys.readouterr().err


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


def test_the_keys_of_an_archive_are_a_contract(photos: Path, tmp_path: Path) -> None:
    photo = photos / "coffee.jpg"
    words = [
        "--view",
        "attention,position",
        "--query",
        "3,5",
        "--head",
        "1",
        "--layer",
        "-2",
        "--format",
        "npz",
    ]
    assert main(["run", str(photo), *COMMON, *words, "--out", str(tmp_path)]) == 0
    attention = load(tmp_path / "coffee_attention.npz")
    position = load(tmp_path / "coffee_position.npz")
    shapes = {
        "logits": (1000,), "probabilities": (1000,), "labels": (1000,), "weights": (12, 3, 197),
        "heatmap": (14, 14), "grid": (2,), "rect": (4,),
    }  # fmt: skip
    assert {key: attention[key].shape for key in shapes} == shapes
    assert position["similarity"].shape == (14, 14, 14, 14)
    exps = np.exp(attention["logits"].astype(np.float64))
    np.testing.assert_allclose(attention["probabilities"], exps / exps.sum(), rtol=1e-5)
    assert attention["labels"][0].startswith("tench")
    np.testing.assert_allclose(attention["weights"].sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(attention["heatmap"].ravel(), attention["weights"][10, 1, 1:], atol=1e-7)
    assert attention["grid"].tolist() == [14, 14]
    with Image.open(photo) as picture:
        width, height = picture.size
    shown = 0.9 * min(width, height)  # timm's crop of this model: the middle 90 % of the shorter side, square
    expected = [(width - shown) / 2, (height - shown) / 2, shown, shown]
    np.testing.assert_allclose(attention["rect"], expected, atol=2)

    analysis = vizstudio.load_model(MODEL, device="cpu").analyze(photo)
    np.testing.assert_allclose(attention["logits"], analysis.logits, atol=1e-5)
    kept = analysis.attention.heatmap(-2, 1, (3, 5)).values
    np.testing.assert_allclose(attention["heatmap"], kept, atol=1e-6)
    np.testing.assert_allclose(position["similarity"], analysis.position_embedding.similarity(), atol=1e-6)


def test_every_view_in_every_format_is_written_or_refused_with_its_reason(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    views = [*(name for name in VIEWS if name not in CAPTION), "rollout"]
    formats = ["png", "svg", "npz", "json"]
    words = ["--view", ",".join(views), "--format", ",".join(formats)]
    assert main(["run", str(photos / "coffee.jpg"), *COMMON, *words, "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        str(tmp_path / f"coffee_{view}.{kind}") for view in views for kind in formats
    ]
    for view in views:
        with Image.open(tmp_path / f"coffee_{view}.png") as picture:
            picture.load()
            assert min(picture.size) > 200
            assert picture.info["Title"]
        assert (tmp_path / f"coffee_{view}.svg").read_text(encoding="utf-8").startswith("<")
        assert json.loads((tmp_path / f"coffee_{view}.json").read_text(encoding="utf-8"))["view"] == view


def test_what_one_format_cannot_hold_does_not_stop_the_others(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--view", "wall,attention", "--format", "csv,npz", "--out", str(tmp_path)]
    assert main(["run", str(photos / "coffee.jpg"), str(photos / "rocket.jpg"), *COMMON, *words]) == 1
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{stem}_{rest}"
        for stem in ("coffee", "rocket")
        for rest in ("wall.npz", "attention.csv", "attention.npz")
    }
    told = capsys.readouterr().err.splitlines()
    (line,) = told[told.index("failed:") + 1 :]
    assert line.strip().startswith(f"{photos / 'coffee.jpg'} and 1 more: ")
    assert "no CSV" in line


def test_a_csv_has_a_line_for_every_cell(photos: Path, tmp_path: Path) -> None:
    words = ["--query", "mean", "--format", "csv,npz", "--out", str(tmp_path)]
    assert main(["run", str(photos / "coffee.jpg"), *COMMON, *words]) == 0
    with (tmp_path / "coffee_attention.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    heatmap = load(tmp_path / "coffee_attention.npz")["heatmap"]
    assert len(rows) == 196
    for row in rows:
        assert float(row["value"]) == pytest.approx(heatmap[int(row["row"]), int(row["col"])], rel=1e-5)


def test_another_input_size_gives_another_grid(photos: Path, tmp_path: Path) -> None:
    words = [
        "--input-size",
        "320x256",
        "--fit",
        "squash",
        "--view",
        "panel",
        "--panel",
        "15,19",
        "--format",
        "npz",
    ]
    assert main(["run", str(photos / "coffee.jpg"), *COMMON, *words, "--out", str(tmp_path)]) == 0
    data = load(tmp_path / "coffee_panel.npz")
    assert data["grid"].tolist() == [16, 20]
    assert np.unravel_index(data["heatmap"].argmax(), (16, 20)) == (15, 19)
    with Image.open(photos / "coffee.jpg") as picture:
        np.testing.assert_allclose(data["rect"], [0, 0, *picture.size], atol=1e-6)


def test_rollout_stops_at_the_layer_asked(photos: Path, tmp_path: Path) -> None:
    words = ["--view", "rollout", "--format", "npz", "--out", str(tmp_path)]
    assert main(["run", str(photos / "coffee.jpg"), *COMMON, *words, "--layer", "0"]) == 0
    data = load(tmp_path / "coffee_rollout.npz")
    analysis = vizstudio.load_model(MODEL, device="cpu").analyze(photos / "coffee.jpg")
    mixed = 0.5 * analysis.attention.weights(0).mean(axis=0)[0]
    mixed[0] += 0.5
    np.testing.assert_allclose(data["heatmap"].ravel(), (mixed / mixed.sum())[1:], atol=1e-6)


def test_a_second_run_over_a_folder_leaves_its_own_results_out(folder: Path, tmp_path: Path) -> None:
    out = folder / "vizstudio-out"
    out.mkdir()
    result = out / "coffee_attention.png"
    shutil.copy(folder / "coffee.jpg", result)
    assert result not in find_images([folder], out)
    assert len(find_images([folder], out)) == 5
    assert find_images([result], out) == [result]
    assert find_images([folder / "coffee.jpg", folder], out)[0] == folder / "coffee.jpg"
    assert len(find_images([folder / "coffee.jpg", folder], out)) == 5


@given(st.lists(st.sampled_from(["a", "A", "a-2", "a-3", "b", "a-2-2"])))
def test_no_two_images_share_a_name_of_results(names: list[str]) -> None:
    stems = unique_stems([Path(str(i), f"{name}.jpg") for i, name in enumerate(names)])
    assert len({stem.casefold() for stem in stems}) == len(names)
    assert all(stem.startswith(name) for stem, name in zip(stems, names, strict=True))


@pytest.mark.slow
def test_demo_without_a_display_writes_pictures_and_films(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", _no_network)
    assert main(["demo", "--headless", "--device", "cpu", "--out", str(tmp_path)]) == 0
    scenes = [path.stem for path in resource_path("scenes").iterdir()]
    views = ("attention", "wall", "rollout", "position")
    expected = {
        f"{stem}_{view}.png" for stem in [*scenes, *(p.stem for p in photos.glob("*.jpg"))] for view in views
    }
    expected |= {f"{stem}_caption.{kind}" for stem in scenes for kind in ("png", "gif")}
    told = capsys.readouterr()
    assert (
        {path.name for path in tmp_path.iterdir()}
        == expected
        == {Path(line).name for line in told.out.split()}
    )
    assert len(expected) == 34
    assert "untrained" not in told.err
    with Image.open(tmp_path / f"{scenes[0]}_caption.gif") as film:
        assert film.n_frames > 5


def _no_network(*args: object) -> None:
    raise AssertionError("the demo asked for the network")


def test_demo_opens_the_studio_where_there_is_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    def open_studio(image: Path, **options: Any) -> int:
        opened.append((image.name, options["model"]))
        return 0

    monkeypatch.setattr("vizstudio.commands.demo.window", open_studio)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":7")
    assert main(["demo"]) == 0
    assert opened == [("scene_11.jpg", "vit:demo")]

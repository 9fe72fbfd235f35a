"""``vizstudio compare``: what is written, against what each model says by itself, and what is refused."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import vizstudio
from vizstudio.cli import main

TINY, LARGE = "vit:vit_tiny_patch16_224", "vit:vit_tiny_patch16_384"
COMMON = ["--device", "cpu"]


def load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two checkpoints of different random weights."""
    import timm

    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        path = tmp_path_factory.mktemp("weights") / f"seed{seed}.safetensors"
        save_file(timm.create_model("vit_tiny_patch16_224", num_classes=3).state_dict(), path)
        paths.append(path)
    return paths


def test_two_checkpoints(photos: Path, checkpoints: list[Path], tmp_path: Path) -> None:
    photo, out = photos / "coffee.jpg", tmp_path / "out"
    words = ["compare", str(photo), "--model", TINY, "--checkpoint", str(checkpoints[0]), *COMMON]
    words += [
        "--with-checkpoint",
        str(checkpoints[1]),
        "--view",
        "attention,rollout,position,panel,position-norm",
    ]
    assert (
        main(
            [
                *words,
                "--layer",
                "5",
                "--head",
                "1",
                "--query",
                "3,4",
                "--format",
                "npz,json,png",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    analyses = [vizstudio.load_model(TINY, path, device="cpu").analyze(photo) for path in checkpoints]
    own = [a.attention.heatmap(5, 1, (3, 4)).values for a in analyses]
    data = load(out / "coffee_compare-attention.npz")
    np.testing.assert_array_equal(data["first"], own[0])
    np.testing.assert_array_equal(data["second"], own[1])
    np.testing.assert_array_equal(data["difference"], own[0] - own[1])
    assert np.abs(data["difference"]).max() > 1e-4
    similarities = [a.position().similarity() for a in analyses]
    data = load(out / "coffee_compare-position.npz")
    np.testing.assert_array_equal(data["difference"], similarities[0] - similarities[1])
    data = load(out / "coffee_compare-panel.npz")
    np.testing.assert_array_equal(data["difference"], (similarities[0] - similarities[1])[7, 7])
    facts = json.loads((out / "coffee_compare-attention.json").read_text(encoding="utf-8"))
    told, second = facts["comparison"], facts["comparison"]["second"]
    assert told["how"] == "cells" and told["half_of_all_differences"] == pytest.approx(
        np.abs(own[0] - own[1]).sum() / 2, rel=1e-5
    )
    assert (second["layer"], second["head"], second["query"]) == (5, 1, "3,4")
    assert second["provenance"]["weights_hash"] != facts["provenance"]["weights_hash"]
    names = {path.name for path in out.glob("*.png")}
    assert names == {
        f"coffee_compare-{view}.png"
        for view in ("attention", "rollout", "position", "panel", "position-norm")
    }


def test_two_grids_over_one_photo(photos: Path, tmp_path: Path) -> None:
    photo = photos / "coffee.jpg"
    words = [
        "compare",
        str(photo),
        "--model",
        TINY,
        "--with",
        LARGE,
        *COMMON,
        "--format",
        "npz,csv,json,png,svg",
    ]
    assert main([*words, "--fit", "squash", "--query", "cls", "--out", str(tmp_path)]) == 0
    data = load(tmp_path / "coffee_compare-attention.npz")
    assert data["first_own"].shape == (14, 14) and data["second_own"].shape == (24, 24)
    assert data["first"].shape == data["second"].shape == data["difference"].shape == (24, 24)
    np.testing.assert_array_equal(data["second"], data["second_own"])  # the finer grid is its own
    assert data["first"].sum() == pytest.approx(data["first_own"].sum(), abs=1e-5)
    # By counting: 14 and 24 cells side by side are 168 slices each of 12 and of 7.
    slices = (data["first_own"] / 144).repeat(12, 0).repeat(12, 1).reshape(24, 7, 24, 7).sum(axis=(1, 3))
    np.testing.assert_allclose(data["first"], slices, atol=1e-7)
    with (tmp_path / "coffee_compare-attention.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24 * 24 and list(rows[0])[:5] == ["row", "col", "value", "first", "second"]
    for row in rows[:50]:
        assert float(row["value"]) == pytest.approx(float(row["first"]) - float(row["second"]), abs=1e-8)
    facts = json.loads((tmp_path / "coffee_compare-attention.json").read_text(encoding="utf-8"))
    assert facts["comparison"]["how"] == "overlap" and facts["comparison"]["second"]["grid"] == [24, 24]
    assert "<svg" in (tmp_path / "coffee_compare-attention.svg").read_text(encoding="utf-8")


def test_two_photos_by_the_model_that_ships(photos: Path, tmp_path: Path) -> None:
    images = [photos / "coffee.jpg", photos / "chelsea.jpg"]
    words = [
        "compare",
        *map(str, images),
        "--model",
        "vit:demo",
        *COMMON,
        "--format",
        "npz,png",
        "--width",
        "900",
    ]
    assert main([*words, "--out", str(tmp_path)]) == 0
    model = vizstudio.load_model("vit:demo", device="cpu")
    own = [model.analyze(image).attention.heatmap().values for image in images]
    data = load(tmp_path / "coffee_compare-attention.npz")
    np.testing.assert_array_equal(data["difference"], own[0] - own[1])
    with Image.open(tmp_path / "coffee_compare-attention.png") as picture:
        assert picture.width == 900 and "coffee.jpg and chelsea.jpg" in picture.info["Title"]


def test_two_layers_of_one_model(photos: Path, tmp_path: Path) -> None:
    words = ["compare", str(photos / "coffee.jpg"), "--model", "vit:demo", *COMMON, "--format", "npz"]
    assert (
        main([*words, "--layer", "0", "--with-layer", "-1", "--with-head", "0", "--out", str(tmp_path)]) == 0
    )
    attention = vizstudio.load_model("vit:demo", device="cpu").analyze(photos / "coffee.jpg").attention
    data = load(tmp_path / "coffee_compare-attention.npz")
    np.testing.assert_array_equal(data["first"], attention.heatmap(0).values)
    np.testing.assert_array_equal(data["second"], attention.heatmap(-1, 0).values)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "there is nothing to compare: give a second IMAGE, --with MODEL, --with-checkpoint"),
        (["--with", TINY, "--view", "wall"], "no view to compare 'wall'"),
        (
            ["--with", TINY, "--view", "position"],
            "position similarities of 12×12 and of 14×14 patches cannot be",
        ),
        (["--with", TINY, "--view", "panel"], "choose models with the same grid"),
        (["--with", TINY, "--with-layer", "12"], "layer 12 does not exist"),
        (["--with", TINY, "--with-head", "best"], "no head 'best'"),
        (["--with", TINY, "--query", "reg1"], "no query reg1"),
        (["{chelsea}", "--with", TINY], "maps of two images on a grid of 12×12 and of 14×14 cells cannot be"),
        (["{chelsea}", "--with", TINY, "--query", "1,1"], "is no patch of another image's grid of 14×14"),
        (["--with-checkpoint", "nowhere.pth"], "no checkpoint at nowhere.pth"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(
    words: list[str], told: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(chelsea=photos / "chelsea.jpg") for word in words]
    images = [str(photos / "coffee.jpg"), *(word for word in words if word.endswith(".jpg"))]
    options = [word for word in words if not word.endswith(".jpg")]
    common = ["--model", "vit:demo", *COMMON, "--out", str(tmp_path)]
    assert main(["compare", *images, *common, *options]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_as_a_user_types_it(photos: Path, tmp_path: Path) -> None:
    words = ["compare", str(photos / "rocket.jpg"), "--model", "vit:demo", *COMMON, "--with-layer", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    wanted = Path("vizstudio-out") / "rocket_compare-attention.png"
    assert done.stdout.splitlines() == [str(wanted)] and (tmp_path / wanted).is_file()

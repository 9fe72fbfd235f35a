"""Every hook: its documentation, and a plugin that uses it, through the command line."""

import csv
import inspect
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vizstudio import hookspecs, train_cli
from vizstudio.api import (
    DatasetEntry,
    ExporterEntry,
    ModelEntry,
    PluginError,
    ReductionEntry,
    TrainerEntry,
    UsageError,
    ViewEntry,
)
from vizstudio.plugins import TRAINING_COMMANDS, PluginHost, load_plugins
from vizstudio.registry import Registrar, Registry, load_target

HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_tested_and_has_a_registry(hook: str) -> None:
    assert len(inspect.getdoc(getattr(hookspecs, hook)) or "") > 40
    assert f"test_{hook}" in globals(), f"write a test named test_{hook}"
    assert hook in PluginHost().registries()


def test_every_registry_has_its_hook() -> None:
    assert [*PluginHost().registries()] == HOOKS


def run_toy(site: Any, photos: Path, *options: str) -> Any:
    site.install_healthy()
    return site.vizstudio(
        "run", photos / "coffee.jpg", "--model", "toy:bear", "--device", "cpu", "--out", "out", *options
    )


def test_register_models(site: Any, photos: Path) -> None:
    done = run_toy(site, photos, "--view", "predictions", "--format", "csv")
    assert done.returncode == 0, done.stderr
    with (site.folder.parent / "out/coffee_predictions.csv").open(encoding="utf-8", newline="") as file:
        assert [*csv.reader(file)] == [
            ["index", "label", "probability"],
            ["1", "bear", "0.75"],
            ["0", "doll", "0.25"],
        ]
    listed = json.loads(site.vizstudio("models", "toy:", "--json").stdout)
    assert listed[0] == {"id": "toy:bear", "family": "toys", "from": "Toys"}


def test_register_datasets(site: Any) -> None:
    site.install_healthy()
    listed = json.loads(site.vizstudio("list", "--json", module="vizstudio.train_cli").stdout)
    assert {"id": "dots", "title": "Dots", "summary": "A white dot on black.", "plugin": "healthy"} in listed[
        "datasets"
    ]
    done = site.vizstudio("export", "dots", "out", "--count", "2", module="vizstudio.train_cli")
    assert done.returncode == 0, done.stderr
    told = json.loads(
        (site.folder.parent / "out/annotations/instances_train.json").read_text(encoding="utf-8")
    )
    assert [a["bbox"] for a in told["annotations"]] == [[0, 0, 1, 1], [1, 0, 1, 1]]
    done = site.vizstudio("export", "dots", "out2", "--count", "3", module="vizstudio.train_cli")
    reason = "plugin 'healthy' failed making sample 2 of 'dots' (ZeroDivisionError: no third dot)"
    assert (done.returncode, done.stderr) == (1, f"vizstudio-train: error: {reason}: --debug shows where\n")
    assert not (site.folder.parent / "out2").exists()


def test_register_trainers(site: Any) -> None:
    site.install_healthy()

    def run(*options: str) -> Any:
        return site.vizstudio("count", "--data", "dots", *options, module="vizstudio.train_cli")

    done = run("--out", "out", "--epochs", "5", "--by", "2", "--schedule", "constant", "--lr", "1e-3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0 2 4 0.001", str(Path("out/best.safetensors"))]
    assert run("--out", "out", "--by", "8").returncode == 130
    done = run("--out", "out", "--by", "0")
    reason = "by cannot be '0': input should be greater than or equal to 1"
    assert (done.returncode, done.stderr) == (2, f"vizstudio-train: error: {reason}\n")
    done = run("--out", "out", "--by", "13")
    reason = "plugin 'healthy' failed training by 'count' (ZeroDivisionError: unlucky)"
    assert (done.returncode, done.stderr) == (1, f"vizstudio-train: error: {reason}: --debug shows where\n")
    listed = json.loads(site.vizstudio("list", "--json", module="vizstudio.train_cli").stdout)
    assert {
        "id": "count",
        "title": "Counts",
        "summary": "Counts to the number of epochs.",
        "plugin": "healthy",
    } in listed["recipes"]
    done = site.vizstudio("lost", module="vizstudio.train_cli")
    assert done.returncode == 1
    assert "'healthy.counting:LostConfig' cannot be loaded" in done.stderr
    assert "--by" in site.vizstudio("count", "--help", module="vizstudio.train_cli").stdout


def test_no_recipe_may_be_called_as_a_command_is() -> None:
    own = {name for name in train_cli.app if not name.startswith("-")} - {
        *load_plugins(safe_mode=True).trainers.ids()
    }
    assert own == {*TRAINING_COMMANDS}
    for name in own:
        assert not PluginHost().trainers.is_free(name)


def test_register_reductions(site: Any, photos: Path) -> None:
    done = run_toy(site, photos, "--view", "first-layer", "--format", "npz,png,json")
    assert done.returncode == 0, done.stderr
    out = site.folder.parent / "out"
    with np.load(out / "coffee_first-layer.npz") as data:
        np.testing.assert_allclose(data["heatmap"], np.full((2, 3), 1 / 6), rtol=1e-6)
        with Image.open(photos / "coffee.jpg") as photo:
            assert data["rect"].tolist() == [0, 0, *photo.size]
    with Image.open(out / "coffee_first-layer.png") as picture:
        assert picture.info["Title"].startswith("First layer")
        assert "Attention of the first layer, whatever layer is asked." in picture.info["Description"]
    shown = site.vizstudio("run", "--help").stdout
    assert "first-layer" in shown
    assert "Attention of the first layer, whatever layer is asked." in shown
    wrong = site.vizstudio("run", "x", "--model", "toy:bear", "--view", "first-leyer")
    assert "did you mean first-layer?" in wrong.stderr


def test_register_exporters(site: Any, photos: Path) -> None:
    done = run_toy(site, photos, "--format", "txt")
    assert done.returncode == 0, done.stderr
    written = (site.folder.parent / "out/coffee_attention.txt").read_text(encoding="utf-8")
    assert "toy:bear" in written
    assert "plain text" in site.vizstudio("run", "--help").stdout


def test_register_views(site: Any) -> None:
    site.install_healthy()
    assert site.plugin("healthy")["brings"]["views"] == ["dock"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            ["--view", "sick"],
            "plugin 'healthy' failed computing 'sick' (RuntimeError: sick)",
        ),
        (["--format", "bad"], "'healthy.model:to_bad' of plugin 'healthy' must return bytes"),
    ],
)
def test_a_part_that_fails_says_so_and_the_others_are_written(
    options: list[str], reason: str, site: Any, photos: Path
) -> None:
    done = run_toy(site, photos, *options)
    hint = ": --debug shows where" if "RuntimeError" in reason else ""
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"vizstudio: error: {reason}{hint}\n")
    both = [f"{text},attention" if "view" in options[0] else f"{text},png" for text in options[1:]]
    done = site.vizstudio(
        *("run", photos / "coffee.jpg", "--model", "toy:bear", "--device", "cpu", "--out", "out"),
        *(options[0], both[0]),
    )
    assert done.returncode == 1
    assert Path(done.stdout.strip()) == Path("out/coffee_attention.png")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["raises", "exits", "wrong"])
def test_a_model_whose_analysis_fails_says_so_in_one_line(name: str, site: Any, photos: Path) -> None:
    site.install_healthy()
    command = ("run", photos, "--model", f"toy:{name}", "--device", "cpu", "--out", "out")
    done = site.vizstudio(*command)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if name == "wrong":
        assert done.stderr == "vizstudio: error: plugin 'healthy' must return an Analysis from analyze\n"
    else:
        reason = {"raises": "ZeroDivisionError: toys cannot divide", "exits": "SystemExit: 3"}[name]
        assert "0 of 4 images analysed" in done.stderr
        for photo in photos.glob("*.jpg"):
            assert f"plugin 'healthy' failed analysing {photo} ({reason})" in done.stderr
        single = site.vizstudio("run", photos / "coffee.jpg", *command[2:])
        assert single.returncode == 1
        assert single.stderr == (
            f"vizstudio: error: plugin 'healthy' failed analysing coffee.jpg ({reason}): --debug shows where\n"
        )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--model", "toy:tall", "--query", "2,1"], "no query 2,1: choose "),
        (["--model", "toy:tall", "--view", "first-layer", "--query", "2,0"], "no query 2,0: choose "),
        (["--model", "toy:gone"], "is too wide"),
    ],
)
def test_what_one_image_of_a_folder_lacks_does_not_lose_the_others(
    options: list[str], reason: str, site: Any, photos: Path, tmp_path: Path
) -> None:
    site.install_healthy()
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(photos / "coffee.jpg") as photo:
        photo.save(folder / "a-wide.png")
        photo.rotate(90, expand=True).save(folder / "b-tall.png")
        photo.save(folder / "c-wide.png")
    done = site.vizstudio("run", folder, *options, "--device", "cpu", "--out", "out")
    assert done.returncode == 1
    (written,) = done.stdout.split()
    assert Path(written).stem.startswith("b-tall_")
    assert "1 of 3 images analysed" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "unloadable",
            "plugin 'healthy' failed loading toy:unloadable (OverflowError: too big a toy): --debug shows where",
        ),
        ("nothing", "plugin 'healthy' must return a Model with its info from 'healthy.model:load'"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_so_in_one_line(
    name: str, reason: str, site: Any, photos: Path
) -> None:
    site.install_healthy()
    done = site.vizstudio("run", photos, "--model", f"toy:{name}", "--device", "cpu", "--out", "out")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"vizstudio: error: {reason}\n")


ENTRIES = {
    ModelEntry: ("a:b", "a:b"),
    DatasetEntry: ("summary", "a:b"),
    TrainerEntry: ("summary", "a:b", "a:b"),
    ReductionEntry: ("measure", "a:b"),
    ExporterEntry: ("a:b",),
    ViewEntry: ("a:b",),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_an_entry_refuses_every_field_that_is_unfit(kind: Any) -> None:
    good = dict(zip((f.name for f in fields(kind)), ("id", "title", *ENTRIES[kind]), strict=True))
    kind(**good)
    for name in good:
        for bad in ("", " ", None, 3):
            with pytest.raises(PluginError, match=name):
                kind(**{**good, name: bad})
    for name in kind.targets:
        with pytest.raises(PluginError, match=f"{kind.__name__}.{name} must have the form"):
            kind(**{**good, name: "module.callable"})
    for bad in ("Id", "a b", "a_b", "a,b", "-a", "ä"):
        with pytest.raises(PluginError, match="lower case"):
            kind(**{**good, "id": bad})


def test_a_registry_keeps_order_and_owners_and_forgets_a_plugin() -> None:
    registry = Registry(ExporterEntry, "format", reserved=("own",))
    first, second = ExporterEntry("a", "A", "m:a"), ExporterEntry("b", "B", "m:b")
    Registrar(registry, "one").add(second)
    Registrar(registry, "two").add(first)
    assert registry.entries() == (second, first)
    assert (registry.owner("a"), registry.owner("b")) == ("two", "one")
    with pytest.raises(PluginError, match="'b' is brought by plugin 'one' already"):
        registry.add(second, "two")
    with pytest.raises(PluginError, match="'own' is vizstudio's own"):
        registry.add(ExporterEntry("own", "O", "m:o"), "two")
    registry.discard("one")
    assert registry.ids() == ("a",)
    with pytest.raises(UsageError, match="no format 'b': choose from a"):
        registry.get("b")


def test_a_target_that_is_not_there_is_a_plugin_error() -> None:
    assert load_target("math:hypot")(3, 4) == 5
    for wrong in ("math.hypot", "math:", ":hypot", "no_such_module_at_all:x", "math:no_such_name"):
        with pytest.raises(PluginError, match=r"math|module"):
            load_target(wrong)

"""``vizstudio models`` and ``vizstudio plugins``: for people and for programs, without torch."""

import json
import os
import subprocess
import sys

import pytest
import timm

from vizstudio.cli import main


@pytest.mark.parametrize(
    "command", [["plugins"], ["models"], ["models", "--json"], ["run", "--help"], ["--help"]]
)
def test_listing_imports_neither_torch_nor_qt(command: list[str]) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "vizstudio", *command]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "vizstudio.plugins" in imported
    assert {name.partition(".")[0] for name in imported}.isdisjoint(
        {"torch", "timm", "torchvision", "PySide6"}
    )


def test_every_name_is_one_that_timm_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "vit:", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    names = [model["id"].removeprefix("vit:") for model in listed]
    assert {*names} - {*timm.list_models()} == {"demo"}
    assert {"vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"} <= set(names)
    assert len(names) == len(set(names))
    assert {model["from"] for model in listed} == {"Vision transformers (timm)"}


def test_models_are_chosen_by_a_part_of_the_name_and_by_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "TINY", "--family", "swin_transformer", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed
    assert all("tiny" in m["id"] and m["family"] == "swin_transformer" for m in listed)


def test_a_table_in_a_pipe_is_not_wrapped_or_coloured() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio", "models"],
        env={**os.environ, "COLUMNS": "20"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["Model", "Family"]
    assert "\x1b" not in done.stdout
    assert all(len(line.split()) == 2 and line.startswith(("vit:", "catr:")) for line in lines)
    assert done.stderr.strip() == f"{len(lines)} models"


def test_plugins_say_what_they_bring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json"]) == 0
    listed = {p["name"]: p for p in json.loads(capsys.readouterr().out)}
    assert listed["vit"]["brings"] == {"models": ["vit"]}
    assert listed["emoji"]["brings"] == {"datasets": ["emoji-scenes"]}
    assert listed["builtin"]["brings"] == {
        "reductions": ["rollout"],
        "exporters": ["png", "svg", "npz", "csv", "json", "gif", "webp", "mp4"],
    }
    assert all(
        p["bundled"] and p["status"] == "active" and p["distribution"] == "vizstudio" for p in listed.values()
    )
    assert main(["plugins"]) == 0
    assert "exporters png, svg, npz, csv, json, gif, webp, mp4" in capsys.readouterr().out

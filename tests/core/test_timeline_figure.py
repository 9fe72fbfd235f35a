"""The figure of a run's timeline: its numbers are what was computed, its pictures are those of each epoch."""

import io
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from seen_figure import contains, texts

import vizstudio
from vizstudio.core.context import RunContext
from vizstudio.core.errors import Cancelled, UsageError
from vizstudio.core.images import ImageSource
from vizstudio.core.output import PictureOptions
from vizstudio.core.overlay import overlay
from vizstudio.core.page import photo_at
from vizstudio.core.probes import pack_probe
from vizstudio.core.run_events import metrics_by_epoch
from vizstudio.core.snapshots import SnapshotStore, TimelineState
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis, PositionEmbedding
from vizstudio.reproduce import TimelineFile
from vizstudio.timelines import draw_timeline
from vizstudio.train_cli import main

EPOCHS = 3


@pytest.fixture
def run(
    tmp_path: Path, analysis: Analysis, image: ImageSource, make_attention: Callable
) -> tuple[Path, list[Analysis]]:
    """A run's folder with snapshots of three epochs, and what was packed into them."""
    folder, packed = tmp_path / "a run", []
    (folder / "snapshots").mkdir(parents=True)
    for epoch in range(EPOCHS):
        vectors = np.random.default_rng(50 + epoch).normal(size=(12, 8)).astype(np.float32)
        embedding = PositionEmbedding("learned", vectors, analysis.grid)
        own = replace(analysis, attention=make_attention(seed=epoch), position_embedding=embedding)
        arrays = {"probes": np.arange(2)} | pack_probe(0, image, own) | pack_probe(1, image, own)
        np.savez_compressed(folder / "snapshots" / f"{epoch:04d}.npz", **arrays)
        packed.append(own)
    lines = [
        {"event": "start", "step": 0},
        {"event": "epoch", "step": 9, "epoch": 1, "loss": 0.51234, "accuracy": 0.75, "best": True},
        {"event": "epoch", "step": 18, "epoch": 2, "loss": None, "accuracy": 0.8},
    ]
    told = "\n".join(map(json.dumps, lines)) + '\n{"event": "epoch", "st'
    (folder / "events.jsonl").write_text(told, encoding="utf-8")
    return folder, packed


def test_the_numbers_are_those_that_were_packed(run: tuple[Path, list[Analysis]]) -> None:
    folder, packed = run
    asked = TimelineState(view=ViewState(layer=1, head=1))
    figure, last = draw_timeline(folder, asked)
    data = figure.data
    assert data["epochs"].tolist() == [0, 1, 2]
    for i, own in enumerate(packed):
        cls = own.attention.matrices[1][1, 0, 1:].reshape(3, 4)
        assert data["heatmaps"][i] == pytest.approx(cls, rel=2e-3, abs=1e-6)
        assert data["positions"][i] == pytest.approx(own.position_embedding.vectors, abs=5e-3)
    ordered = sorted(packed[0].predictions, key=lambda p: p.index)
    assert data["labels"].tolist() == [p.label for p in ordered]
    assert data["probabilities"] == pytest.approx(np.tile([p.probability for p in ordered], (3, 1)), abs=1e-3)
    assert data["grid"].tolist() == [3, 4] and data["rect"] == pytest.approx(last.grid.rect)
    assert figure.title == "Attention of the class token over 3 epochs · a run · photo.jpg"


@pytest.mark.parametrize("common", [True, False])
def test_each_tile_is_the_map_on_the_photo_in_the_colours_that_are_asked(
    run: tuple[Path, list[Analysis]], common: bool
) -> None:
    folder, _ = run
    figure, _ = draw_timeline(folder, TimelineState(common=common))
    maps = figure.data["heatmaps"]
    frames = figure.frames()
    assert len(frames) == EPOCHS
    store = SnapshotStore(folder, "")
    for i in range(EPOCHS):
        photo, own = store.analysis(i, 0)
        heatmap = own.attention.heatmap(-1, "mean", None)
        high = float(maps.max() if common else maps[i].max())
        for side, where in ((150, figure.scene), (400, frames[i].scene)):
            pixels = overlay(photo_at(photo, side), heatmap, "viridis", 0.0, high, 0.7, False)
            assert contains(replace(figure, scene=where), pixels)
    assert ("Each epoch's colours span its own values." in figure.explanation) != common


def test_what_was_told_stands_at_its_epoch(run: tuple[Path, list[Analysis]]) -> None:
    folder, packed = run
    assert metrics_by_epoch(folder) == {1: "loss 0.5123  accuracy 0.75", 2: "accuracy 0.8"}
    figure, _ = draw_timeline(folder, TimelineState())
    assert {"Before training", "Epoch 1", "Epoch 2"} <= set(texts(figure))
    frames = [replace(figure, scene=frame.scene) for frame in figure.frames()]
    assert "loss 0.5123  accuracy 0.75" in texts(frames[1]) and "accuracy 0.8" in texts(frames[2])
    best = packed[0].predictions[0]
    assert any(text.startswith(f"{best.label} {best.probability:.1%}") for text in texts(frames[0]))
    assert len({(frame.scene.width, frame.scene.height) for frame in figure.frames()}) == 1
    assert all(side % 2 == 0 for side in (frames[0].scene.width, frames[0].scene.height))


def test_a_caption_of_every_epoch(tmp_path: Path, captioned: Analysis, photo: ImageSource) -> None:
    (tmp_path / "snapshots").mkdir()
    for epoch in range(2):
        arrays = {"probes": np.arange(1)} | pack_probe(0, photo, captioned)
        np.savez_compressed(tmp_path / "snapshots" / f"{epoch:04d}.npz", **arrays)
    word = captioned.caption.words[3]
    figure, analysis = draw_timeline(tmp_path, TimelineState(view=ViewState("step", word=3)))
    assert figure.data["captions"].tolist() == [captioned.caption.text] * 2
    wanted = word.heatmap(-1, "mean").values
    assert figure.data["heatmaps"][1] == pytest.approx(wanted, rel=2e-3, abs=1e-6)
    scene = replace(figure, scene=figure.frames()[0].scene)
    assert f"“{captioned.caption.text}” · map of “{word.text}”" in texts(scene)
    assert analysis.caption.text == captioned.caption.text


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (TimelineState(probe=2), "probe image 2 does not exist: there are 0 to 1"),
        (TimelineState(view=ViewState(layer=3)), "layer 3 does not exist"),
        (TimelineState(view=ViewState(head=5)), "head 5 does not exist"),
        (TimelineState(view=ViewState("heads")), "a timeline has no view 'heads': choose attention or step"),
    ],
)
def test_what_does_not_exist_is_told(
    run: tuple[Path, list[Analysis]], asked: TimelineState, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        draw_timeline(run[0], asked)


def test_it_can_be_cancelled(run: tuple[Path, list[Analysis]]) -> None:
    context = RunContext()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        draw_timeline(run[0], TimelineState(), context)


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "has no snapshots: choose the folder of a run of vizstudio-train" in capsys.readouterr().err


def test_the_command_writes_every_format(run: tuple[Path, list[Analysis]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["timeline", str(run[0]), "--out", str(out), "--format", "gif,png,npz", "--layer", "0"]) == 0
    with Image.open(out / "a run_timeline.gif") as film:
        assert film.n_frames == EPOCHS
    with np.load(out / "a run_timeline.npz") as numbers:
        assert numbers["heatmaps"].shape == (3, 3, 4)
    with Image.open(out / "a run_timeline.png") as strip:
        assert "Attention of the class token" in strip.text["Title"]


def test_script_and_command_write_the_same_bytes(run: tuple[Path, list[Analysis]], tmp_path: Path) -> None:
    view = ViewState(layer=1, head="max", colormap="magma", opacity=0.5)
    file = TimelineFile(run[0], TimelineState(None, 1, view, False), PictureOptions(width=640), "png")
    vizstudio.write_timeline(
        run[0],
        tmp_path / "here.png",
        probe=1,
        layer=1,
        head="max",
        colormap="magma",
        opacity=0.5,
        common=False,
        width=640,
    )
    wanted = (tmp_path / "here.png").read_bytes()
    assert Image.open(io.BytesIO(wanted)).width == 640
    for name in ("python", "shell"):
        (tmp_path / name).mkdir()
    subprocess.run(
        [sys.executable, "-W", "error", "-c", file.as_python()], cwd=tmp_path / "python", check=True
    )
    assert (tmp_path / "python" / file.file_name).read_bytes() == wanted
    words = shlex.split(file.as_command(windows=False))
    assert words[0] == "vizstudio-train"
    subprocess.run(
        [sys.executable, "-m", "vizstudio.train_cli", *words[1:]], cwd=tmp_path / "shell", check=True
    )
    assert (tmp_path / "shell" / file.file_name).read_bytes() == wanted

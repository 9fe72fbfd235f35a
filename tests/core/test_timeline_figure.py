"""The figure of a run's timeline: its numbers are what was computed, its pictures are those of each epoch."""

import io
import json
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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
from vizstudio.core.scene import Text
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


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_with_other_bytes_is_read_or_refused_in_a_sentence(
    data: st.DataObject, run: tuple[Path, list[Analysis]]
) -> None:
    file = run[0] / "snapshots" / "0001.npz"
    good = file.read_bytes()
    broken = bytearray(good)
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=3)):
        broken[place] = data.draw(st.integers(0, 255))
    try:
        file.write_bytes(broken)
        draw_timeline(run[0], TimelineState())
    except UsageError as error:
        assert "\n" not in str(error)
    finally:
        file.write_bytes(good)


def test_a_compressed_stream_that_is_damaged_is_told_with_its_file(run: tuple[Path, list[Analysis]]) -> None:
    file = run[0] / "snapshots" / "0001.npz"
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("photo_0.npy").header_offset + 30 + len("photo_0.npy")
    content = bytearray(file.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"0001\.npz cannot be read .* move it away"):
        draw_timeline(run[0], TimelineState())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name_1", None),
        ("class_names", None),
        ("class_names", np.array(["one"])),
        ("layers_0", np.array(3)),
        ("rect_0", np.zeros(4)),
        ("rect_0", np.full(4, np.nan)),
        ("rect_0", np.array(["a", "b", "c", "d"])),
        ("probabilities_0", np.array(3.0)),
    ],
)
def test_arrays_that_do_not_fit_are_told_with_their_epoch(
    name: str, value: np.ndarray | None, run: tuple[Path, list[Analysis]]
) -> None:
    file = run[0] / "snapshots" / "0001.npz"
    with np.load(file) as opened:
        arrays = {key: opened[key] for key in opened.files}
    assert name in arrays
    del arrays[name]
    np.savez_compressed(file, **arrays, **({} if value is None else {name: value}))
    with pytest.raises(UsageError, match=r"epoch 1.* is damaged"):
        draw_timeline(run[0], TimelineState())


def test_an_epoch_at_which_the_run_had_diverged_says_so(run: tuple[Path, list[Analysis]]) -> None:
    file = run[0] / "snapshots" / "0001.npz"
    with np.load(file) as opened:
        arrays = {key: opened[key] for key in opened.files}
    arrays["attention_0"] = np.full_like(arrays["attention_0"], np.nan)
    np.savez_compressed(file, **arrays)
    figure, _ = draw_timeline(run[0], TimelineState())
    assert np.isnan(figure.data["heatmaps"][1]).all() and np.isfinite(figure.data["heatmaps"][[0, 2]]).all()
    assert figure.frames is not None
    told = [[i.text for i in frame.scene.items if isinstance(i, Text)] for frame in figure.frames()]
    assert any("the run had diverged" in line for line in told[1])
    assert not any("diverged" in line for line in told[0] + told[2])


def test_an_event_with_an_infinite_epoch_is_passed_over(run: tuple[Path, list[Analysis]]) -> None:
    with (run[0] / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"event": "epoch", "step": 27, "epoch": 1e999, "loss": 1}\n')
    assert metrics_by_epoch(run[0]).keys() == {1, 2}

"""A run from its captions to a checkpoint that the studio opens: its folder, resuming, processes, what it learns."""

import csv
import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors import safe_open
from tiny_captions import make_table, task_of, tiny
from tiny_training import (
    Done,
    assert_alike,
    assert_same_run,
    command,
    events,
    run_command,
    run_here,
    started,
    wait_for_step,
)

import vizstudio
from vizstudio.cli import main as vizstudio_command
from vizstudio.core.probes import unpack_probe
from vizstudio.train_cli import main
from vizstudio_catr.checkpoint import read_checkpoint
from vizstudio_train_catr.metrics import text_scores

pytestmark = pytest.mark.slow
THREE = tiny(epochs=3, save_steps=2, dropout=0.1)
FROZEN = tiny(epochs=2, backbone_norm="frozen", val_share=0.5)
COMPARED = ("loss", "val_loss", "token_accuracy", "exact", "bleu1", "rouge_l", "cider")
SCENES = {
    **{"backbone_width": 16, "backbone_stages": 3, "width": 64, "heads": 4, "feedforward": 128},
    **{"max_positions": 24, "head_width": 64, "head_layers": 1, "image_size": 64, "batch_size": 16},
    **{"lr": 3e-3, "clip": 1.0, "jitter": 0.0, "probes": 2},
}


def train(*options: str | Path) -> Done:
    return run_here(*options, recipe="catr")


@pytest.fixture(scope="module")
def whole(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 3 epochs, 6 steps each, that nothing interrupts; with dropout, jitter and norms that learn."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = train("--data", table, "--out", out, *THREE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "best.safetensors")
    return out


def test_killed_at_a_random_step_it_ends_with_the_very_same_weights(
    table: Path, whole: Path, tmp_path: Path
) -> None:
    steps = events(whole, "start")[0]["steps"]
    out, step = tmp_path / "run", random.randrange(1, steps)
    with started(command("--data", table, "--out", out, *THREE, recipe="catr")) as process:
        wait_for_step(process, out, step)
        process.kill()
    assert not (out / "report.json").exists()
    done = train("--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_run(out, whole, steps)


def test_the_runs_folder_holds_what_is_promised(whole: Path) -> None:
    there = {p.name for p in whole.iterdir()}
    assert there == {
        *("last.safetensors", "best.safetensors", "state", "config.yaml", "events.jsonl", "tensorboard"),
        *("snapshots", "captions.csv", "wrong-captions.png", "report.json"),
    }
    assert yaml.safe_load((whole / "config.yaml").read_text(encoding="utf-8"))["backbone_width"] == 8
    with safe_open(whole / "best.safetensors", "pt") as file:
        assert not [key for key in file.keys() if "num_batches_tracked" in key]  # noqa: SIM118
    with Image.open(whole / "wrong-captions.png") as picture:
        assert min(picture.size) > 200


def test_the_report_agrees_with_the_studios_own_captions(whole: Path, table: Path) -> None:
    model = vizstudio.load_model("catr:own", checkpoint=whole / "best.safetensors", device="cpu", fit="pad")
    with (whole / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    told = json.loads((whole / "report.json").read_text(encoding="utf-8"))
    assert len(rows) == told["images"] == 2
    for row in rows:
        caption = model.caption(table / row["image"]).caption
        assert caption is not None
        assert row["caption"] == caption.text
        assert float(row["log_prob"]) == pytest.approx(caption.log_prob, abs=1e-3)
        assert row["exact"] == str(int(caption.finished and caption.text in row["references"].split(" | ")))
    scores = text_scores([r["caption"] for r in rows], [r["references"].split(" | ") for r in rows])
    assert {name: told[name] for name in scores} == pytest.approx(scores)
    best = max(events(whole, "epoch"), key=lambda e: e["cider"])
    assert told["cider"] == pytest.approx(best["cider"])


def test_snapshots_are_what_the_studio_computes(whole: Path, table: Path) -> None:
    names = sorted(p.name for p in (whole / "snapshots").iterdir())
    assert names == [f"{epoch:04d}.npz" for epoch in range(4)]
    model = vizstudio.load_model("catr:own", checkpoint=whole / "last.safetensors", device="cpu")
    with np.load(whole / "snapshots" / names[-1]) as kept:
        arrays = {name: kept[name] for name in kept.files}
    assert len(arrays["probes"]) == 2
    for i in range(2):
        _, analysis = unpack_probe(i, arrays, "catr:own")
        true = model.caption(table / str(arrays[f"name_{i}"])).caption
        assert analysis.caption is not None
        assert true is not None
        assert analysis.caption.text == true.text
        for mine, theirs in zip(analysis.caption.steps, true.steps, strict=True):
            assert mine.text == theirs.text
            assert mine.log_prob == pytest.approx(theirs.log_prob, abs=1e-4)
            np.testing.assert_allclose(mine.cross.weights(-1), theirs.cross.weights(-1), atol=1e-3)
    assert sum(p.stat().st_size for p in (whole / "snapshots").iterdir()) < 400_000


def test_the_command_line_shows_the_caption_of_a_checkpoint(whole: Path, table: Path, tmp_path: Path) -> None:
    photo, best = str(table / "photos" / "000.png"), str(whole / "best.safetensors")
    words = [
        "run",
        photo,
        "--model",
        "catr:own",
        "--checkpoint",
        best,
        "--view",
        "caption",
        "--device",
        "cpu",
    ]
    assert vizstudio_command([*words, "--format", "csv", "--out", str(tmp_path)]) == 0
    assert [*tmp_path.glob("*.csv")]


@pytest.fixture(scope="module")
def alone(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process, a batch in one part; norms that learn would make a difference of parts."""
    out = tmp_path_factory.mktemp("alone") / "run"
    done = train("--data", table, "--out", out, *FROZEN)
    assert done.returncode == 0, done.stderr
    return out


def test_two_processes_under_torchrun_with_gloo_have_the_same_loss_curve(
    table: Path, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = run_command("--data", table, "--out", out, *FROZEN, launcher=launcher, recipe="catr")
    assert done.returncode == 0, done.stderr
    assert events(out, "start")[0]["processes"] == 2
    assert_alike(out, alone, COMPARED)
    with (
        (out / "captions.csv").open(encoding="utf-8") as mine,
        (alone / "captions.csv").open(encoding="utf-8") as theirs,
    ):
        assert len([*csv.DictReader(mine)]) == len([*csv.DictReader(theirs)]) == 12


def test_a_batch_in_parts_has_the_same_loss_curve(table: Path, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = train("--data", table, "--out", out, *FROZEN, "--accumulate", "3")
    assert done.returncode == 0, done.stderr
    assert_alike(out, alone, COMPARED)


def test_sixteen_scenes_are_learnt_by_heart(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    assert main(["export", "emoji-scenes", str(data), "--count", "16", "--size", "64"]) == 0
    shutil.copytree(data / "train", data / "val")
    notes = data / "annotations"
    shutil.copy(notes / "captions_train.json", notes / "captions_val.json")
    done = train("--data", data, "--out", out, *tiny(**SCENES, epochs=70, warmup_steps=10))
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["exact"] == 1.0
    content = json.loads((notes / "captions_train.json").read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in content["images"]}
    model = vizstudio.load_model("catr:own", checkpoint=out / "best.safetensors", device="cpu")
    for note in content["annotations"]:
        caption = model.caption(data / "val" / names[note["image_id"]]).caption
        assert caption is not None
        assert caption.text == note["caption"]


def test_a_data_set_by_its_name_has_its_own_words_and_new_images_each_epoch(tmp_path: Path) -> None:
    out = tmp_path / "run"
    sizes = {**SCENES, "images": 12, "val_images": 5, "epochs": 2}
    done = train("--data", "emoji-scenes", "--out", out, *tiny(**sizes))
    assert done.returncode == 0, done.stderr
    told = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert told["images"] == 5
    loaded = read_checkpoint(out / "best.safetensors")
    assert {"airplane", "woman", "gravel"} < {*loaded.vocabulary.tokens}
    assert loaded.network.config.backbone_stages == 3
    task = task_of("emoji-scenes", **sizes)
    assert (task.goal, task.fresh) == ("exact", True)
    assert not torch.equal(task.train.get(0, None).pixels, task.train.get(12, None).pixels)


def test_bad_data_ends_with_one_sentence_and_code_2(tmp_path: Path) -> None:
    folder = make_table(tmp_path / "data", 6)
    with (folder / "captions.csv").open("a", encoding="utf-8") as file:
        file.write("photos/404.png,a ghost\n")
    done = train("--data", folder, "--out", tmp_path / "run", *tiny())
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 14 of" in done.stderr
    assert "names the image 'photos/404.png'" in " ".join(done.stderr.split())
    assert not (tmp_path / "run").exists()

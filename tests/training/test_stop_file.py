"""A file ``stop`` in the run's folder asks as Ctrl-C does; the window stops runs by it on every system."""

import json
import os
import platform
import subprocess
import time
from pathlib import Path

import pytest
from tiny_training import TINY, command, environment, events, run_here

pytestmark = pytest.mark.slow


def test_the_file_stops_a_run_which_saves_and_takes_it_away(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = command("--data", images, "--out", out, *TINY, "--epochs", "200")
    process = subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        deadline = time.monotonic() + 120
        while not (out / "events.jsonl").exists() or not events_of(out, "step"):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        (out / "stop").touch()
        _, told = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == 130, told
    step = events(out, "stopped")[0]["step"]
    assert (out / f"state/{step:09d}.safetensors").exists() and not (out / "stop").exists()
    start = events(out, "start")[0]
    assert (start["process"], start["machine"]) == (process.pid, platform.node())
    assert start["options"] == "vizstudio_train_vit.config:FinetuneConfig"


def events_of(out: Path, kind: str) -> list[str]:
    """Return lines of a file that is being written."""
    lines = (out / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n") and json.loads(line)["event"] == kind]


def test_a_file_that_was_left_from_before_stops_nothing(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "stop").touch()
    before = time.time()
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert not (out / "stop").exists()
    told = events(out)
    assert [e["event"] for e in told][-1] == "end"
    times = [e["time"] for e in told]
    assert before - 1 <= times[0] and times == sorted(times) and times[-1] <= time.time() + 1
    assert events(out, "start")[0]["process"] == os.getpid()

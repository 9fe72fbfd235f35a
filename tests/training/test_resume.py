"""A run that is killed, stopped or damaged goes on as if nothing had been."""

import os
import random
import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tiny_training import TINY, assert_same_run, command, events, run_here, started, wait_for_step

pytestmark = pytest.mark.slow
OPTIONS = [*TINY, "--epochs", "3", "--save-steps", "2"]


@pytest.fixture(scope="module")
def whole(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = run_here("--data", images, "--out", out, *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "best.safetensors")
    return out


def start(images: Path, out: Path) -> AbstractContextManager["subprocess.Popen[str]"]:
    """Start a run, see `started`."""
    return started(command("--data", images, "--out", out, *OPTIONS))


def test_killed_at_a_random_step_it_ends_with_the_very_same_weights(
    images: Path, whole: Path, tmp_path: Path
) -> None:
    out, step = tmp_path / "run", random.randrange(1, 15)
    with start(images, out) as process:
        wait_for_step(process, out, step)
        process.kill()
    assert not (out / "report.json").exists()
    done = run_here("--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_run(out, whole, 15)
    assert not [*out.rglob(".*.tmp")]


def test_ctrl_c_finishes_the_step_saves_and_exits_130(images: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with start(images, out) as process:
        wait_for_step(process, out, 3)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    stopped = events(out, "stopped")[0]["step"]
    assert f"stopped and saved after step {stopped}; --resume goes on" in told
    assert (out / f"state/{stopped:09d}.safetensors").exists()
    assert "Traceback" not in told
    done = run_here("--data", images, "--out", out, *TINY, "--epochs", "3", "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_run(out, whole, 15)


def test_two_processes_do_not_train_into_one_folder(images: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with start(images, out) as process:
        wait_for_step(process, out, 3)
        done = run_here("--out", out, "--resume")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"the run in {out} is going on in another process: stop it first" in done.stderr
        _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert_same_run(out, whole, 15)
    assert not (out / "lock").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows cannot halt a process")
def test_a_second_ctrl_c_leaves_at_once_and_nothing_is_corrupt(
    images: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with start(images, out) as process:
        wait_for_step(process, out, 5)
        os.kill(process.pid, signal.SIGSTOP)  # so that both signals come within one step
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert not events(out, "stopped")
    done = run_here("--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_run(out, whole, 15)


def test_a_corrupt_last_state_falls_back_to_the_one_before_and_says_so(
    images: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with start(images, out) as process:
        wait_for_step(process, out, 9)
        process.kill()
    before, last = sorted((out / "state").glob("0*.safetensors"))
    last.write_bytes(last.read_bytes()[:-100])
    done = run_here("--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"the state {last.name} is damaged" in done.stderr
    assert f"going on from the state before, of step {int(before.stem)}" in done.stderr
    assert_same_run(out, whole, 15)


def test_a_run_is_not_written_over_nor_gone_on_with_on_other_data(
    images: Path, whole: Path, tmp_path: Path
) -> None:
    done = run_here("--data", images, "--out", whole, *OPTIONS)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{whole} holds a run already: go on with --resume, or choose another --out" in done.stderr
    other = tmp_path / "other.yaml"
    other.write_text("batch_size: 5\n", encoding="utf-8")
    done = run_here("--out", whole, "--resume", "--config", other)
    assert done.returncode == 2
    assert "batch_size is 5 now and was 8 when the run started" in done.stderr
    done = run_here("--out", whole, "--resume", "--lr", "1")
    assert done.returncode == 2
    assert "lr is 1.0 now and was 0.001 when the run started" in done.stderr
    done = run_here("--out", tmp_path / "none", "--resume")
    assert done.returncode == 2
    assert "to go on with: leave --resume out to start one" in done.stderr
    added = images / "red" / "more.png"
    added.write_bytes((images / "red" / "000.png").read_bytes())
    try:
        done = run_here("--out", whole, "--resume")
    finally:
        added.unlink()
    assert done.returncode == 2
    assert "the data are not those that the run in" in done.stderr

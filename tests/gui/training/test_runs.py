"""The controller of runs, with real processes that do as the test says, and no Qt."""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
from safetensors.numpy import save_file

from vizstudio.core.errors import UsageError
from vizstudio.gui.training.process import RunProcess
from vizstudio.gui.training.run_log import last_words
from vizstudio.gui.training.runs import SLICE, Runs, RunView, choice_of
from vizstudio.plugins import load_plugins
from vizstudio.recipes import config_of

HOST = load_plugins(safe_mode=True)
CONFIG = config_of(HOST, "vit-finetune")
OPTIONS = "vizstudio_train_vit.config:FinetuneConfig"
SLEEP = "import time; print('ready', flush=True); time.sleep(120)"


class Note:
    def __init__(self) -> None:
        self.text = ""

    def load(self) -> str:
        return self.text

    def save(self, text: str) -> None:
        self.text = text


class Stage:
    """A controller whose runs are sleeping processes, and what it told."""

    def __init__(self, note: Note | None = None) -> None:
        self.commands: list[list[str]] = []
        self.children: list[subprocess.Popen[str]] = []
        self.note = note or Note()
        self.view = create_autospec(RunView, instance=True, spec_set=True)
        self.runs = Runs(self.view, self.launch, self.note, HOST)

    def launch(self, arguments: list[str], log: Path) -> RunProcess:
        self.commands.append(arguments)
        child = subprocess.Popen([sys.executable, "-c", SLEEP], stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        return RunProcess(child.pid, platform.node(), time.time())

    def tell(self, folder: Path, event: str, step: int = 0, **facts: Any) -> None:
        """Write as the run would, by the process that was started last."""
        facts = {"time": time.time(), **facts}
        if event == "start":
            facts = {
                "process": self.children[-1].pid,
                "machine": platform.node(),
                "options": OPTIONS,
                **facts,
            }
        with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "step": step, **facts}) + "\n")

    def end(self) -> None:
        """End the process that was started last."""
        self.children[-1].kill()
        self.children[-1].communicate(timeout=60)

    def status(self) -> str:
        self.runs.poll()
        assert self.runs.state is not None
        return self.runs.state.status


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    for child in made.children:
        child.kill()
        child.communicate(timeout=60)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def begin(stage: Stage, out: Path) -> Path:
    stage.runs.start("vit-finetune", CONFIG.model_validate({"data": "emoji-scenes", "out": out, "epochs": 3}))
    return out.resolve()


def test_a_run_from_its_start_to_its_end(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    assert stage.commands == [["vit-finetune", "--config", str(out / "options.yaml"), "--out", str(out)]]
    assert "epochs: 3" in (out / "options.yaml").read_text(encoding="utf-8")
    assert stage.status() == "starting" and stage.runs.state is not None and stage.runs.state.own
    stage.tell(out, "start", steps=9)
    assert stage.status() == "running"
    with pytest.raises(UsageError, match="is going on: stop it first"):
        begin(stage, tmp_path / "other")
    with pytest.raises(UsageError, match="is going on: stop it first"):
        stage.runs.resume()
    stage.runs.stop()
    assert stage.status() == "stopping" and (out / "stop").exists()
    (out / "stop").unlink()
    stage.tell(out, "stopped", 4)
    stage.end()
    assert stage.status() == "stopped" and not stage.runs.state.can_resume
    (out / "config.yaml").write_text("", encoding="utf-8")  # as the run itself writes before its first step
    assert stage.status() == "stopped" and stage.runs.state.can_resume
    stage.runs.resume()
    assert stage.commands[-1] == ["vit-finetune", "--out", str(out), "--resume"]
    assert stage.status() == "starting"
    stage.tell(out, "start", 4, steps=9)
    stage.tell(out, "end", 9)
    assert stage.status() == "finished"
    stage.end()
    assert stage.status() == "finished" and not stage.runs.state.alive
    with pytest.raises(UsageError, match="holds a run already"):
        begin(stage, out)


def test_the_view_hears_only_of_what_is_new(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    stage.tell(out, "start", steps=9)
    stage.runs.poll()
    told = stage.view.show_run.call_count
    stage.runs.poll()
    assert stage.view.show_run.call_count == told
    stage.tell(out, "step", 1, loss=2.0)
    stage.runs.poll()
    assert stage.view.show_run.call_count == told + 1


def test_held_and_let_go(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    stage.tell(out, "start", steps=9)
    assert stage.status() == "running"
    stage.runs.hold()
    until(lambda: stage.status() == "held")
    stage.runs.let_go()
    until(lambda: stage.status() == "running")
    stage.runs.hold()
    until(lambda: stage.status() == "held")
    stage.runs.stop()  # it could not finish its step while it waits
    until(lambda: stage.status() == "stopping")
    process = stage.runs.log and stage.runs.log.process
    assert process is not None
    until(lambda: not process.is_held())


def test_stop_before_the_first_step_ends_it_at_once(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    stage.runs.stop()
    assert stage.children[-1].wait(timeout=60) != 0
    assert not (out / "stop").exists()
    assert stage.status() == "cancelled"
    assert stage.runs.state is not None and not stage.runs.state.can_resume


def test_one_that_fails_says_its_last_words(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    (out / "output.log").write_text("one\nvizstudio-train: error: no folder x\n\n", encoding="utf-8")
    stage.end()
    assert stage.status() == "failed"
    assert stage.runs.state is not None and stage.runs.state.problem == "no folder x"


def test_one_that_is_killed_is_lost_and_can_go_on(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    stage.tell(out, "start", steps=9)
    stage.tell(out, "step", 1, loss=2.0)
    stage.end()
    assert stage.status() == "lost"
    stage.runs.resume()
    assert stage.status() == "starting"


def test_another_process_with_the_same_number_is_not_taken_for_the_run(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    stage.tell(out, "start", steps=9, time=time.time() - 3600)  # that process began an hour later
    stage.runs.open(tmp_path / "run")
    other = Stage()
    other.runs.open(out)
    assert other.status() == "lost"


def test_a_run_of_another_machine(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    stage.tell(out, "start", steps=9, machine="far away")
    other = Stage()
    other.runs.open(out)
    assert other.status() == "elsewhere"
    assert other.runs.log is not None and other.runs.log.process is not None
    other.runs.stop()
    assert (out / "stop").exists()  # the folder may be shared


def test_the_next_window_finds_the_run_again_while_it_lives(stage: Stage, tmp_path: Path) -> None:
    out = begin(stage, tmp_path / "run")
    next_window = Stage(stage.note)
    assert next_window.runs.recall() and next_window.status() == "starting"
    stage.tell(out, "start", steps=9)
    assert next_window.status() == "running" and next_window.runs.state is not None
    assert next_window.runs.state.own
    stage.end()
    assert not Stage(stage.note).runs.recall()
    assert not Stage().runs.recall()
    broken = Note()
    broken.text = '{"folder": 3'
    assert not Stage(broken).runs.recall()


def test_a_folder_without_a_run_is_refused(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no run: choose a folder with events.jsonl"):
        stage.runs.open(tmp_path)
    assert stage.runs.checkpoints() == []


def test_a_run_whose_recipe_is_not_known_cannot_go_on_from_here(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"event": "start", "step": 0}\n', encoding="utf-8")
    stage.runs.open(tmp_path)
    with pytest.raises(UsageError, match="no recipe has the options of this run"):
        stage.runs.resume()


def test_a_checkpoint_says_of_which_model_it_is(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"event": "start", "step": 0}\n', encoding="utf-8")
    stage.runs.open(tmp_path)
    save_file({"a": np.zeros(1)}, tmp_path / "last.safetensors", {"model": "vit:test_vit"})
    save_file({"a": np.zeros(1)}, tmp_path / "nameless.safetensors")
    (tmp_path / "best.safetensors").write_bytes(b"nothing")
    assert stage.runs.checkpoints() == ["best", "last"]
    choice = stage.runs.choice("last", "cpu")
    assert (choice.model_id, choice.checkpoint, choice.device) == (
        "vit:test_vit", tmp_path.resolve() / "last.safetensors", "cpu"
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"best.safetensors cannot be read"):
        stage.runs.choice("best", "cpu")
    with pytest.raises(UsageError, match="does not say of which model"):
        choice_of(tmp_path / "nameless.safetensors", "cpu")


def test_last_words_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    assert last_words(path) == ""
    path.write_bytes(b"x" * 90_000 + "\nüber\n".encode())
    assert last_words(path) == "über"


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    """The folder of a run that has ended, whose events are several slices long."""
    told = [{"event": "step", "step": i, "loss": 1 / i, "filler": "x" * 400} for i in range(1, 2001)]
    events = [{"event": "start", "step": 0, "steps": 2000}, *told, {"event": "end", "step": 2000}]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    assert (tmp_path / "events.jsonl").stat().st_size > 3 * SLICE
    return tmp_path


def test_a_long_run_is_read_in_slices_and_judged_when_all_is_read(long_run: Path) -> None:
    stage = Stage()
    stage.runs.open(long_run)
    polls = 1
    while stage.runs.state is None:
        assert stage.view.show_run.call_count == 0  # what is read so far is not how it is
        stage.runs.poll()
        polls += 1
    assert polls > 3
    told = [call.args for call in stage.view.show_reading.call_args_list]
    assert [folder for folder, _ in told] == [long_run.resolve()] * (polls - 1)
    assert [part for _, part in told] == sorted({part for _, part in told}) and 0 < told[0][1] < told[-1][
        1
    ] < 1
    (state, log), _ = stage.view.show_run.call_args
    assert state.status == "finished" and log.steps["loss"].steps == [*range(1, 2001)]
    assert stage.view.show_run.call_count == 1


def test_a_run_that_is_not_read_yet_is_read_before_another_may_start(long_run: Path) -> None:
    stage = Stage()
    other = long_run / "other"
    child = stage.launch([], other)
    facts = {
        "event": "start",
        "step": 0,
        "process": child.number,
        "machine": child.machine,
        "time": time.time(),
    }
    with (long_run / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")
    stage.runs.open(long_run)
    assert stage.runs.state is None
    with pytest.raises(UsageError, match="is going on: stop it first"):
        stage.runs.resume()
    stage.end()

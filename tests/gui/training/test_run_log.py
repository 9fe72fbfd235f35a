"""Events read while they are written: in any pieces, half a line, a file that is written anew."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.gui.training.run_log import RunLog

START = {
    "event": "start",
    "step": 0,
    "time": 100.0,
    "steps": 40,
    "epochs": 4,
    "process": 7,
    "machine": "here",
}


def step(number: int, time: float, **facts: Any) -> dict[str, Any]:
    return {"event": "step", "step": number, "time": time, "loss": 1 / number, "lr": 0.1, **facts}


def lines(*events: Any) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


EVENTS = [
    START,
    *(step(i, 100.0 + 2 * i) for i in range(1, 11)),
    {"event": "epoch", "step": 10, "time": 121.0, "epoch": 1, "best": True, "loss": 0.5, "accuracy": 0.25,
     "val_loss": None, "images_per_second": 9.0},
    {"event": "warning", "step": 10, "message": "ä half of it"},
    {"event": "saved", "step": 10, "best": True},
    {"event": "stopped", "step": 10},
]  # fmt: skip


def facts(log: RunLog) -> Any:
    curves = {
        name: (c.steps, c.values)
        for name, c in [*log.steps.items(), *((f"epoch {n}", c) for n, c in log.epochs.items())]
    }
    return curves, log.shown, log.state, log.step, log.epoch, log.by_epoch, log.speed(), log.unreadable


@given(cuts=st.lists(st.integers(0, len(lines(*EVENTS))), max_size=12))
def test_pieces_of_any_size_come_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    content, log, end = lines(*EVENTS), RunLog(folder), 0
    for cut in [*sorted(cuts), len(content)]:
        with (folder / "events.jsonl").open("ab") as file:
            file.write(content[end:cut])
        end = cut
        log.read()
    whole = RunLog(folder)
    whole.read()
    assert facts(log) == facts(whole)
    assert log.steps["loss"].values == [1 / i for i in range(1, 11)]
    assert log.epochs.keys() == {"loss", "accuracy"} and log.by_epoch == {1: {"loss": 0.5, "accuracy": 0.25}}
    assert [e["event"] for e in log.shown] == ["start", "epoch", "warning", "stopped"]
    assert (log.state, log.unreadable) == ("stopped", 0)


@given(most=st.integers(1, 2 * len(lines(*EVENTS))))
def test_slices_of_any_size_come_to_the_same(tmp_path_factory: pytest.TempPathFactory, most: int) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / "events.jsonl").write_bytes(lines(*EVENTS) + b'{"event": "st')
    log, whole = RunLog(folder), RunLog(folder)
    before = 0
    log.read(most)
    while log.is_behind:
        assert most <= log.read_to - before <= most + max(len(lines(event)) for event in EVENTS)
        before = log.read_to
        log.read(most)
    whole.read()
    assert not whole.is_behind and facts(log) == facts(whole)
    assert not log.read(most) and not log.is_behind  # half a line is nothing to come


def test_half_a_line_waits_and_nothing_new_is_said_to_be_nothing(tmp_path: Path) -> None:
    log, path = RunLog(tmp_path), tmp_path / "events.jsonl"
    assert not log.read()
    path.write_bytes(lines(START) + b'{"event": "step", "st')
    assert log.read() and not log.read()
    assert log.step == 0 and log.total == 40
    with path.open("ab") as file:
        file.write(b'ep": 3, "loss": 2.5}\n')
    assert log.read() and log.steps["loss"].values == [2.5] and log.unreadable == 0


def test_a_line_that_is_no_event_is_counted_and_the_rest_read(tmp_path: Path) -> None:
    content = lines(START) + b'\xff\xfe{\n[1]\n{"event": "step"}\n' + lines(step(1, 3.0))
    (tmp_path / "events.jsonl").write_bytes(content)
    log = RunLog(tmp_path)
    log.read()
    assert log.unreadable == 3 and log.step == 1


def test_a_run_that_goes_on_writes_the_file_anew(tmp_path: Path) -> None:
    log, path = RunLog(tmp_path), tmp_path / "events.jsonl"
    path.write_bytes(lines(*EVENTS))
    log.read()
    again = lines(
        *EVENTS[:6], {**START, "step": 5, "process": 9}, step(6, 200.0), step(7, 201.0), step(8, 202.0)
    )
    other = tmp_path / "other"
    other.write_bytes(again)
    other.replace(path)
    assert log.read()
    assert (log.state, log.step, log.steps["loss"].steps) == ("start", 8, [*range(1, 9)])
    assert log.process is not None and log.process.number == 9
    assert log.speed() == pytest.approx(1.0)  # of this session, not of the one before
    assert log.seconds_left() == pytest.approx(32.0)


def test_speed_leaves_pauses_out(tmp_path: Path) -> None:
    times = [10.0 + 0.5 * i + (1000 if i > 12 else 0) for i in range(1, 25)]
    told = [step(i, t) for i, t in enumerate(times, 1)]
    (tmp_path / "events.jsonl").write_bytes(lines(START, *told))
    log = RunLog(tmp_path)
    log.read()
    assert log.speed() == pytest.approx(2.0)
    assert log.seconds_left() == pytest.approx((40 - 24) / 2)


def test_a_run_of_an_older_version_tells_no_process(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(
        lines({"event": "start", "step": 0}, {"event": "step", "step": 2, "loss": 1})
    )
    log = RunLog(tmp_path)
    log.read()
    assert log.process is None and log.speed() is None and log.seconds_left() is None
    assert log.steps["loss"].values == [1.0]

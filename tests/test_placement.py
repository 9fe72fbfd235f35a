"""Where a model runs: what is tried when memory is too small, what the user hears, what is an order."""

from pathlib import Path
from typing import Any, get_args

import pytest
import short_of_memory
from short_of_memory import Machine

from vizstudio.api import (
    DeviceError,
    ModelEntry,
    ModelInfo,
    ModelRequest,
    Precision,
    PrecisionError,
    RunContext,
    UsageError,
)
from vizstudio.cli import main
from vizstudio.compute.devices import causes, is_out_of_memory
from vizstudio.models import LoadedModel, load_model
from vizstudio.plugins import PluginHost, load_plugins

F32, F16, CPU = "float32 on cuda", "float16 on cuda", "float32 on cpu"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with a graphics card, whose memory is large enough until the test says otherwise."""
    made = Machine()
    monkeypatch.setattr(short_of_memory, "machine", made)
    monkeypatch.setattr("vizstudio.compute.devices.available_devices", lambda: ["cpu", "cuda"])
    return made


@pytest.fixture
def host() -> PluginHost:
    """The plugins that ship, and a model for this machine."""
    found = load_plugins(safe_mode=True)
    found.models.add(
        ModelEntry("short", "Short", "short_of_memory:load", "fake_captioner:list_models"), "short"
    )
    return found


def load(host: PluginHost, **options: Any) -> LoadedModel:
    return load_model("short:one", host=host, **options)


def test_nothing_is_said_where_memory_suffices(machine: Machine, host: PluginHost, photos: Path) -> None:
    model = load(host)
    analysis = model.analyze(photos / "coffee.jpg")
    assert machine.tried == [f"load {F32}", f"analyze {F32}"]
    assert model.fallback == "" and not any("memory" in note for note in analysis.notes)


@pytest.mark.parametrize("full", ["load", "analyze"])
def test_half_precision_comes_first_and_the_user_is_told(
    full: str, machine: Machine, host: PluginHost, photos: Path
) -> None:
    setattr(machine, full, {F32})
    told: list[str] = []
    context = RunContext(report=lambda fraction, message: told.append(message))
    model = load(host, context=context)
    analysis = model.analyze(photos / "coffee.jpg", context)
    assert (model.info.device, model.info.precision) == ("cuda", "float16")
    assert model.fallback == f"memory was too small for {F32}: computed in {F16}"
    assert analysis.notes[0] == model.fallback
    assert any(F16 in message for message in told)
    assert machine.most_alive == 0  # the model that did not fit was let go of before the next was loaded


def test_the_cpu_comes_last(machine: Machine, host: PluginHost, photos: Path) -> None:
    machine.load, machine.analyze = {F32}, {F16}
    model = load(host)
    assert model.info.precision == "float16"
    analysis = model.caption(photos / "coffee.jpg")
    assert machine.tried[-2:] == [f"load {CPU}", f"analyze {CPU}"]
    assert (model.info.device, model.info.precision) == ("cpu", "float32")
    assert analysis.notes[0] == f"memory was too small for {F32}: computed in {CPU}"
    branch = analysis.branch(step=3, alternative=2)
    assert branch.notes[0] == analysis.notes[0]
    assert model.analyze(photos / "rocket.jpg").notes[0] == analysis.notes[0]
    assert [tried for tried in machine.tried if "load" in tried] == [f"load {p}" for p in (F32, F16, CPU)]


def test_a_plugin_without_half_precision_goes_to_the_cpu_at_once(
    machine: Machine, host: PluginHost, photos: Path
) -> None:
    machine.load, machine.refused = {F32}, {F16}
    assert load(host).analyze(photos / "coffee.jpg").notes[0].endswith(f"computed in {CPU}")


@pytest.mark.parametrize("why", ["overflow", "lacking"])
def test_half_precision_that_does_not_do_is_no_result(
    why: str, machine: Machine, host: PluginHost, photos: Path
) -> None:
    machine.load = {F32}
    setattr(machine, why, {F16})
    assert load(host).analyze(photos / "coffee.jpg").notes[0].endswith(f"computed in {CPU}")


@pytest.mark.parametrize(
    ("options", "tried", "told"),
    [
        ({"device": "cuda"}, [F32, F16], f"{F32}, and {F16} did not do either: choose the device cpu or"),
        ({"precision": "float32"}, [F32, CPU], f"{F32}, and {CPU} did not do either: choose float16 as the"),
        (
            {"device": "cuda", "precision": "float32"},
            [F32],
            f"{F32}: choose float16 as the precision, the device",
        ),
        (
            {"device": "cuda", "precision": "float16"},
            [F16],
            f"{F16}: choose the device cpu or a smaller model",
        ),
        ({"device": "cpu"}, [CPU], f"{CPU}: choose a smaller model or input"),
    ],
)
def test_a_device_and_a_precision_that_are_named_are_orders(
    options: dict[str, str], tried: list[str], told: str, machine: Machine, host: PluginHost
) -> None:
    machine.load = {F32, F16, CPU}
    with pytest.raises(DeviceError, match=r"^memory is too small for short:one in ") as caught:
        load(host, **options)
    assert machine.tried == [f"load {place}" for place in tried]
    assert told in str(caught.value)


def test_the_last_place_is_tried_again_with_the_next_image(
    machine: Machine, host: PluginHost, photos: Path
) -> None:
    model = load(host, device="cuda", precision="float32")
    machine.analyze = {F32}
    with pytest.raises(DeviceError, match="choose float16"):
        model.analyze(photos / "coffee.jpg")
    machine.analyze = set()
    assert model.analyze(photos / "rocket.jpg").notes[0].startswith("untrained")


@pytest.mark.parametrize(
    ("why", "told"), [("overflow", "too large for float16"), ("lacking", "not implemented")]
)
def test_a_precision_that_was_chosen_and_does_not_do_is_an_error(
    why: str, told: str, machine: Machine, host: PluginHost, photos: Path
) -> None:
    setattr(machine, why, {F16})
    model = load(host, precision="float16")
    with pytest.raises(PrecisionError, match=told) as caught:
        model.analyze(photos / "coffee.jpg")
    assert "choose" in str(caught.value) and "float32" in str(caught.value)
    assert [tried for tried in machine.tried if "load" in tried] == [f"load {F16}"]


def test_room_that_can_be_made_is_made_first(machine: Machine, host: PluginHost, photos: Path) -> None:
    machine.load = {F32}

    def make_room() -> bool:
        was_full = bool(machine.load)
        machine.load = set()
        return was_full

    model = load(host, make_room=make_room)
    assert machine.tried == [f"load {F32}"] * 2
    assert model.fallback == "" and model.info.precision == "float32"


def test_a_caption_that_cannot_be_gone_on_with_says_so(
    machine: Machine, host: PluginHost, photos: Path
) -> None:
    analysis = load(host).caption(photos / "coffee.jpg")
    machine.go_on = {F32}
    with pytest.raises(DeviceError, match=f"memory is too small for short:one in {F32}"):
        analysis.branch(step=3, alternative=2)
    machine.go_on = set()
    assert analysis.branch(step=3, alternative=2).caption is not None


def test_a_plugin_that_knows_no_precision_gives_an_error(photos: Path) -> None:
    host = load_plugins(safe_mode=True)
    entry = ModelEntry("fake", "Scripted", "fake_captioner:load", "fake_captioner:list_models")
    host.models.add(entry, "fake")
    with pytest.raises(PrecisionError, match="loads it in float32 only"):
        load_model("fake:scripted", host=host, device="cpu", precision="bfloat16")
    assert load_model("fake:scripted", host=host, device="cpu").info.precision == "float32"


def test_an_unknown_precision(host: PluginHost) -> None:
    with pytest.raises(UsageError, match="no precision 'half': choose from auto, float32"):
        load(host, precision="half")


def test_the_command_prints_where_it_ran(
    machine: Machine,
    host: PluginHost,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    machine.load = {F32}
    monkeypatch.setattr("vizstudio.commands.base.load_plugins", lambda **_: host)
    words = [
        "run",
        str(photos / "coffee.jpg"),
        "--model",
        "short:one",
        "--out",
        str(tmp_path),
        "--format",
        "json",
    ]
    assert main(words) == 0
    told = capsys.readouterr().err
    assert "analysed with short:one on cuda in float16" in told
    assert f"note: memory was too small for {F32}: computed in {F16}" in told
    machine.load = {F32, F16}
    assert main([*words, "--device", "cuda"]) == 2
    assert "choose the device cpu or a smaller model" in capsys.readouterr().err


def test_only_what_says_so_is_a_lack_of_memory() -> None:
    torch = pytest.importorskip("torch")
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"))
    assert is_out_of_memory(MemoryError())
    windows = "DefaultCPUAllocator: not enough memory: you tried to allocate 1152921504606846976 bytes."
    assert is_out_of_memory(RuntimeError(f"[enforce fail at alloc_cpu.cpp:115] data. {windows}"))
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    handle = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    assert is_out_of_memory(RuntimeError(handle))
    assert not is_out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError) as real:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(real.value)
    ring = ValueError("one")
    ring.__cause__ = KeyError("two")
    ring.__cause__.__context__ = ring
    assert [type(error) for error in causes(ring)] == [ValueError, KeyError]


def test_a_request_without_a_precision_is_as_before() -> None:
    assert ModelRequest().precision == get_args(Precision)[0] == "float32"
    assert ModelInfo("a:b", "untrained", "none", (8, 8), 10, "cpu").num_bytes == 40
    assert ModelInfo("a:b", "untrained", "none", (8, 8), 10, "cpu", "bfloat16").num_bytes == 20

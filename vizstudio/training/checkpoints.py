"""Checkpoints: safetensors files that are there whole or not at all, and checked when they are read."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vizstudio.core.errors import CheckpointError, TrainingError, UsageError, VizstudioError

State = dict[str, Tensor]
KEPT = 2
"""States that are kept: if the last is damaged, the one before serves."""
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    step : int
        Steps done.
    best : float or None
        The best epoch's value of the task's goal.
    loss_sum, images : float
        Of the epoch so far: the sum of the losses of its images, and how many they were, or their `Task.sizes`.
    fingerprint : str
        Of the data.
    scaler : mapping
        The loss scaler's state, with fp16.
    """

    step: int = 0
    best: float | None = None
    loss_sum: float = 0.0
    images: float = 0
    fingerprint: str = ""
    scaler: Mapping[str, Any] | None = None


def save_tensors(path: Path, tensors: State, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file: to a temporary one beside it, to the disk, then in its place.

    Raises
    ------
    VizstudioError
        If the disk is full or the folder cannot be written to; what was there before is still there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        contiguous = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        save_file(contiguous, temporary, dict(metadata))
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise VizstudioError(f"{path} cannot be written: {reason}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Let the disk know of a renamed file; Windows knows no such call."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def digest(tensors: State) -> str:
    """Return a SHA-256 over names, types, shapes and values: safetensors itself would not notice a flipped bit."""
    total = hashlib.sha256()
    for key in sorted(tensors):
        value = tensors[key].detach().cpu().contiguous()
        total.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def pack_optimizer(optimizer: torch.optim.Optimizer) -> State:
    """Return what an optimiser remembers of each parameter, by ``optimizer.NUMBER.NAME``."""
    remembered = optimizer.state_dict()["state"]
    return {f"optimizer.{i}.{k}": v for i, of_one in remembered.items() for k, v in of_one.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: State) -> None:
    """Give back to an optimiser what `pack_optimizer` returned."""
    remembered: dict[int, State] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".", 2)
            remembered.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": remembered})


def save_state(folder: Path, model: State, optimizer: State, progress: Progress) -> None:
    """Write all that a run needs to go on as one file, and remove all but the last `KEPT`."""
    tensors = {**{f"model.{key}": value for key, value in model.items()}, **optimizer}
    metadata = {"progress": json.dumps(asdict(progress)), "sha256": digest(tensors)}
    save_tensors(folder / f"{progress.step:09d}{_SUFFIX}", tensors, metadata)
    for old in _states(folder)[:-KEPT]:
        old.unlink(missing_ok=True)


def save_run(
    out: Path, model: State, optimizer: State, metadata: Mapping[str, str], progress: Progress, best: bool
) -> None:
    """Write the best weights if these are, the last, and then the state, which a resumed run goes by.

    Raises
    ------
    TrainingError
        If the disk does not take them.
    """
    try:
        for name in ("best", "last") if best else ("last",):
            save_tensors(out / f"{name}{_SUFFIX}", model, metadata)
        save_state(out / "state", model, optimizer, progress)
    except VizstudioError as error:
        raise TrainingError(f"{error}; what was saved before is whole: --resume goes on") from error


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"[0-9]*{_SUFFIX}"))


def load_state(folder: Path) -> tuple[State, State, Progress, list[str]]:
    """Return (model, optimizer, progress, warnings) of the last state that is whole.

    Without any state the run starts from its beginning: the progress is at step 0.

    Raises
    ------
    CheckpointError
        If there are states and every one is damaged.
    """
    warnings: list[str] = []
    for path in reversed(_states(folder)):
        try:
            tensors, progress = _read_state(path)
        except CheckpointError as error:
            warnings.append(str(error))
            continue
        if warnings:
            warnings.append(f"going on from the state before, of step {progress.step}")
        model = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        return model, {k: v for k, v in tensors.items() if k.startswith("optimizer.")}, progress, warnings
    if warnings:
        raise CheckpointError(f"no whole state is left in {folder}: " + "; ".join(warnings))
    return {}, {}, Progress(), ["no step was saved yet: starting from the beginning"]


def _read_state(path: Path) -> tuple[State, Progress]:
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        if metadata["sha256"] != digest(tensors):
            raise CheckpointError(f"the state {path.name} is damaged: its values changed on the disk")
        return tensors, Progress(**json.loads(metadata["progress"]))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the state {path.name} is damaged ({error})") from error


def require_new(out: Path) -> None:
    """Refuse to write a run over another.

    Raises
    ------
    UsageError
        If the folder holds a run.
    """
    if (out / "config.yaml").exists() or _states(out / "state"):
        raise UsageError(f"{out} holds a run already: go on with --resume, or choose another --out")

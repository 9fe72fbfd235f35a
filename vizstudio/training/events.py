"""What a run tells: lines of JSON for programs, TensorBoard, and a progress bar or lines for people."""

import io
import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vizstudio.core.errors import TrainingError, VizstudioError
from vizstudio.core.files import write_atomic

FILE = "events.jsonl"


class Events:
    """Tells of one run; in a process that is not the main one it is silent.

    ``events.jsonl`` has an object per line with ``event``, ``step`` and ``time`` (Unix seconds): ``start`` (how
    much there is to do, by which process of which machine), ``step`` (loss, lr, norm), ``epoch`` (loss and
    metrics), ``saved``, ``warning``, ``stopped``, ``failed``, ``end``. A number that is not finite is null.
    """

    def __init__(self, out: Path, main: bool) -> None:
        self._out, self._main = out, main
        self._board: Any = None
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not (main and sys.stderr.isatty()),
        )

    def open(self, step: int, steps: int) -> None:
        """Begin at a step; what a run that was cut off told of later steps is forgotten."""
        if not self._main:
            return
        from torch.utils.tensorboard.writer import SummaryWriter

        self._forget(step)
        self._board = SummaryWriter(str(self._out / "tensorboard"), purge_step=step + 1 if step else None)
        self._task = self._bar.add_task("Training", completed=step, total=steps, note="")
        self._bar.start()

    def _forget(self, step: int) -> None:
        path = self._out / FILE
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            write_atomic(path, "".join(line for line in lines if _is_before(line, step)).encode())

    def tell(self, event: str, step: int, **facts: Any) -> None:
        """Add an event; raises `TrainingError` if the disk does not take it."""
        if not self._main:
            return
        now = round(time.time(), 3)
        line = {
            "event": event,
            "step": step,
            "time": now,
            **{key: _plain(value) for key, value in facts.items()},
        }
        try:
            with (self._out / FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise VizstudioError(
                f"{self._out / FILE} cannot be written: {error.strerror or error}"
            ) from error

    def keep_snapshot(self, epoch: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write what a task shows of its model after an epoch, 0 for before the first, to ``snapshots/``."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        try:
            write_atomic(self._out / "snapshots" / f"{epoch:04d}.npz", buffer.getvalue())
        except VizstudioError as error:
            raise TrainingError(str(error)) from error

    def plot(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to each of TensorBoard's curves."""
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def advance(self, step: int, note: str) -> None:
        """Move the progress bar."""
        if self._board is not None:
            self._bar.update(self._task, completed=step, note=note)

    def say(self, text: str, style: str = "") -> None:
        """Print a line for people, on stderr."""
        if self._main:
            self._console.print(text, style=style, markup=False)

    def warn(self, step: int, text: str) -> None:
        """Tell of something that the user should know."""
        self.tell("warning", step, message=text)
        self.say(f"warning: {text}", "yellow")

    def close(self) -> None:
        """Write what is left to TensorBoard and take the bar away."""
        self._bar.stop()
        if self._board is not None:
            self._board.close()
            self._board = None


def _is_before(line: str, step: int) -> bool:
    try:
        told: dict[str, Any] = json.loads(line)
        return int(told["step"]) <= step and told["event"] not in ("stopped", "failed", "end")
    except (ValueError, KeyError, TypeError):  # the last line of a process that was killed
        return False


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

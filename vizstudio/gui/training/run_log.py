"""What a run tells in its folder's ``events.jsonl``, read on as it is written. No Qt here."""

import json
from pathlib import Path

from vizstudio.core.run_events import FILE, Event, numbers_of
from vizstudio.gui.training.process import RunProcess

TAIL = 20_000  # bytes of what a process wrote that are looked at for its last words
SPEED_STEPS = 30  # told steps that the speed is measured over
PAUSE = 8.0  # an interval so many times the usual is a pause, not speed
STATES = ("start", "stopped", "failed", "end")
SHOWN = ("start", "epoch", "warning", "stopped", "failed", "end")


class Curve:
    """One number over the steps of a run."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.values: list[float] = []

    def add(self, step: int, value: float) -> None:
        """Add a point."""
        self.steps.append(step)
        self.values.append(value)

    def scaled(self, factor: float) -> "Curve":
        """Return the same with all values multiplied."""
        made = Curve()
        made.steps, made.values = list(self.steps), [factor * value for value in self.values]
        return made


class RunLog:
    """Reads a run's events; `read` goes on where it was.

    Attributes
    ----------
    steps, epochs : dict of Curve
        What is told every few steps, and after every epoch, by its name.
    by_epoch : dict of dict
        What was told after an epoch, by its number.
    shown : list of dict
        The events that people want to read, oldest first.
    state : str
        The last of ``start``, ``stopped``, ``failed`` and ``end`` that was told; empty for none.
    step : int
        The last step told of.
    unreadable : int
        Lines that are no event.
    read_to, size : int
        How far the file was read, and how long it was then, in bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._clear()

    def _clear(self) -> None:
        self._offset, self._file = 0, -1
        self.read_to = self.size = 0
        self.steps: dict[str, Curve] = {}
        self.epochs: dict[str, Curve] = {}
        self.by_epoch: dict[int, dict[str, float]] = {}
        self.shown: list[Event] = []
        self.start: Event = {}
        self.state = ""
        self.step = self.epoch = self.unreadable = 0
        self._times: list[tuple[int, float]] = []

    @property
    def is_behind(self) -> bool:
        """Whether `read` left something, so that what is told here is not how the run is now."""
        return self.read_to < self.size

    def read(self, most: int = -1) -> bool:
        """Read what was written since; returns whether there was anything.

        A last line that is not whole yet is left for the next time. A run that goes on writes the file anew, and
        is then read from its beginning.

        Parameters
        ----------
        most : int
            Bytes to read, and to the end of that line; all if negative.

        Raises
        ------
        OSError
            If the file is there and cannot be read.
        """
        path = self.folder / FILE
        try:
            with path.open("rb") as file:
                about = path.stat()
                if about.st_ino != self._file or about.st_size < self._offset:
                    self._clear()
                    self._file = about.st_ino
                file.seek(self._offset)
                content = file.read(most)
                if len(content) == most:
                    content += file.readline()
                self.read_to, self.size = file.tell(), about.st_size
        except FileNotFoundError:
            return False
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        for line in content[:whole].splitlines():
            self._take(line)
        return whole > 0

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind, step = str(event["event"]), int(event["step"])
        except (ValueError, KeyError, TypeError, OverflowError):  # JSON's 1e999 is infinite
            self.unreadable += 1
            return
        self.step = max(self.step, step) if kind != "start" else step
        if kind in STATES:
            self.state = kind
        if kind == "start":
            self.start, self._times = event, []
        if kind in SHOWN:
            self.shown.append(event)
        if kind in ("step", "epoch"):
            curves = self.steps if kind == "step" else self.epochs
            for name, value in numbers_of(event):
                curves.setdefault(name, Curve()).add(step, value)
        if kind == "epoch":
            self.epoch = int(event.get("epoch", 0))
            self.by_epoch[self.epoch] = dict(numbers_of(event))
        if kind == "step" and "time" in event:
            self._times = [*self._times[-SPEED_STEPS:], (step, float(event["time"]))]

    @property
    def process(self) -> RunProcess | None:
        """The process that told last that it began; None for runs that do not tell."""
        try:
            return RunProcess(
                int(self.start["process"]), str(self.start["machine"]), float(self.start["time"])
            )
        except (KeyError, ValueError, TypeError):
            return None

    @property
    def total(self) -> int:
        """Steps of the whole run, 0 if it has not told yet."""
        return int(self.start.get("steps", 0))

    def speed(self) -> float | None:
        """Return steps per second of late, evaluation included and pauses left out; None if it is not known yet."""
        pairs = zip(self._times, self._times[1:], strict=False)
        gaps = [((t1 - t0) / (s1 - s0), s1 - s0) for (s0, t0), (s1, t1) in pairs if s1 > s0]
        if not gaps:
            return None
        usual = sorted(seconds for seconds, _ in gaps)[len(gaps) // 2]
        kept = [(seconds, steps) for seconds, steps in gaps if seconds <= PAUSE * usual]
        spent = sum(seconds * steps for seconds, steps in kept)
        return sum(steps for _, steps in kept) / spent if spent > 0 else None

    def seconds_left(self) -> float | None:
        """Return how long the rest takes at that speed; None if it is not known."""
        speed = self.speed()
        return (self.total - self.step) / speed if speed and self.total else None


def last_words(path: Path) -> str:
    """Return the last line that a process wrote, empty for none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    told = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return told.removeprefix("vizstudio-train: error: ")

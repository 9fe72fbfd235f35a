"""What the window does with training runs: start, hold, stop, go on, watch, open what they made. No Qt here."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from safetensors import SafetensorError, safe_open

from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.files import write_atomic
from vizstudio.core.run_events import FILE
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.gui.training.process import RunProcess
from vizstudio.gui.training.run_log import RunLog, last_words
from vizstudio.plugins import PluginHost

if TYPE_CHECKING:
    from vizstudio.recipes import TrainConfig

OUTPUT, OPTIONS, CONFIG, STOP = "output.log", "options.yaml", "config.yaml", "stop"
CHECKPOINTS = ("best", "last")
ALL, SLICE = -1, 2**18  # bytes of events to read at once; so many take some 13 ms

Status = Literal[
    "starting",
    "running",
    "held",
    "stopping",
    "stopped",
    "cancelled",
    "failed",
    "finished",
    "lost",
    "elsewhere",
]
ALIVE: tuple[Status, ...] = ("starting", "running", "held", "stopping")


@dataclass(frozen=True)
class RunState:
    """How a run is.

    Parameters
    ----------
    folder : Path
        The run's.
    status : Status
        ``"cancelled"`` is a run that was stopped before its first step; ``"lost"`` one whose process ended
        without telling; ``"elsewhere"`` one of another machine, of which it cannot be seen from here whether it
        lives.
    problem : str
        What the process wrote last, if it failed or was lost.
    own : bool
        Whether this window, or one before it, started its process.
    can_resume : bool
        Whether it has ended, and says enough of itself to go on.
    """

    folder: Path
    status: Status
    problem: str = ""
    own: bool = False
    can_resume: bool = False

    @property
    def alive(self) -> bool:
        """Whether its process lives on this machine."""
        return self.status in ALIVE


class RunView(Protocol):
    """What `Runs` tells the window; none of these calls ever comes back as a request."""

    def show_reading(self, folder: Path, fraction: float) -> None:
        """Say that so much of a run's events is read, 0 to 1; the view is to poll again soon."""

    def show_run(self, state: RunState | None, log: RunLog | None) -> None:
        """Show how a run is, or that none is open."""


class Memory(Protocol):
    """What is remembered until the next start of the window."""

    def load(self) -> str:
        """Return what was saved, empty for nothing."""

    def save(self, text: str) -> None:
        """Keep a text."""


Launch = Callable[[list[str], Path], RunProcess]
"""Starts ``vizstudio-train`` with arguments and a file for what it writes, as a process that outlives this one."""


class Runs:
    """The run that is open, which may have been started here, before, or by a command."""

    def __init__(self, view: RunView, launch: Launch, memory: Memory, host: PluginHost) -> None:
        self._view, self._launch, self._memory, self._host = view, launch, memory, host
        self._launched: RunProcess | None = None  # of the open run, by a window
        self._cancelled = False  # whether it was ended before it had begun
        self.log: RunLog | None = None
        self.state: RunState | None = None

    def recall(self) -> bool:
        """Open the run that a window started last, if its process still lives; returns whether it does."""
        try:
            kept = json.loads(self._memory.load() or "{}")
            folder = Path(kept["folder"])
            launched = RunProcess(int(kept["process"]), str(kept["machine"]), float(kept["time"]))
        except (ValueError, KeyError, TypeError):
            return False
        if launched.find() is None:
            return False
        self._show(folder, launched)
        return True

    def start(self, recipe: str, config: "TrainConfig") -> None:
        """Start a run.

        Raises
        ------
        UsageError
            If one is going on, or the folder holds one.
        VizstudioError
            If the folder cannot be written, or the process cannot be started.
        """
        self._require_rest()
        out = config.out.resolve()
        if (out / CONFIG).exists() or (out / FILE).exists():
            raise UsageError(
                f"{out} holds a run already: open it and go on with it, or choose another folder"
            )
        write_atomic(out / OPTIONS, config.to_yaml().encode())
        self._begin(out, [recipe, "--config", str(out / OPTIONS), "--out", str(out)])

    def resume(self) -> None:
        """Go on with the open run where it was saved last, exactly.

        Raises
        ------
        UsageError
            If it is going on already, or its recipe is not known.
        VizstudioError
            If the process cannot be started.
        """
        from vizstudio.recipes import recipe_with  # with pydantic, which the window does not wait for

        self._require_rest()
        assert self.log is not None
        recipe = recipe_with(self._host, str(self.log.start.get("options", "")))
        self._begin(self.log.folder, [recipe, "--out", str(self.log.folder), "--resume"])

    def _require_rest(self) -> None:
        self.poll(ALL)
        if self.state is not None and self.state.alive:
            raise UsageError(f"the run in {self.state.folder} is going on: stop it first")

    def _begin(self, folder: Path, arguments: list[str]) -> None:
        process = self._launch(arguments, folder / OUTPUT)
        kept = {"folder": str(folder), "process": process.number, "machine": process.machine}
        self._memory.save(json.dumps({**kept, "time": process.known_at}))
        self._show(folder, process)

    def open(self, folder: Path) -> None:
        """Open a run's folder.

        Raises
        ------
        UsageError
            If it holds none.
        """
        folder = folder.resolve()
        if not (folder / FILE).is_file():
            raise UsageError(
                f"{folder} holds no run: choose a folder with {FILE}, as vizstudio-train --out makes it"
            )
        same = self.log is not None and self.log.folder == folder
        self._show(folder, self._launched if same else None)

    def _show(self, folder: Path, launched: RunProcess | None) -> None:
        self.log, self._launched, self.state = RunLog(folder), launched, None
        self._cancelled = False
        self.poll()

    def poll(self, most: int = SLICE) -> None:
        """Read on, at most so many bytes, and tell the view what is new; to be called a few times a second."""
        if self.log is None:
            return
        late = self.log.is_behind
        try:
            news = self.log.read(most)
        except OSError as error:
            raise VizstudioError(f"{self.log.folder / FILE} cannot be read: {error}") from error
        if self.log.is_behind:
            self._view.show_reading(self.log.folder, self.log.read_to / self.log.size)
            return
        state = self._judge(self.log)
        if news or late or state != self.state:
            self.state = state
            self._view.show_run(state, self.log)

    def _judge(self, log: RunLog) -> RunState:
        status, folder = self._status(log), log.folder
        problem = last_words(folder / OUTPUT) if status in ("failed", "lost") else ""
        over = status in ("stopped", "cancelled", "failed", "lost")
        can_resume = over and "options" in log.start and (folder / CONFIG).is_file()
        return RunState(folder, status, problem, self._launched is not None, can_resume)

    def _status(self, log: RunLog) -> Status:
        told, launched = log.process, self._launched
        begun = launched is None or (told is not None and told.number == launched.number)
        process = told if begun else launched
        if process is not None and process.find() is not None:
            if not begun:
                return "starting"
            if log.state == "end":
                return "finished"
            if (log.folder / STOP).exists():
                return "stopping"
            return "held" if process.is_held() else "running"
        if not begun:
            return "cancelled" if self._cancelled else "failed"
        ended: dict[str, Status] = {"stopped": "stopped", "end": "finished", "failed": "failed"}
        if log.state in ended:
            return ended[log.state]
        return "elsewhere" if process is not None and not process.is_here else "lost"

    def hold(self) -> None:
        """Let the run wait where it is, with all its memory."""
        process = self._process()
        if process is not None:
            process.hold()
            self.poll()

    def let_go(self) -> None:
        """Let a run that waits go on."""
        process = self._process()
        if process is not None:
            process.let_go()
            self.poll()

    def stop(self) -> None:
        """Let the run finish its step, save and end; one that is not so far yet has nothing to save and ends at once.

        Raises
        ------
        VizstudioError
            If its folder cannot be written.
        """
        process = self._process()
        if self.state is None or process is None:
            return
        if self.state.status == "starting":
            self._cancelled = True
            process.kill()
        else:
            write_atomic(self.state.folder / STOP, b"")
            process.let_go()
        self.poll()

    def _process(self) -> RunProcess | None:
        if self.state is None or self.log is None:
            return None
        return self._launched if self.state.status == "starting" else self.log.process

    def checkpoints(self) -> list[str]:
        """Return which of ``best`` and ``last`` there are."""
        folder = self.log.folder if self.log else None
        return [n for n in CHECKPOINTS if folder is not None and (folder / f"{n}.safetensors").is_file()]

    def choice(self, checkpoint: str, device: str) -> ModelChoice:
        """Return the model of a checkpoint of the open run, as the window opens it.

        Raises
        ------
        UsageError
            If it cannot be read, or does not say of which model it is.
        """
        assert self.log is not None
        return choice_of(self.log.folder / f"{checkpoint}.safetensors", device)


def choice_of(path: Path, device: str) -> ModelChoice:
    """Return the model that a checkpoint says it is of; see `Runs.choice`."""
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise UsageError(f"{path.name} cannot be read ({error}): choose another checkpoint") from error
    if "model" not in about:
        raise UsageError(f"{path.name} does not say of which model it is: choose the model in the bar above")
    return ModelChoice(about["model"], path, False, device)

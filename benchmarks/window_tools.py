"""What the window's benchmark measures with: a clock for the event loop, a counter of paints, the table."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer

TICK = 0.010  # seconds


class Gap(NamedTuple):
    """The longest time for which the event loop did not answer, in seconds.

    `computing` is the most that the window's own thread computed in one such time: the rest it waited, for the
    interpreter's lock or for other programs to leave it the processor.
    """

    seconds: float
    computing: float


class Gaps:
    """How late a 10 ms timer of the event loop fires."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._computing: list[float] = []
        self._last = self._used = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(round(TICK * 1000))
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now, used = time.perf_counter(), time.thread_time()
        self._late.append(now - self._last - TICK)
        self._computing.append(used - self._used)
        self._last, self._used = now, used

    def start(self) -> None:
        """Begin to measure."""
        self._last, self._used = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> Gap:
        """Return the longest gap; one that has just ended counts."""
        self._timer.stop()
        self._tick()
        return Gap(max(self._late), max(self._computing))


class Paints(QObject):
    """Counts how often a widget was painted."""

    def __init__(self, widget: QObject) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count paint events."""
        self.count += event.type() == QEvent.Type.Paint
        return False


def until(condition: Callable[[], bool], timeout: float = 60.0) -> None:
    """Run the event loop until something is so."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        QCoreApplication.processEvents()
        time.sleep(0.0002)


def longest_gap(act: Callable[[], object], done: Callable[[], bool]) -> Gap:
    """Return the longest gap of the event loop from an action until something is so, and painted."""
    gaps = Gaps()
    gaps.start()
    act()
    until(done)
    QCoreApplication.processEvents()
    return gaps.stop()


def percentile_95(seconds: Sequence[float]) -> float:
    """Return the 95th percentile, by the nearest rank: of fewer than 20 numbers the largest."""
    ordered = sorted(seconds)
    return ordered[-(-95 * len(ordered) // 100) - 1]


def heading() -> None:
    """Print the head of the table."""
    print(f"{'milliseconds':46}{'n':>4}{'median':>9}{'95 %':>9}{'aim':>7}  met")


def row(what: str, seconds: Sequence[float], aim: float | None = None, note: str = "") -> None:
    """Print one line of the table.

    Parameters
    ----------
    what : str
        What was measured.
    seconds : sequence of float
        All measurements.
    aim : float, optional
        Milliseconds.
    note : str
        What else is to be said.
    """
    median, high = 1000 * statistics.median(seconds), 1000 * percentile_95(seconds)
    told = ("", "")
    if aim is not None:
        told = (f"{aim:.0f}", "yes" if high <= aim else "median only" if median <= aim else "NO")
    print(
        f"{what:46}{len(seconds):4}{median:9.1f}{high:9.1f}{told[0]:>7}  {told[1]:12}{note}".rstrip(),
        flush=True,
    )


def gap_row(what: str, gaps: Sequence[Gap], aim: float) -> None:
    """Print a line of longest gaps, one of each round."""
    computing = 1000 * max(gap.computing for gap in gaps)
    row(f"longest gap, {what}", [gap.seconds for gap in gaps], aim, f"computing {computing:.0f}")

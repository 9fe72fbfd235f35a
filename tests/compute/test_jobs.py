"""One worker: latest wins, cancellation, progress, errors, closing."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from vizstudio.compute.jobs import Event, Failed, Finished, Progress, Stopped, Worker
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError

TIMEOUT = 30.0  # only to end a test that hangs


class Inbox:
    """Keeps the events of a worker, and waits for the end of a job."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.threads: set[str] = set()
        self._came = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._came:
            self.events.append(event)
            self.threads.add(threading.current_thread().name)
            self._came.notify_all()

    def ends(self) -> list[Event]:
        return [event for event in self.events if not isinstance(event, Progress)]

    def wait(self, number: int) -> Event:
        def ended() -> list[Event]:
            return [event for event in self.ends() if event.number == number]

        with self._came:
            assert self._came.wait_for(lambda: bool(ended()), TIMEOUT), f"job {number} never ended"
            return ended()[0]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def worker(inbox: Inbox) -> Iterator[Worker]:
    worker = Worker(inbox, "test-worker")
    yield worker
    assert worker.close()


class Blocking:
    """A job that runs until it is released, looking at its cancellation meanwhile or not."""

    def __init__(self, looks: bool = True) -> None:
        self.started, self.release, self._looks = threading.Event(), threading.Event(), looks

    def __call__(self, context: RunContext) -> str:
        self.started.set()
        while not self.release.wait(0.005):
            if self._looks:
                context.check()
        return "done"


def test_a_result_arrives_from_the_workers_own_thread(worker: Worker, inbox: Inbox) -> None:
    number = worker.submit(lambda _: threading.current_thread().name)
    assert inbox.wait(number) == Finished(number, "test-worker_0")
    assert inbox.threads == {"test-worker_0"}


def test_a_new_job_stops_the_running_one_and_replaces_the_waiting_ones(worker: Worker, inbox: Inbox) -> None:
    running = Blocking()
    first = worker.submit(running)
    assert running.started.wait(TIMEOUT)
    ran = []
    middle = [worker.submit(lambda _, i=i: ran.append(i)) for i in range(20)]
    last = worker.submit(lambda _: "last")
    assert inbox.wait(last) == Finished(last, "last")
    assert inbox.ends()[:-1] == [Stopped(n) for n in (first, *middle)]
    assert not ran


def test_a_job_that_never_looks_is_stopped_at_its_end(worker: Worker, inbox: Inbox) -> None:
    deaf = Blocking(looks=False)
    first = worker.submit(deaf)
    assert deaf.started.wait(TIMEOUT)
    worker.cancel()
    deaf.release.set()
    assert inbox.wait(first) == Stopped(first)


def test_cancelling_spares_later_jobs(worker: Worker, inbox: Inbox) -> None:
    worker.cancel()
    number = worker.submit(lambda _: 1)
    assert inbox.wait(number) == Finished(number, 1)


def test_a_model_cannot_swallow_the_cancellation(worker: Worker, inbox: Inbox) -> None:
    started = threading.Event()

    def model(context: RunContext) -> str:
        started.set()
        while True:
            try:
                context.check()
            except Exception:
                return "swallowed"

    number = worker.submit(model)
    assert started.wait(TIMEOUT)
    worker.cancel()
    assert inbox.wait(number) == Stopped(number)


@pytest.mark.parametrize("error", [UsageError("no such layer"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_a_job_raises_arrives_with_its_traceback(
    worker: Worker, inbox: Inbox, error: BaseException
) -> None:
    def fail(_: RunContext) -> None:
        raise error

    ended = inbox.wait(worker.submit(fail))
    assert isinstance(ended, Failed) and ended.error is error
    assert "in fail" in ended.details and type(error).__name__ in ended.details
    again = worker.submit(lambda _: "alive")
    assert inbox.wait(again) == Finished(again, "alive")


def test_an_error_keeps_no_frame_alive(worker: Worker, inbox: Inbox) -> None:
    class Model:
        pass

    gone: list[weakref.ref[Model]] = []

    def fail(_: RunContext) -> None:
        model = Model()
        gone.append(weakref.ref(model))
        try:
            raise ValueError("inner")
        except ValueError as inner:
            raise RuntimeError("outer") from inner

    ended = inbox.wait(worker.submit(fail))
    assert isinstance(ended, Failed) and "inner" in ended.details
    after = worker.submit(lambda _: None)  # the thread has left the failed job's frame by the end of this one
    inbox.wait(after)
    gc.collect()
    assert gone[0]() is None


def test_progress_is_thinned_out_but_no_phase_goes_untold(worker: Worker, inbox: Inbox) -> None:
    def job(context: RunContext) -> None:
        for phase in ("loading", "running"):
            context.report(0.0, phase)
            for i in range(1, 2000):
                context.report(i / 2000, phase)

    number = worker.submit(job)
    inbox.wait(number)
    told = [event for event in inbox.events if isinstance(event, Progress)]
    assert [event.message for event in told if event.fraction == 0] == ["loading", "running"]
    assert len(told) < 1000
    assert all(event.number == number for event in told)


def test_closing_waits_for_the_running_job(inbox: Inbox) -> None:
    worker, job = Worker(inbox, "closing"), Blocking()
    number = worker.submit(job)
    assert job.started.wait(TIMEOUT)
    worker.submit(lambda _: None)
    assert worker.close()
    assert Stopped(number) in inbox.events
    assert not [t for t in threading.enumerate() if t.name.startswith("closing")]


def test_closing_with_a_timeout_tells_that_a_job_still_runs(inbox: Inbox) -> None:
    worker, deaf = Worker(inbox), Blocking(looks=False)
    worker.submit(deaf)
    assert deaf.started.wait(TIMEOUT)
    assert not worker.close(0.01)
    deaf.release.set()
    assert worker.close()


def test_closing_an_idle_worker(inbox: Inbox) -> None:
    assert Worker(inbox).close(0.0)

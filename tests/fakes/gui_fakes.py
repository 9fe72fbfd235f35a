"""What tests of the window share: a worker that waits for the test, and what a fake model computes."""

from types import ModuleType
from typing import Any

from vizstudio.core.context import RunContext


class ManualJobs:
    """Keeps jobs until the test runs them."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []
        self.cancelled = 0

    def submit(self, job: Any) -> int:
        self.jobs.append(job)
        return len(self.jobs)

    def cancel(self) -> None:
        self.cancelled += 1

    def run(self, number: int) -> Any:
        return self.jobs[number - 1](RunContext())


def analyse(fake: ModuleType, name: str, image: Any) -> Any:
    """Return what a fake model computes of an image; one that captions writes a caption too."""
    from vizstudio.core.caption import CaptionRequest
    from vizstudio.core.model import ModelRequest

    model = fake.load(name, ModelRequest(), RunContext())
    if hasattr(model, "caption"):
        return model.caption(image, CaptionRequest(), RunContext())
    return model.analyze(image, RunContext())

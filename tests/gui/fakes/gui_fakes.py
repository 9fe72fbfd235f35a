"""What tests of the window share: a worker that waits for the test, and what a fake model computes."""

from types import ModuleType
from typing import TYPE_CHECKING, Any

from vizstudio import builtin
from vizstudio.core.context import RunContext

if TYPE_CHECKING:
    from vizstudio.gui.dialogs.error import ErrorDialog

TIMEOUT = 60_000  # milliseconds; only to end a test that hangs


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


def with_formats(host: Any) -> Any:
    """Return a host that has the file formats which ship, too."""

    class Registry:
        @staticmethod
        def add(entry: Any) -> None:
            host.exporters.add(entry, "builtin")

    builtin.register_exporters(Registry())
    return host


def error_dialog(window: Any, qtbot: Any) -> "ErrorDialog":
    """Return the dialog that tells of an error, once it is there."""
    from vizstudio.gui.dialogs.error import ErrorDialog

    qtbot.waitUntil(lambda: window.findChild(ErrorDialog) is not None, timeout=TIMEOUT)
    dialog = window.findChild(ErrorDialog)
    assert isinstance(dialog, ErrorDialog)
    return dialog

"""A window with a plugin that needs no torch; whatever a test leaves behind fails it."""

import gc
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
from gui_fakes import ManualJobs
from PIL import Image

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs


def _load_fake_plugin() -> ModuleType:
    name = "vizstudio_fake_plugin"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("fake_plugin.py"))
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def fake() -> Iterator[ModuleType]:
    """The plugin's module, whose slow models are released when the test ends."""
    module = _load_fake_plugin()
    module.release.clear()
    module.started.clear()
    module.loads.clear()
    module.continuations.clear()
    yield module
    module.release.set()


@pytest.fixture
def host(fake: ModuleType) -> Any:
    """A plugin host with nothing but the fake plugin."""
    from vizstudio.entries import ModelEntry
    from vizstudio.plugins import PluginHost

    host = PluginHost()
    entry = ModelEntry("fake", "Fake models", f"{fake.__name__}:load", f"{fake.__name__}:list_models")
    host.models.add(entry, "fake")
    return host


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of 120×80 random pixels."""
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)).save(path)
    return path


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIZSTUDIO_CONFIG_DIR", str(tmp_path / "config"))


def _active_timers() -> list[Any]:
    from PySide6.QtCore import QTimer
    from shiboken6 import isValid

    # By type, since asking torch's deprecated objects for their class is a warning.
    timers = [o for o in gc.get_objects() if issubclass(type(o), QTimer)]
    return [timer for timer in timers if isValid(timer) and timer.isActive()]


def _threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("vizstudio")}


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a worker thread, an active timer or a top-level widget."""
    if "qapp" not in request.fixturenames:
        yield
        return
    qapp = request.getfixturevalue("qapp")
    from PySide6.QtCore import QCoreApplication, QEvent

    from vizstudio.gui import guard

    guard.install()  # as the program does
    widgets, threads, timers = set(qapp.topLevelWidgets()), _threads(), set(map(id, _active_timers()))
    yield
    left: list[Any] = []
    for _ in range(100):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()
        left = [w for w in qapp.topLevelWidgets() if w not in widgets]
        left += list(_threads() - threads)
        left += [t for t in _active_timers() if id(t) not in timers]
        if not left:
            return
        gc.collect()
        time.sleep(0.01)
    pytest.fail(f"left behind: {left}")


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """As pytest-qt has it, but when `mouseMove` returns, the widget has heard of the pointer."""
    from moved import move_pointer

    qtbot.mouseMove = partial(move_pointer, qtbot)
    return qtbot


@pytest.fixture
def window(qtbot: Any, host: Any) -> Iterator[Any]:
    """The window, painted once, with the fake models offered."""
    from vizstudio.gui.main_window import MainWindow

    window = MainWindow(host, "cpu")
    window.show()
    with qtbot.waitActive(window, timeout=TIMEOUT):  # shortcuts go to the active window
        window.activateWindow()
    window.models.list()
    yield window
    _load_fake_plugin().release.set()
    window.close()
    window.jobs.close()
    window.maps.close()
    window.words.close()
    window.deleteLater()


def _busy(controller: Any) -> bool:
    workers = (controller.runs, controller.maps, controller.captions.words)
    return any(latest.number is not None for latest in workers)


@pytest.fixture
def settle(qtbot: Any) -> Callable[[Any], None]:
    """Wait until a window has nothing left to do."""

    def idle(window: Any) -> None:
        controller, sessions = window.controller, window.takeaway.sessions
        qtbot.waitUntil(lambda: sessions.finding.number is None and not _busy(controller), timeout=TIMEOUT)

    return idle


@pytest.fixture
def look(qtbot: Any, photo: Path, settle: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Open a window with a test's own plugins, look at the photo with fake:small, and return the window."""
    from vizstudio.gui.main_window import MainWindow
    from vizstudio.gui.snapshot import ModelChoice

    def opened(host: Any) -> Any:
        window = MainWindow(host, "cpu")
        qtbot.addWidget(window)
        window.show()
        window.choose_model(ModelChoice("fake:small", device="cpu"))
        window.controller.open_image(photo)
        settle(window)
        return window

    return opened


@pytest.fixture
def studio(window: Any, photo: Path, settle: Callable[[Any], None], qtbot: Any) -> Any:
    """The window with the photo analysed by fake:small."""
    from vizstudio.gui.snapshot import ModelChoice

    window.choose_model(ModelChoice("fake:small", device="cpu"))
    window.controller.open_image(photo)
    settle(window)
    qtbot.waitUntil(lambda: window.attention.isVisible(), timeout=TIMEOUT)
    return window


@pytest.fixture
def writer(window: Any, photo: Path, settle: Callable[[Any], None], qtbot: Any) -> Any:
    """The window with the photo captioned by fake:writer."""
    from vizstudio.gui.snapshot import ModelChoice

    window.choose_model(ModelChoice("fake:writer", device="cpu"))
    window.controller.open_image(photo)
    settle(window)
    qtbot.waitUntil(lambda: window.caption.strip.isVisible(), timeout=TIMEOUT)
    return window


class Desk:
    """A controller with its surroundings: no Qt, views and workers that do what the test says."""

    def __init__(self, host: Any) -> None:
        from vizstudio.gui.captions import CaptionsView
        from vizstudio.gui.controller import Controller, StudioView

        self.view = create_autospec(StudioView, instance=True, spec_set=True)
        self.jobs, self.maps, self.words = ManualJobs(), ManualJobs(), ManualJobs()
        self.captions_view = create_autospec(CaptionsView, instance=True, spec_set=True)
        self.controller = Controller(self.view, self.captions_view, self.jobs, self.maps, self.words, host)

    def finish(self) -> Any:
        """Run the newest job and the map that it asks for."""
        number = len(self.jobs.jobs)
        result = self.jobs.run(number)
        self.controller.runs.on_finished(number, result)
        self.finish_map()
        return result

    def finish_map(self) -> Any:
        number = len(self.maps.jobs)
        snapshot = self.maps.run(number)
        self.controller.maps.on_finished(number, snapshot)
        return snapshot

    def finish_words(self) -> None:
        """Run the newest job for maps of words."""
        number = len(self.words.jobs)
        self.controller.captions.words.on_finished(number, self.words.run(number))

    def shown(self) -> Any:
        snapshot = self.view.show_snapshot.call_args.args[0]
        return snapshot


@pytest.fixture
def desk(host: Any) -> Desk:
    """A controller without a window."""
    return Desk(host)

"""Importing a plugin's code without garbage collections, and its libraries without the interpreter's lock."""

import gc
import importlib.machinery
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vizstudio.core.errors import PluginError
from vizstudio.gui import quiet
from vizstudio.gui.quiet import import_quietly

CODE = "import gc\nseen = gc.isenabled()\nthings = [[] for _ in range(1000)]\ndef load(): ...\n"


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    sys.modules.pop("vizstudio_heavy", None)


@pytest.fixture
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A plugin's module that looks at the collector and makes some objects."""
    (tmp_path / "vizstudio_heavy.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "vizstudio_heavy:load"


def test_the_collector_rests_during_the_import_and_spares_what_was_made(heavy: str) -> None:
    before = gc.get_freeze_count()
    import_quietly(heavy)
    assert sys.modules["vizstudio_heavy"].seen is False  # type: ignore[attr-defined]
    assert gc.isenabled() and gc.get_freeze_count() >= before + 1000


def test_only_the_first_import_freezes(heavy: str) -> None:
    import_quietly(heavy)
    frozen, more = gc.get_freeze_count(), [[] for _ in range(100)]  # type: ignore[var-annotated]
    import_quietly(heavy)
    assert gc.get_freeze_count() == frozen and len(more) == 100


def test_the_collector_works_again_after_an_error() -> None:
    with pytest.raises(PluginError):
        import_quietly("vizstudio_no_such_module:load")
    assert gc.isenabled()


CONSTRUCTOR = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void wait_for_another_thread(void) {
    int tries = 0;
    fclose(fopen(getenv("VIZSTUDIO_TEST_ASKED"), "w"));
    while (access(getenv("VIZSTUDIO_TEST_ANSWER"), F_OK) != 0 && ++tries < 1000) usleep(10000);
    setenv("VIZSTUDIO_TEST_MET", tries < 1000 ? "yes" : "no", 1);
}
"""

IMPORTER = """
import ctypes, os, sys, threading, time
from pathlib import Path
from vizstudio.core.errors import PluginError
from vizstudio.gui import quiet
quiet.LARGE = ("vizstudio_slow",)
caller = ctypes.CDLL(None).getenv
caller.restype = ctypes.c_char_p
def load():
    try:
        quiet.import_quietly("vizstudio_slow:load")
    except PluginError as error:
        assert "PyInit_vizstudio_slow" in str(error.__cause__ or error), error
thread = threading.Thread(target=load)
thread.start()
while thread.is_alive() and not Path(os.environ["VIZSTUDIO_TEST_ASKED"]).exists():
    time.sleep(0.001)
Path(os.environ["VIZSTUDIO_TEST_ANSWER"]).touch()
thread.join()
print(caller(b"VIZSTUDIO_TEST_MET").decode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="torch itself loads its libraries unlocked there")
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_other_threads_run_while_a_large_library_is_loaded(tmp_path: Path) -> None:
    """The library's constructor asks by making a file, and waits for one that another thread of Python makes."""
    (tmp_path / "slow.c").write_text(CONSTRUCTOR, encoding="utf-8")
    library = tmp_path / f"vizstudio_slow{importlib.machinery.EXTENSION_SUFFIXES[0]}"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "slow.c"], check=True)
    files = {f"VIZSTUDIO_TEST_{name}": str(tmp_path / name) for name in ("ASKED", "ANSWER")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER],
        env={**os.environ, "PYTHONPATH": str(tmp_path), **files},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["yes"]


def test_a_library_that_is_none_is_told_by_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / f"vizstudio_broken{suffix}").write_bytes(b"this is no library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(quiet, "LARGE", ("vizstudio_broken",))
    finders = [*sys.meta_path]
    with pytest.raises(PluginError, match="vizstudio_broken"):
        import_quietly("vizstudio_broken:load")
    assert sys.meta_path == finders


OPENED = """
import builtins, gc, linecache
from vizstudio.gui.quiet import import_quietly, import_window
import_window()
import vizstudio.gui.main_window
wrapped = builtins.__import__
assert wrapped is not builtins.__orig_import__ and gc.isenabled()
import_quietly("vizstudio_vit.build:build")
assert builtins.__import__ is wrapped and gc.isenabled()
import wave  # a module that nothing here needs
kept = {name: len(lines[2]) for name, lines in linecache.cache.items() if len(lines) > 2}
print(*(any(name.endswith(end) for name in kept) for end in ("main_window.py", "vision_transformer.py", "wave.py")))
"""


def test_pyside_reads_no_source_of_the_window_or_of_timm_and_its_features_work_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]

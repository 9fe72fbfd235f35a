"""Importing a plugin's code without garbage collections."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vizstudio.core.errors import PluginError
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

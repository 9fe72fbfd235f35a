"""The precision of a model in the window: chosen, shown, kept in sessions, copied; and what is said of short memory."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
import short_of_memory
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from short_of_memory import Machine

from vizstudio.core.context import RunContext
from vizstudio.core.session import read_session
from vizstudio.entries import ModelEntry
from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.dialogs.model_picker import ModelPicker
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
CONTROL = Qt.KeyboardModifier.ControlModifier
SMALL = ModelChoice("fake:small", device="cpu")


def choose_precision(studio: Any, qtbot: Any, precision: str) -> None:
    """Open the list of models by its key and choose a precision by typing the first letter of its name."""
    qtbot.keyClick(studio, Qt.Key.Key_M, CONTROL)
    picker = studio.findChildren(ModelPicker)[-1]
    qtbot.waitExposed(picker)
    picker.precision.setFocus()
    qtbot.keyClicks(picker.precision, precision)
    assert picker.precision.currentData() == precision
    qtbot.mouseClick(picker.use, Qt.MouseButton.LeftButton)


def test_precision_is_chosen_and_told(studio: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    assert "float32 on cpu" in studio.inspector.facts.text()
    choose_precision(studio, qtbot, "bfloat16")
    settle(studio)
    assert fake.loads[-1][1].precision == "bfloat16"
    result = studio.controller._result
    assert result.choice == ModelChoice("fake:small", device="cpu", precision="bfloat16")
    assert result.info.precision == "bfloat16"
    assert "bfloat16 on cpu" in studio.inspector.facts.text()


def test_a_model_that_is_typed_later_has_it_too(studio: Any, qtbot: Any, settle: Settle) -> None:
    choose_precision(studio, qtbot, "float16")
    settle(studio)
    studio.model_bar.line.selectAll()
    qtbot.keyClicks(studio.model_bar.line, "fake:other")
    qtbot.keyClick(studio.model_bar.line, Qt.Key.Key_Return)
    settle(studio)
    assert studio.controller._result.choice == ModelChoice("fake:other", device="cpu", precision="float16")
    qtbot.keyClick(studio, Qt.Key.Key_M, CONTROL)
    (picker,) = [p for p in studio.findChildren(ModelPicker) if p.isVisible()]
    assert picker.precision.currentData() == "float16" and "overflow" in picker.exactness.text()
    picker.reject()


def test_what_is_copied_names_it(studio: Any, qtbot: Any, settle: Settle) -> None:
    studio.takeaway.exports.copy_command()
    assert "--precision" not in QGuiApplication.clipboard().text()
    choose_precision(studio, qtbot, "float16")
    settle(studio)
    studio.takeaway.exports.copy_command()
    assert " --device cpu --precision float16 " in QGuiApplication.clipboard().text()
    studio.takeaway.exports.copy_python()
    assert "device='cpu', precision='float16')" in QGuiApplication.clipboard().text()


def test_a_session_keeps_it(
    studio: Any, qtbot: Any, settle: Settle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_precision(studio, qtbot, "float16")
    settle(studio)
    path = tmp_path / "a.vizsession"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    studio.takeaway.sessions.save()
    assert read_session(path).place.choice.precision == "float16"
    text = path.read_text(encoding="utf-8")
    older = text.replace(',\n      "precision": "float16"', "")
    assert older != text
    path.write_text(older, encoding="utf-8")
    assert read_session(path).place.choice == SMALL


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, host: Any) -> Machine:
    """A machine with a graphics card that is too small for exact numbers, and a model for it."""
    made = Machine(load={"float32 on cuda"})
    monkeypatch.setattr(short_of_memory, "machine", made)
    monkeypatch.setattr("vizstudio.compute.devices.available_devices", lambda: ["cpu", "cuda"])
    host.models.add(
        ModelEntry("short", "Short", "short_of_memory:load", "fake_captioner:list_models"), "short"
    )
    return made


def test_short_memory_is_told_in_words_and_facts(
    machine: Machine, studio: Any, settle: Settle, qtbot: Any
) -> None:
    studio.choose_model(ModelChoice("short:one"))
    settle(studio)
    note = "memory was too small for float32 on cuda: computed in float16 on cuda"
    assert note in studio.status.message.text()
    facts = studio.inspector.facts.text()
    assert "✗ float16 on cuda, as memory was short" in facts.replace("<br>", "")
    assert note[1:] in facts.replace("<br>", "")
    machine.load |= {"float16 on cuda"}
    studio.choose_model(ModelChoice("short:two", device="cuda"))
    settle(studio)
    (dialog,) = studio.findChildren(ErrorDialog)
    assert "choose the device cpu or a smaller model" in dialog.sentence.text()
    dialog.close()


def test_other_models_make_room_before_anything_is_halved(
    machine: Machine, studio: Any, settle: Settle
) -> None:
    shelf = studio.controller.shelf
    shelf.budget = 10**9
    machine.load = set()
    studio.choose_model(ModelChoice("short:one"))
    settle(studio)
    assert shelf.kept().models == 2
    machine.analyze = {"float32 on cuda"}
    studio.choose_model(ModelChoice("short:two"))
    settle(studio)
    tried = [tried for tried in machine.tried if tried.startswith("analyze")]
    assert tried == ["analyze float32 on cuda"] * 3 + ["analyze float16 on cuda"]
    assert shelf.kept().models == 1


def test_bytes_are_counted_by_precision(studio: Any, host: Any) -> None:
    shelf = studio.controller.shelf
    shelf.budget = 0
    assert shelf.kept().size == 4 * 1234567
    shelf.take(ModelChoice("fake:small", device="cpu", precision="float16"), RunContext())
    assert shelf.kept().size == 2 * 1234567


def test_no_more_than_two_analyses_are_kept(studio: Any, settle: Settle, tmp_path: Path) -> None:
    seen: list[weakref.ref[Any]] = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.full((40, 60, 3), 40 * number, np.uint8)).save(path)
        studio.controller.open_image(path)
        settle(studio)
        seen.append(weakref.ref(studio.controller._result.analysis))
    gc.collect()
    assert seen[-1]() is not None
    assert [ref() is not None for ref in seen[:-2]] == [False] * 4

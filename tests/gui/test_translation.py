"""Every text of the window can be translated: Qt's own collector finds it, in a context that is looked up."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
import PySide6
from PySide6.QtCore import QCoreApplication, QTranslator

import vizstudio.gui

FOLDER = Path(vizstudio.gui.__file__).parent
CONTEXTS_OF_FUNCTIONS = {"wording", "told", "tour"}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The texts by context, as ``pyside6-lupdate`` collects them."""
    tool = Path(PySide6.__file__).with_name("lupdate.exe" if sys.platform == "win32" else "lupdate")
    if not tool.exists():
        pytest.skip(f"{tool} is not there")
    out = tmp_path_factory.mktemp("translation") / "vizstudio.ts"
    sources = sorted(map(str, FOLDER.rglob("*.py")))
    subprocess.run([str(tool), *sources, "-ts", str(out)], check=True, capture_output=True)
    found: dict[str, set[str]] = {}
    for context in ElementTree.parse(out).getroot().iter("context"):
        texts = {message.findtext("source", "") for message in context.iter("message")}
        found[context.findtext("name", "")] = texts
    return found


def test_every_context_is_one_that_is_looked_up(collected: dict[str, set[str]]) -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py"))
    unknown = {c for c in collected if f"class {c}(" not in source} - CONTEXTS_OF_FUNCTIONS
    assert unknown == set()


def test_the_texts_that_people_see_are_collected(collected: dict[str, set[str]]) -> None:
    assert {"&Open photo…", "&Quit", "As the &system"} <= collected["Menus"]
    assert {"class token", "head {0}"} <= collected["wording"]
    assert "Open photo…" in collected["StartView"] and "Layer" in collected["Inspector"]


def test_a_translation_reaches_the_window(window: object, qapp: QCoreApplication) -> None:
    from vizstudio.gui.wording import head_name

    class Shouting(QTranslator):
        def translate(self, context: str, text: str, note: str = "", count: int = -1) -> str:  # type: ignore[override]
            return f"{context}: {text.upper()}"

        def isEmpty(self) -> bool:
            return False

    translator = Shouting()
    assert qapp.installTranslator(translator)
    try:
        assert head_name("mean") == "wording: MEAN OF HEADS"
        assert window.tr("Attention") == "MainWindow: ATTENTION"  # type: ignore[attr-defined]
    finally:
        qapp.removeTranslator(translator)

"""Sessions keep every branch of a caption, and write them again when they are opened."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from gui_fakes import error_dialog
from PySide6.QtCore import Qt

from vizstudio.core import session as session_file
from vizstudio.core.caption import CaptionRequest
from vizstudio.core.session import read_session, write_session
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.snapshot import ModelChoice

TIMEOUT = 30_000  # milliseconds; only to end a test that hangs
Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Modifier.ControlModifier, Modifier.ShiftModifier


def test_a_session_with_a_branch_of_a_caption(writer: Any, qtbot: Any, settle: Any, tmp_path: Path) -> None:
    captions = writer.controller.captions
    captions.branch(1, 2)
    settle(writer)
    captions.move(2)
    settle(writer)
    session, text = writer.takeaway.sessions.session(), captions.shown.caption.text
    write_session(session, tmp_path / "a.vizsession")
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert writer.takeaway.sessions.open(tmp_path / "a.vizsession")
    settle(writer)
    assert captions.shown.caption.text == text
    assert writer.controller.travel.place() == session.place
    assert writer.tabs.currentWidget() is writer.caption


def tree_of(writer: Any) -> list[tuple[str, int | None, int | None]]:
    """Return each caption of the tree with where it left its parent, in order."""
    branches = writer.controller.captions.tree.branches
    return [(branch.caption.text, branch.parent, branch.step) for branch in branches]


@pytest.fixture
def tree(writer: Any, settle: Any) -> Any:
    """The window with a tree of eight captions: branches of branches, another request and its beams."""
    captions = writer.controller.captions
    for shown, step, alternative in ((0, 1, 2), (0, 3, 1), (2, 5, 2), (1, 4, 1)):
        captions.select(shown)
        settle(writer)
        captions.branch(step, alternative)
        settle(writer)
    captions.write(CaptionRequest(beams=2))
    settle(writer)
    captions.select(6)
    settle(writer)
    captions.branch(2, 1)
    settle(writer)
    captions.select(3)
    settle(writer)
    assert len(captions.tree.branches) == 8
    return writer


def test_all_branches_of_a_caption_are_saved_and_restored(
    tree: Any, settle: Any, fake: ModuleType, tmp_path: Path
) -> None:
    captions, before = tree.controller.captions, tree_of(tree)
    session, rows = tree.takeaway.sessions.session(), len(tree.caption.branches._items)
    write_session(session, tmp_path / "a.vizsession")
    assert len({branch.caption.text for branch in captions.tree.branches}) > 4
    tree.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(tree)
    written = len(fake.continuations)
    assert tree.takeaway.sessions.open(tmp_path / "a.vizsession")
    settle(tree)
    assert tree_of(tree) == before and captions.tree.shown == 3
    assert len(fake.continuations) == written + 5  # each branch once
    assert tree.takeaway.sessions.session() == session
    assert len(tree.caption.branches._items) == rows == 8
    captions.branch(2, 2)  # it goes on from there
    settle(tree)
    assert len(captions.tree.branches) == 9
    assert tree.takeaway.sessions.open(tmp_path / "a.vizsession")
    settle(tree)
    assert len(captions.tree.branches) == 9 and captions.tree.shown == 3  # what was written since stays


def test_branches_that_cannot_be_written_again_are_told_and_the_others_are_there(
    tree: Any, qtbot: Any, settle: Any, tmp_path: Path
) -> None:
    before, session = tree_of(tree), tree.takeaway.sessions.session()
    bad = tuple(
        replace(path, branches=((1, 77),)) if path.branches == ((1, 2),) else path
        for path in session.captions
        if path.branches != ((1, 2), (4, 1))
    )
    write_session(replace(session, captions=bad), tmp_path / "a.vizsession")
    tree.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(tree)
    tree.takeaway.sessions.open(tmp_path / "a.vizsession")
    dialog = error_dialog(tree, qtbot)
    assert dialog.sentence.text() == (
        "1 of the captions of the session could not be written again: alternative 77 does not exist: step 1 has "
        "0 to 5"
    )
    dialog.close()
    settle(tree)
    texts = [text for text, _, _ in before]
    assert [text for text, _, _ in tree_of(tree)] == [texts[0], *texts[2:4], *texts[5:]]
    assert tree.controller.travel.place() == session.place


def test_a_session_of_the_first_version_brings_its_one_caption(
    tree: Any, settle: Any, tmp_path: Path
) -> None:
    session, text = tree.takeaway.sessions.session(), tree.controller.captions.shown.caption.text
    content = json.loads(session_file.to_json(session))
    del content["captions"]
    old = json.dumps({**content, "version": 1})
    (tmp_path / "old.vizsession").write_text(old, encoding="utf-8")
    tree.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(tree)
    tree.takeaway.sessions.open(tmp_path / "old.vizsession")
    settle(tree)
    assert tree.controller.captions.shown.caption.text == text
    assert len(tree.controller.captions.tree.branches) == 3  # the greedy one and two branches on the way


def test_the_automatic_session_has_all_branches(tree: Any, qtbot: Any, settle: Any) -> None:
    sessions = tree.takeaway.sessions
    sessions.keep()
    qtbot.waitUntil(lambda: sessions.work.number is None, timeout=TIMEOUT)
    kept = read_session(sessions.autosave.path)
    assert kept == sessions.session() and len(kept.captions) == 8


def test_a_session_of_a_caption_with_another_tab_in_front(
    writer: Any, qtbot: Any, settle: Any, host: Any, tmp_path: Path
) -> None:
    qtbot.keyClick(writer, Key.Key_2, CTRL)
    settle(writer)
    session = writer.takeaway.sessions.session()
    assert session.place.tab == "position" and session.place.caption is not None
    write_session(session, tmp_path / "a.vizsession")
    other = MainWindow(host, "cpu")
    qtbot.addWidget(other)
    other.show()
    assert other.takeaway.sessions.open(tmp_path / "a.vizsession")
    settle(other)
    assert other.controller.travel.place() == session.place
    assert other.tabs.currentWidget() is other.position

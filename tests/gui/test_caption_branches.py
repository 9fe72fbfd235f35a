"""Branches of a caption and captions written again, by real mouse and key events."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import Qt

from vizstudio.gui.dialogs.error import ErrorDialog
from vizstudio.gui.snapshot import ModelChoice

Settle = Callable[[Any], None]
TIMEOUT = 30_000
LEFT = Qt.MouseButton.LeftButton


def steps_of(writer: Any) -> Any:
    return writer.caption._snapshot.caption.steps


def shown(writer: Any) -> np.ndarray:
    values: np.ndarray = writer.caption._snapshot.heatmap.values
    return values.ravel()


def written_by(*steps: Any, layer: int = 1, head: Any = None) -> np.ndarray:
    """Return the map of some steps, computed anew: the mean over heads unless one is given."""
    own = [step.cross.matrices[layer, :, 0] for step in steps]
    return np.mean([m.mean(0) if head is None else m[head] for m in own], axis=0)


def click_row(qtbot: Any, view: Any, row: int) -> None:
    place = view.visualItemRect(view.item(row)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=place)


def click_branch(qtbot: Any, writer: Any, number: int) -> None:
    branches = writer.caption.branches
    place = branches.tree.visualItemRect(branches._items[number]).center()
    qtbot.mouseClick(branches.tree.viewport(), LEFT, pos=place)


# Branches


def test_a_click_on_an_alternative_branches_there(
    writer: Any, qtbot: Any, settle: Settle, fake: ModuleType
) -> None:
    view, steps = writer.caption, steps_of(writer)
    click_row(qtbot, view.strip, 2)
    options = view.alternatives.list
    assert [options.item(i).text() for i in range(6)] == [
        ("✓ " if a.token_id == steps[3].token_id else "") + ("end" if a.token_id == fake.END else a.text)
        for a in steps[3].alternatives
    ]
    click_row(qtbot, options, 2)
    settle(writer)
    before = tuple(step.token_id for step in steps[:3])
    assert fake.continuations == [(*before, steps[3].alternatives[2].token_id)]
    assert steps_of(writer)[3].token_id == steps[3].alternatives[2].token_id
    assert view._snapshot.step.index == 3  # the word that was taken is in view
    np.testing.assert_allclose(shown(writer), written_by(steps_of(writer)[3]), rtol=1e-6)
    assert writer.status.message.text() == "Caption written"


def test_enter_branches_too(writer: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    view, steps = writer.caption, steps_of(writer)
    options = view.alternatives.list
    options.setFocus()
    options.setCurrentRow(0)
    qtbot.keyClick(options, Qt.Key.Key_Down)
    qtbot.keyClick(options, Qt.Key.Key_Return)
    settle(writer)
    assert fake.continuations == [(steps[0].alternatives[1].token_id,)]


def test_of_a_word_of_pieces_the_first_one_is_replaced(
    writer: Any, qtbot: Any, settle: Settle, fake: ModuleType
) -> None:
    view, steps = writer.caption, steps_of(writer)
    click_row(qtbot, view.strip, 1)
    assert view.alternatives.heading.text() == "Instead of “bi”"
    assert "first piece of “bicycle”" in view.alternatives.hint.text()
    click_row(qtbot, view.alternatives.list, 1)
    settle(writer)
    assert fake.continuations == [(steps[0].token_id, steps[1].alternatives[1].token_id)]


def test_the_tree_keeps_every_caption_and_returns_to_it(
    writer: Any, qtbot: Any, settle: Settle, fake: ModuleType
) -> None:
    view, first = writer.caption, writer.caption._snapshot.caption
    for word, row in ((2, 1), (4, 1)):
        click_row(qtbot, view.strip, word)
        click_row(qtbot, view.alternatives.list, row)
        settle(writer)
    items, tree = view.branches._items, writer.controller.captions.tree
    assert items[0].text(0) == first.text and len(items) == 3
    assert items[1].parent() is items[0] and items[2].parent() is items[1]
    left, now = tree.left_at(1)
    assert items[1].data(0, Qt.ItemDataRole.UserRole + 1) == f"{left.text} → {now.text}"
    assert items[1].text(0).startswith(f"…{now.text}")
    assert items[1].text(1) == f"{tree.branches[1].caption.log_prob:.2f}".replace("-", "−")
    assert view.branches.tree.shown is items[2]
    done = len(fake.continuations)
    click_branch(qtbot, writer, 0)
    settle(writer)
    assert view._snapshot.caption is first and view.branches.tree.shown is items[0]
    assert [view.strip.item(i).text() for i in range(6)] == ["a", "bicycle", "on", "a", "mat", "end"]
    view.branches.tree.setFocus()
    qtbot.keyClick(view.branches.tree, Qt.Key.Key_Down)
    qtbot.keyClick(view.branches.tree, Qt.Key.Key_Return)
    settle(writer)
    assert view._snapshot.caption is tree.branches[1].caption
    assert len(fake.continuations) == done


def test_a_new_photo_starts_a_new_tree(writer: Any, qtbot: Any, settle: Settle, photos: Path) -> None:
    view = writer.caption
    click_row(qtbot, view.alternatives.list, 1)
    settle(writer)
    assert len(view.branches._items) == 2
    writer.controller.open_image(photos / "coffee.jpg")
    settle(writer)
    assert view.branches.tree.topLevelItemCount() == 1 and len(view.branches._items) == 1
    assert view._snapshot.result.image.name == "coffee.jpg"


@pytest.fixture
def slow(writer: Any, settle: Settle) -> Any:
    """The window with a caption whose branches take their time."""
    writer.choose_model(ModelChoice("fake:slow_writer", device="cpu"))
    settle(writer)
    return writer


def begin(slow: Any, qtbot: Any, fake: ModuleType, row: int) -> None:
    """Click an alternative and wait until the model has begun."""
    fake.started.clear()
    click_row(qtbot, slow.caption.alternatives.list, row)
    qtbot.waitUntil(fake.started.is_set, timeout=TIMEOUT)


@pytest.mark.parametrize("by", ["button", "key"])
def test_a_branch_tells_how_far_it_is_and_can_be_cancelled(
    slow: Any, qtbot: Any, settle: Settle, fake: ModuleType, by: str
) -> None:
    first = slow.caption._snapshot.caption
    begin(slow, qtbot, fake, 1)
    qtbot.waitUntil(lambda: slow.status.message.text() == "Writing slowly", timeout=TIMEOUT)
    assert slow.status.isVisible() and slow.status.progress.value() == 500
    if by == "button":
        qtbot.mouseClick(slow.status.cancel, LEFT)
    else:
        qtbot.keyClick(slow, Qt.Key.Key_Escape)
    settle(slow)
    assert slow.status.message.text() == "Cancelled" and not slow.status.isVisible()
    assert slow.caption._snapshot.caption is first and len(slow.caption.branches._items) == 1


def test_words_are_stepped_while_a_branch_is_written(slow: Any, qtbot: Any, fake: ModuleType) -> None:
    begin(slow, qtbot, fake, 1)
    click_row(qtbot, slow.caption.strip, 3)
    assert slow.caption._snapshot.at == 3 and slow.status.isVisible()
    np.testing.assert_allclose(shown(slow), written_by(steps_of(slow)[4]), rtol=1e-6)


def test_only_the_newest_branch_lands(slow: Any, qtbot: Any, settle: Settle, fake: ModuleType) -> None:
    first = steps_of(slow)[0]
    for row in (1, 2, 3):
        begin(slow, qtbot, fake, row)
    fake.release.set()
    settle(slow)
    assert len(slow.caption.branches._items) == 2
    assert steps_of(slow)[0].token_id == first.alternatives[3].token_id


def test_a_branch_that_fails_shows_the_dialog(writer: Any, qtbot: Any, settle: Settle) -> None:
    writer.choose_model(ModelChoice("fake:mute_writer", device="cpu"))
    settle(writer)
    click_row(qtbot, writer.caption.alternatives.list, 1)
    qtbot.waitUntil(lambda: bool(writer.findChildren(ErrorDialog)), timeout=TIMEOUT)
    dialog = writer.findChildren(ErrorDialog)[0]
    assert "cannot be continued" in dialog.sentence.text()
    dialog.close()
    assert len(writer.caption.branches._items) == 1


# Writing again


def test_a_caption_is_written_again_with_a_beginning_and_beams(
    writer: Any, qtbot: Any, settle: Settle
) -> None:
    view = writer.caption
    view.form.prefix.setFocus()
    qtbot.keyClicks(view.form.prefix, "a red")
    assert view.form.prefix.text() == "a red"  # Space is a letter here
    view.form.beams.setFocus()
    qtbot.keyClick(view.form.beams, Qt.Key.Key_Up)
    view.form.tokens.setFocus()
    view.form.tokens.selectAll()
    qtbot.keyClicks(view.form.tokens, "5")
    qtbot.mouseClick(view.form.button, LEFT)
    settle(writer)
    assert [view.strip.item(i).text() for i in range(2)] == ["a", "red"]
    assert "Given, not chosen" in view.strip.item(1).toolTip()
    assert len(steps_of(writer)) == 5
    labels = [item.data(0, Qt.ItemDataRole.UserRole + 1) for item in view.branches._items]
    assert labels == ["greedy", "best of 2 beams · begun with “a red” · at most 5 tokens", "beam 2"]
    view.form.beams.setFocus()
    qtbot.keyClick(view.form.beams, Qt.Key.Key_Down)
    qtbot.keyClick(view.form.prefix, Qt.Key.Key_Return)
    settle(writer)
    assert len(view.branches._items) == 4


def test_a_short_caption_takes_the_place_of_a_long_one(writer: Any, qtbot: Any, settle: Settle) -> None:
    view = writer.caption
    qtbot.keyClick(view.strip, Qt.Key.Key_End)
    for tokens, row in ((1, 0), (9, 5), (2, 1)):
        view.form.tokens.setValue(tokens)
        qtbot.mouseClick(view.form.button, LEFT)
        settle(writer)
        assert view.strip.count() == row + 1 and view.strip.at == 0
        assert view.strip.height() == view.strip.line_height()
        qtbot.keyClick(view.strip, Qt.Key.Key_End)
        assert view.strip.at == row
    assert writer.grab().width() > 0  # painted without complaint


def test_a_beginning_that_is_no_good_is_told(writer: Any, qtbot: Any) -> None:
    qtbot.keyClicks(writer.caption.form.prefix, "xyzzy")
    qtbot.keyClick(writer.caption.form.prefix, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(writer.findChildren(ErrorDialog)), timeout=TIMEOUT)
    dialog = writer.findChildren(ErrorDialog)[0]
    assert "no word 'xyzzy'" in dialog.sentence.text()
    dialog.close()
    assert writer.caption.strip.item(0).text() == "a"

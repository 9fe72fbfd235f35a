"""What is no longer shown is held by no tab: results are large, and hold their models."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)

from vizstudio.core.session import Beside
from vizstudio.gui.snapshot import ModelChoice

TIMEOUT = 30_000


def wall(studio: Any, qtbot: Any) -> None:
    studio.controller.change(view="wall")
    qtbot.waitUntil(lambda: studio.attention.grid._grid is not None, timeout=TIMEOUT)
    studio.controller.change(view="attention")


def heads(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.more.heads)
    qtbot.waitUntil(lambda: studio.more.heads._numbers is not None, timeout=TIMEOUT)


def positions(studio: Any, qtbot: Any) -> None:
    studio.tabs.setCurrentWidget(studio.position)
    studio.position.which.setCurrentIndex(studio.position.which.findData("position-pca"))
    studio.more._choose_position("position-pca")
    qtbot.waitUntil(lambda: studio.position._measure is not None, timeout=TIMEOUT)


def comparison(studio: Any, qtbot: Any) -> None:
    studio.compare.comparing.compare_with(Beside(choice=ModelChoice("fake:other", device="cpu")))
    studio.tabs.setCurrentWidget(studio.compare.view)
    qtbot.waitUntil(lambda: studio.compare.view.maps.isVisible(), timeout=TIMEOUT)


@pytest.mark.parametrize("visit", [wall, heads, positions, comparison])
def test_a_tab_that_was_left_holds_nothing_of_the_photo_before(
    studio: Any, qtbot: Any, photos: Path, settle: Callable[[Any], None], visit: Callable[..., None]
) -> None:
    visit(studio, qtbot)
    held = [weakref.ref(studio.controller.shown.result)]
    if studio.controller.second is not None:
        held.append(weakref.ref(studio.controller.second))
    settle(studio)
    studio.tabs.setCurrentWidget(studio.attention)
    studio.controller.open_image(photos / "rocket.jpg")
    settle(studio)

    def gone() -> bool:
        gc.collect()
        return all(result() is None for result in held)

    qtbot.waitUntil(gone, timeout=TIMEOUT)


def test_a_caption_is_let_go_of_as_a_model_without_captions_comes(
    writer: Any, qtbot: Any, settle: Callable[[Any], None]
) -> None:
    caption = weakref.ref(writer.controller.captions.shown.caption)
    writer.choose_model(ModelChoice("fake:small", device="cpu"))
    settle(writer)
    assert not writer.caption.strip.isVisible()

    def gone() -> bool:
        gc.collect()
        return caption() is None

    qtbot.waitUntil(gone, timeout=TIMEOUT)

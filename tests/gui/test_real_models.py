"""The window with real (untrained) models: what it shows is what a script computes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="the window needs Qt", exc_type=ImportError)
from PySide6.QtCore import Qt

import vizstudio
from vizstudio.core.caption import CaptionRequest
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.plugins import load_plugins


@pytest.fixture
def host() -> Any:
    """The bundled plugins."""
    return load_plugins(safe_mode=True)


@pytest.fixture
def open_model(window: Any, settle: Callable[[Any], None], photos: Path) -> Iterator[Callable[[str], Any]]:
    """Show a model's view of the coffee."""

    def show(name: str) -> Any:
        window.choose_model(ModelChoice(name, device="cpu"))
        window.controller.open_image(photos / "coffee.jpg")
        settle(window)
        return window

    yield show


def click(window: Any, qtbot: Any, cell: tuple[int, int]) -> None:
    canvas, (left, top, width, height) = window.attention.canvas, window.attention.query_grid.cell_rect(*cell)
    place = canvas.position_of(left + width / 2, top + height / 2)
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)


# One layer with few keys for many queries (pooled), one with windows, one with all: (model, layer, patch).
MODELS = [
    ("vit:vit_tiny_patch16_224", 5, (3, 9)),
    ("vit:pvt_v2_b0", 0, (40, 21)),
    ("vit:swin_tiny_patch4_window7_224", 4, (12, 3)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layer", "cell"), MODELS)
def test_a_clicked_patchs_map_is_the_scripts(
    open_model: Any, settle: Any, qtbot: Any, photos: Path, name: str, layer: int, cell: tuple[int, int]
) -> None:
    window = open_model(name)
    window.inspector.layer.setValue(layer)
    settle(window)
    click(window, qtbot, cell)
    settle(window)
    analysis = vizstudio.load_model(name, device="cpu").analyze(photos / "coffee.jpg")
    expected = analysis.attention.heatmap(layer=layer, head="mean", query=cell)  # type: ignore[attr-defined]
    shown = window.attention._snapshot.heatmap
    np.testing.assert_allclose(shown.values, expected.values, atol=1e-5)
    assert shown.grid == expected.grid
    assert window.controller.state.query == cell
    assert "✓ verified" in window.inspector.facts.text()


def test_weights_that_ship_are_told_as_such(open_model: Any) -> None:
    window = open_model("vit:demo")
    assert "weights it comes with" in window.inspector.facts.text() and not window.banner.isVisible()


@pytest.mark.slow
def test_positions_are_the_scripts(open_model: Any, photos: Path) -> None:
    window = open_model("vit:vit_tiny_patch16_224")
    analysis = vizstudio.load_model("vit:vit_tiny_patch16_224", device="cpu").analyze(photos / "coffee.jpg")
    shown = window.controller._result.positions.similarity
    np.testing.assert_allclose(shown, analysis.position().similarity(), atol=1e-6)


@pytest.mark.slow
def test_a_captions_maps_and_branches_are_the_scripts(
    window: Any, open_model: Any, settle: Any, qtbot: Any, photos: Path
) -> None:
    window.controller.captions.request = CaptionRequest(max_tokens=3)  # untrained models never end
    open_model("catr:own")
    view = window.caption
    view.form.tokens.setValue(9)
    qtbot.keyClicks(view.form.prefix, "a cup of")
    qtbot.keyClick(view.form.prefix, Qt.Key.Key_Return)
    settle(window)
    script = vizstudio.load_model("catr:own", device="cpu")
    analysis = script.caption(photos / "coffee.jpg", prefix="a cup of", max_tokens=9)
    for step in (3, 5):
        window.controller.captions.change(pieces=True, step=step, layer=2, head=4)
        settle(window)
        options = view.alternatives.list
        place = options.visualItemRect(options.item(2)).center()
        qtbot.mouseClick(options.viewport(), Qt.MouseButton.LeftButton, pos=place)
        settle(window)
        analysis = analysis.branch(step, 2)
        shown = view._snapshot
        assert [s.token_id for s in shown.caption.steps] == [s.token_id for s in analysis.steps]
        expected = analysis.steps[step].heatmap(2, 4)
        np.testing.assert_allclose(shown.heatmap.values, expected.values, atol=1e-6)
        assert shown.heatmap.grid == expected.grid and shown.step.index == step
    assert len(view.branches._items) == 4

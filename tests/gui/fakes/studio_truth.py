"""Checks that a window shows what its controller says, and that this is of the image whose name it bears."""

import gc
import hashlib
import weakref
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PySide6.QtGui import QImage
from random_user import process, settle

from vizstudio.core.attention_views import reduced_map
from vizstudio.core.looks import by_mass
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.session import read_session, write_session
from vizstudio.core.statistics import outliers
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.map_grid import grid_key
from vizstudio.gui.panes import tab_name
from vizstudio.gui.snapshot import shown_size

ROUNDING = 0.01  # of the largest value of a map: attention may be in half precision


class Untrue(AssertionError):
    """The window shows something that is not so."""


def must(holds: object, told: str) -> None:
    """Raise `Untrue` unless something holds."""
    if not holds:
        raise Untrue(told)


def check_now(window: Any) -> None:
    """Check what holds at any time, even while workers are busy."""
    shown = window.controller.shown
    if shown is None:
        must(
            window.centre.currentWidget() is not window.studio or not window.inspector.isEnabled(),
            "a photo without a result",
        )
        return
    result = shown.result
    must(window.attention._snapshot is shown, "the attention tab shows another snapshot")
    title = window.windowTitle()
    must(
        title.startswith(result.image.name) and result.info.model_id in title,
        f"{title!r} names something else",
    )
    must(result.info.model_id == result.choice.model_id, "the result is of another model")
    must(
        result.analysis.grid.fit.original_size == result.image.size,
        "the result is of an image of another size",
    )
    _check_photo(window.attention.frame, result)
    caption, has_caption = window.controller.captions.shown, bool(result.analysis.steps)
    if caption is not None:  # of the photo before, until the first maps of the new words are there
        _check_photo(window.caption.frame, caption.result)
    for i in range(window.tabs.count()):
        if tab_name(window.tabs.widget(i)) == "caption":
            must(
                not window.tabs.isTabVisible(i) or has_caption, "the caption's tab is there without a caption"
            )
        must(
            window.tabs.isTabVisible(i) == window.menus.tabs[i].isEnabled(),
            f"the menu is wrong about tab {i}",
        )


def _check_photo(frame: Any, result: Any) -> None:
    """Compare a photo that is shown with the file of its name, read by another way."""
    with Image.open(result.image.path) as file:
        wanted = np.asarray(
            file.convert("L").resize(shown_size(result.image), Image.Resampling.BOX), dtype=float
        )
    painted = pixels_of(frame.photo._image)
    must(painted.shape[:2] == wanted.shape, f"the photo is no {wanted.shape}")
    must(np.abs(painted[..., 0] - wanted).max() <= 2, f"the photo shown is not {result.image.name}")


def pixels_of(image: QImage) -> np.ndarray:
    """Return (height, width, 3) float64: red, green and blue of an image."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : 3 * plain.width()].reshape(plain.height(), plain.width(), 3).astype(float)


def check_settled(window: Any) -> None:
    """Check all that holds once every worker is idle; see `RandomUser.settle`."""
    check_now(window)
    controller = window.controller
    must(
        not window.status.isVisible() and not window.menus.cancel.isEnabled(), "a run is told of that is none"
    )
    shown = controller.shown
    if shown is None:
        return
    result = shown.result
    must(
        result.image.sha256 == hashlib.sha256(result.image.path.read_bytes()).hexdigest(),
        "the file is another",
    )
    _check_map(window, shown)
    _check_values(window.inspector, shown)
    _check_position(window.position, shown)
    _check_caption(window, result)
    _check_other_tabs(window, shown)
    place, history = controller.travel.place(), controller.travel.history
    must(place is not None, "what is shown cannot be told")
    must(place.tab == tab_name(window.tabs.currentWidget()), f"the tab in front is not {place.tab}")
    must(history.current == place, f"history is at {history.current}, the window at {place}")
    actions = {name: action.isEnabled() for name, action in window.takeaway.actions.items()}
    must(actions == history.can, f"{actions} are offered, {history.can} are possible")


def _check_map(window: Any, shown: Any) -> None:
    """Compute the map again; of a fake model its attention too, from the bytes of the file."""
    result, state, analysis = shown.result, shown.state, shown.result.analysis
    if result.info.model_id.startswith("fake:"):
        name = result.info.model_id.removeprefix("fake:")
        digest = hashlib.sha256(result.image.path.read_bytes()).hexdigest()
        about, seed = analysis.attention.layers[0], zlib.crc32(f"{name} {digest}".encode())
        size = (len(analysis.attention.layers), about.heads, about.queries.num_tokens, about.keys.num_tokens)
        logits = np.exp(np.random.default_rng(seed).normal(0, 2, size))
        wanted = (logits / logits.sum(-1, keepdims=True)).astype(np.float32)
        must(
            np.array_equal(wanted[state.layer], analysis.attention.weights(state.layer)),
            "attention of another image",
        )
    must(window.attention.frame._heatmap is shown.heatmap, "the map in view is another")
    if shown.heatmap is None:
        must(shown.problem, "there is no map, and nobody says why")
        return
    hide = outliers(analysis, state.layer) if state.hide_outliers else ()
    _, reduce = window.controller.reductions.get(state.view, ("", None))
    if reduce is None:
        heatmap = attention_heatmap(analysis.attention, state.layer, state.head, state.query, hide)
    else:
        heatmap, _ = reduced_map(analysis, state, reduce, hide)
    _check_mass(shown.heatmap.values, heatmap.values, state.mass)


def _check_mass(found: np.ndarray, whole: np.ndarray, mass: float) -> None:
    """Check that of a map the largest cells are shown; of equal ones rounding decides which are kept."""
    apart, rounding = np.abs(found - whole)[np.isfinite(found)].max(initial=0.0), ROUNDING * np.nanmax(whole)
    must(apart <= rounding, f"the map in view is {apart:g} from that of its image, layer, head and query")
    count = np.isfinite(by_mass(whole, mass)).sum()
    must(abs(np.isfinite(found).sum() - count) <= 1, f"not the cells are shown that hold {mass} of the map")
    left = whole[np.isnan(found) & np.isfinite(whole)]
    must(
        not left.size or left.max() <= np.nanmin(found) + rounding,
        "larger cells than shown are left out of the map",
    )


def _check_values(inspector: Any, shown: Any) -> None:
    state, layers = shown.state, shown.result.analysis.attention.layers
    told = {
        "layer, its end": (inspector.layer.maximum(), len(layers) - 1),
        "layer": (inspector.layer.value(), state.layer),
        "head": (inspector.head.currentData(), str(state.head)),
        "colormap": (inspector.colormap.currentText(), state.colormap),
        "opacity": (inspector.opacity.value(), round(100 * state.opacity)),
        "mass": (inspector.looks.mass.value(), round(100 * state.mass)),
        "smooth": (inspector.smooth.isChecked(), state.smooth),
        "locked": (inspector.looks.locked.isChecked(), state.range is not None),
        "outliers": (inspector.outliers.isChecked(), state.hide_outliers),
    }
    if state.query is not None:
        told["query"] = (inspector.query.currentData(), state.query)
    if not inspector._of_caption:
        facts, about = inspector.facts, shown.result.analysis.attention.layers[state.layer]
        told["facts' layer"] = (about.name in facts.text().replace("<br>", ""), True)
    for name, (value, wanted) in told.items():
        must(value == wanted, f"the control {name} says {value!r}, shown is {wanted!r}")


def _check_position(view: Any, shown: Any) -> None:
    positions = shown.result.positions
    must(view._positions is positions, "the position tab shows another result")
    if positions is not None and shown.state.panel is not None:
        must(
            view.shown == shown.state.panel, f"panel {view.shown} is enlarged, pinned is {shown.state.panel}"
        )


def _check_caption(window: Any, result: Any) -> None:
    caption, view = window.controller.captions.shown, window.caption
    if not result.analysis.steps:
        must(caption is None, "a caption is told of that nobody wrote")
        return
    must(caption is not None and view._snapshot is caption, "the caption in view is another")
    must(caption.result is result, "the caption is of another photo")
    words = [view.strip.item(i).text() for i in range(view.strip.count())]
    ends = caption.caption.ending is not None and not caption.state.pieces
    wanted = [unit.text for unit in caption.units]
    must(
        words[:-1] == wanted[:-1] if ends else len(words) == len(wanted),
        f"the words {words} are not {wanted}",
    )
    must(view.strip.at == caption.at, f"word {view.strip.at} is marked, shown is {caption.at}")
    must(len(view.branches._items) == len(caption.tree.branches), "the tree of captions is another")
    unit = caption.units[caption.at]
    if caption.words.maps:
        whole = np.mean(
            [step.heatmap(caption.state.layer, caption.state.head).values for step in unit.steps], axis=0
        )
        _check_mass(view.frame._heatmap.values, whole, caption.looks.mass)
    must(caption.looks == window.controller.shown.state, "the caption has other colours")
    offered = [view.alternatives.list.item(i).text() for i in range(view.alternatives.list.count())]
    must(len(offered) == len(caption.step.alternatives), "the alternatives are another step's")


def _check_other_tabs(window: Any, shown: Any) -> None:
    result, more, is_shown = shown.result, window.more, window.tabs.is_shown
    attention = window.attention
    if is_shown(attention) and attention.shows_grid:
        grid = attention.grid._grid
        must(grid is not None or attention.grid.problem.text(), "there are no maps, and nobody says why")
        same = grid is None or grid_key(grid.result, grid.state) == grid_key(result, shown.state)
        must(same, "the maps are of another photo or view")
    if is_shown(more.heads):
        numbers = more.heads._numbers
        must(more.heads._snapshot is shown, "the heads tab shows another view")
        must(
            numbers is not None and numbers.result is result,
            "the heads' numbers are of another image or model",
        )
    if is_shown(more.predictions):
        view, known = more.predictions, result.analysis.predictions
        must(view._predictions == known, "the predictions are of another image or model")
        told = view.problem.text()
        must(known or result.info.model_id in told, f"{told!r} is of another model")
    if is_shown(window.compare.view):
        _check_comparison(window, shown)


def _check_comparison(window: Any, shown: Any) -> None:
    """Compare both photos with their files, where two maps are shown."""
    view, wanted = window.compare.view, window.compare.comparing.wanted(shown)
    if view.pages.currentIndex() == 0:
        must(view.message.text(), "nothing is compared, and nobody says why")
        return
    second = window.controller.second
    must(wanted == (second.image.path, second.choice), f"the second is not {wanted}")
    if view.pages.currentWidget() is view.maps:
        _check_photo(view.maps.pictures[0], shown.result)
        _check_photo(view.maps.pictures[1], second)


def check_session(window: Any, host: Any, file: Path) -> None:
    """Write a session, read it, open it in another window: the same place; and of that window nothing stays."""
    session = window.takeaway.sessions.session()
    if session is None:
        return
    write_session(session, file)
    must(read_session(file) == session, "the session that is read is not the one that was written")
    other = MainWindow(host, "cpu")
    try:
        other.show()
        other.models.list()
        must(other.takeaway.sessions.open(file), "the session cannot be opened")
        settle(other)
        check_settled(other)
        place = other.controller.travel.place()
        must(place == session.place, f"the session is of {session.place}, and {place} is shown")
        must(_caption_of(other) == _caption_of(window), f"{_caption_of(other)!r} was {_caption_of(window)!r}")
    finally:
        other.close()
        other.deleteLater()
    gone = weakref.ref(other)
    del other
    process()
    gc.collect()
    must(gone() is None, "a window that was closed is kept")


def _caption_of(window: Any) -> str:
    shown = window.controller.captions.shown
    return shown.caption.text if shown is not None else ""

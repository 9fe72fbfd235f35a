"""The pictures of the window: every tab with all that it can show, docks, panes, menus."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from picture_studio import Shot, Studio
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QWidget

from vizstudio.core.model import ModelChoice
from vizstudio.gui.commands import plain
from vizstudio.gui.panes import tab_name
from vizstudio.resources import resource_path


def shots(studio: Studio) -> Iterator[Shot]:
    """Yield all pictures of the window; one that is not asked for costs nothing."""
    yield from _start(studio)
    window = studio.window
    for number in range(window.tabs.count()):
        name = tab_name(studio.window.tabs.widget(number))
        yield from TABS.get(name, _plain)(studio, name)
    yield from _more(studio)
    yield from _log(studio)
    yield from _training(studio)


def _start(studio: Studio) -> Iterator[Shot]:
    def nothing() -> None:
        if studio.window.controller.image is not None:
            studio.renew()

    yield Shot("start", nothing)


def front(studio: Studio, name: str, **changes: Any) -> None:
    """Bring a tab to the front, with the subject in it and nothing else changed."""
    studio.look()
    studio.tidy()
    window = studio.window
    for number in range(window.tabs.count()):
        if tab_name(window.tabs.widget(number)) == name:
            window.tabs.setCurrentIndex(number)
    asked: dict[str, Any] = {"view": "attention", "query": studio.subject.query, "panel": None}
    asked |= {"mass": 1.0, "range": None, "smooth": False}
    window.controller.change(**{**asked, **changes})
    studio.settle()


def _plain(studio: Studio, name: str) -> Iterator[Shot]:
    yield Shot(name, partial(front, studio, name))


def _attention(studio: Studio, name: str) -> Iterator[Shot]:
    row, col = studio.subject.query
    which = studio.window.attention.which
    views = [which.itemData(i) for i in range(which.count()) if which.itemData(i)]
    for view in views:
        pins = ((row, col), (row // 2, col // 2), (row, max(col - 2, 0))) if view == "pins" else ()
        yield Shot(view, partial(front, studio, name, view=view, pins=pins))

    def wiped() -> None:
        front(studio, name)
        studio.window.attention.wipe.slider.setValue(50)

    def hovered() -> None:
        studio.window.attention.wipe.slider.setValue(0)
        front(studio, name, query="cls")
        canvas = studio.window.attention.canvas
        QTest.mouseMove(canvas.viewport(), QPoint(canvas.width() // 2, canvas.height() // 2))
        studio.pause(0.2)

    yield Shot("attention-wipe", wiped)
    yield Shot("attention-class-token", hovered)

    def untrained() -> None:
        studio.look(ModelChoice("vit:vit_tiny_patch16_224", device="cpu"))
        studio.tidy()
        studio.window.tabs.setCurrentIndex(0)

    def narrow() -> None:
        front(studio, name)
        studio.window.resize(studio.window.minimumSizeHint())

    def wide() -> None:
        front(studio, name, mass=0.6, range=(0.0, 0.05), smooth=True)

    yield Shot("attention-untrained", untrained)
    yield Shot("attention-smallest", narrow)
    yield Shot("attention-mass-range", wide)

    def focused() -> None:
        front(studio, name)
        studio.window.inspector.layer.setFocus()
        QTest.keyClick(studio.window.inspector.layer, Qt.Key.Key_Tab)  # focus by key is drawn more clearly

    yield Shot("attention-keyboard", focused)


def _position(studio: Studio, name: str) -> Iterator[Shot]:
    which = studio.window.position.which
    for view in [which.itemData(i) for i in range(which.count())]:

        def show(view: str = view) -> None:
            front(studio, name)
            studio.window.position.viewChosen.emit(view)

        yield Shot(view, show)

    def pinned() -> None:
        studio.window.position.viewChosen.emit("position")
        front(studio, name)
        studio.window.controller.pin_panel(studio.subject.query)

    yield Shot("position-pinned", pinned)


def _caption(studio: Studio, name: str) -> Iterator[Shot]:
    subject = studio.subject

    def written() -> None:
        studio.look(subject.captioner, subject.scene)
        studio.tidy()
        studio.window.controller.change(mass=1.0, range=None, smooth=False)
        studio.window.tabs.setCurrentWidget(studio.window.caption)
        studio.window.caption.chosen.emit(1)

    def branched() -> None:
        written()
        shown = studio.window.controller.captions
        for step, alternative in ((1, 1), (11, 1)):
            shown.branch(step, alternative)
            studio.settle()
        studio.window.caption.chosen.emit(11)

    yield Shot(name, written)
    yield Shot("caption-branches", branched)


def _compare(studio: Studio, name: str) -> Iterator[Shot]:
    desk = studio.window.compare

    def kept() -> None:
        front(studio, name)
        desk.choice.keep()

    def compared(positions: bool, **changes: Any) -> None:
        front(studio, name, **changes)
        desk.comparing.choose(choice=studio.subject.second)
        studio.settle()
        desk.comparing.show_positions(positions)

    def images() -> None:
        desk.comparing.compare_with(None)
        front(studio, name)
        desk.comparing.choose(image=resource_path("photos/astronaut.jpg"))

    yield Shot("compare-nothing", partial(front, studio, name))
    yield Shot("compare-kept", kept)
    yield Shot("compare-attention", partial(compared, False))
    yield Shot("compare-position", partial(compared, True))
    yield Shot("compare-panel", partial(compared, True, panel=studio.subject.query))
    yield Shot("compare-images", images)


def _timeline(studio: Studio, name: str) -> Iterator[Shot]:
    def run() -> None:
        front(studio, "attention")
        assert studio.subject.run is not None
        studio.window.training.open_run(studio.subject.run)
        studio.settle()
        studio.window.training.show_timeline()
        studio.until(lambda: studio.window.training.timeline.frame is not None, "the timeline")
        studio.window.training.dock.close()  # type: ignore[union-attr]

    yield Shot(name, run)


TABS: dict[str, Callable[[Studio, str], Iterator[Shot]]] = {
    "attention": _attention,
    "position": _position,
    "caption": _caption,
    "compare": _compare,
    "timeline": _timeline,
}
"""The tabs that can show more than one thing; any other is photographed as it is."""


def _more(studio: Studio) -> Iterator[Shot]:
    def panes() -> None:
        studio.look()
        studio.window.position.viewChosen.emit("position")
        front(studio, "position")
        studio.window.panes.move_out()
        studio.window.tabs.setCurrentWidget(studio.window.attention)

    def sources() -> None:
        front(studio, "attention")
        studio.window.sources.toggle_dock()

    def busy() -> None:
        """Tell of work as a long run of a photo and of a folder does; a real one would end before it is painted."""
        front(studio, "attention")
        folders = studio.window.takeaway.folders
        studio.window.show_busy("block 7 of 12", 0.6)
        folders.strip.setVisible(True)
        folders.status.show_busy("Folder: 12 of 40", 0.3)

    def idle() -> None:
        studio.window.takeaway.folders.strip.setVisible(False)
        studio.window.show_idle("Cancelled")

    yield Shot("status-busy", busy)
    yield Shot("status-idle", idle)
    yield Shot("panes", panes)
    yield Shot("sources", sources)

    def menu(action: Any) -> QWidget:
        front(studio, "attention")
        found: QMenu = action.menu()
        found.popup(studio.window.mapToGlobal(QPoint(0, 0)))
        return found

    for action in studio.window.menuBar().actions():
        yield Shot(f"menu-{plain(action.text()).lower()}", partial(menu, action))
    for action in _submenus(studio):
        yield Shot(f"menu-view-{plain(action.text()).lower().replace(' ', '-')}", partial(menu, action))


def _submenus(studio: Studio) -> Iterator[Any]:
    for action in studio.window.menuBar().actions():
        below = action.menu()
        if isinstance(below, QMenu):
            yield from (inner for inner in below.actions() if inner.menu() is not None)


def _log(studio: Studio) -> Iterator[Shot]:
    def show() -> None:
        studio.renew()
        studio.settle()
        status = studio.window.status
        status.tell("Failed", "photo_17.jpg: the file is cut off after 12,288 bytes: copy it again")
        status.tell("Session saved as pets.vizsession")
        studio.window.log.toggle()

    yield Shot("log", show)


def _training(studio: Studio) -> Iterator[Shot]:
    def empty() -> None:
        studio.renew()
        studio.window.training.show_dock()
        studio.settle()

    def run() -> None:
        studio.renew()
        studio.window.resize(1280, 920)
        assert studio.subject.run is not None
        studio.window.training.open_run(studio.subject.run)
        studio.settle()
        studio.window.training.show_timeline()
        studio.until(lambda: studio.window.training.timeline.frame is not None, "the timeline")
        studio.window.training.page.view.strip.chosen.emit(1)
        QTest.keyClick(studio.window.training.page.view.slider, Qt.Key.Key_End)

    yield Shot("training-empty", empty)
    yield Shot("training", run)

"""A user who does random things with the window, the same ones for the same seed."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import random_hands as hands
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QAction,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu, QWidget

from vizstudio.core.session import SUFFIX
from vizstudio.gui.commands import actions_of, plain
from vizstudio.gui.jobs import JobBridge

KEPT = 20  # actions in the log
PATIENCE = 20.0  # seconds until a run that does not end is cancelled
DIALOG = 0.25  # how probably a dialog is closed rather than used
WINDOWS = ((900, 640), (700, 520), (1220, 800))  # pixels


@dataclass
class Things:
    """What the user has at hand.

    Parameters
    ----------
    files : list of Path
        Photos, files that only look like photos, sessions and weights.
    folders : list of Path
    models : list of str
        Names to be typed.
    out : Path
        Where files are written to.
    texts : list of str
        What may be on the clipboard.
    """

    files: list[Path]
    folders: list[Path]
    models: list[str]
    out: Path
    texts: list[str] = field(
        default_factory=lambda: ["~no-such-user/photo.jpg", "a" * 300, "no path\nat all", ""]
    )


class RandomUser:
    """Does one random thing at a time; whatever the menus hold, and every widget in sight, is among them.

    Parameters
    ----------
    window : MainWindow
    things : Things
    seed : int
    """

    def __init__(self, window: Any, things: Things, seed: int) -> None:
        self.window, self.things = window, things
        self.rng = random.Random(seed)
        self.count = 0
        self.log: deque[str] = deque(maxlen=KEPT)
        self._files = 0
        self._ways: dict[Callable[[], str], int] = {
            self._use_widget: 50,
            self._use_menu: 18,
            self._press_shortcut: 8,
            self._drop: 4,
            self._type_model: 3,
            self._fill_clipboard: 1,
            self._resize: 1,
            self._cancel: 2,
        }

    def act(self) -> str:
        """Do one thing and let the window answer; returns what it was."""
        self.count += 1
        popup, dialog = QApplication.activePopupWidget(), open_dialog(self.window)
        if popup is not None:
            did = self._use_popup(popup)
        elif dialog is not None:
            did = self._use_dialog(dialog)
        else:
            self.window.activateWindow()
            did = self.rng.choices([*self._ways], [*self._ways.values()])[0]()
        self.log.append(f"{self.count}: {did}")
        for _ in range(self.rng.choice((1, 1, 1, 2, 5))):
            process()
        return did

    def _use_popup(self, popup: QWidget) -> str:
        """Choose in a menu, a list of a box or a completer's, or leave it."""
        key = self.rng.choices(
            (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Return, Qt.Key.Key_Escape), (4, 2, 3, 1)
        )[0]
        if isinstance(popup, QMenu) and key == Qt.Key.Key_Return and popup.activeAction() is None:
            popup.close()
            return "leave a menu"
        QTest.keyClick(popup, key)
        return f"{key.name} in the popup {type(popup).__name__}"

    def _use_dialog(self, dialog: QDialog) -> str:
        if self.rng.random() < DIALOG:
            QTest.keyClick(dialog, Qt.Key.Key_Escape)
            return f"leave {type(dialog).__name__}"
        return f"in {type(dialog).__name__}: {self._use_one_of(dialog)}"

    def _use_one_of(self, parent: QWidget) -> str:
        usable = [
            w for w in parent.findChildren(QWidget) if w.window() is parent.window() and hands.is_usable(w)
        ]
        return hands.use(self.rng.choice(usable), self.rng) if usable else "nothing to use"

    def _use_widget(self) -> str:
        """Use a widget of the window; the middle, where the pictures are, more often than the rest."""
        window = self.window
        docks = [window.dock, window.sources.dock, window.model_bar, window]
        parts = [*docks, *([window.centre] * 6), *([window.dock] * 2)]
        return self._use_one_of(self.rng.choice([part for part in parts if part.isVisible()]))

    def actions(self) -> list[QAction]:
        """Return the actions that can be done now."""
        return [action for _, action in actions_of(self.window.menuBar()) if action.isEnabled()]

    def _use_menu(self) -> str:
        menus = self.window.menuBar().findChildren(QMenu)
        self.rng.choice(menus).aboutToShow.emit()  # some are filled then
        action = self.rng.choice(self.actions())
        text = plain(action.text())
        action.trigger()
        return f"menu: {text}"

    def _press_shortcut(self) -> str:
        action = self.rng.choice([action for action in self.actions() if action.shortcuts()])
        keys, text = self.rng.choice(action.shortcuts()), plain(action.text())
        QTest.keySequence(self.window, keys)
        return f"press {keys.toString()}: {text}"

    def _drop(self) -> str:
        paths = self.rng.sample(self.things.files + self.things.folders, self.rng.choice((1, 1, 1, 2)))
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        place, button = self.window.rect().center(), Qt.MouseButton.LeftButton
        how = (Qt.DropAction.CopyAction, data, button, Qt.KeyboardModifier.NoModifier)
        enter = QDragEnterEvent(place, *how)
        QGuiApplication.sendEvent(self.window, enter)
        if enter.isAccepted():
            QGuiApplication.sendEvent(self.window, QDropEvent(QPointF(place), *how))
        return f"drop {', '.join(path.name for path in paths)}"

    def _type_model(self) -> str:
        name, line = self.rng.choice(self.things.models), self.window.model_bar.line
        line.selectAll()
        QTest.keyClicks(line, name)
        if popup := QApplication.activePopupWidget():
            popup.close()
        QTest.keyClick(line, Qt.Key.Key_Return)
        return f"type the model {name}"

    def _fill_clipboard(self) -> str:
        clipboard = QGuiApplication.clipboard()
        if self.rng.random() < 0.4:
            image = QImage(self.rng.randint(20, 90), 40, QImage.Format.Format_RGB32)
            image.fill(self.rng.randrange(2**24))
            clipboard.setImage(image)
            return "copy an image elsewhere"
        text = self.rng.choice([*self.things.texts, *map(str, self.things.files)])
        clipboard.setText(text)
        return f"copy {text[:40]!r} elsewhere"

    def _resize(self) -> str:
        size = self.rng.choice(WINDOWS)
        self.window.resize(*size)
        return f"resize to {size}"

    def _cancel(self) -> str:
        QTest.keyClick(self.window, Qt.Key.Key_Escape)
        return "Escape"

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer what the desktop would ask, as no test can see its dialogs; nothing is opened elsewhere."""
        answers = {
            "getOpenFileName": lambda *told: (self._file(str(told[-1])), ""),
            "getOpenFileNames": lambda *told: ([name] if (name := self._file(str(told[-1]))) else [], ""),
            "getExistingDirectory": lambda *_: str(self.rng.choice([*self.things.folders, ""])),
            "getSaveFileName": self._name_to_save,
        }
        (end,) = [action for action in self.actions() if plain(action.text()) == "Quit"]
        end.setEnabled(False)  # in the palette too
        with mock.patch.multiple(QFileDialog, **answers), mock.patch.object(QDesktopServices, "openUrl"):
            yield
        end.setEnabled(True)

    def _file(self, filters: str) -> str:
        """Return a file that fits, mostly; or none."""
        if self.rng.random() < 0.2:
            return ""
        fits = [path for path in self.things.files if f"*{path.suffix}" in filters]
        return str(self.rng.choice(fits or self.things.files))

    def _name_to_save(self, *told: object) -> tuple[str, str]:
        """Return a new name, that of a file there is, one in no folder, or none."""
        self._files += 1
        suffix = str(told[-1]).partition("*.")[2].partition(")")[0] or "out"
        path = self.things.out / f"{self._files % 40}.{suffix}"
        if suffix == SUFFIX[1:] and path not in self.things.files:
            self.things.files.append(path)
        chosen = self.rng.choices((str(path), str(self.things.out / "none" / "a.png"), ""), (8, 1, 1))[0]
        return chosen, ""


def process() -> None:
    """Let the window do what waits, as its event loop would; also what is to be deleted."""
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[arg-type]


def open_dialog(window: Any) -> QDialog | None:
    """Return the dialog that keeps the user from the window, or lies over it."""
    modal = QApplication.activeModalWidget()
    if isinstance(modal, QDialog):
        return modal
    found = [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]
    return found[-1] if found else None


def leave_dialogs(window: Any) -> None:
    """Close popups and dialogs, and those that are opened by it."""
    for _ in range(50):
        popup, dialog = QApplication.activePopupWidget(), open_dialog(window)
        if popup is None and dialog is None:
            return
        if popup is not None:
            popup.close()
        elif dialog is not None:
            dialog.reject()
        process()
    raise AssertionError(f"{QApplication.activePopupWidget() or open_dialog(window)} stays open")


def settle(window: Any, patience: float = PATIENCE) -> None:
    """Leave dialogs and wait until nothing is left to do; a run that takes longer is cancelled."""
    end = time.monotonic() + patience
    while True:
        leave_dialogs(window)
        if _is_idle(window):
            return
        if time.monotonic() > end:
            window.controller.cancel()
            end = time.monotonic() + patience
        time.sleep(0.001)


def _is_idle(window: Any) -> bool:
    """Return whether no worker has anything to do or to tell, nobody asked for more meanwhile, and no dialog opened.

    The facts are told, too.
    """
    bridges = window.findChildren(JobBridge)
    before = [bridge._worker._last for bridge in bridges]
    busy = any(job is not None and not job.done() for job in before)
    for _ in range(3):
        process()
    asked = [bridge._worker._last for bridge in bridges] != before
    told = not window.inspector.facts._soon.isActive()
    return told and not busy and not asked and open_dialog(window) is None

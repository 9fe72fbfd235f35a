"""The caption's tab in the window: there while there is a caption, with the controls that belong to it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from vizstudio.gui.caption_snapshot import CaptionSnapshot
from vizstudio.gui.captions import Captions
from vizstudio.gui.panes import tab_name
from vizstudio.gui.views.caption import CaptionView

if TYPE_CHECKING:
    from vizstudio.gui.main_window import MainWindow


class CaptionTab(QObject):
    """A `CaptionsView` for the controller of captions."""

    def __init__(self, window: "MainWindow", view: CaptionView) -> None:
        super().__init__(window)
        self._window, self._view = window, view
        self._index = window.tabs.addTab(view, self.tr("Caption"))
        window.tabs.setTabVisible(self._index, False)
        window.tabs.currentChanged.connect(self._show_subject)
        window.tabs.tabBarClicked.connect(self._take_keys)
        self._show_subject()

    def connect_to(self, captions: Captions) -> None:
        """Send what the user does to the controller."""
        view = self._view
        self._window.inspector.captionChanged.connect(lambda changes: captions.change(**changes))
        view.moved.connect(captions.move)
        view.chosen.connect(captions.jump)
        view.piecesToggled.connect(lambda on: captions.change(pieces=on))
        view.alternativeChosen.connect(captions.branch)
        view.branchChosen.connect(captions.select)
        view.requested.connect(captions.write)

    def show_caption(self, snapshot: CaptionSnapshot | None, new_result: bool) -> None:
        """Show a word of a caption; the tab comes to the front when it appears."""
        tabs, there = self._window.tabs, snapshot is not None
        changes = there != tabs.isTabVisible(self._index)
        if changes:  # else the window would be laid out anew for every word
            tabs.setTabVisible(self._index, there)
            self._window.menus.tabs[self._index].setEnabled(there)
        self._window.inspector.show_caption(snapshot)
        if snapshot is not None:
            self._view.show_snapshot(snapshot, new_result)
        else:
            self._view.forget()
        if there and changes and self._window.controller.travel.may_bring(tab_name(self._view)):
            tabs.setCurrentIndex(self._index)

    def show_written(self) -> None:
        """Say that another caption was written."""
        self._window.show_idle(self.tr("Caption written"))

    def show_lost(self, problems: list[str]) -> None:
        """Say why some captions of a session could not be written again."""
        sentence = self.tr("{0} of the captions of the session could not be written again: {1}")
        told = "; ".join(dict.fromkeys(problems))
        self._window.show_failed(sentence.format(len(problems), told), "\n".join(problems), False)

    def _show_subject(self) -> None:
        self._window.inspector.show_subject(self._window.tabs.currentWidget() is self._view)

    def _take_keys(self, index: int) -> None:
        """Step through the words by key as soon as the tab was clicked."""
        if index == self._index:
            self._window.tabs.setCurrentIndex(index)
            self._view.strip.setFocus()

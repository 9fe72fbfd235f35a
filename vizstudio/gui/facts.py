"""What a reader should know of the picture: model, photo, attention, predictions, in two columns."""

import re
from html import escape

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel

from vizstudio.core.geometry import TokenAxis
from vizstudio.core.page import number
from vizstudio.core.types import AttentionLayer
from vizstudio.gui import theme
from vizstudio.gui.caption_snapshot import CaptionSnapshot
from vizstudio.gui.probability import exact_percent
from vizstudio.gui.snapshot import Snapshot
from vizstudio.gui.wording import query_name, weights_name

PREDICTIONS = 3
LONG = 26  # characters
AFTER = 40  # milliseconds; to lay out a table takes 15, too long for each word or layer of a key held down
Rows = list[tuple[str, str]]


class FactsPanel(QLabel):
    """Sections of named facts as selectable text."""

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._caption: CaptionSnapshot | None = None
        self._about_caption = False
        self._heights: dict[int, int] = {}  # of the text, by width
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER)
        self._soon.timeout.connect(self._write)
        self.setAccessibleName(self.tr("Facts"))
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Tell of another picture: of the same result a moment later, when the picture itself is painted."""
        is_new = self._snapshot is None or self._snapshot.result is not snapshot.result
        self._snapshot = snapshot
        if is_new:
            self._write()
        else:
            self._soon.start()

    def show_caption(self, snapshot: CaptionSnapshot | None) -> None:
        """Tell of another word, if the caption is in view: a moment later, when the word itself is painted."""
        self._caption = snapshot
        if self._about_caption:
            self._soon.start()

    def show_subject(self, caption: bool) -> None:
        """Tell of the caption, or of the model's attention to patches."""
        if self._about_caption != caption:
            self._about_caption = caption
            self._write()

    def changeEvent(self, event: QEvent) -> None:
        """Write again in the colours of another theme."""
        super().changeEvent(event)
        self._heights.clear()
        if event.type() == QEvent.Type.PaletteChange:
            self._write()

    def heightForWidth(self, width: int) -> int:
        """Return the height of the text; kept, as the layout asks whenever a text beside it changes."""
        if width not in self._heights:
            self._heights[width] = super().heightForWidth(width)
        return self._heights[width]

    def _write(self) -> None:
        application = QApplication.instance()
        if self._snapshot is None or not isinstance(application, QApplication):
            return
        colours = theme.colours(application)
        html, told = "", self.sections(self._snapshot)
        if self._about_caption and self._caption is not None:
            told = self.caption_sections(self._caption) + told[1:]
        for title, rows in told:
            html += f"<tr><td colspan=2 style='padding-top:14px'><b>{escape(title)}</b></td></tr>"
            html += "".join(_row(name, value, colours) for name, value in rows)
        self._heights.clear()
        self.setText(f"<table cellspacing=0 cellpadding=0 width='100%'>{html}</table>")

    def sections(self, snapshot: Snapshot) -> list[tuple[str, Rows]]:
        """Return titles with their facts."""
        result = snapshot.result
        found = [
            (self.tr("Attention"), self._attention(snapshot)),
            (self.tr("Model"), self._model(snapshot)),
            (
                self.tr("Photo"),
                [
                    (self.tr("File"), result.image.name),
                    (self.tr("Size"), self.tr("{0}×{1} pixels").format(*result.image.size)),
                ],
            ),
        ]
        best = result.analysis.predictions[:PREDICTIONS]
        if best:
            found.append((self.tr("Prediction"), [(exact_percent(p.probability), p.label) for p in best]))
        notes = [
            ("", _sentence(note))
            for note in result.analysis.notes
            if not note.startswith("untrained")  # the banner says it
        ]
        if notes:
            found.append((self.tr("Notes"), notes))
        return found

    def caption_sections(self, snapshot: CaptionSnapshot) -> list[tuple[str, Rows]]:
        """Return titles with their facts, of the word in view and the caption it stands in."""
        unit, caption, grid = snapshot.unit, snapshot.caption, snapshot.layer.keys.grid
        entropies = " · ".join(f"{step.entropy:.2f}" for step in unit.steps)
        word = [
            (self.tr("Probability"), f"{unit.probability:.3g}"),
            (self.tr("log p"), number(unit.log_prob, 3)),
            (self.tr("Entropy"), self.tr("{0} nats").format(entropies)),
            (self.tr("Layer"), snapshot.layer.name),
            (self.tr("Keys"), self.tr("{0}×{1} patches").format(*grid.shape) if grid else ""),
            (self.tr("Heads"), str(snapshot.layer.heads)),
            (self.tr("Check"), self._check(snapshot.layer, snapshot.words.problem)),
        ]
        if len(unit.steps) > 1:
            word.insert(0, (self.tr("Pieces"), " · ".join(step.text for step in unit.steps)))
        ended = self.tr("by itself") if caption.finished else self.tr("✗ at the limit of tokens")
        whole = [
            ("", caption.text),
            (
                self.tr("log p"),
                self.tr("{0} in {1} tokens").format(number(caption.log_prob, 3), len(caption.steps)),
            ),
            (self.tr("Score"), number(caption.score, 3)),
            (self.tr("Ended"), ended),
        ]
        known = snapshot.result.analysis.notes
        notes = [("", _sentence(note)) for note in snapshot.tree.current.analysis.notes if note not in known]
        return [(self.tr("Word in view"), word), (self.tr("Caption"), whole + notes)]

    def _attention(self, snapshot: Snapshot) -> Rows:
        about = snapshot.result.analysis.attention.layers[snapshot.state.layer]
        grid = about.keys.grid
        rows = [(self.tr("Layer"), about.name)]
        patches = self.tr("{0}×{1} patches").format(*grid.shape) if grid else ""
        prefix = self._prefix(about.keys)
        rows.append((self.tr("Keys"), " + ".join(filter(None, (patches, prefix)))))
        rows.append((self.tr("Heads"), str(about.heads)))
        mass = snapshot.heatmap.prefix_mass if snapshot.heatmap else None
        if mass and prefix:
            rows.append((self.tr("Off the map"), self.tr("{0} on {1}").format(exact_percent(mass), prefix)))
        if snapshot.state.mass < 1 and snapshot.heatmap is not None:
            cells = int(np.isfinite(snapshot.heatmap.values).sum())
            share = self.tr("{0} of {1} cells hold {2}")
            values = (cells, len(snapshot.heatmap.grid), f"{100 * snapshot.state.mass:.0f} %")
            rows.append((self.tr("Shown"), share.format(*values)))
        rows.append((self.tr("Check"), self._check(about, snapshot.problem)))
        if about.note:
            rows.append((self.tr("Layout"), about.note))
        return rows

    def _prefix(self, axis: TokenAxis) -> str:
        """Name the tokens that lie nowhere on the image."""
        if len(axis.labels) == 1:
            return query_name(axis.labels[0], axis)
        return self.tr("{0} tokens more").format(len(axis.labels)) if axis.labels else ""

    def _check(self, about: AttentionLayer, problem: str) -> str:
        error = about.max_error
        if problem:
            return self.tr("✗ not shown")
        if error is None:
            return self.tr("not checked")
        return self.tr("✓ verified to {0}").format(f"{error:.0e}") if error else self.tr("✓ verified, exact")

    def _model(self, snapshot: Snapshot) -> Rows:
        result = snapshot.result
        info, fit = result.info, result.analysis.grid.fit
        weights = f"✗ {weights_name(result)}" if info.weights == "untrained" else weights_name(result)
        told = self.tr("✗ {0} on {1}, as memory was short") if result.fallback else self.tr("{0} on {1}")
        return [
            (self.tr("Name"), info.model_id),
            (self.tr("Weights"), weights),
            (self.tr("Parameters"), self.tr("{0} million").format(f"{info.num_parameters / 1e6:.1f}")),
            (self.tr("Input"), self.tr("{0}×{1}, {2}").format(*fit.input_size, fit.mode)),
            (self.tr("Device"), told.format(info.precision, info.device)),
        ]


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:]


def _row(name: str, value: str, colours: theme.Colours) -> str:
    """Return a row of the table; a fact without a name takes its whole width."""
    colour = {"✓": colours.good, "✗": colours.warning}.get(value[:1], colours.text)
    told = "<br>".join(map(escape, broken(value)))
    if not name:
        return f"<tr><td colspan=2 style='color:{colour}; padding-top:3px'>{told}</td></tr>"
    return (
        f"<tr><td style='color:{colours.muted}; padding:3px 12px 0 0'>{escape(name)}</td>"
        f"<td style='color:{colour}; padding-top:3px'>{told}</td></tr>"
    )


def broken(value: str) -> list[str]:
    """Return the lines of a value whose words are at most `LONG` characters, where dots and dashes allow it.

    A longer one, such as a module's dotted name, would widen the panel. Breaks are true ones, since whoever
    copies a name must not get hidden characters.
    """
    lines = [""]
    for part in re.split(r"(?<=[._-])(?=\w)", value):
        last_word = (lines[-1] + part).split(" ")[-1]
        if lines[-1] and len(last_word) > LONG:
            lines.append("")
        lines[-1] += part
    return lines

"""What the timeline of a training run shows, as a figure: a strip of all epochs, and an animation through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from vizstudio.core import page
from vizstudio.core.attention_parts import head_name
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.maps import query_name
from vizstudio.core.overlay import colorize, mosaic, overlay
from vizstudio.core.page import BODY, SMALL, TITLE, percent, shorten
from vizstudio.core.scene import ACCENT, INK, MUTED, RULE, STRONG, Box, Item, Picture, Scene, Text
from vizstudio.core.snapshots import Moment, SnapshotStore, TimelineState, take_moment
from vizstudio.core.state import CAPTION, layers_of
from vizstudio.core.timeline_numbers import numbers_of
from vizstudio.core.view import Figure, Frame

TIMELINE = "Attention and positions of a probe image after every epoch of a training run."
SIDE, TILE = 400, 150  # pixels of a picture's longest side: in an animation, in the strip
EDGE, GAP, LINE = 18.0, 14.0, 15.0
ABOVE = 18 + 2 * LINE + 4  # above a tile's picture: name of the epoch, two lines of what was told of it
MOST_COLUMNS = 6
SECONDS, LAST_SECONDS = 0.7, 2.5
GUESSES = 3


def render_timeline(
    store: SnapshotStore,
    epochs: tuple[int, ...],
    asked: TimelineState,
    facts: Mapping[int, str],
    context: RunContext,
    strict: bool = False,
) -> tuple[Figure, Moment]:
    """Draw every epoch that a run has a snapshot of.

    Parameters
    ----------
    store : SnapshotStore
        Of the run; its folder's name is the run's.
    epochs : tuple of int
        In order.
    asked : TimelineState
        What is asked; its epoch does not matter. A word that an epoch's caption has not is its last.
    facts : mapping of int to str
        What was told after each epoch; see `vizstudio.core.run_events.metrics_by_epoch`.
    context : RunContext
        To cancel and to tell how far it is.
    strict : bool
        Raise rather than clamp a probe, layer or head that does not exist.

    Returns
    -------
    (Figure, Moment)
        The figure, and the last epoch, whose analysis belongs to it. The numbers are ``epochs (n,)`` int64;
        ``heatmaps (n, rows, cols)`` float32, NaN where there was no map; ``positions (n, rows * cols, dim)`` float32;
        ``probabilities (n, classes)`` with ``labels``; ``captions (n,)``; those that the run has, and `grid` and
        `rect` of its maps.

    Raises
    ------
    UsageError
        If there is no snapshot, one is damaged, or the run has no probe images.
    """
    moments = []
    for i, epoch in enumerate(epochs):
        context.check()
        context.report(i / len(epochs), f"epoch {epoch}")
        moments.append(take_moment(store, epochs, replace(asked, epoch=epoch), context, strict))
    if not moments:
        raise UsageError("this run has no snapshots yet")
    last = moments[-1]
    run = store.folder.resolve().name
    subject = f"{_subject(last)} over {len(moments)} epochs" if len(moments) > 1 else _subject(last)
    own = "" if asked.common else " Each epoch's colours span its own values."
    explanation = f"{TIMELINE}{own}"
    heading = page.Heading(subject, [_where(last), f"run {run} · {last.image.name}"])
    strip = _Strip(moments, facts, asked.common)
    scene = page.page(heading, explanation, [], strip.width, strip.height, strip.items())
    title = " · ".join((subject, run, last.image.name))
    frames = partial(_frames, moments, facts, run)
    figure = Figure(scene, numbers_of(moments), title, explanation, last.state, None, frames)
    return figure, last


def _subject(moment: Moment) -> str:
    """Say whose attention is shown."""
    state = moment.state
    if moment.heatmap is None:
        return "Positions" if moment.similarity is not None else "Probe image"
    if state.view in CAPTION:
        return f"Attention that wrote word {state.word}"
    axis = moment.analysis.attention.layers[state.layer].queries
    name = "the average patch" if axis.labels == ("mean",) else query_name(axis, None)
    return f"Attention of {name}"


def _where(moment: Moment) -> str:
    """Say which layer and heads are shown, or why none are."""
    if moment.heatmap is None:
        return moment.problem
    layers = layers_of(moment.analysis, moment.state.view)
    heads = head_name(moment.state.head, layers[moment.state.layer].heads)
    return f"{layers[moment.state.layer].name} · {heads}"


def _name(epoch: int) -> str:
    return f"Epoch {epoch}" if epoch else "Before training"


def _told(moment: Moment) -> str:
    """Return the caption, or the most probable classes."""
    caption, best = moment.analysis.caption, moment.analysis.predictions[:GUESSES]
    if caption is not None:
        text = caption.text if caption.finished else f"{caption.text}…"
        word = caption.words[moment.state.word].text if moment.state.view in CAPTION and caption.words else ""
        return f"“{text}”" + (f" · map of “{word}”" if word else "")
    return " · ".join(f"{p.label} {percent(p.probability)}" for p in best)


def _map_pixels(moment: Moment, side: int) -> np.ndarray:
    """Return (height, width, 3) uint8: the map on the photo, or the photo alone."""
    photo, state = page.photo_at(moment.image, side), moment.state
    if moment.heatmap is None:
        return photo
    return overlay(photo, moment.heatmap, state.colormap, *moment.span, state.opacity, state.smooth)


def _panels(moment: Moment, side: int) -> np.ndarray | None:
    """Return (height, width, 4) uint8: all position panels, about `side` pixels long or longer; None for none."""
    if moment.similarity is None:
        return None
    most = max(moment.similarity.shape[:2])
    zoom = max(1, round((side / most - 2) / max(moment.similarity.shape[2:])))
    panels = mosaic(moment.similarity, 2 if zoom > 1 else 1, zoom)
    return colorize(panels, moment.state.colormap, *moment.position_span)


def _fitted(pixels: np.ndarray, side: float) -> tuple[float, float]:
    """Return (width, height) at which pixels are drawn: their own, or scaled down to `side` where far above it."""
    longest = max(pixels.shape[:2])
    scale = 1.0 if longest <= 1.08 * side else side / longest
    return pixels.shape[1] * scale, pixels.shape[0] * scale


@dataclass(frozen=True, eq=False)
class _Strip:
    """A tile per epoch: its name, what was told of it, the map, the panels, and the caption or classes."""

    moments: Sequence[Moment]
    facts: Mapping[int, str]
    common: bool

    @cached_property
    def pictures(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """The map and the panels of every epoch."""
        return [(_map_pixels(moment, TILE), _panels(moment, TILE)) for moment in self.moments]

    @property
    def columns(self) -> int:
        rows = -(-len(self.moments) // MOST_COLUMNS)
        return -(-len(self.moments) // rows)

    @cached_property
    def tall(self) -> tuple[float, float]:
        """Heights of the map and of the panels, 0 for none."""
        panels = [_fitted(panels, TILE)[1] for _, panels in self.pictures if panels is not None]
        return float(max(len(pixels) for pixels, _ in self.pictures)), max(panels, default=0.0)

    @property
    def pitch(self) -> float:
        """From a row of tiles to the next."""
        picture, panels = self.tall
        return ABOVE + picture + (8 + panels if panels else 0) + 6 + 2 * LINE + GAP

    @property
    def width(self) -> float:
        return self.columns * (TILE + GAP) + 60

    @property
    def height(self) -> float:
        rows = -(-len(self.moments) // self.columns)
        return rows * self.pitch - GAP

    def items(self) -> list[Item]:
        items: list[Item] = []
        picture, panels = self.tall
        for i, moment in enumerate(self.moments):
            x, y = (i % self.columns) * (TILE + GAP), (i // self.columns) * self.pitch
            tile = self._tile(moment, *self.pictures[i], picture, panels)
            items += [page.moved(item, x, y) for item in tile]
        return items + self._bars(picture, panels)

    def _tile(
        self, moment: Moment, pixels: np.ndarray, panels: np.ndarray | None, tall: float, panels_tall: float
    ) -> list[Item]:
        below = ABOVE + tall + (8 + panels_tall if panels_tall else 0) + 6
        items: list[Item] = [
            Text(0, 0, _name(moment.epoch), BODY, INK),
            *_two_lines(18, self.facts.get(moment.epoch, "")),
            Picture(0, ABOVE, pixels.shape[1], pixels.shape[0], pixels),
            *_two_lines(below, _told(moment)),
        ]
        if panels is not None:
            width, height = _fitted(panels, TILE)
            items.append(Picture(0, ABOVE + tall + 8, width, height, panels, True))
        return items

    def _bars(self, tall: float, panels_tall: float) -> list[Item]:
        """Return the colour bars of the first row, if they hold for all."""
        if not self.common:
            return []
        last, x, items = self.moments[-1], self.columns * (TILE + GAP), list[Item]()
        if last.heatmap is not None:
            items += _bar_at(x, ABOVE, tall, last.state.colormap, last.span, last.heatmap.unit)
        if last.similarity is not None and panels_tall:
            top = ABOVE + tall + 8
            items += _bar_at(x, top, panels_tall, last.state.colormap, last.position_span, "cosine")
        return items


def _two_lines(y: float, text: str) -> list[Item]:
    """Return a text as wide as a tile, cut after two lines."""
    first, *more = page.wrap(text, SMALL, TILE) or [""]
    lines = [first, shorten(" ".join(more), SMALL, TILE)] if more else [first]
    return [Text(0, y + i * LINE, line, SMALL, MUTED) for i, line in enumerate(lines)]


def _bar_at(
    x: float, y: float, height: float, colormap: str, span: tuple[float, float], unit: str
) -> list[Item]:
    items, _ = page.colour_bar(x, height, colormap, *span, unit)
    return [page.moved(item, 0, y) for item in items]


def _frames(moments: Sequence[Moment], facts: Mapping[int, str], run: str) -> list[Frame]:
    """Return a frame per epoch, all of one even size."""
    seconds = [*[SECONDS] * (len(moments) - 1), LAST_SECONDS]
    scenes = [_scene(moment, i, len(moments), facts, run) for i, moment in enumerate(moments)]
    width = 2 * round(max(scene.width for scene in scenes) / 2 + 0.49)
    height = 2 * round(max(scene.height for scene in scenes) / 2 + 0.49)
    sized = [Scene(width, height, scene.items) for scene in scenes]
    return [Frame(scene, long) for scene, long in zip(sized, seconds, strict=True)]


def _scene(moment: Moment, place: int, count: int, facts: Mapping[int, str], run: str) -> Scene:
    pixels, panels = _map_pixels(moment, SIDE), _panels(moment, SIDE)
    top, tall = EDGE + 54, float(pixels.shape[0])
    x, items = EDGE, list[Item]()
    items.append(Picture(x, top, pixels.shape[1], pixels.shape[0], pixels))
    x += pixels.shape[1] + GAP
    if moment.heatmap is not None:
        high = max(tall, 120.0)
        items += _bar_at(x, top, high, moment.state.colormap, moment.span, moment.heatmap.unit)
        x += 66 + GAP
    if panels is not None:
        width, height = _fitted(panels, SIDE)
        items.append(Picture(x, top, width, height, panels, True))
        x, tall = x + width + GAP, max(tall, height)
        items += _bar_at(x, top, height, moment.state.colormap, moment.position_span, "cosine")
        x += 60
    right = max(x, page.NARROWEST + EDGE)
    items += _words(moment, facts, run, top + tall + 12, right - EDGE)
    bar = top - 14.0  # how far through the run this is
    items += [
        Box(EDGE, bar, right - EDGE, 4, fill=RULE),
        Box(EDGE, bar, max(4.0, (right - EDGE) * (place + 1) / count), 4, fill=STRONG),
    ]
    return Scene(round(right + EDGE), round(top + tall + 12 + 60 + EDGE), items)


def _words(moment: Moment, facts: Mapping[int, str], run: str, top: float, room: float) -> list[Item]:
    """Return what stands above the pictures and, from `top` on, below."""
    name = _name(moment.epoch)
    where = f"{_subject(moment)} · {_where(moment)}" if moment.heatmap is not None else moment.problem
    colour = MUTED if moment.heatmap is not None else ACCENT
    return [
        Text(EDGE, EDGE - 4, name, TITLE, INK),
        Text(
            EDGE + room, EDGE + 2, shorten(facts.get(moment.epoch, ""), BODY, room - 200), BODY, MUTED, "ra"
        ),
        Text(EDGE, top, shorten(_told(moment), BODY, room), BODY, INK),
        Text(EDGE, top + 22, shorten(where, SMALL, room), SMALL, colour),
        Text(EDGE, top + 40, shorten(f"run {run} · {moment.image.name}", SMALL, room), SMALL, MUTED),
    ]

"""A caption as an animation: the words so far below the photo, the current one marked."""

from dataclasses import dataclass

from vizstudio.core import page
from vizstudio.core.caption import given_word
from vizstudio.core.caption_parts import END, caption_of, layer_and_head, score_text, sentence, word_texts
from vizstudio.core.looks import colour_range, shown_cells
from vizstudio.core.overlay import overlay
from vizstudio.core.scene import ACCENT, MUTED, RULE, STRONG, Box, Item, Picture, Scene, Text
from vizstudio.core.view import Frame, Request

LONGEST, NARROWEST = 560, 360
EDGE = 16
WORD = 20.0
SECONDS, LAST_SECONDS = 0.9, 3.0


@dataclass(frozen=True)
class _Layout:
    """Where the parts of a frame are: the same in all of them, or the words would jump."""

    width: float
    words_top: float
    bar_top: float
    facts: list[tuple[str, str]]

    @property
    def height(self) -> float:
        return self.bar_top + 40 + len(self.facts) * (page.SMALL + 5) + EDGE - 4


def frames(request: Request) -> list[Frame]:
    """Return a frame per word, and at the end the photo with the whole caption, all of one even size."""
    caption, words = caption_of(request), word_texts(caption_of(request))
    photo = page.photo_at(request.image, LONGEST)
    layout = _layout(request, photo.shape[1], photo.shape[0], words)
    state, out = request.state, list[Frame]()
    for i, word in enumerate(caption.words):
        heatmap = word.heatmap(state.layer, state.head)
        low, high = colour_range(state, heatmap.values, from_zero=True)
        pixels = overlay(
            photo, shown_cells(heatmap, state), state.colormap, low, high, state.opacity, state.smooth
        )
        given = f"{given_word(word.steps[0])}, " if word.steps[0].forced else ""
        told = f"{given}probability {page.percent(word.probability)}"
        scene = _scene(layout, words, i, told, word.probability)
        scene.items.insert(
            0, Picture(_left(layout, photo.shape[1]), EDGE, photo.shape[1], photo.shape[0], pixels)
        )
        out.append(Frame(scene, SECONDS))
    whole = words[:-1] if words[-1] == END else [*words, "…"]
    scene = _scene(layout, whole, None, score_text(request.analysis), None)
    scene.items.insert(0, Picture(_left(layout, photo.shape[1]), EDGE, photo.shape[1], photo.shape[0], photo))
    return [*out, Frame(scene, LAST_SECONDS)]


def _left(layout: _Layout, photo_width: int) -> float:
    return round((layout.width - photo_width) / 2)


def _layout(request: Request, across: int, down: int, words: list[str]) -> _Layout:
    width = max(across, NARROWEST) + 2 * EDGE
    inner = width - 2 * EDGE
    _, words_height = sentence([*words, "…"], None, inner, WORD)
    told = [(f"{request.analysis.model_id} · {layer_and_head(request)}", MUTED)]
    told += [(note, ACCENT) for note in request.analysis.notes if note.startswith("untrained")]
    facts = [(line, colour) for text, colour in told for line in page.wrap(text, page.SMALL, inner)]
    words_top = EDGE + down + 12.0
    return _Layout(width, words_top, words_top + words_height + 8, facts)


def _scene(
    layout: _Layout, words: list[str], current: int | None, told: str, probability: float | None
) -> Scene:
    """Return all of a frame but its photo."""
    inner = layout.width - 2 * EDGE
    until = -1 if current is None else current
    items, _ = sentence(words, current, inner, WORD, until=until)
    scene = Scene(_even(layout.width), _even(layout.height))
    scene.items += [page.moved(item, EDGE, layout.words_top) for item in items]
    y = layout.bar_top
    bar: list[Item] = [Text(EDGE, y + 10, told, page.SMALL, MUTED)]
    if probability is not None:
        bar.append(Box(EDGE, y, inner, 5, fill=RULE))
        bar.append(Box(EDGE, y, max(1.0, inner * probability), 5, fill=STRONG))
    scene.items += bar
    for i, (line, colour) in enumerate(layout.facts):
        scene.items.append(Text(EDGE, y + 34 + i * (page.SMALL + 5), line, page.SMALL, colour))
    return scene


def _even(length: float) -> int:
    """Return a whole even number of pixels: videos need that."""
    return 2 * round(length / 2 + 0.49)

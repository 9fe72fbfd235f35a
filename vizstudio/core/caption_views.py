"""Views of a caption: where the decoder looked when it wrote each word."""

import math
from dataclasses import replace

import numpy as np

from vizstudio.core import charts, maps, page
from vizstudio.core.attention_parts import padding_sentence, prefix_sentence
from vizstudio.core.caption import Caption, TokenStep, Word, given_word, mean_heatmap
from vizstudio.core.caption_chart import draw_entropy
from vizstudio.core.caption_frames import frames
from vizstudio.core.caption_parts import (
    END,
    WordAttention,
    caption_of,
    cross_data,
    layer_and_head,
    quoted,
    score_text,
    sentence,
    steps_data,
    word_texts,
)
from vizstudio.core.looks import (
    colour_range,
    looks_sentence,
    map_bar,
    mass_sentence,
    scale_words,
    shown_cells,
)
from vizstudio.core.overlay import overlay, value_range
from vizstudio.core.scene import INK, MUTED, RULE, STRONG, Box, Item, Picture, Text, text_width
from vizstudio.core.state import layers_of
from vizstudio.core.view import Body, Request, View, about_grid, on_photo
from vizstudio.core.wall import wall

STRIP_WIDTH, GAP = 960, 14
WORD = 14.0
TALLEST = 300
CHOICES = 10  # of one step; of each piece of a word fewer
ITS_MAP = "cross-attention, which sums to 1 over what the decoder sees of the image"
ITS_OWN_MAP = "self-attention, which sums to 1 over the image and the tokens read before"


def _its_map(caption: Caption) -> str:
    """Say what the maps are: a decoder without cross-attention has the image among its own tokens."""
    return ITS_OWN_MAP if caption.steps[0].cross.layers[0].kind == "self" else ITS_MAP


def _columns(count: int) -> int:
    """Return in how many columns `count` tiles leave the fewest holes."""
    if count <= 4:
        return count
    choices = (5, 6, 4) if count <= 30 else (8, 7)
    return min(choices, key=lambda columns: -count % columns)


def _draw_strip(request: Request) -> Body:
    caption, words = caption_of(request), word_texts(caption_of(request))
    columns = _columns(len(words))
    wide = min(300, (STRIP_WIDTH - GAP * (columns - 1)) // columns)
    across, down = request.image.size
    photo = page.photo_at(request.image, min(TALLEST, round(wide * max(across, down) / across)))
    height, width = photo.shape[:2]
    pitch = max(width, 96) + GAP, height + 52 + GAP
    items: list[Item] = []
    for i, (word, text) in enumerate(zip(caption.words, words, strict=True)):
        tile = _tile(request, word, text, photo)
        x, y = (i % columns) * pitch[0], (i // columns) * pitch[1]
        items += [page.moved(item, x, y) for item in tile]
    right = columns * pitch[0] - GAP
    bottom = math.ceil(len(words) / columns) * pitch[1] - GAP
    bar, bar_width = map_bar(right + 16, max(min(height, 240.0), 96.0), request.state)
    beams, beams_height = _other_beams(request, right, bottom + 18)
    explanation = (
        f"Where the decoder looked when it wrote each word: {_its_map(caption)}; each picture "
        f"{scale_words(request.state)}.{mass_sentence(request.state)} "
        "The blue bar is the word's probability given all before it."
    )
    explanation += _pieces_sentence(caption)
    layer = layers_of(request.analysis, request.state.view)[request.state.layer]
    data = {**steps_data(caption), **cross_data(caption.steps), **about_grid(maps.key_grid(layer))}
    return Body(
        [*items, *bar, *beams],
        right + 16 + bar_width,
        bottom + beams_height,
        quoted(caption),
        explanation,
        data,
        detail=f"{layer_and_head(request)} · {score_text(request.analysis)}",
        frames=lambda: frames(request),
    )


def _tile(request: Request, word: Word, text: str, photo: np.ndarray) -> list[Item]:
    """Return a word's map with its probability as a bar, the word, and its numbers below."""
    state, (height, width) = request.state, photo.shape[:2]
    heatmap = word.heatmap(state.layer, state.head)
    high = value_range(heatmap.values, from_zero=True)[1]
    span, shown = colour_range(state, heatmap.values, from_zero=True), shown_cells(heatmap, state)
    pixels = overlay(photo, shown, state.colormap, *span, state.opacity, state.smooth)
    room = max(width, 96)
    given = f"{given_word(word.steps[0])} · " if word.steps[0].forced else ""
    greatest = f"max {page.short_number(high)}"
    told = f"{given}{page.percent(word.probability)}"
    items: list[Item] = [
        Picture(0, 0, width, height, pixels),
        Box(0, height + 4, width, 4, fill=RULE),
        Box(0, height + 4, max(1.0, width * word.probability), 4, fill=STRONG),
        Text(0, height + 12, page.shorten(text, WORD, room), WORD, MUTED if text == END else INK),
        Text(0, height + 33, told, page.SMALL, MUTED),
    ]
    if text_width(f"{told}  {greatest}", page.SMALL) <= room:
        items.append(Text(width, height + 33, greatest, page.SMALL, MUTED, "ra"))
    return items


def _pieces_sentence(caption: Caption) -> str:
    told = ""
    if any(len(word.steps) > 1 for word in caption.words):
        told += " A word of several pieces has the mean of their maps and the product of their probabilities."
    if any(step.forced and not step.taken for step in caption.steps):
        told += " Given words were set beforehand, not chosen."
    if any(step.taken for step in caption.steps):
        told += " A taken word was picked from the alternatives; the model went on from there."
    return told if caption.finished else told + " A limit ended the caption."


def _other_beams(request: Request, width: float, y: float) -> tuple[list[Item], float]:
    """Return (items, height) of the captions that the beam search ranked lower."""
    others = request.analysis.other_captions
    if not others:
        return [], 0.0
    items: list[Item] = [Text(0, y, "Other beams, by score:", page.SMALL, MUTED)]
    top = y
    for caption in others:
        y += 20
        score = page.number(caption.score, 3)
        items.append(Text(0, y, score, page.BODY, MUTED))
        items.append(Text(64, y, page.shorten(quoted(caption), page.BODY, width - 64), page.BODY, INK))
    return items, y - top + 18 + 18


def _is_end(request: Request) -> bool:
    return word_texts(caption_of(request))[request.state.word] == END


def _place(request: Request) -> str:
    """Return which word of the caption it is; words may be repeated."""
    return f"word {request.state.word} of 0 to {len(caption_of(request).words) - 1}"


def _draw_step(request: Request) -> Body:
    state, caption = request.state, caption_of(request)
    word = caption.words[state.word]
    heatmap = word.heatmap(state.layer, state.head)
    shown = shown_cells(heatmap, state)
    items, width, height = on_photo(request, shown, *colour_range(state, heatmap.values, from_zero=True))
    line, line_height = sentence(word_texts(caption), state.word, width, 16.0, MUTED)
    items += [page.moved(item, 0, height + 12) for item in line]
    height += line_height + 28
    for step in word.steps:
        below, below_height = _choices(caption, word, step, width)
        items += [page.moved(item, 0, height) for item in below]
        height += below_height + 14
    log_prob = page.number(word.log_prob, 2)
    subject = "The end of the caption" if _is_end(request) else f"“{word.text}”"
    detail = f"{_place(request)} · {page.percent(word.probability)}, log-probability {log_prob}"
    did = "ended the caption" if _is_end(request) else "wrote this word"
    of = f", the mean over its {len(word.steps)} pieces" if len(word.steps) > 1 else ""
    explanation = f"Where the decoder looked when it {did}: {_its_map(caption)}{of}."
    inner = replace(request, analysis=replace(request.analysis, attention=WordAttention(word)))
    explanation += (
        prefix_sentence(inner, heatmap) + padding_sentence(heatmap) + looks_sentence(state, heatmap)
    )
    explanation += (
        " Below the photo: what the decoder might have written; what was written is in strong blue."
    )
    data = {**steps_data(caption), "heatmap": shown.values, **about_grid(heatmap.grid)}
    detail = f"{detail} · {layer_and_head(request)}"
    return Body(items, width, height - 14, subject, explanation, data, shown, detail)


def _choices(caption: Caption, word: Word, step: TokenStep, width: float) -> tuple[list[Item], float]:
    """Return (items, height) of a step's alternatives as bars, the token that was written among them."""
    many = len(word.steps) > 1
    shown = list(step.alternatives[: CHOICES // 2 if many else CHOICES])
    labels = [a.text for a in shown]
    values = [math.exp(a.log_prob) for a in shown]
    ids = [a.token_id for a in shown]
    if step.token_id not in ids:
        ids, labels, values = [*ids, step.token_id], [*labels, step.text], [*values, step.probability]
    end = caption.ending.token_id if caption.ending else None
    labels = [END if number == end else label for number, label in zip(ids, labels, strict=True)]
    items, height = charts.bars(labels, values, width, ids.index(step.token_id))
    head = f"Entropy {page.number(step.entropy, 2)} nats"
    if many:
        piece = next(i for i, other in enumerate(word.steps) if other is step)
        head = f"Piece {piece + 1} of {len(word.steps)}, “{step.text}” · {head[0].lower()}{head[1:]}"
    if step.forced:
        head += f" · {given_word(step)}, not chosen by the model"
    return [Text(0, 0, head, page.SMALL, MUTED), *(page.moved(i, 0, 20) for i in items)], height + 20


def _draw_mean(request: Request) -> Body:
    state, caption = request.state, caption_of(request)
    heatmap = mean_heatmap(caption.steps, state.layer, state.head, "mean over the caption")
    shown = shown_cells(heatmap, state)
    items, width, height = on_photo(request, shown, *colour_range(state, heatmap.values, from_zero=True))
    steps = f"{len(caption.steps)} steps" if len(caption.steps) > 1 else "one step"
    explanation = (
        f"Where the decoder looked while it wrote the caption, the mean over its {steps}"
        f"{', the end among them' if caption.finished else ''}: {_its_map(caption)}.{padding_sentence(heatmap)}"
        f"{looks_sentence(state, heatmap)}"
    )
    data = {**steps_data(caption), "heatmap": shown.values, **about_grid(heatmap.grid)}
    detail = f"mean over the caption · {layer_and_head(request)}"
    return Body(items, width, height, quoted(caption), explanation, data, shown, detail)


def _draw_wall(request: Request) -> Body:
    caption = caption_of(request)
    attention = WordAttention(caption.words[request.state.word])
    name = "ending the caption" if _is_end(request) else f"writing “{attention.word.text}”"
    inner = replace(request, analysis=replace(request.analysis, attention=attention))
    body = wall(inner, f"the decoder {name}")
    data = {**steps_data(caption), **body.data}
    return replace(body, data=data, detail=f"{_place(request)} of {quoted(caption)} · {body.detail}")


CAPTION_VIEWS: dict[str, View] = {
    "caption": View("Caption", "Each word of the caption with where the decoder looked for it.", _draw_strip),
    "step": View("Word", "One word of the caption, where the decoder looked, and alternatives.", _draw_step),
    "caption-mean": View("Caption mean", "Where the decoder looked, the mean over the caption.", _draw_mean),
    "caption-wall": View("Caption wall", "One word in every head of every decoder layer.", _draw_wall),
    "caption-entropy": View(
        "Caption entropy",
        "How sure the decoder was at every step: entropy and log-probability.",
        draw_entropy,
    ),
}

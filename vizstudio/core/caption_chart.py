"""The chart of a caption: entropy and log-probability of every step."""

import math

from vizstudio.core.caption_parts import caption_of, quoted, score_text, steps_data, token_texts
from vizstudio.core.charts import Chart
from vizstudio.core.page import BODY, SMALL, moved, number, shorten, ticks
from vizstudio.core.scene import ACCENT, INK, MUTED, PALE, RULE, Box, Dot, Item, Text, text_width
from vizstudio.core.view import Body, Request

HEIGHT, WIDEST = 280.0, 960.0
EXPLANATION = (
    "How sure the decoder was at every step. Entropy of its whole distribution is the surprise that it expected; "
    "−log-probability is the surprise of the token that it wrote. A dot above its bar is a token that was less "
    "likely than expected."
)


def draw_entropy(request: Request) -> Body:
    """Draw the view; a long caption goes on in a chart below, on the same scale."""
    caption = caption_of(request)
    labels = token_texts(caption)
    entropies = [step.entropy for step in caption.steps]
    surprises = [max(0.0, -step.log_prob) for step in caption.steps]
    high = max(*entropies, *surprises, 0.1) * 1.06
    tick_values, decimals = ticks(0.0, high)
    left = max(text_width(number(t, decimals), SMALL) for t in tick_values) + 14
    step = min(max(max(text_width(label, BODY) for label in labels) + 12, 40.0), 104.0)
    columns = min(len(labels), int((WIDEST - left) // step))
    rows = math.ceil(len(labels) / columns)
    columns = math.ceil(len(labels) / rows)  # charts of about one length
    chart = Chart(max(left + columns * step, 440.0 if rows == 1 else 0.0), HEIGHT, high, columns, left)
    items: list[Item] = []
    for row in range(rows):
        part = slice(row * columns, (row + 1) * columns)
        drawn = _chart(chart, labels[part], entropies[part], surprises[part])
        items += [moved(item, 0, 10 + row * HEIGHT) for item in drawn]
    items += _legend()
    detail = f"{len(labels)} steps · {score_text(request.analysis)}"
    return Body(
        items,
        chart.width,
        10 + rows * HEIGHT - 8,
        quoted(caption),
        EXPLANATION,
        steps_data(caption),
        None,
        detail,
    )


def _legend() -> list[Item]:
    entropy, x = "entropy", 20.0
    after = x + text_width(entropy, SMALL) + 20
    return [
        Box(0, 2, 14, 11, fill=PALE),
        Text(x, 1, entropy, SMALL, MUTED),
        Dot(after, 8, 4.5, ACCENT),
        Text(after + 10, 1, "−log-probability", SMALL, MUTED),
        Text(after + 10 + text_width("−log-probability", SMALL) + 20, 1, "in nats", SMALL, MUTED),
    ]


def _chart(chart: Chart, labels: list[str], entropies: list[float], surprises: list[float]) -> list[Item]:
    items: list[Item] = []
    tick_values, decimals = ticks(0.0, chart.high)
    right = chart.left + len(labels) * chart.step
    for tick in tick_values:
        y, text = chart.y(tick), number(tick, decimals)
        items += [
            Box(chart.left, y, right - chart.left, 1, fill=RULE),
            Text(chart.left - 8, y, text, SMALL, MUTED, "rm"),
        ]
    for i, (label, entropy, surprise) in enumerate(zip(labels, entropies, surprises, strict=True)):
        x, y = chart.x(i), chart.y(entropy)
        bar = min(chart.step * 0.6, 36.0)
        items += [
            Box(x - bar / 2, y, bar, max(1.0, chart.y(0) - y), fill=PALE),
            Dot(x, chart.y(surprise), 4.5, ACCENT),
            Text(x, chart.y(0) + 10, shorten(label, BODY, chart.step - 6), BODY, INK, "ma"),
        ]
    return items

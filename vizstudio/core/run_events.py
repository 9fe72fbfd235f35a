"""The events that a training run tells in its folder, as far as pictures of it need them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FILE = "events.jsonl"
NOT_CURVES = ("event", "step", "time", "epoch", "best", "images_per_second")
Event = dict[str, Any]
PRINTED = {"rouge_l": "ROUGE-L", "cider": "CIDEr-D", **{f"bleu{n}": f"BLEU-{n}" for n in range(1, 5)}}
"""Numbers whose printed names are not their own."""


def numbers_of(event: Event) -> Iterator[tuple[str, float]]:
    """Yield what can be drawn; a value that is no finite number is told as null and left out."""
    for name, value in event.items():
        if name not in NOT_CURVES and isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def metric_name(name: str) -> str:
    """Return what a number of a run is called in print, such as "ROUGE-L" for ``rouge_l``."""
    return PRINTED.get(name) or name.replace("_", " ")


def metrics_line(facts: Mapping[str, object]) -> str:
    """Return the numbers of an epoch, such as "loss 0.41  accuracy 0.93"."""
    numbers = [(n, v) for n, v in facts.items() if n not in NOT_CURVES and isinstance(v, int | float)]
    return "  ".join(f"{metric_name(name)} {value:.4g}" for name, value in numbers)


def metrics_by_epoch(folder: Path) -> dict[int, str]:
    """Return what a run told after each epoch, as `metrics_line` does; nothing where it cannot be read."""
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except OSError:
        return {}
    found: dict[int, str] = {}
    for line in lines:
        try:
            event = json.loads(line)
            if event["event"] == "epoch":
                found[int(event["epoch"])] = metrics_line(dict(numbers_of(event)))
        except (ValueError, KeyError, TypeError, OverflowError):
            continue  # a line that is not whole yet, or no event
    return found

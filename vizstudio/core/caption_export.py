"""A caption as facts and as a table."""

from vizstudio.core.caption import Caption
from vizstudio.core.types import Analysis

COLUMNS = ("index", "token_id", "token", "word", "log_prob", "probability", "entropy", "forced", "taken")


def caption_rows(caption: Caption) -> list[list[object]]:
    """Return a row per step, with `COLUMNS`; a word is told by its number, as words may be repeated."""
    return [
        [
            step.index,
            step.token_id,
            step.text,
            number,
            f"{step.log_prob:.8g}",
            f"{step.probability:.8g}",
            f"{step.entropy:.8g}",
            int(step.forced),
            int(step.taken),
        ]
        for number, word in enumerate(caption.words)
        for step in word.steps
    ]


def caption_facts(analysis: Analysis) -> dict[str, object]:
    """Return the caption with its steps and their alternatives, and the other beams, best first."""
    caption = analysis.caption
    if caption is None:
        return {}
    beams = [_about(other) for other in analysis.other_captions]
    return {"caption": {**_about(caption), "steps": _steps(caption)}, "beams": beams}


def _about(caption: Caption) -> dict[str, object]:
    return {
        "text": caption.text,
        "words": [word.text for word in caption.words],
        "token_ids": [step.token_id for step in caption.steps],
        "log_probs": [step.log_prob for step in caption.steps],
        "log_prob": caption.log_prob,
        "score": caption.score,
        "finished": caption.finished,
    }


def _steps(caption: Caption) -> list[dict[str, object]]:
    return [
        {
            "index": step.index,
            "token_id": step.token_id,
            "token": step.text,
            "word": number,
            "log_prob": step.log_prob,
            "probability": step.probability,
            "entropy": step.entropy,
            "forced": step.forced,
            "taken": step.taken,
            "alternatives": [
                {"token_id": other.token_id, "token": other.text, "log_prob": other.log_prob}
                for other in step.alternatives
            ],
        }
        for number, word in enumerate(caption.words)
        for step in word.steps
    ]

"""How near captions come to those that people wrote."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from torchmetrics.functional.text import bleu_score, rouge_score

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0


def words(caption: str) -> list[str]:
    """Return a caption's words in lower case, without accents and marks; what is joined by ' or - is one."""
    plain = "".join(c for c in unicodedata.normalize("NFD", caption.lower()) if not unicodedata.combining(c))
    return re.findall(r"\w+(?:['’-]\w+)*", plain)


def is_exact(caption: str, references: Sequence[str]) -> bool:
    """Return whether a caption has the very words of one of its references."""
    return words(caption) in [words(reference) for reference in references]


def text_scores(captions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return BLEU-1 to 4 and ROUGE-L (torchmetrics) and CIDEr-D of captions.

    Words are those of `words`; COCO's own evaluation uses the Penn Treebank tokenizer, which splits a little
    otherwise. ROUGE-L is the mean F1 with the nearest reference; COCO's weighs recall more.

    Parameters
    ----------
    captions : sequence of str
        One for each image.
    references : sequence of sequence of str
        One or more for each.
    """
    written = [words(caption) for caption in captions]
    told = [[words(reference) for reference in of_image] for of_image in references]
    lines, lines_told = [" ".join(w) for w in written], [[" ".join(w) for w in of_image] for of_image in told]
    scores = {f"bleu{n}": float(bleu_score(lines, lines_told, n_gram=n)) for n in ORDERS}
    rouge = rouge_score(lines, lines_told, "best", rouge_keys="rougeL", normalizer=str, tokenizer=str.split)
    scores["rouge_l"] = float(rouge["rougeL_fmeasure"])
    scores["cider"] = float(np.mean(cider_d(written, told)))
    return scores


def cider_d(captions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """Return the CIDEr-D of each caption.

    Vedantam et al. 2015, CIDEr: Consensus-based Image Description Evaluation, with document frequencies over the
    references given, as COCO's evaluation of a whole split does. For n-grams of each order n from 1 to 4, with
    counts h and ``g(w) = h(w) (ln images - ln max(1, images whose references have w))``:
    ``10 / references * sum over references of exp(-(length difference)² / 2σ²) * min(g_c, g_r)·g_r / |g_c| |g_r|``,
    and the mean over n; σ is 6.

    Parameters
    ----------
    captions : sequence of word lists
        One for each image.
    references : sequence of sequence of word lists
        One or more for each.
    """
    frequency: Counter[tuple[str, ...]] = Counter()
    for of_image in references:
        frequency.update({gram for reference in of_image for gram in _grams(reference)})
    all_images = math.log(len(references))

    def weigh(text: Sequence[str]) -> list[dict[tuple[str, ...], float]]:
        by_order: list[dict[tuple[str, ...], float]] = [{} for _ in ORDERS]
        for gram, count in _grams(text).items():
            by_order[len(gram) - 1][gram] = count * (all_images - math.log(max(1, frequency[gram])))
        return by_order

    found = []
    for caption, of_image in zip(captions, references, strict=True):
        own, total = weigh(caption), 0.0
        for reference in of_image:
            near = math.exp(-((len(caption) - len(reference)) ** 2) / (2 * SIGMA**2))
            theirs = weigh(reference)
            total += near * sum(_similarity(a, b) for a, b in zip(own, theirs, strict=True)) / len(ORDERS)
        found.append(10 * total / len(of_image))
    return found


def _grams(text: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(text[i : i + n]) for n in ORDERS for i in range(len(text) - n + 1))


def _similarity(own: dict[tuple[str, ...], float], theirs: dict[tuple[str, ...], float]) -> float:
    """Return the cosine of two vectors, the caption's clipped to the reference's."""
    product = sum(min(value, theirs[gram]) * theirs[gram] for gram, value in own.items() if gram in theirs)
    lengths = (math.sqrt(sum(value**2 for value in vector.values())) for vector in (own, theirs))
    norm = math.prod(lengths)
    return product / norm if norm else 0.0

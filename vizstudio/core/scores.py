"""What an evaluation collects, image by image, of a model's classes, its captions and where it looked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizstudio.core.caption import Caption, TokenStep
from vizstudio.core.dataset import Sample
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import PatchGrid
from vizstudio.core.maps import all_heads, query_name, rollout
from vizstudio.core.pointing import Estimate, Tally, Targets, find_mentions, see, with_mean
from vizstudio.core.types import Attention, Prediction

Report = dict[str, Any]
"""Numbers as they go into JSON. Shares are from 0 to 1; an error is a standard error, null where it is unknown."""
DECIMALS = 6
TOP = 5


def told(estimate: Estimate) -> list[Report]:
    """Return an estimate of one number or of several as ``{"mean": …, "error": …}`` each."""
    pairs = zip(estimate.mean.ravel().tolist(), estimate.error.ravel().tolist(), strict=True)
    return [
        {"mean": round(mean, DECIMALS), "error": None if isnan(error) else round(error, DECIMALS)}
        for mean, error in pairs
    ]


def _few(names: Sequence[str]) -> str:
    """Return some of the classes, without the synonyms that ImageNet's names have."""
    return ", ".join(name.partition(",")[0] for name in names[:3]) + (", …" if len(names) > 3 else "")


class ClassScores:
    """How often the main object's class is the first, or among the first five, that a model names."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names, self._tally, self._unfit = tuple(class_names), Tally(), ""

    def add(self, image: int, sample: Sample, predictions: Sequence[Prediction]) -> None:
        """Add a photo's predictions, the most probable first."""
        labels = [prediction.label for prediction in predictions]
        if not len(self._tally) and not self._unfit and not {*self._names} <= {*labels}:
            own = [p.label for p in sorted(predictions, key=lambda p: p.index)]
            self._unfit = (
                f"accuracy is left out: the model's {len(own)} classes ({_few(own)}) are not the data set's "
                f"{len(self._names)} ({_few(self._names)})"
            )
        if not self._unfit:
            rank = labels.index(self._names[sample.main])
            self._tally.add(image, np.array([rank == 0, rank < TOP]))

    @property
    def notes(self) -> list[str]:
        """Why there is no accuracy."""
        return [self._unfit] if self._unfit else []

    def report(self) -> Report | None:
        """Return accuracy and top-5 accuracy, or None where the model has other classes."""
        if not len(self._tally):
            return None
        first, top = told(self._tally.estimate())
        return {"count": len(self._tally), "accuracy": first, "top5_accuracy": top}


@dataclass
class LayerScores:
    """How the maps of one layer score: a tally of (2, 1 + heads), pointing and mass, of their mean and of each.

    `query` is whose maps they are; empty where that goes without saying.
    """

    name: str
    query: str
    tally: Tally = field(default_factory=Tally)

    def report(self, layer: int) -> Report:
        """Return the scores of the mean of heads, of every head, and which head points best."""
        estimate = self.tally.estimate()
        best = int(estimate.mean[0, 1:].argmax())
        found: Report = {"layer": layer, "name": self.name}
        found |= {"query": self.query} if self.query else {}
        found["best_head"] = best
        for i, measure in enumerate(("pointing", "mass")):
            of_mean, *of_heads = told(Estimate(estimate.mean[i], estimate.error[i], estimate.count))
            found[measure] = {"mean_of_heads": of_mean, "heads": of_heads}
        return found


class Layers:
    """The scores of every layer."""

    def __init__(self) -> None:
        self._scores: dict[int, LayerScores] = {}

    def __len__(self) -> int:
        return len(self._scores)

    def add(
        self, layer: int, about: tuple[str, str], image: int, maps: NDArray[Any], at: Targets, number: int
    ) -> None:
        """Add the maps (heads, rows, cols) of a layer, measured against an object; `about` is its name and query."""
        scores = self._scores.setdefault(layer, LayerScores(*about))
        scores.tally.add(image, at.score(with_mean(maps), number))

    def report(self) -> list[Report]:
        """Return a report per layer, in order."""
        return [scores.report(layer) for layer, scores in sorted(self._scores.items())]

    def gain(self, other: "Layers") -> list[Report]:
        """Return per layer how far the mean of heads points better here than in `other`, thing by thing."""
        found = []
        for layer, scores in sorted(self._scores.items()):
            estimate = scores.tally.minus(other._scores[layer].tally).estimate()
            found += told(Estimate(estimate.mean[0, 0], estimate.error[0, 0], estimate.count))
        return found


class MainObjectScores:
    """Where a model looks, layer by layer and by rollout, against the mask of the main object.

    It is the class token's attention, or where a layer has none that of the average patch.
    """

    def __init__(self) -> None:
        self._layers, self._rollout, self._chance = Layers(), Tally(), Tally()
        self.notes: list[str] = []
        """What could not be measured."""

    def add(self, image: int, sample: Sample, attention: Attention) -> None:
        """Add a photo's attention.

        Raises
        ------
        GeometryError
            If no layer can be laid on the photo.
        """
        seen: dict[PatchGrid, Targets] = {}

        def at(grid: PatchGrid) -> Targets:
            if grid not in seen:
                seen[grid] = see(sample.masks[:1], grid)
            return seen[grid]

        for number, layer in enumerate(attention.layers):
            if layer.keys.grid is None:
                self._note(f"layer {number} is left out: {layer.note or 'its keys lie nowhere on the photo'}")
                continue
            about = layer.name, query_name(layer.queries, None)
            self._layers.add(number, about, image, all_heads(attention, number, None), at(layer.keys.grid), 0)
        if not seen:
            raise GeometryError("attention cannot be measured: no layer of the model lies on the photo")
        self._chance.add(image, next(iter(seen.values())).chance[0])
        try:
            flow = rollout(attention)
        except UsageError as error:
            self._note(f"no rollout: {error}")
        else:
            self._rollout.add(image, at(flow.grid).score(flow.values, 0))

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def report(self) -> Report:
        """Return the scores of every layer and of rollout, and chance."""
        layers = self._layers.report()
        found: Report = {"count": len(self._chance), "chance": told(self._chance.estimate())[0]}
        found |= {"queries": list(dict.fromkeys(layer["query"] for layer in layers)), "layers": layers}
        scores = told(self._rollout.estimate()) if len(self._rollout) else None
        return found | {"rollout": scores and dict(zip(("pointing", "mass"), scores, strict=True))}


class NounScores:
    """Where the decoder looked when it wrote the noun of an object, against the mask of that object.

    Beside them stand the maps one token late, those of the step that read the noun: the mistake of showing a map on
    the token that its query read.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names, self._chance = tuple(class_names), Tally()
        self._right, self._late = Layers(), Layers()
        self._cut_off, self._images = 0, 0

    def add(self, image: int, sample: Sample, caption: Caption) -> None:
        """Add a caption that the model wrote itself; what is not in the photo, or no object, is passed over."""
        self._images += 1
        kinds = list(dict.fromkeys(sample.classes))
        names = [self._names[kind] for kind in kinds]
        # Of several objects of one class nobody knows which is meant: any of them is right.
        masks = np.stack([sample.masks[np.equal(sample.classes, kind)].any(axis=0) for kind in kinds])
        words, seen = caption.words, dict[PatchGrid, Targets]()
        for first, after, name in find_mentions([word.text for word in words], names):
            steps = [step for word in words[first:after] for step in word.steps]
            following = steps[-1].index + 1
            if following >= len(caption.steps):
                self._cut_off += 1
                continue
            self._add_noun(image, [*steps, caption.steps[following]], masks, names.index(name), seen)

    def _add_noun(
        self,
        image: int,
        steps: Sequence[TokenStep],
        masks: NDArray[np.bool_],
        number: int,
        seen: dict[PatchGrid, Targets],
    ) -> None:
        """Add a noun by the steps that wrote its pieces and the one after them."""
        for layer, about in enumerate(steps[0].cross.layers):
            grid = about.keys.grid
            if grid is None:
                raise GeometryError(
                    f"attention of {about.name} cannot be measured: it lies nowhere on the photo"
                )
            if grid not in seen:
                seen[grid] = see(masks, grid)
            maps = np.stack([all_heads(step.cross, layer, None) for step in steps])
            for layers, shown in ((self._right, maps[:-1]), (self._late, maps[1:])):
                layers.add(layer, (about.name, ""), image, shown.mean(axis=0), seen[grid], number)
            if layer == 0:
                self._chance.add(image, seen[grid].chance[number])

    def report(self) -> Report:
        """Return the scores of every layer, of the maps one token late, and chance; None of each without nouns."""
        count = len(self._chance)
        found: Report = {"count": count, "captions": self._images, "cut_off": self._cut_off}
        found["chance"] = told(self._chance.estimate())[0] if count else None
        return found | {
            "layers": self._right.report(),
            "one_token_late": self._late.report(),
            "pointing_gain": self._right.gain(self._late),
        }


class CaptionScores:
    """How often a caption is exactly the data set's, and how sure the model is of its own."""

    def __init__(self) -> None:
        self._exact, self._log_prob, self._steps = Tally(), 0.0, 0
        self.written: list[str] = []
        """What the model wrote."""
        self.wanted: list[str] = []
        """What the data set says."""

    def add(self, image: int, sample: Sample, caption: Caption) -> None:
        """Add a caption that the model wrote itself."""
        written, wanted = " ".join(caption.text.split()), " ".join(sample.caption.split())
        self._exact.add(image, written == wanted)
        self._log_prob, self._steps = self._log_prob + caption.log_prob, self._steps + len(caption.steps)
        self.written.append(written)
        self.wanted.append(wanted)

    def report(self) -> Report:
        """Return the share of captions that are exactly right, and the mean log-probability of a token in nats."""
        return {
            "count": len(self._exact),
            "exact": told(self._exact.estimate())[0],
            "tokens": self._steps,
            "log_prob_per_token": round(self._log_prob / max(1, self._steps), DECIMALS),
        }

"""The recipe ``catr``: the network, its data, its metrics and its reports."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate.utils import gather_object
from torch import Tensor, nn

from vizstudio.api import Datasets, Items, Report, Task, UsageError, showing_progress, train
from vizstudio_catr.checkpoint import CONFIG, VOCABULARY
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary
from vizstudio_train_catr.build import build_network, read_start, sizes_of
from vizstudio_train_catr.config import CatrTraining
from vizstudio_train_catr.data import (
    CaptionItems,
    Changes,
    Data,
    DatasetSource,
    Pair,
    choose_vocabulary,
    open_data,
)
from vizstudio_train_catr.learning import LearningNetwork
from vizstudio_train_catr.metrics import is_exact, text_scores
from vizstudio_train_catr.report import write_report
from vizstudio_train_catr.snapshot import Probes
from vizstudio_train_catr.writing import Written, write_captions

STEM_NORM = "backbone.0.body.bn1."


def run(config: CatrTraining, datasets: Datasets, resume: bool) -> bool:
    """Train as the options say; the entry point that the plugin registers.

    Returns
    -------
    bool
        False if the user stopped it; see `vizstudio.api.train`.
    """
    return train(config, make_task(config, datasets), resume)


def make_task(config: CatrTraining, datasets: Datasets) -> "Captioning":
    """Open the data and build the model.

    Raises
    ------
    VizstudioError
        With one sentence on what is wrong with the data, the vocabulary, the model or its weights.
    """
    start = read_start(config)
    with showing_progress() as report:
        # the side is needed to make images, and the vocabulary's size comes from their captions
        side = sizes_of(config, start, 1).image_size
        data = open_data(config, side, datasets, report)
        vocabulary = start.vocabulary if start else choose_vocabulary(config, data)
        _check_vocabulary(config, vocabulary, data)
        network = build_network(config, sizes_of(config, start, len(vocabulary)), start)
        task = Captioning(config, network, vocabulary, data)
        task.check_captions(report)
    return task


def _check_vocabulary(config: CatrTraining, vocabulary: Vocabulary, data: Data) -> None:
    """Refuse a vocabulary that is not the checkpoint's."""
    if config.checkpoint is None or config.vocabulary is None:
        return
    if choose_vocabulary(config, data).tokens != vocabulary.tokens:
        raise UsageError(
            f"{config.checkpoint.name} has a vocabulary of its own, other than {config.vocabulary}: leave --vocabulary "
            "out, or start without that checkpoint"
        )


class Captioning(Task):
    """A network and the captions it learns; see `vizstudio.api.Task`."""

    model: LearningNetwork
    notes: list[str]

    def __init__(
        self, config: CatrTraining, network: LearningNetwork, vocabulary: Vocabulary, data: Data
    ) -> None:
        self.config, self.data, self.vocabulary = config, data, vocabulary
        self.model, self.width = network, network.config.width
        self.notes = [*data.notes]
        if config.flip or config.quarter_turns:
            self.notes.append(
                "images are mirrored or turned: captions that say left, right or above become untrue"
            )
        self.goal = "exact" if data.one_each else "cider"
        self.fresh = isinstance(data.train, DatasetSource)
        self.train, self.val = self._items(0), self._items(1)
        self._probes = Probes(config.probes, data, vocabulary)
        self._forget()

    def _items(self, which: int) -> Items:
        sizes, config = self.model.config, self.config
        changes = Changes(config.flip, config.quarter_turns, config.jitter)
        source = (self.data.train, self.data.val)[which]
        count = self.data.counts[which]
        return CaptionItems(source, count, self.vocabulary, sizes.image_size, sizes.max_positions, changes)

    def check_captions(self, report: Report) -> None:
        """Spell every caption in files once: note words that the vocabulary lacks, and raise for one too long."""
        for items, what in ((self.train, "to learn from"), (self.val, "to evaluate on")):
            assert isinstance(items, CaptionItems)
            if isinstance(items.source, DatasetSource):
                continue
            unknown = 0
            for index in range(len(items)):
                unknown += self.vocabulary.unknown in items.numbers(index)
                report((index + 1) / len(items), f"checking {len(items)} captions {what}")
            if unknown:
                self.notes.append(
                    f"{unknown} of {len(items)} captions {what} have words that the vocabulary lacks: they are [UNK]"
                )

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return groups of what is trained: the backbone with its own rate, and what weight decay spares."""
        scale, decay = self.config.backbone_lr_scale, self.config.weight_decay
        groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
        learnt = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        # the stem's norm comes last: in the first runs it was frozen, and what optimisers remember goes by place
        for name, parameter in sorted(learnt, key=lambda one: one[0].startswith(STEM_NORM)):
            spared = (parameter.ndim < 2 or "position_embeddings" in name) and not self.config.decay_all
            key = name.startswith("backbone."), spared, name.startswith(STEM_NORM)
            groups.setdefault(key, []).append(parameter)
        return [
            {
                "params": group,
                "lr_scale": scale if backbone else 1.0,
                "weight_decay": 0.0 if spared else decay,
            }
            for (backbone, spared, _), group in groups.items()
        ]

    def losses(self, model: nn.Module, batch: Pair) -> Tensor:
        """Return the cross-entropy of each caption, summed over the tokens that count."""
        losses, targets, _ = self._read(model, batch)
        counted = torch.ones_like(targets) if self.config.count_pad else targets != self.vocabulary.pad
        return (losses * counted).sum(1)

    def sizes(self, batch: Pair) -> Tensor:
        """Return how many tokens of each caption count."""
        targets = batch.tokens[:, 1:]
        if self.config.count_pad:
            return torch.full((len(targets),), float(targets.shape[1]))
        return (targets != self.vocabulary.pad).sum(1).float()

    def _read(self, model: nn.Module, batch: Pair) -> tuple[Tensor, Tensor, Tensor]:
        """Return (loss, target, whether the most probable token is it) of every place, (captions, places) each."""
        tokens = batch.tokens
        if not self.config.count_pad:  # nothing after the longest caption counts
            tokens = tokens[:, : int((tokens != self.vocabulary.pad).sum(1).max())]
        targets = tokens[:, 1:]
        scores = model(batch.pixels, padding_of(batch), tokens[:, :-1]).float()
        losses = F.cross_entropy(
            scores.transpose(1, 2), targets, reduction="none", label_smoothing=self.config.label_smoothing
        )
        return losses, targets, scores.argmax(-1) == targets

    def evaluate(self, model: nn.Module, batch: Pair) -> None:
        """Take a batch into loss and token accuracy, and write a caption for every image that is there first."""
        losses, targets, right = self._read(model, batch)
        real = targets != self.vocabulary.pad
        told = torch.stack([(losses * real).sum(), (right & real).sum(), real.sum()])
        self._sums += told.double().cpu()
        first = [i for i, references in enumerate(batch.references) if references]
        if first:
            for i, written in zip(first, self.write(model, batch, first), strict=True):
                self._written.append((written, batch.references[i].split("\n")))

    def write(self, model: nn.Module, batch: Pair, which: Sequence[int]) -> list[Written]:
        """Write the captions of some images of a batch."""
        assert isinstance(model, CaptionNetwork)
        rows = torch.tensor(which, device=batch.pixels.device)
        real = padding_of(batch)
        return write_captions(
            model, batch.pixels[rows], None if real is None else real[rows], self.vocabulary
        )

    def text(self, written: Written) -> str:
        """Return a caption's words."""
        return self.vocabulary.text(written.tokens)

    def is_right(self, written: Written, references: Sequence[str]) -> bool:
        """Return whether a caption was ended and has the words of a reference."""
        ended = written.tokens[-1] == self.vocabulary.end
        return (
            ended
            and self.vocabulary.unknown not in written.tokens
            and is_exact(self.text(written), references)
        )

    def _forget(self) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64)
        self._written: list[tuple[Written, list[str]]] = []

    def results(self) -> dict[str, float]:
        """Return loss and accuracy over the tokens, and scores of the captions, of all that was evaluated on."""
        loss, right, count = sum(gather_object([self._sums])).tolist()
        written = gather_object(self._written)
        self._forget()
        return {"val_loss": loss / count, "token_accuracy": right / count, **self.scores(written)}

    def scores(self, written: Sequence[tuple[Written, Sequence[str]]]) -> dict[str, float]:
        """Return the share of captions that are exactly right, BLEU, ROUGE-L and CIDEr-D."""
        exact = np.mean([self.is_right(*one) for one in written])
        captions = [self.text(one) for one, _ in written]
        return {"exact": float(exact), **text_scores(captions, [references for _, references in written])}

    def metadata(self) -> dict[str, str]:
        """Return what the studio needs to show a checkpoint: its sizes and its vocabulary."""
        own = {CONFIG: self.model.config.to_json(), "model": "catr:own"}
        if self.vocabulary.tokens != Vocabulary.shipped().tokens:
            own[VOCABULARY] = json.dumps(self.vocabulary.tokens)
        return own

    def fingerprint(self) -> str:
        """Return a digest of all images and captions."""
        return self.data.fingerprint

    def snapshot(self, model: nn.Module) -> dict[str, np.ndarray]:
        """Return captions and attention of the probes."""
        return self._probes.look(model)

    def report(self, model: nn.Module, out: Path) -> Sequence[Path]:
        """Write the captions, those that are wrong as a picture, and the scores."""
        return write_report(self, model, out)


def padding_of(batch: Pair) -> Tensor | None:
    """Return a batch's mask (images, height, width), false on padding; None without padding."""
    return None if bool(batch.real.all()) else batch.real

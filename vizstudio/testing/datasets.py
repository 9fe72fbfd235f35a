"""What every data set promises; see `vizstudio.api.DatasetEntry` and `vizstudio.api.Dataset`."""

import pickle
from functools import cached_property

import numpy as np

from vizstudio.core.dataset import Dataset, Sample
from vizstudio.core.errors import UsageError
from vizstudio.datasets import Datasets
from vizstudio.testing.contract import Subject, contract, demand

SIZE, COUNT = 64, 6


class DatasetSubject(Subject):
    """A data set by its id; `options` may set ``size``."""

    def open(
        self, count: int = COUNT, seed: int = 3, split: str = "train", size: int | None = None
    ) -> Dataset:
        """Open it."""
        side = self.options.get("size", SIZE) if size is None else size
        return Datasets(self.host.datasets).open(self.name, side, count, seed, split)

    @cached_property
    def samples(self) -> list[Sample]:
        """Those of the split ``train``."""
        data = self.open()
        return [data[i] for i in range(len(data))]


def _same(one: Sample, two: Sample) -> bool:
    arrays = np.array_equal(one.image, two.image) and np.array_equal(one.masks, two.masks)
    return arrays and one.classes == two.classes and one.caption == two.caption


@contract(
    "a sample is a square image of the size asked for, with objects of known classes that do not overlap, and a "
    "caption in lower case.",
    "vizstudio.api.Sample, vizstudio.api.Dataset",
)
def samples(subject: DatasetSubject) -> None:
    """Look at every sample."""
    data, side = subject.open(), subject.options.get("size", SIZE)
    demand(len(data) == COUNT, f"{COUNT} samples were asked for and there are {len(data)}")
    names = data.class_names
    demand(names and len(set(names)) == len(names), "class_names are not there, or one comes twice")
    for number, sample in enumerate(subject.samples):
        demand(isinstance(sample, Sample), f"sample {number} is no vizstudio.api.Sample")
        demand(sample.image.shape == (side, side, 3), f"the image of sample {number} is {sample.image.shape}")
        known = all(0 <= kind < len(names) for kind in sample.classes)
        demand(
            known, f"a class of sample {number} is not among the {len(names)} class_names: {sample.classes}"
        )
        demand(sample.masks.sum(0).max() <= 1, f"two objects of sample {number} share a pixel")
        text = sample.caption
        demand(text.strip() and text == text.lower(), f"the caption of sample {number} is {text!r}")


@contract("a sample is the same in any order and after pickling.", "vizstudio.api.Dataset")
def same_sample_again(subject: DatasetSubject) -> None:
    """Read backwards, from a copy, and from a larger one."""
    copy: Dataset = pickle.loads(pickle.dumps(subject.open()))
    for number in reversed(range(COUNT)):
        demand(_same(copy[number], subject.samples[number]), f"sample {number} differs when it is read again")


@contract("seeds and splits have samples of their own.", "vizstudio.api.DatasetEntry")
def other_seed_other_samples(subject: DatasetSubject) -> None:
    """Compare with another seed and with the other split."""
    for what, other in (("seed", subject.open(seed=4)), ("split", subject.open(split="val"))):
        same = all(_same(other[i], subject.samples[i]) for i in range(min(len(other), COUNT)))
        demand(not same, f"another {what} gives the same samples")


@contract(
    "an index beyond the last raises IndexError, and what cannot be made UsageError.",
    "vizstudio.api.DatasetEntry",
)
def dataset_errors(subject: DatasetSubject) -> None:
    """Ask for what is not there."""
    try:
        subject.open()[COUNT]
    except IndexError:
        pass
    else:
        demand(False, f"sample {COUNT} of {COUNT} raises nothing")
    for what, asked in (("the split 'nonsense'", {"split": "nonsense"}), ("a size of 0", {"size": 0})):
        try:
            subject.open(**asked)
        except UsageError as error:
            demand("\n" not in str(error), f"the message for {what} is no sentence")
        else:
            demand(False, f"{what} raises nothing")


DATASET_CONTRACTS = (samples, same_sample_again, other_seed_other_samples, dataset_errors)

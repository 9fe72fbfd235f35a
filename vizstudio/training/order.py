"""Which images a step sees: a function of the seed, so that a run can go on anywhere, on any number of processes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Draw:
    """One image of one step.

    Parameters
    ----------
    index : int
        Which image.
    key : tuple of int
        Seeds the image's random changes: (seed, epoch, place in the epoch). It depends neither on the process
        nor on the worker that reads the image.
    counts : bool
        False for one that only fills the part of a process that would have none.
    """

    index: int
    key: tuple[int, int, int]
    counts: bool = True


def epoch_order(count: int, seed: int, epoch: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the images of an epoch in their order, (count,) int64.

    Each comes once; with `weights` (count,) they are drawn with replacement, in proportion to them.
    """
    rng = np.random.default_rng([seed, epoch])
    if weights is None:
        return rng.permutation(count)
    return rng.choice(count, count, p=weights / weights.sum())


def class_weights(labels: np.ndarray) -> np.ndarray:
    """Return weights (count,) with which every class is drawn equally often.

    Parameters
    ----------
    labels : (count,) int array
        The class of each item.
    """
    return 1.0 / np.bincount(labels)[labels]


def share(batch: list[Draw], part: int, parts: int) -> list[Draw]:
    """Return one of `parts` nearly equal parts of a batch; one that would be empty gets an image that counts not."""
    edges = [len(batch) * i // parts for i in (part, part + 1)]
    mine = batch[edges[0] : edges[1]]
    return mine or [Draw(batch[0].index, batch[0].key, counts=False)]


@dataclass(frozen=True, eq=False)
class Plan:
    """Which images every step of a run sees.

    Parameters
    ----------
    count, seed, epochs : int
        How many images there are, what seeds their order, how often it is gone through all.
    batch_size : int
        Images per step over all processes; the last step of an epoch may have fewer.
    weights : (count,) float array or None
        See `epoch_order`.
    fresh : bool
        Whether an epoch has items of its own, with indices from ``epoch * count`` on.
    """

    count: int
    seed: int
    epochs: int
    batch_size: int
    weights: np.ndarray | None = None
    fresh: bool = False
    _orders: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch."""
        return -(-self.count // self.batch_size)

    @property
    def total_steps(self) -> int:
        """The number of steps of the run."""
        return self.epochs * self.steps_per_epoch

    def batch(self, step: int) -> list[Draw]:
        """Return all images of a step of the run, counted from 0."""
        epoch, step_of_epoch = divmod(step, self.steps_per_epoch)
        if epoch not in self._orders:
            self._orders.clear()
            self._orders[epoch] = epoch_order(self.count, self.seed, epoch, self.weights)
        start = step_of_epoch * self.batch_size
        chosen = self._orders[epoch][start : start + self.batch_size]
        first = epoch * self.count if self.fresh else 0
        return [Draw(first + int(index), (self.seed, epoch, start + i)) for i, index in enumerate(chosen)]


class Parts(Sampler[list[Draw]]):
    """What one process computes, part by part: `accumulate` parts for each step from `first` on."""

    def __init__(self, plan: Plan, first: int, process: int, processes: int, accumulate: int) -> None:
        self._plan, self._first = plan, first
        self._process, self._processes, self._accumulate = process, processes, accumulate

    def __len__(self) -> int:
        return (self._plan.total_steps - self._first) * self._accumulate

    def __iter__(self) -> Iterator[list[Draw]]:
        for step in range(self._first, self._plan.total_steps):
            batch = self._plan.batch(step)
            for i in range(self._accumulate):
                part = self._process * self._accumulate + i
                yield share(batch, part, self._processes * self._accumulate)

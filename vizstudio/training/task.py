"""What a recipe hands to the loop that all recipes share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn


class Items(Protocol):
    """Things to learn from, read one by one in any order and process; must be picklable."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def get(self, index: int, rng: np.random.Generator | None) -> Any:
        """Return one as tensors and numbers that torch can put together to a batch.

        Random changes are drawn from `rng`; without it there are none. What cannot be read raises a
        `vizstudio.api.VizstudioError`.
        """
        ...

    def name(self, index: int) -> str:
        """Return what people call it, such as its file."""
        ...


class Task(ABC):
    """A model, what it learns from, and how; a recipe makes one and calls `vizstudio.api.train`.

    Attributes
    ----------
    model : nn.Module
        On the CPU; the loop moves it.
    train, val : Items
        Learnt from, and evaluated on.
    weights : (len(train),) float array or None
        How often each is drawn; None for once an epoch.
    fresh : bool
        Whether every epoch learns from items of its own: the n-th from those with indices from
        ``n * len(train)`` on, n from 0.
    width : int
        The model's, for the schedule ``noam``.
    goal : str
        The key of `results` that says which epoch was best; more is better.
    notes : sequence of str
        What the user should know of the data and the first weights.
    """

    model: nn.Module
    train: Items
    val: Items
    weights: np.ndarray | None = None
    fresh: bool = False
    width: int
    goal: str
    notes: Sequence[str] = ()

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return groups for AdamW; ``lr_scale`` in one multiplies the learning rate."""

    @abstractmethod
    def losses(self, model: nn.Module, batch: Any) -> Tensor:
        """Return the loss of each item of a batch, (items,): their sum over a step is divided by its `sizes`."""

    def sizes(self, batch: Any) -> Tensor | None:
        """Return what each item counts in the mean of a step, (items,) float32; None for 1 each.

        Such as its number of tokens, where `losses` are sums over tokens: the mean is then over all tokens of the
        step, however it is divided into parts and processes.
        """
        return None

    @abstractmethod
    def evaluate(self, model: nn.Module, batch: Any) -> None:
        """Take a batch of `val` into the metrics."""

    @abstractmethod
    def results(self) -> dict[str, float]:
        """Return the metrics over what all processes evaluated, and forget it."""

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """Return the texts to store in checkpoints."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a text that changes if the data do; a run goes on with the same data only."""

    def use_device(self, device: str) -> None:  # noqa: B027
        """Move metrics to where the model is."""

    def snapshot(self, model: nn.Module) -> dict[str, np.ndarray]:
        """Return small arrays that show what the model does now; nothing by default.

        Those of `vizstudio.api.pack_probe` are what the window's timeline shows.
        """
        return {}

    def report(self, model: nn.Module, out: Path) -> Sequence[Path]:
        """Write pictures of the best model into the run's folder; return their paths."""
        return []

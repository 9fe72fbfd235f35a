"""Reads the images of steps, in workers."""

import signal
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from vizstudio.core.errors import VizstudioError
from vizstudio.training.order import Draw
from vizstudio.training.task import Items


class _Drawn(Dataset[Any]):
    """Items by their draws; an error is handed over, as a worker would bury it in a traceback."""

    def __init__(self, items: Items, changed: bool) -> None:
        self._items, self._changed = items, changed

    def __getitem__(self, draw: Draw) -> Any:
        rng = np.random.default_rng(draw.key) if self._changed else None
        try:
            return self._items.get(draw.index, rng), draw
        except VizstudioError as error:
            return error


def _collate(found: Sequence[Any]) -> Any:
    for one in found:
        if isinstance(one, VizstudioError):
            return one
    items, draws = zip(*found, strict=True)
    return default_collate(list(items)), list(draws)


def _ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C, which reaches workers too, to the process that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def make_loader(
    items: Items, parts: Iterable[list[Draw]], changed: bool, workers: int, pin: bool
) -> "DataLoader[Any]":
    """Return a loader of (batch, draws); with `changed` items get a random generator of their draw's own."""
    return DataLoader(
        _Drawn(items, changed),
        batch_sampler=parts,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pin,
        worker_init_fn=_ignore_interrupts,
        # its only use is to seed workers, which draw nothing: the global one must not be disturbed
        generator=torch.Generator(),
    )


def unpack(loaded: Any) -> tuple[Any, list[Draw]]:
    """Return (batch, draws) of what a loader gave; raises what reading an item raised."""
    if isinstance(loaded, VizstudioError):
        raise loaded
    batch, draws = loaded
    return batch, draws


def evaluation_parts(count: int, size: int, process: int, processes: int) -> list[list[Draw]]:
    """Return this process's share of `count` items, each item in exactly one process."""
    mine = range(process, count, processes)
    return [
        [Draw(index, (0, 0, index)) for index in mine[start : start + size]]
        for start in range(0, len(mine), size)
    ]

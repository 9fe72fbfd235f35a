"""A captioner on devices that hold what a test lets them hold; it counts what is tried."""

import gc
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from fake_captioner import FakeCaptioner

from vizstudio.api import (
    Analysis,
    CaptionRequest,
    ImageSource,
    ModelInfo,
    ModelRequest,
    PrecisionError,
    RunContext,
)

FULL = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8 GiB"


@dataclass
class Machine:
    """What its memory is too small for: places such as ``"float32 on cuda"``, by what is done there."""

    load: set[str] = field(default_factory=set)
    analyze: set[str] = field(default_factory=set)
    go_on: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    overflow: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)
    tried: list[str] = field(default_factory=list)
    alive: "weakref.WeakSet[Short]" = field(default_factory=weakref.WeakSet)
    most_alive: int = 0


machine = Machine()


def load(name: str, request: ModelRequest, context: RunContext) -> "Short":
    place = f"{request.precision} on {context.device}"
    gc.collect()
    machine.most_alive = max(machine.most_alive, len(machine.alive))
    machine.tried.append(f"load {place}")
    if place in machine.refused:
        raise PrecisionError(f"short:{name} has no weights in {request.precision}: choose another precision")
    made = Short(name, request, context)
    machine.alive.add(made)
    if place in machine.load:
        try:
            raise torch.OutOfMemoryError(FULL)
        except torch.OutOfMemoryError as error:  # as libraries that load do
            raise RuntimeError("the weights could not be loaded") from error
    return made


class Short(FakeCaptioner):
    """Fails where the machine has no room."""

    def __init__(self, name: str, request: ModelRequest, context: RunContext) -> None:
        self.place = f"{request.precision} on {context.device}"
        self.info = ModelInfo(
            f"short:{name}", "untrained", "none", (299, 299), 1000, context.device, request.precision
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        machine.tried.append(f"analyze {self.place}")
        assert context.device == self.info.device
        if self.place in machine.lacking:
            raise RuntimeError("\"softmax_lastdim_kernel_impl\" not implemented for 'Half'")
        if self.place in machine.analyze:
            raise torch.OutOfMemoryError(FULL)
        seen = super().analyze(image, context)
        if self.place in machine.overflow:
            return replace(seen, token_norms=np.array([[1.0, np.inf]], np.float32))
        return seen

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        written = super().caption(image, request, context)
        before = written.continued
        assert before is not None

        def continued(tokens: Sequence[int], context: RunContext | None = None) -> Analysis:
            if self.place in machine.go_on:
                raise torch.OutOfMemoryError(FULL)
            return before(tokens, context)

        return replace(written, continued=continued)

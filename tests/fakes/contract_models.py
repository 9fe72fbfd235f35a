"""Models that keep every contract but the one that their name says; ``healthy`` keeps all."""

import pickle
from typing import Any

import numpy as np
import torch
from contract_parts import Given, PlainAttention, caption_of
from safetensors.torch import load_file
from torch import nn
from torch.overrides import TorchFunctionMode

from vizstudio.api import (
    Analysis,
    AttentionTrace,
    Cancelled,
    CaptionRequest,
    CheckpointError,
    ImageFit,
    ImageSource,
    ModelError,
    ModelInfo,
    ModelRequest,
    PatchGrid,
    Prediction,
    RunContext,
    observe,
)

NAMES = (
    "healthy",
    "info",
    "shapes",
    "predictions",
    "rows-sum-to-one",
    "weights-explain-output",
    "unchecked",
    "cancel",
    "cancel-swallowed",
    "leaves-nothing-behind",
    "leaves-a-mode",
    "second-run-equals-the-first",
    "errors",
    "errors-code",
    "precision",
    "geometry",
    "caption-steps",
    "caption-goes-on",
    "caption-cancel",
)
WIDTH, HEIGHT, PATCH = 32, 16, 8


class Block(nn.Module):
    """A transformer's block."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.mlp = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).reshape(1, -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(3 * q, k, v)
        x = x + seen.transpose(1, 2).reshape(1, -1, 16)
        return x + self.mlp(x).tanh()


class Network(nn.Module):
    """A vision transformer with five blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 16, PATCH, PATCH)
        self.cls = nn.Parameter(torch.zeros(1, 1, 16))
        self.blocks = nn.ModuleList(Block() for _ in range(5))
        self.head = nn.Linear(16, 3)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.cls, self.embed(pixels).flatten(2).transpose(1, 2)], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])


def load(name: str, request: ModelRequest, context: RunContext) -> "FakeModel":
    if name not in NAMES:
        raise ModelError(f"no fake model {name!r}: choose from {', '.join(NAMES)}")
    if request.input_size not in (None, (WIDTH, HEIGHT)):
        raise ModelError(f"the fake models take {WIDTH}×{HEIGHT} pixels only")
    torch.manual_seed(0)
    network = Network().eval()
    if request.checkpoint is not None:
        _fill(network, name, request)
    return FakeModel(name, network, request, context.device)


def _fill(network: Network, name: str, request: ModelRequest) -> None:
    assert request.checkpoint is not None
    try:
        if name == "errors-code" and request.checkpoint.suffix == ".pth":
            pickle.loads(request.checkpoint.read_bytes())
            raise CheckpointError("this file holds no weights of a fake model")
        network.load_state_dict(load_file(request.checkpoint), strict=name != "errors")
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{request.checkpoint.name} holds no weights of a fake model") from error


class Lingering(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Bent:
    """Attention as it was seen, with a fault."""

    def __init__(self, trace: AttentionTrace, fault: str, layers: Any) -> None:
        self._trace, self._fault, self.layers = trace, fault, layers

    def weights(self, layer: int, heads: Any = None, queries: Any = None) -> np.ndarray:
        if self._fault == "shapes":
            heads = None
        if self._fault == "weights-explain-output":
            heads = [1 - head for head in (heads or range(2))] if heads is not None else [1, 0]
        found = self._trace.weights(layer, heads, queries)
        return found * np.float32(1.005) if self._fault == "rows-sum-to-one" else found

    heatmap = PlainAttention.heatmap


class FakeModel:
    """A model with a fault."""

    def __init__(self, fault: str, network: Network, request: ModelRequest, device: str) -> None:
        self._fault, self._network, self._runs = fault, network, 0
        self.info = ModelInfo(
            model_id=f"contract:{fault}",
            weights="checkpoint" if request.checkpoint else "untrained",
            weights_hash="" if fault == "info" else "seed 0",
            input_size=(WIDTH, HEIGHT),
            num_parameters=sum(p.numel() for p in network.parameters()),
            device=device,
            precision=request.precision if fault == "precision" else "float32",
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        self._runs += 1
        pixels = image.pil().resize((WIDTH, HEIGHT))
        tensor = torch.from_numpy(np.asarray(pixels, np.float32) / 255).permute(2, 0, 1)[None]

        def on_module(name: str, share: float) -> None:
            if self._fault == "cancel":
                return
            try:
                context.check()
            except Cancelled:
                if self._fault != "cancel-swallowed":
                    raise

        seen = observe(self._network, tensor, None, on_module)
        return self._analysis(image, seen)

    def _analysis(self, image: ImageSource, seen: Any) -> Analysis:
        fault, size = self._fault, image.size
        self._leave_behind()
        fit = ImageFit.resized(size[::-1] if fault == "geometry" else size, (WIDTH, HEIGHT), (WIDTH, HEIGHT))
        layers = tuple(seen.layout.layer(i, call, fit) for i, call in enumerate(seen.calls))
        if fault == "unchecked":
            layers = tuple(type(a)(a.name, a.kind, a.heads, a.queries, a.keys, None) for a in layers)
        logits = seen.output[0].numpy() + (self._runs if fault == "second-run-equals-the-first" else 0)
        exps = np.exp(logits - logits.max())
        order = np.argsort(-exps)[:: -1 if fault == "predictions" else 1]
        chances = exps / exps.sum()
        return Analysis(
            model_id=self.info.model_id,
            grid=PatchGrid(HEIGHT // PATCH, WIDTH // PATCH, (float(PATCH), float(PATCH)), fit),
            attention=Bent(AttentionTrace(layers, seen.calls), fault, layers),
            predictions=tuple(Prediction(f"class {i}", int(i), float(chances[i])) for i in order),
            logits=logits,
        )

    def _leave_behind(self) -> None:
        if self._fault == "leaves-nothing-behind":
            self._network.head.register_forward_hook(lambda *_: None)
        if self._fault == "leaves-a-mode":
            Lingering().__enter__()

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        return caption_of(self.analyze(image, context), Given((), request), self._fault, context)

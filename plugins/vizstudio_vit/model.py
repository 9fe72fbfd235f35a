"""A timm vision transformer that analyses images."""

import time
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

from vizstudio.api import (
    Analysis,
    AttentionCall,
    AttentionError,
    AttentionLayer,
    AttentionTrace,
    ImageFit,
    ImageSource,
    ModelError,
    ModelInfo,
    ModelLayout,
    ModelRequest,
    Observation,
    Precision,
    RunContext,
    describe_failure,
    observe,
    provenance,
    ranked,
)
from vizstudio_vit.build import Built, build
from vizstudio_vit.layout import patch_grid
from vizstudio_vit.positions import position_embedding

VERSIONS = {"torch": str(torch.__version__), "timm": timm.__version__}


def load(name: str, request: ModelRequest, context: RunContext) -> "ViT":
    """Load the timm model `name`; the entry point that the plugin registers."""
    context.report(0.0, f"building {name}")
    built = build(name, request, context)
    _require_patches(name, built)
    built.model.to(context.device, getattr(torch, request.precision))
    return ViT(f"vit:{name}", built, context.device, request.precision)


def _require_patches(name: str, built: Built) -> None:
    """Raise `ModelError` for an input that cannot be cut into whole patches as the model does it."""
    embed = getattr(built.model, "patch_embed", None)
    patch = getattr(embed, "patch_size", None)
    if not isinstance(patch, tuple) or len(patch) != 2 or getattr(embed, "dynamic_img_pad", False):
        return
    exact = not getattr(embed, "strict_img_size", True) and getattr(embed, "img_size", None) is not None
    sizes = zip(built.preprocessing.input_size, reversed(patch), strict=True)
    if any(side < of_patch or (exact and side % of_patch) for side, of_patch in sizes):
        shown, cut = ("×".join(map(str, size)) for size in (built.preprocessing.input_size, patch[::-1]))
        wanted = "a multiple of that" if exact else "at least that"
        raise ModelError(f"{name} cuts images into patches of {cut} pixels, and {shown} is not {wanted}")


class ViT:
    """A loaded timm model; see `vizstudio.api.Model`."""

    def __init__(self, model_id: str, built: Built, device: str, precision: Precision = "float32") -> None:
        self._built, self._model, self._type = built, built.model, getattr(torch, precision)
        self._layouts: dict[tuple[int, ...], ModelLayout] = {}
        self.info = ModelInfo(
            model_id=model_id,
            weights=built.weights,
            weights_hash=built.weights_hash,
            input_size=built.preprocessing.input_size,
            num_parameters=sum(p.numel() for p in built.model.parameters()),
            device=device,
            precision=precision,
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        """Run the model once on an image and keep what it computed; see `vizstudio.api.Model.analyze`."""
        start = time.perf_counter()
        pixels, fit = self._built.preprocessing(image)
        ready = time.perf_counter()
        seen = self._observe(pixels.to(self.info.device, self._type), context)
        logits = self._logits(seen.output)
        done = time.perf_counter()
        trace, notes = self._trace(seen, fit)
        grid = patch_grid(self._model, list(trace.layers), fit)
        position, position_note = position_embedding(self._model, grid)
        return Analysis(
            model_id=self.info.model_id,
            grid=grid,
            attention=trace,
            predictions=() if logits is None else ranked(logits, self._built.class_names),
            logits=logits,
            position_embedding=position,
            token_norms=self._norms(seen),
            timings={"preprocess": ready - start, "forward": done - ready},
            provenance=provenance(self.info, image, fit, **VERSIONS),
            notes=(*self._built.notes, *image.notes, *notes, *([position_note] if position_note else [])),
        )

    def _observe(self, pixels: Tensor, context: RunContext) -> Observation:
        def on_module(name: str, share: float) -> None:
            context.check()
            context.report(share, f"running {name or 'the model'}")

        known = self._layouts.get(tuple(pixels.shape))
        seen = observe(self._model, pixels, known, on_module, self._block_names())
        self._layouts[tuple(pixels.shape)] = seen.layout
        return seen

    def _logits(self, output: Any) -> np.ndarray | None:
        out = output[0] if isinstance(output, (tuple, list)) else output
        has_classes = getattr(self._model, "num_classes", 0) > 0 and out.ndim == 2
        return out[0].float().cpu().numpy() if has_classes else None

    def _block_names(self) -> list[str]:
        blocks = getattr(self._model, "blocks", None)
        return (
            [f"blocks.{i}" for i in range(len(blocks))]
            if isinstance(blocks, (nn.Sequential, nn.ModuleList))
            else []
        )

    def _trace(self, seen: Observation, fit: ImageFit) -> tuple[AttentionTrace, list[str]]:
        placed: list[tuple[AttentionLayer, AttentionCall]] = []
        left_out: list[str] = []
        for number, call in enumerate(seen.calls):
            try:
                placed.append((seen.layout.layer(number, call, fit), call))
            except AttentionError as error:
                left_out.append(str(error))
        if not placed:
            raise AttentionError(left_out[0] if left_out else describe_failure(self._model))
        notes = []
        if left_out:
            calls = "one attention call is" if len(left_out) == 1 else f"{len(left_out)} attention calls are"
            notes.append(f"{calls} left out: {left_out[0]}")
        notes += sorted({call.note for _, call in placed if call.note})
        layers, calls_kept = zip(*placed, strict=True)
        return AttentionTrace(layers, calls_kept), notes

    def _norms(self, seen: Observation) -> np.ndarray | None:
        """Return (layers, tokens) norms if every block gave out the same tokens, else None."""
        norms = [n.cpu().numpy() for n in seen.norms.values()]
        uniform = norms and all(n.ndim == 1 and n.shape == norms[0].shape for n in norms)
        return np.stack(norms).astype(np.float32) if uniform else None

"""An image encoder of transformers that analyses images."""

import re
import time
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from vizstudio.api import (
    Analysis,
    AttentionTrace,
    GeometryError,
    ImageFit,
    ImageSource,
    ModelError,
    ModelInfo,
    ModelLayout,
    ModelRequest,
    Observation,
    PatchGrid,
    PositionEmbedding,
    RunContext,
    observe,
    provenance,
    ranked,
    read_class_names,
)
from vizstudio_transformers.loading import Loaded

VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}
_LAYER = re.compile(r"(?:^|\.)layers?\.\d+$")


class Encoder:
    """A loaded ViT, DINOv2 or vision tower of CLIP; see `vizstudio.api.Model`.

    Parameters
    ----------
    loaded : Loaded
        What the folder holds.
    request : ModelRequest
        What the user asked for.
    tower : nn.Module, optional
        The part that sees the image; by default the whole model.
    """

    def __init__(self, loaded: Loaded, request: ModelRequest, tower: Any = None) -> None:
        self._loaded = loaded
        self._tower = loaded.model if tower is None else tower
        self._config = self._tower.config
        self._embeddings: Any = next(
            m for m in self._tower.modules() if hasattr(m, "interpolate_pos_encoding")
        )
        self._layers = [name for name, _ in self._tower.named_modules() if _LAYER.search(name)]
        self._layouts: dict[tuple[int, ...], ModelLayout] = {}
        if min(loaded.preparation.input_size) < self._config.patch_size:
            size, side = "×".join(map(str, loaded.preparation.input_size)), self._config.patch_size
            raise ModelError(
                f"an input of {size} pixels is smaller than one patch of {loaded.model_id}: {side}×{side}"
            )
        names = [str(label) for _, label in sorted(loaded.model.config.id2label.items())]
        path = request.class_names
        self._class_names = names if path is None else read_class_names(path, len(names))
        self.info = ModelInfo(
            model_id=loaded.model_id,
            weights="pretrained",
            weights_hash=loaded.weights_hash,
            input_size=loaded.preparation.input_size,
            num_parameters=sum(p.numel() for p in loaded.model.parameters()),
            device=loaded.device,
            precision=request.precision,
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        """Run the model once on an image and keep what it computed; see `vizstudio.api.Model.analyze`."""
        return self._encode(image, context)[0]

    def _encode(self, image: ImageSource, context: RunContext, share: float = 1.0) -> tuple[Analysis, Any]:
        """Return the analysis and what the tower gave out; `share` of all progress is this."""
        start = time.perf_counter()
        pixels, fit = self._loaded.preparation(image)
        ready = time.perf_counter()
        seen = self._observe(pixels.to(self.info.device, self._tower.dtype), context, share)
        done = time.perf_counter()
        layers = [seen.layout.layer(i, call, fit) for i, call in enumerate(seen.calls)]
        grid = self._grid(fit)
        if not layers or any(layer.keys.grid != grid for layer in layers):
            raise GeometryError(
                f"the patches of {image.name} could not be followed through {self.info.model_id}"
            )
        logits = getattr(seen.output, "logits", None)
        scores = None if logits is None else logits[0].float().cpu().numpy()
        analysis = Analysis(
            model_id=self.info.model_id,
            grid=grid,
            attention=AttentionTrace(layers, seen.calls),
            predictions=() if scores is None else ranked(scores, self._class_names),
            logits=scores,
            position_embedding=self._positions(grid),
            token_norms=self._norms(seen),
            timings={"preprocess": ready - start, "forward": done - ready},
            provenance=provenance(self.info, image, fit, **VERSIONS),
            notes=(*image.notes, *self._notes(fit, scores is None and self._tower is self._loaded.model)),
        )
        return analysis, seen.output

    def _observe(self, pixels: Tensor, context: RunContext, share: float) -> Observation:
        def on_module(name: str, done: float) -> None:
            context.check()
            context.report(done * share, f"running {name or 'the model'}")

        size = tuple(pixels.shape)
        # Those that always fit their positions to the input take no such argument.
        besides = {} if self._is_own_size((size[3], size[2])) else {"interpolate_pos_encoding": True}
        if "dinov2" in self._config.model_type:
            besides = {}
        seen = observe(self._tower, pixels, self._layouts.get(size), on_module, self._layers, besides)
        self._layouts[size] = seen.layout
        return seen

    def _is_own_size(self, size: tuple[int, int]) -> bool:
        own = self._config.image_size
        return size == ((own, own) if isinstance(own, int) else (own[1], own[0]))

    def _grid(self, fit: ImageFit) -> PatchGrid:
        side = self._config.patch_size
        width, height = fit.input_size
        return PatchGrid(height // side, width // side, (float(side), float(side)), fit)

    def _positions(self, grid: PatchGrid) -> PositionEmbedding:
        """Return the table as it was added, resampled by the model itself where the input has another size."""
        width, height = grid.fit.input_size
        dim = self._config.hidden_size
        with torch.no_grad():
            table: Tensor = self._embeddings.interpolate_pos_encoding(
                torch.empty(1, len(grid) + 1, dim, device=self.info.device, dtype=self._tower.dtype),
                height,
                width,
            )
        vectors = table[0, 1:].detach().float().cpu().numpy()
        return PositionEmbedding("learned", np.ascontiguousarray(vectors), grid)

    @staticmethod
    def _norms(seen: Observation) -> np.ndarray | None:
        norms = [n.cpu().numpy() for n in seen.norms.values()]
        return np.stack(norms).astype(np.float32) if norms else None

    def _notes(self, fit: ImageFit, no_classes: bool) -> list[str]:
        notes = ["this checkpoint holds no classifier, so there are no predictions"] if no_classes else []
        if not self._is_own_size(fit.input_size):
            size = "×".join(map(str, fit.input_size))
            notes.append(f"positions resampled by the model to an input of {size}")
        return notes

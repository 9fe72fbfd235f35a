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
    Prediction,
    RunContext,
    first_line,
    observe,
)
from vizstudio_transformers.loading import Loaded

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
        self._class_names = class_names(loaded.model, request)
        self.info = ModelInfo(
            model_id=loaded.model_id,
            weights="pretrained",
            weights_hash=loaded.weights_hash,
            input_size=loaded.preparation.input_size,
            num_parameters=sum(p.numel() for p in loaded.model.parameters()),
            device=loaded.device,
        )

    def analyze(self, image: ImageSource, context: RunContext) -> Analysis:
        """Run the model once on an image and keep what it computed; see `vizstudio.api.Model.analyze`."""
        return self._encode(image, context)[0]

    def _encode(self, image: ImageSource, context: RunContext, share: float = 1.0) -> tuple[Analysis, Any]:
        """Return the analysis and what the tower gave out; `share` of all progress is this."""
        start = time.perf_counter()
        pixels, fit = self._loaded.preparation(image)
        ready = time.perf_counter()
        seen = self._observe(pixels.to(self.info.device), context, share)
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
            predictions=self._predictions(scores),
            logits=scores,
            position_embedding=self._positions(grid),
            token_norms=self._norms(seen),
            timings={"preprocess": ready - start, "forward": done - ready},
            provenance=self._provenance(image, fit),
            notes=(*image.notes, *self._notes(fit)),
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
                torch.empty(1, len(grid) + 1, dim, device=self.info.device), height, width
            )
        vectors = table[0, 1:].detach().float().cpu().numpy()
        return PositionEmbedding("learned", np.ascontiguousarray(vectors), grid)

    @staticmethod
    def _norms(seen: Observation) -> np.ndarray | None:
        norms = [n.cpu().numpy() for n in seen.norms.values()]
        return np.stack(norms).astype(np.float32) if norms else None

    def _predictions(self, scores: np.ndarray | None) -> tuple[Prediction, ...]:
        if scores is None:
            return ()
        exps = np.exp(scores.astype(np.float64) - scores.max())
        order = np.argsort(-exps, kind="stable")
        return tuple(Prediction(self._class_names[i], int(i), float(exps[i] / exps.sum())) for i in order)

    def _notes(self, fit: ImageFit) -> list[str]:
        if self._is_own_size(fit.input_size):
            return []
        return [f"positions resampled by the model to an input of {'×'.join(map(str, fit.input_size))}"]

    def _provenance(self, image: ImageSource, fit: ImageFit) -> dict[str, str]:
        facts: dict[str, Any] = {
            "model": self.info.model_id,
            "weights": self.info.weights,
            "weights_hash": self.info.weights_hash,
            "image": image.name,
            "image_sha256": image.sha256,
            "fit": fit.mode,
            "input_size": "×".join(map(str, fit.input_size)),
            "device": self.info.device,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        return {key: str(value) for key, value in facts.items()}


def class_names(model: Any, request: ModelRequest) -> list[str]:
    """Return the names of a classifier's classes: from the user's file, else the model's own.

    Raises
    ------
    ModelError
        If the file cannot be read or names another number of classes.
    """
    own = [str(label) for _, label in sorted(model.config.id2label.items())]
    path = request.class_names
    if path is None:
        return own
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"class names cannot be read from {path}: {first_line(error)}") from error
    names = [line.strip() for line in lines if line.strip()]
    if len(names) != len(own):
        raise ModelError(f"{path.name} names {len(names)} classes, but the model has {len(own)}")
    return names

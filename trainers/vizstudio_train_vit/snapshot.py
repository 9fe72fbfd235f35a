"""What the model looks at while it learns: small arrays after every epoch, taken as the studio takes them."""

import numpy as np
from torch import nn

from vizstudio.api import (
    AttentionError,
    GeometryError,
    ImageSource,
    RunContext,
    query_rows,
)
from vizstudio_train_vit.config import FinetuneConfig
from vizstudio_train_vit.images import Data
from vizstudio_vit.build import Built
from vizstudio_vit.model import ViT


class Probes:
    """A few images to evaluate on, spread over all, and the model that looks at them."""

    def __init__(self, config: FinetuneConfig, built: Built, data: Data) -> None:
        self._name, self._built, self._data = config.timm_name, built, data
        count = min(config.probes, data.counts[1])
        self._indices = np.linspace(0, data.counts[1] - 1, count).round().astype(int)
        self._images: list[ImageSource] = []

    def look(self, model: nn.Module) -> dict[str, np.ndarray]:
        """Return what there is to see now; nothing for a model whose attention cannot be seen.

        Returns
        -------
        dict
            ``probes (images,)`` indices of the images; for each i-th ``attention_i (layers, heads, keys)``
            float16, the class token's row, or the mean of the patches' where there is none (layers whose heads or
            keys differ in number are left out, ``layers_i`` numbers those kept), ``grid_i (2,)``,
            ``probabilities (images, classes)`` float16, and ``position (rows * cols, dim)`` float16.
        """
        if not self._images:
            self._images = [self._data.val.read(int(i))[0] for i in self._indices]
        device = next(model.parameters()).device
        viewer = ViT(f"vit:{self._name}", self._built, str(device))
        found: dict[str, np.ndarray] = {"probes": self._indices}
        probabilities = []
        for i, image in enumerate(self._images):
            try:
                analysis = viewer.analyze(image, RunContext(str(device)))
            except (AttentionError, GeometryError):  # a convolutional network has none
                return {}
            rows = [
                query_rows(analysis.attention, layer, None) for layer in range(len(analysis.attention.layers))
            ]
            kept = [j for j, row in enumerate(rows) if row.shape == rows[-1].shape]
            found[f"attention_{i}"] = np.stack([rows[j] for j in kept]).astype(np.float16)
            found[f"layers_{i}"] = np.array(kept)
            found[f"grid_{i}"] = np.array(analysis.grid.shape)
            ordered = sorted(analysis.predictions, key=lambda p: p.index)
            probabilities.append([p.probability for p in ordered])
            if analysis.position_embedding is not None:
                found["position"] = analysis.position_embedding.vectors.astype(np.float16)
        found["probabilities"] = np.array(probabilities, np.float16)
        return found

"""What the model looks at while it learns: small arrays after every epoch, taken as the studio takes them."""

from dataclasses import replace

import numpy as np
from torch import nn

from vizstudio.api import AttentionError, GeometryError, ImageSource, RunContext, pack_probe
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
        """Return what there is to see now, see `vizstudio.api.pack_probe`; nothing for a model without attention.

        Returns
        -------
        dict
            ``probes (images,)``, the indices of the images, and for each what `pack_probe` keeps of it.
        """
        if not self._images:
            self._images = [self._read(int(i)) for i in self._indices]
        device = next(model.parameters()).device
        viewer = ViT(f"vit:{self._name}", self._built, str(device))
        found: dict[str, np.ndarray] = {"probes": self._indices}
        for i, image in enumerate(self._images):
            try:
                found |= pack_probe(i, image, viewer.analyze(image, RunContext(str(device))))
            except (AttentionError, GeometryError):  # a convolutional network has none
                return {}
        return found

    def _read(self, index: int) -> ImageSource:
        return replace(self._data.val.read(index)[0], name=self._data.val.name(index))

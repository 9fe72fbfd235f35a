"""What the network writes and looks at while it learns: small arrays after every epoch, taken as the studio does."""

from dataclasses import replace

import numpy as np
from torch import nn

from vizstudio.api import CaptionRequest, ImageSource, ModelRequest, RunContext, pack_probe
from vizstudio_catr.checkpoint import Loaded
from vizstudio_catr.model import Catr
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary
from vizstudio_train_catr.data import Data

MOST_TOKENS = 30  # a network that has not learnt to end a caption fills what it may


class Probes:
    """A few images to evaluate on, spread over all, and the studio's model that looks at them."""

    def __init__(self, count: int, data: Data, vocabulary: Vocabulary) -> None:
        self._data, self._vocabulary = data, vocabulary
        self._indices = np.linspace(0, data.images - 1, min(count, data.images)).round().astype(int)
        self._images: list[ImageSource] = []

    def look(self, model: nn.Module) -> dict[str, np.ndarray]:
        """Return ``probes (images,)``, the images' numbers, and for each what `vizstudio.api.pack_probe` keeps."""
        assert isinstance(model, CaptionNetwork)
        if not self._images:
            self._images = [self._read(int(i)) for i in self._indices]
        device = next(model.parameters()).device
        shown = CaptionNetwork(model.config).eval()  # as the studio builds it
        shown.load_state_dict(model.state_dict())
        loaded = Loaded(shown.to(device), self._vocabulary, "")
        viewer = Catr("catr:own", loaded, "checkpoint", ModelRequest(), str(device))
        request = CaptionRequest(max_tokens=min(MOST_TOKENS, model.config.max_tokens))
        found: dict[str, np.ndarray] = {"probes": self._indices}
        for i, image in enumerate(self._images):
            found |= pack_probe(i, image, viewer.caption(image, request, RunContext(str(device))))
        return found

    def _read(self, index: int) -> ImageSource:
        return replace(self._data.val.read(index)[0], name=self._data.val.name(index))

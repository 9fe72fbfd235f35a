"""Loads a model by its id and analyses images with it: the same steps for scripts, commands and the window."""

from pathlib import Path
from typing import TYPE_CHECKING

from vizstudio.core.context import RunContext
from vizstudio.core.geometry import FitMode
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.model import Model, ModelInfo, ModelRequest
from vizstudio.core.types import Analysis
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.registry import load_target

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


class LoadedModel:
    """A model on its device; made by `load_model`."""

    def __init__(self, model: Model, device: str) -> None:
        self._model, self._device = model, device

    @property
    def info(self) -> ModelInfo:
        """What is known of the model before it sees an image."""
        return self._model.info

    def analyze(
        self, image: "str | Path | Image.Image | np.ndarray | ImageSource", context: RunContext | None = None
    ) -> Analysis:
        """Run the model once on an image and keep what it computed.

        Parameters
        ----------
        image : path, Pillow image, array or ImageSource
            See `vizstudio.core.images.read_image`.
        context : RunContext, optional
            To cancel and to hear of progress.

        Raises
        ------
        VizstudioError
            With one sentence: an unreadable image, or a model whose attention cannot be seen.
        """
        return self._model.analyze(read_image(image), context or RunContext(self._device))


def load_model(
    model_id: str,
    checkpoint: str | Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
    *,
    class_names: str | Path | None = None,
    fit: FitMode | None = None,
    input_size: tuple[int, int] | None = None,
    context: RunContext | None = None,
    host: PluginHost | None = None,
) -> LoadedModel:
    """Load a model.

    Parameters
    ----------
    model_id : str
        ``"scheme:name"``, such as ``"vit:vit_base_patch16_384"``; ``vizstudio models`` lists them.
    checkpoint : path, optional
        A local file of weights. With neither it nor `pretrained` the model is untrained.
    pretrained : bool
        Fetch published weights, once.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    class_names : path, optional
        A text file with one class name per line.
    fit : {"crop", "squash", "pad"}, optional
        How an image is made to fit the input; by default as the model was trained.
    input_size : (int, int), optional
        Width and height of the input in pixels; by default the model's own.
    context : RunContext, optional
        To cancel and to hear of progress.
    host : PluginHost, optional
        Plugins that are loaded already.

    Raises
    ------
    VizstudioError
        With one sentence: no such model, unfit weights, no such device, no network.
    """
    from vizstudio.compute.devices import resolve_device

    entry, name = (host or load_plugins()).models.find(model_id)
    target = load_target(entry.load)
    resolved = resolve_device(device)
    own = context or RunContext()
    request = ModelRequest(
        checkpoint=Path(checkpoint) if checkpoint is not None else None,
        pretrained=pretrained,
        class_names=Path(class_names) if class_names is not None else None,
        fit=fit,
        input_size=input_size,
    )
    model = target(name, request, RunContext(resolved, own.report, own.cancel_event))
    return LoadedModel(model, resolved)

"""Loads a model by its id and analyses images with it: the same steps for scripts, commands and the window."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vizstudio.core.caption import CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.errors import PluginError, PrecisionError, UsageError
from vizstudio.core.geometry import FitMode
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.model import Captioner, Model, ModelInfo, ModelRequest
from vizstudio.core.types import Analysis
from vizstudio.placed import PlacedModel, no_room
from vizstudio.placement import Placement, placements
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.registry import blame, load_target
from vizstudio.settings import read_settings

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

ImageLike: TypeAlias = "str | Path | Image.Image | np.ndarray | ImageSource"


class LoadedModel:
    """A model on its device; made by `load_model`."""

    def __init__(self, placed: PlacedModel, plugin: str) -> None:
        self._placed, self._plugin = placed, plugin

    @property
    def info(self) -> ModelInfo:
        """What is known of the model before it sees an image, where it runs now."""
        return self._placed.info

    @property
    def fallback(self) -> str:
        """A sentence on where it runs, if memory was too small for where it was to; else empty."""
        return self._placed.fallback

    def analyze(self, image: ImageLike, context: RunContext | None = None) -> Analysis:
        """Run the model once on an image and keep what it computed.

        Where memory is too small, that is done at the next place that `load_model` may choose, and the notes say so.

        Parameters
        ----------
        image : path, Pillow image, array or ImageSource
            See `vizstudio.core.images.read_image`.
        context : RunContext, optional
            To cancel and to hear of progress; the device is the model's own.

        Raises
        ------
        VizstudioError
            With one sentence: an unreadable image, or a model whose attention cannot be seen.
        DeviceError
            If memory is too small wherever the model may run.
        PrecisionError
            If the model cannot be run in the precision asked for.
        PluginError
            If the model's own code fails; the cause is chained.
        """
        source = read_image(image)

        def call(model: Model, own: RunContext) -> Analysis:
            analysis = model.analyze(source, own)
            if not isinstance(analysis, Analysis):
                raise PluginError(f"plugin {self._plugin!r} must return an Analysis from analyze")
            return analysis

        return self._placed.run(f"analysing {source.name}", call, context or RunContext())

    @property
    def can_caption(self) -> bool:
        """Whether the model writes captions."""
        return self._placed.can_caption

    def caption(
        self,
        image: ImageLike,
        beams: int = 1,
        prefix: str | None = None,
        max_tokens: int | None = None,
        *,
        length_penalty: float = 1.0,
        temperature: float | None = None,
        top_p: float = 1.0,
        seed: int = 0,
        alternatives: int = 10,
        context: RunContext | None = None,
    ) -> Analysis:
        """Write a caption of an image and keep what each step attended to.

        Parameters
        ----------
        image : path, Pillow image, array or ImageSource
            See `vizstudio.core.images.read_image`.
        beams, prefix, max_tokens, length_penalty, temperature, top_p, seed, alternatives
            See `vizstudio.core.caption.CaptionRequest`.
        context : RunContext, optional
            To cancel and to hear of progress.

        Returns
        -------
        Analysis
            With `caption` and `steps`.

        Raises
        ------
        UsageError
            If the model writes no captions, or a value is out of its range.
        VizstudioError
            With one sentence: an unreadable image, or a prefix that cannot be continued; see `analyze` too.
        PluginError
            If the model's own code fails; the cause is chained.
        """
        request = CaptionRequest(
            beams, prefix, max_tokens, length_penalty, temperature, top_p, seed, alternatives
        )
        if not self.can_caption:
            raise UsageError(f"{self.info.model_id} writes no captions: choose a model that does")
        source = read_image(image)

        def call(model: Model, own: RunContext) -> Analysis:
            assert isinstance(model, Captioner)
            analysis = model.caption(source, request, own)
            if not isinstance(analysis, Analysis) or analysis.caption is None:
                raise PluginError(
                    f"plugin {self._plugin!r} must return an Analysis with its caption from caption"
                )
            return analysis

        return self._placed.run(f"captioning {source.name}", call, context or RunContext())


def known_devices() -> tuple[str, ...]:
    """Return where models can run: what torch says once something has imported it, until then ``"cpu"``."""
    if "torch" not in sys.modules:
        return ("cpu",)
    from vizstudio.compute.devices import available_devices

    return tuple(available_devices())


def load_model(
    model_id: str,
    checkpoint: str | Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
    *,
    class_names: str | Path | None = None,
    fit: FitMode | None = None,
    input_size: tuple[int, int] | None = None,
    precision: str = "auto",
    context: RunContext | None = None,
    host: PluginHost | None = None,
    make_room: Callable[[], bool] = no_room,
) -> LoadedModel:
    """Load a model.

    A device or a precision that is named is an order. Where memory is too small for what was left to ``"auto"``, now
    or later with an image, the precision is halved and then the CPU is taken, and every analysis says so in its notes.

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
    precision : str
        ``"float32"``, ``"float16"``, ``"bfloat16"``, or ``"auto"``: float32 while memory suffices.
    context : RunContext, optional
        To cancel and to hear of progress.
    host : PluginHost, optional
        Plugins that are loaded already.
    make_room : callable, optional
        Called where memory is too small; lets go of what the caller keeps, and returns whether that was anything.

    Raises
    ------
    VizstudioError
        With one sentence: no such model, unfit weights, no such device, no network.
    DeviceError
        If memory is too small wherever the model may run.
    PrecisionError
        If the model cannot be had in the precision asked for.
    """
    families = (host or load_plugins(disabled=read_settings().disabled_plugins)).models
    entry, name = families.find(model_id)
    for path, what in ((checkpoint, "checkpoint"), (class_names, "file of class names")):
        if path is not None and not Path(path).exists():
            raise UsageError(f"no {what} at {path}: check the path")
    request = ModelRequest(
        checkpoint=Path(checkpoint) if checkpoint is not None else None,
        pretrained=pretrained,
        class_names=Path(class_names) if class_names is not None else None,
        fit=fit,
        input_size=input_size,
    )
    owner = families.owner(entry.id)

    def load(place: Placement, own: RunContext) -> Model:
        with blame(owner, f"loading {model_id}"):
            model: Model = load_target(entry.load)(name, replace(request, precision=place.precision), own)
            info = getattr(model, "info", None)
        if not isinstance(info, ModelInfo):
            raise PluginError(f"plugin {owner!r} must return a Model with its info from {entry.load!r}")
        if info.precision != place.precision:
            raise PrecisionError(
                f"the plugin of {model_id} loads it in {info.precision} only: choose that as the precision, not "
                f"{place.precision}"
            )
        return model

    places = placements(device, precision)
    return LoadedModel(PlacedModel(model_id, owner, load, places, context or RunContext(), make_room), owner)

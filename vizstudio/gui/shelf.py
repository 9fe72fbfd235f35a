"""The one model that is loaded, and who may use it when. No Qt here; called in the workers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from vizstudio.core.context import RunContext
from vizstudio.gui.quiet import import_quietly
from vizstudio.gui.snapshot import ModelChoice
from vizstudio.models import LoadedModel, load_model
from vizstudio.plugins import PluginHost

LOCK_POLL = 0.02  # seconds between looks at whether one that waits was cancelled


class ModelShelf:
    """Keeps the model that was used last."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._loaded: tuple[ModelChoice, LoadedModel] | None = None
        self.in_use = threading.Lock()

    def take(self, choice: ModelChoice, context: RunContext) -> LoadedModel:
        """Return the model, loading it unless it is the one that is kept."""
        if self._loaded is None or self._loaded[0] != choice:
            context.report(0.0, f"loading {choice.model_id}")
            self._loaded = None  # let go of the old model before the new one takes memory
            import_quietly(self._host.models.find(choice.model_id)[0].load)
            context.check()
            model = load_model(
                choice.model_id,
                choice.checkpoint,
                choice.pretrained,
                choice.device,
                context=context,
                host=self._host,
            )
            self._loaded = (choice, model)
        return self._loaded[1]

    @contextmanager
    def using(self, context: RunContext, device: str | None = None) -> Iterator[RunContext]:
        """Wait until nobody else runs the model or a part of it; gives the context with the model's device.

        A map may run one module of the model again, which must not happen amid a forward pass.

        Raises
        ------
        Cancelled
            If the context is cancelled meanwhile.
        """
        while not self.in_use.acquire(timeout=LOCK_POLL):
            context.check()
        try:
            yield replace(context, device=device) if device else context
        finally:
            self.in_use.release()

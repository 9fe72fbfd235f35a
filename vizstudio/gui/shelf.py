"""The models that are loaded, and who may use one when. No Qt here; called in the workers."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.gui.quiet import import_quietly
from vizstudio.gui.snapshot import ModelChoice, Result
from vizstudio.models import LoadedModel, known_devices, load_model
from vizstudio.plugins import PluginHost

LOCK_POLL = 0.02  # seconds between looks at whether one that waits was cancelled


@dataclass(frozen=True)
class Kept:
    """What is on the shelf: how many models, and their bytes."""

    models: int = 0
    size: int = 0


class ModelShelf:
    """Keeps models that were used, the last one always and others within a budget.

    Parameters
    ----------
    host : PluginHost
        Whose models are loaded.
    budget : int
        Bytes that the parameters of the models may take together.
    """

    def __init__(self, host: PluginHost, budget: int = 0) -> None:
        self._host = host
        self._loaded: OrderedDict[Hashable, LoadedModel] = OrderedDict()  # the one used last is the last
        self.in_use, self._loading, self._changing = threading.Lock(), threading.Lock(), threading.RLock()
        self.budget = budget
        self.devices: tuple[str, ...] = ("cpu",)
        """Where models can run, as far as is known before torch is loaded."""

    def take(self, choice: ModelChoice, context: RunContext) -> LoadedModel:
        """Return the model, loading it unless it is kept; one is loaded at a time, whoever asks."""
        with _held(self._loading, context):
            key = model_key(choice)
            with self._changing:
                if key in self._loaded:
                    self._loaded.move_to_end(key)
                    return self._loaded[key]
            return self._load(choice, key, context)

    def _load(self, choice: ModelChoice, key: Hashable, context: RunContext) -> LoadedModel:
        context.report(0.0, f"loading {choice.model_id}")
        self.trim(0)  # a model that does not fit is let go of before the new one takes memory
        import_quietly(self._host.models.find(choice.model_id)[0].load)
        context.check()
        model = load_model(
            choice.model_id,
            choice.checkpoint,
            choice.pretrained,
            choice.device,
            precision=choice.precision,
            context=context,
            host=self._host,
            make_room=lambda: self._keep_only(key),
        )
        with self._changing:
            self._loaded[key] = model
        self.devices = known_devices()
        self.trim()
        return model

    def take_again(self, result: Result, context: RunContext) -> LoadedModel:
        """Return the model that made a result.

        Raises
        ------
        UsageError
            If its weights were in a file that has changed since: what other weights say does not belong to it.
        """
        choice = result.choice
        if model_key(choice) != result.model_key:
            assert choice.checkpoint is not None
            raise UsageError(
                f"{choice.checkpoint.name} has changed since the photo was analysed: choose the model again to see "
                "what the file holds now"
            )
        return self.take(choice, context)

    def trim(self, spare: int = 1) -> None:
        """Let go of the models that were not used for longest until the budget holds, but `spare` at least."""
        with self._changing:
            while len(self._loaded) > spare and self.kept().size > self.budget:
                self._loaded.popitem(last=False)

    def _keep_only(self, key: Hashable) -> bool:
        """Let go of all models but one, as its memory is too small; returns whether there were others."""
        with self._changing:
            others = [other for other in self._loaded if other != key]
            for other in others:
                del self._loaded[other]
        return bool(others)

    def kept(self) -> Kept:
        """Return what is kept; may be called in any thread."""
        with self._changing:
            models = list(self._loaded.values())
        return Kept(len(models), sum(model.info.num_bytes for model in models))

    @contextmanager
    def using(self, context: RunContext, device: str | None = None) -> Iterator[RunContext]:
        """Wait until nobody else runs the model or a part of it; gives the context with the model's device.

        A map may run one module of the model again, which must not happen amid a forward pass.

        Raises
        ------
        Cancelled
            If the context is cancelled meanwhile.
        """
        with _held(self.in_use, context):
            yield replace(context, device=device) if device else context


@contextmanager
def _held(lock: threading.Lock, context: RunContext) -> Iterator[None]:
    """Wait for a lock; raises `Cancelled` if the context is cancelled meanwhile."""
    while not lock.acquire(timeout=LOCK_POLL):
        context.check()
    try:
        yield
    finally:
        lock.release()


def model_key(choice: ModelChoice) -> Hashable:
    """Return what tells a model from others; weights in a file that has changed (its time, its size) are others."""
    if choice.checkpoint is None:
        return choice, None
    try:
        about = choice.checkpoint.stat()
    except OSError:  # loading says what is wrong with it
        return choice, None
    return choice, (about.st_mtime_ns, about.st_size)

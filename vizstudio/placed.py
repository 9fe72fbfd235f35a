"""A model where it runs now: loaded again elsewhere if memory is too small, as far as the user's choice allows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from vizstudio.compute.devices import is_out_of_memory, release_memory
from vizstudio.core.context import RunContext
from vizstudio.core.errors import PrecisionError
from vizstudio.core.model import Captioner, Model, ModelInfo
from vizstudio.core.types import Analysis
from vizstudio.placement import Placement, fallback, naming_precision, require_finite, too_small
from vizstudio.registry import blame

Load = Callable[[Placement, RunContext], Model]
Call = Callable[[Model, RunContext], Analysis]


def no_room() -> bool:
    """Let go of nothing."""
    return False


class PlacedModel:
    """Loads a model at the first place of several that can hold it, and goes on to the next where it must.

    Parameters
    ----------
    model_id, plugin : str
        The model and whose it is, for messages.
    load : callable
        Called as ``load(placement, context)``.
    places : sequence of Placement
        Where it may run, in the order in which they are tried; see `vizstudio.placement.placements`.
    context : RunContext
        To load with.
    make_room : callable
        Called where memory was too small; lets go of what else takes memory, and returns whether there was
        anything, so that the same place is tried again.

    Raises
    ------
    DeviceError
        If memory is too small everywhere.
    """

    def __init__(
        self,
        model_id: str,
        plugin: str,
        load: Load,
        places: Sequence[Placement],
        context: RunContext,
        make_room: Callable[[], bool] = no_room,
    ) -> None:
        self._model_id, self._plugin, self._load, self._make_room = model_id, plugin, load, make_room
        self._places = list(places)
        self._given_up: list[Placement] = []
        self._model: Model | None = None
        self.model(context)

    @property
    def info(self) -> ModelInfo:
        """What is known of the model where it runs now."""
        return self._info

    @property
    def can_caption(self) -> bool:
        """Whether it writes captions."""
        return self._can_caption

    @property
    def fallback(self) -> str:
        """A sentence on where it runs, if memory was too small for where it was to; else empty."""
        return fallback(self._given_up[0], self._places[0]) if self._given_up else ""

    def model(self, context: RunContext) -> Model:
        """Return the model, loading it if it is not loaded."""
        while self._model is None:
            place = self._places[0]
            try:
                with naming_precision(self._model_id, place):
                    model = self._load(place, replace(context, device=place.device))
            except Exception as error:
                is_full = self._gives_way(error)
            else:
                self._model, self._info, self._can_caption = model, model.info, isinstance(model, Captioner)
                break
            self._go_on(is_full, context)  # outside of `except`: the error holds frames, and they hold memory
        return self._model

    def run(self, doing: str, call: Call, context: RunContext) -> Analysis:
        """Have the model called where it runs; where memory is too small, there and then at the next place.

        Parameters
        ----------
        doing : str
            What is done, such as ``"analysing photo.jpg"``, for messages.
        call : callable
            Called as ``call(model, context)``.
        context : RunContext
            To cancel and to hear of progress.

        Raises
        ------
        DeviceError
            If memory is too small everywhere.
        PrecisionError
            If the precision does not do that the user chose.
        """
        while True:
            model, place = self.model(context), self._places[0]
            try:
                return self._finished(call, model, doing, place, replace(context, device=place.device))
            except Exception as error:
                is_full = self._gives_way(error)
            del model
            self._go_on(is_full, context)

    def _finished(
        self, call: Call, model: Model, doing: str, place: Placement, context: RunContext
    ) -> Analysis:
        """Return what came of a call, with what the user must know of the place."""
        with naming_precision(self._model_id, place), blame(self._plugin, doing):
            analysis = call(model, context)
        require_finite(analysis, place)
        notes = (self.fallback, *analysis.notes) if self._given_up else analysis.notes
        continued = analysis.continued
        if continued is None:
            return replace(analysis, notes=notes)

        def go_on(token_ids: Sequence[int], again: RunContext | None = None) -> Analysis:
            own = again or RunContext(place.device)
            try:
                return self._finished(lambda _, own: continued(token_ids, own), model, doing, place, own)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            raise too_small(self._model_id, [place])

        return replace(analysis, notes=notes, continued=go_on)

    def _gives_way(self, error: Exception) -> bool:
        """Return whether memory was too small; raises the error again where no other place would help.

        That a precision does not do is no reason to look for another place if the user chose it.
        """
        is_full = is_out_of_memory(error)
        if not is_full and not (isinstance(error, PrecisionError) and self._given_up):
            raise error
        return is_full

    def _go_on(self, is_full: bool, context: RunContext) -> None:
        """Go on to the next place, or try this one again if memory could be freed."""
        if is_full and self._make_room():
            release_memory()
            return
        if len(self._places) == 1:
            raise too_small(self._model_id, [*self._given_up, self._places[0]])
        self._model = None
        self._given_up.append(self._places.pop(0))
        release_memory()
        context.report(0.0, f"{self.fallback}; loading {self._model_id} again")

"""Where a model runs and in which precision, and what is tried next where its memory or the precision fails."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

import numpy as np

from vizstudio.compute.devices import causes, resolve_device
from vizstudio.core.errors import DeviceError, PrecisionError, UsageError
from vizstudio.core.model import Precision, PrecisionChoice
from vizstudio.core.types import Analysis
from vizstudio.registry import no_such, one_line

AUTO = "auto"
PRECISIONS: tuple[PrecisionChoice, ...] = get_args(PrecisionChoice)
_ABOUT_TYPES = re.compile(r"Half|BFloat16|float16|dtype|scalar ?type", re.IGNORECASE)


@dataclass(frozen=True)
class Placement:
    """A device that is there, never ``"auto"``, and a precision."""

    device: str
    precision: Precision

    def __str__(self) -> str:
        return f"{self.precision} on {self.device}"


def parse_precision(text: str) -> PrecisionChoice:
    """Return one of `PRECISIONS`; raises `UsageError` if there is no such precision."""
    found = next((known for known in PRECISIONS if known == text), None)
    if found is None:
        raise UsageError(no_such("precision", text, PRECISIONS))
    return found


def placements(device: str, precision: str) -> tuple[Placement, ...]:
    """Return where to run a model: what comes first, then what is tried where memory is too small for that.

    A device or a precision that the user chose is an order. What is ``"auto"`` gives way: the precision to half of
    it on the same device, then the device to the CPU.

    Parameters
    ----------
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    precision : str
        One of `PRECISIONS`.

    Raises
    ------
    UsageError
        If there is no such precision.
    DeviceError
        If that device is not there.
    """
    chosen = parse_precision(precision)
    first = Placement(resolve_device(device), "float32" if chosen == "auto" else chosen)
    if first.device == "cpu":
        return (first,)
    found = [first]
    if chosen == AUTO:
        found.append(Placement(first.device, "float16"))
    if device == AUTO:
        found.append(Placement("cpu", first.precision))
    return tuple(found)


@contextmanager
def naming_precision(model_id: str, place: Placement) -> Iterator[None]:
    """Turn what torch says of a type that it has no code for into one sentence.

    Raises
    ------
    PrecisionError
        In place of an error about types, in half precision; the cause is chained.
    """
    try:
        yield
    except Exception as error:
        for cause in causes(error) if place.precision != "float32" else ():
            if isinstance(cause, RuntimeError | TypeError) and _ABOUT_TYPES.search(str(cause)):
                raise PrecisionError(
                    f"{model_id} cannot be run in {place} ({one_line(cause)}): choose another precision, such as "
                    "float32"
                ) from error
        raise


def require_finite(analysis: Analysis, place: Placement) -> None:
    """Raise `PrecisionError` if numbers were too large for half precision."""
    if place.precision == "float32":
        return
    checks = [about.max_error for about in analysis.attention.layers if about.max_error is not None]
    log_probs = [step.log_prob for step in analysis.steps]
    for values in (analysis.logits, analysis.token_norms, checks, log_probs):
        if values is not None and not np.isfinite(np.asarray(values, np.float64)).all():
            raise PrecisionError(
                f"what {analysis.model_id} computes is too large for {place.precision}: choose float32"
                + (" or bfloat16" if place.precision == "float16" else "")
                + " as the precision"
            )


def too_small(model_id: str, tried: Sequence[Placement]) -> DeviceError:
    """Return the error that memory is too small for a model; the message names what can be chosen instead.

    Parameters
    ----------
    model_id : str
    tried : sequence of Placement
        The first is one whose memory was too small; the others did not do either.
    """
    first, *others = tried
    choices = [] if first.device == "cpu" else ["the device cpu"]
    if first.device != "cpu" and all(place.precision == "float32" for place in tried):
        choices.insert(0, "float16 as the precision")
    choices.append("a smaller model or input")
    either = f", and {' and '.join(map(str, others))} did not do either" if others else ""
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]
    return DeviceError(f"memory is too small for {model_id} in {first}{either}: choose {listed}")


def fallback(wanted: Placement, place: Placement) -> str:
    """Return the note that memory was too small for the place that was wanted."""
    return f"memory was too small for {wanted}: computed in {place}"

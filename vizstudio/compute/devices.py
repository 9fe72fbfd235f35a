"""Which device to run on, and whether its memory was too small."""

import gc
import sys

from vizstudio.core.errors import DeviceError

IS_FULL = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",  # on Windows
    "MPS backend out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""What torch says in errors that have no type of their own."""


def available_devices() -> list[str]:
    """Return the devices that are here, ``"cpu"`` first; imports torch."""
    import torch

    there = ["cpu"]
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append("mps")
    return there


def resolve_device(wanted: str = "auto") -> str:
    """Return ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"`` for what the user asked.

    Raises
    ------
    DeviceError
        If that device is not there; the message names those that are.
    """
    if wanted == "cpu":  # is always there, so that there is no need to wait for torch
        return wanted
    there = available_devices()
    if wanted == "auto":
        return next((d for d in ("cuda", "mps") if d in there), "cpu")
    if wanted not in there:
        raise DeviceError(f"no device {wanted!r} here: choose auto or {', '.join(there)}")
    return wanted


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and all that it was raised from, the last first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return found


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, or one that it was raised from, says that a device's memory is too small."""
    torch = sys.modules.get("torch")
    own = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    for cause in causes(error):
        if isinstance(cause, own):
            return True
        if isinstance(cause, RuntimeError) and any(told in str(cause) for told in IS_FULL):
            return True
    return False


def release_memory() -> None:
    """Give back what nobody holds any more; torch keeps freed memory of a GPU for itself until then."""
    gc.collect()  # modules and their hooks hold one another
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()

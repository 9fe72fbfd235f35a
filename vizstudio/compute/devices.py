"""Which device to run on."""

from vizstudio.core.errors import DeviceError


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

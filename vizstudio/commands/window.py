"""``vizstudio [IMAGE]``: opens the window."""

from pathlib import Path

from vizstudio.commands.listing import Host
from vizstudio.core.errors import VizstudioError


def window(
    image: Path | None = None,
    /,
    *,
    model: str | None = None,
    checkpoint: Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
    host: Host,
) -> int:
    """Open the studio.

    Parameters
    ----------
    image
        A photo to start with.
    model
        Such as vit:vit_base_patch16_384.
    checkpoint
        A local file of weights.
    pretrained
        Fetch the published weights, once.
    device
        auto, cpu, cuda, cuda:N or mps.
    """
    try:
        from vizstudio.gui.app import run_app
    except ImportError as error:
        raise VizstudioError(
            f"the window cannot start ({error}): `vizstudio doctor` says what is missing"
        ) from error
    return run_app(host, image, model, checkpoint, pretrained, device)

"""``vizstudio [IMAGE]``: opens the window."""

from pathlib import Path

from vizstudio.commands.opening import open_window
from vizstudio.commands.program import Host


def window(
    image: Path | None = None,
    /,
    *,
    model: str | None = None,
    checkpoint: Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
    precision: str = "auto",
    host: Host,
) -> int:
    """Open the studio.

    Parameters
    ----------
    image
        A photo to start with, or a session file (.vizsession) to go on with.
    model
        Such as vit:vit_base_patch16_384; by default the small one that ships.
    checkpoint
        A local file of weights. Without it or --pretrained the model is untrained, and the window says so.
    pretrained
        Fetch the published weights, once.
    device
        auto, cpu, cuda, cuda:N or mps.
    precision
        auto, float32, float16 or bfloat16; with auto it is float32 while memory suffices.
    """
    return open_window(host, image, model, checkpoint, pretrained, device, precision)

"""``vizstudio demo``: the main job on the photos that ship, with no file of one's own."""

from pathlib import Path

from vizstudio.commands.batch import Plan, analyse, load_with_progress, require_folder
from vizstudio.commands.listing import Host
from vizstudio.core.images import list_images
from vizstudio.core.state import ViewState
from vizstudio.resources import resource_path


def demo(
    *,
    model: str = "vit:vit_tiny_patch16_224",
    checkpoint: Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
    out: Path = Path("vizstudio-out"),
    host: Host,
) -> int:
    """Analyse the photos that ship and write attention, wall, rollout and position pictures.

    Parameters
    ----------
    model
        Such as vit:vit_base_patch16_384.
    checkpoint
        A local file of weights. Without it or --pretrained the model is untrained, and every picture says so.
    pretrained
        Fetch the published weights, once.
    device
        auto, cpu, cuda, cuda:N or mps.
    out
        The folder to write to.
    """
    paths = list_images([resource_path("photos")])
    require_folder(out)
    loaded = load_with_progress(model, checkpoint=checkpoint, pretrained=pretrained, device=device, host=host)
    states = [ViewState(view=view) for view in ("attention", "wall", "rollout", "position")]
    return analyse(loaded, paths, Plan(states, ["png"], out, host))

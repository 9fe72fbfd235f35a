"""``vizstudio demo``: the main job on what ships, with no file of one's own and no network."""

import os
from pathlib import Path

from vizstudio.batch import Plan, require_folder
from vizstudio.commands.batch import analyse, load_with_progress
from vizstudio.commands.display import find_display, is_seen
from vizstudio.commands.program import Host
from vizstudio.commands.window import window
from vizstudio.core.caption import CaptionPath
from vizstudio.core.images import list_images
from vizstudio.core.state import ViewState
from vizstudio.resources import resource_path

CLASSIFIER, CAPTIONER = "vit:demo", "catr:demo"
FIRST_SCENE = "scenes/scene_11.jpg"


def demo(
    *,
    headless: bool = False,
    out: Path = Path("vizstudio-out"),
    device: str = "auto",
    host: Host,
) -> int:
    """Show what vizstudio does, on scenes, photos and small models that ship with it.

    Opens the studio. Without a display, or with --headless, it writes attention, rollout, position and caption
    pictures to a folder and says where.

    Parameters
    ----------
    headless
        Write pictures rather than open the studio.
    out
        The folder to write to.
    device
        auto, cpu, cuda, cuda:N or mps.
    """
    if not headless and is_seen(find_display(os.environ)):
        return window(resource_path(FIRST_SCENE), model=CLASSIFIER, device=device, host=host)
    require_folder(out)
    scenes = list_images([resource_path("scenes")])
    photos = list_images([resource_path("photos")])
    # the captioner has learnt scenes only: of a photo it would say something untrue
    looks = (
        (CLASSIFIER, scenes + photos, ("attention", "wall", "rollout", "position"), ("png",), None),
        (CAPTIONER, scenes, ("caption",), ("png", "gif"), CaptionPath()),
    )
    codes = []
    for model, paths, views, formats, caption in looks:
        loaded = load_with_progress(model, checkpoint=None, pretrained=False, device=device, host=host)
        states = [ViewState(view=view) for view in views]
        codes.append(analyse(loaded, paths, Plan(states, formats, out, host, caption)))
    return max(codes)

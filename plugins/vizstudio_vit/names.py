"""Names of timm's models with attention, read from timm's sources so that listing does not import torch."""

import re
from importlib.util import find_spec
from pathlib import Path

from vizstudio.api import ModelError, ModelListing

# timm's model modules whose models attend with a softmax over tokens; convolutional ones with a channel gate
# called "attention" are not among them.
MODULES = (
    "beit",
    "cait",
    "coat",
    "convit",
    "crossvit",
    "davit",
    "deit",
    "efficientformer",
    "efficientformer_v2",
    "efficientvit_msra",
    "eva",
    "fastvit",
    "gcvit",
    "hiera",
    "hieradet_sam2",
    "levit",
    "maxxvit",
    "mobilevit",
    "mvitv2",
    "naflexvit",
    "nest",
    "nextvit",
    "pit",
    "pvt_v2",
    "swin_transformer",
    "swin_transformer_v2",
    "swin_transformer_v2_cr",
    "tiny_vit",
    "tnt",
    "twins",
    "visformer",
    "vision_transformer",
    "vision_transformer_hybrid",
    "vision_transformer_relpos",
    "vision_transformer_sam",
    "vitamin",
    "volo",
    "xcit",
)
_REGISTERED = re.compile(r"^@register_model\s*\n(?:@[^\n]*\n)*def (\w+)\(", re.MULTILINE)


def list_models() -> list[ModelListing]:
    """Return every model that the installed timm registers in `MODULES`.

    Raises
    ------
    ModelError
        If timm is not installed.
    """
    spec = find_spec("timm")
    if spec is None or spec.origin is None:
        raise ModelError("timm is not installed: `pip install timm`")
    folder = Path(spec.origin).parent / "models"
    listings = []
    for module in MODULES:
        path = folder / f"{module}.py"
        if path.exists():  # a module may be younger than the installed timm
            names = _REGISTERED.findall(path.read_text(encoding="utf-8"))
            listings += [ModelListing(name, module) for name in names]
    return sorted(listings, key=lambda listing: (listing.family, listing.name))

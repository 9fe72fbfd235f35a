"""Names of timm's models with attention, read from timm's sources so that listing does not import torch."""

import re
from importlib.util import find_spec
from pathlib import Path

from vizstudio.api import ModelError, ModelListing

# timm's model modules whose models attend with a softmax from tokens to tokens. Gates on channels, cross-covariance
# over channels alone (edgenext), factorised (coat) and linear attention leave no map over the image.
MODULES = (
    "beit",
    "byoanet",
    "byobnet",
    "cait",
    "convit",
    "cpubone",
    "crossvit",
    "csatv2",
    "davit",
    "deepseek_vit",
    "deit",
    "efficientformer",
    "efficientformer_v2",
    "efficientvit_msra",
    "eva",
    "fastvit",
    "gcvit",
    "gemma4_vit",
    "hiera",
    "hieradet_sam2",
    "iformer",
    "levit",
    "lowformer",
    "maxxvit",
    "metaformer",
    "mobilenetv3",
    "mobilenetv5",
    "mobilevit",
    "mvitv2",
    "naflexvit",
    "nest",
    "nextvit",
    "pit",
    "pvt_v2",
    "qwen3_vit",
    "shvit",
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
# Of some modules only the models whose name matches attend.
ONLY = {
    "byoanet": r"bot|halo",
    "byobnet": r"^resnet\w+_clip$",
    "fastvit": r"^(?!fastvit_(t8|t12|s12)$)",
    "metaformer": r"^caformer",
    "mobilenetv3": r"^mobilenetv4_hybrid",
    "mobilevit": r"^mobilevit_",
}
DEMO = "demo"
"""The name of the model that ships."""
DEMO_ARCHITECTURE = "vit_tiny_patch16_224"
DEMO_WEIGHTS = "models/vit_demo.safetensors"
_REGISTERED = re.compile(r"^@register_model\s*\n(?:@[^\n]*\n)*def (\w+)\(", re.MULTILINE)
_CONFIG = re.compile(
    r"^ {4}['\"](\w+)(?:\.([\w*]+))?['\"]: ?\w+\((.*?)(?=^ {4}['\"]|^\}|^\w)", re.MULTILINE | re.DOTALL
)
_HAS_WEIGHTS = re.compile(r"(hf_hub_id|url)=['\"]\w")


def list_models() -> list[ModelListing]:
    """Return the model that ships, and every one that the installed timm registers in `MODULES`.

    Each comes with the tags of its published weights.

    A tag is what stands behind the dot of a name such as ``vit_tiny_patch16_224.augreg_in21k``.

    Raises
    ------
    ModelError
        If timm is not installed.
    """
    spec = find_spec("timm")
    if spec is None or spec.origin is None:
        raise ModelError("timm is not installed: `pip install timm`")
    folder = Path(spec.origin).parent / "models"
    shipped = ModelListing(
        DEMO, "vision_transformer", "ships with its weights, trained on emoji scenes", "named"
    )
    listings = []
    for module in MODULES:
        path = folder / f"{module}.py"
        if path.exists():  # a module may be younger than the installed timm
            listings += _read_module(module, path.read_text(encoding="utf-8"))
    return [shipped, *sorted(listings, key=lambda listing: (listing.family, listing.name))]


def _read_module(module: str, source: str) -> list[ModelListing]:
    tags: dict[str, list[str]] = {}
    for name, tag, body in _CONFIG.findall(re.sub(r"^\s*#.*$", "", source, flags=re.MULTILINE)):
        if tag and _HAS_WEIGHTS.search(body):
            tags.setdefault(name, []).append(tag.rstrip("*"))
    names = [n for n in _REGISTERED.findall(source) if re.search(ONLY.get(module, ""), n)]
    return [
        ModelListing(name, module, f"weights: {', '.join(tags[name])}", "published")
        if name in tags
        else ModelListing(
            name, module
        )  # some have weights that a function makes known, which is not run here
        for name in names
    ]

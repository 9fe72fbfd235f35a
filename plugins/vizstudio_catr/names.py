"""Names of CATR's models; imports neither torch nor anything else that takes time."""

from vizstudio.api import ModelListing

DEMO = "demo"
"""The name of the model that ships."""
DEMO_WEIGHTS = "models/catr_demo.safetensors"
NAMES = {
    DEMO: "ships with its weights, trained on emoji scenes",
    "v1": "weights: release 0.1",
    "v2": "weights: release 0.2",
    "v3": "weights: release 0.2, the newest",
    "own": "your own training: --checkpoint FILE",
}


def list_models() -> list[ModelListing]:
    """Return every name below ``catr:``."""
    return [
        ModelListing(name, "catr", summary, "none" if name == "own" else "named")
        for name, summary in NAMES.items()
    ]

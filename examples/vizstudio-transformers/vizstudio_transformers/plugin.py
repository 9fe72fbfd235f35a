"""Registers models of Hugging Face transformers; imports neither torch nor transformers."""

from typing import Any

from vizstudio.api import ModelEntry, ModelListing, hookimpl

VIZSTUDIO_API = ">=1.0,<2"
KNOWN = {
    "google/vit-base-patch16-224": ("vit", "classifier, 1000 classes"),
    "facebook/dinov2-base": ("dinov2", "self-supervised"),
    "facebook/dinov2-with-registers-base": ("dinov2", "self-supervised, four registers"),
    "openai/clip-vit-base-patch16": ("clip", "the vision tower"),
    "nlpconnect/vit-gpt2-image-captioning": ("vit-gpt2", "writes captions"),
    "Salesforce/blip-image-captioning-base": ("blip", "writes captions"),
    "microsoft/git-base-coco": ("git", "writes captions"),
}


@hookimpl
def register_models(registry: Any) -> None:
    """Add ``hf:NAME`` for a folder that `save_pretrained` wrote, or an id on the hub."""
    registry.add(
        ModelEntry(
            id="hf",
            title="Hugging Face transformers",
            load="vizstudio_transformers.loading:load",
            names="vizstudio_transformers.plugin:list_models",
        )
    )


def list_models() -> list[ModelListing]:
    """Return some models of the hub; any other of these families goes too, and any local folder."""
    return [
        ModelListing(name, family, f"{summary}; --pretrained fetches it, once", "published")
        for name, (family, summary) in KNOWN.items()
    ]

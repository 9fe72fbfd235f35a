"""Registers timm's vision transformers; imports neither torch nor timm."""

from typing import Any

from vizstudio.api import ModelEntry, hookimpl

VIZSTUDIO_API = ">=1.0,<2"


@hookimpl
def register_models(registry: Any) -> None:
    """Add ``vit:NAME`` for every timm model with attention."""
    registry.add(
        ModelEntry(
            id="vit",
            title="Vision transformers (timm)",
            load="vizstudio_vit.model:load",
            names="vizstudio_vit.names:list_models",
        )
    )

"""Registers CATR; does not import torch."""

from typing import Any

from vizstudio.api import ModelEntry, hookimpl

VIZSTUDIO_API = ">=1.0,<2"


@hookimpl
def register_models(registry: Any) -> None:
    """Add ``catr:v1``, ``v2``, ``v3`` and ``own``."""
    registry.add(
        ModelEntry(
            id="catr",
            title="Image captions (CATR)",
            load="vizstudio_catr.model:load",
            names="vizstudio_catr.names:list_models",
        )
    )

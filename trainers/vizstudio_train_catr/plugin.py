"""Registers the recipe; imports neither torch nor Qt."""

from typing import Any

from vizstudio.api import TrainerEntry, hookimpl

VIZSTUDIO_API = ">=1.0,<2"


@hookimpl
def register_trainers(registry: Any) -> None:
    """Add the recipe ``catr``."""
    registry.add(
        TrainerEntry(
            id="catr",
            title="Train CATR to write captions",
            summary="The captioning transformer CATR, on COCO's captions, a folder with captions.csv or a data set "
            "with captions.",
            config="vizstudio_train_catr.config:CatrTraining",
            run="vizstudio_train_catr.recipe:run",
        )
    )

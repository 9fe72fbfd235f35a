"""Registers the recipe; imports neither torch nor Qt."""

from typing import Any

from vizstudio.api import TrainerEntry, hookimpl

VIZSTUDIO_API = ">=1.0,<2"


@hookimpl
def register_trainers(registry: Any) -> None:
    """Add the recipe ``vit-finetune``."""
    registry.add(
        TrainerEntry(
            id="vit-finetune",
            title="Fine-tune a timm classifier",
            summary="Any image classifier of timm, on a folder of images or a data set with classes.",
            config="vizstudio_train_vit.config:FinetuneConfig",
            run="vizstudio_train_vit.recipe:run",
        )
    )

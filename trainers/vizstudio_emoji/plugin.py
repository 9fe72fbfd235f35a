"""Registers the emoji scenes; imports neither torch nor NumPy work."""

from typing import Any

from vizstudio.api import DatasetEntry, hookimpl

VIZSTUDIO_API = ">=1.0,<2"


@hookimpl
def register_datasets(registry: Any) -> None:
    """Add the data set ``emoji-scenes``."""
    registry.add(
        DatasetEntry(
            id="emoji-scenes",
            title="Emoji scenes",
            summary="One to three objects on a texture or gradient, with caption, main class and every mask.",
            open="vizstudio_emoji.scenes:Scenes",
        )
    )

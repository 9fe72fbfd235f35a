"""Opens the window."""

import os
from pathlib import Path

from vizstudio.commands.display import NO_DISPLAY, find_display
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.session import SUFFIX
from vizstudio.placement import parse_precision
from vizstudio.plugins import PluginHost
from vizstudio.settings import usable_settings

FIRST_MODEL = "vit:demo"  # ships with its weights, and is small enough to be run at once on any machine


def open_window(
    host: PluginHost,
    image: Path | None = None,
    model: str | None = None,
    checkpoint: Path | None = None,
    pretrained: bool = False,
    device: str = "auto",
    precision: str = "auto",
) -> int:
    """Open the window until it is closed; see `vizstudio.commands.window.window` for the parameters.

    Raises
    ------
    VizstudioError
        If options do not fit together, there is no display or Qt cannot be loaded; see `vizstudio.gui.app.run_app`.
    """
    if checkpoint is not None and model is None:
        raise UsageError(f"{checkpoint.name} belongs to some model: name it with --model")
    if image is not None and image.suffix.lower() == SUFFIX and model is not None:
        raise UsageError(f"{image.name} is a session and brings its own model: leave out --model")
    if not find_display(os.environ):
        raise VizstudioError(f"there is no display (DISPLAY and WAYLAND_DISPLAY are not set): {NO_DISPLAY}")
    try:
        from vizstudio.gui.quiet import import_window

        import_window()
        from vizstudio.gui.app import run_app
        from vizstudio.gui.snapshot import ModelChoice
    except ImportError as error:
        raise VizstudioError(
            f"the window cannot start ({error}): `vizstudio doctor` says what is missing"
        ) from error
    preferred = usable_settings()
    device = preferred.device if device == "auto" else device
    model = model or _first_model(host, preferred.model)
    choice = ModelChoice(model, checkpoint, pretrained, device, parse_precision(precision)) if model else None
    return run_app(host, image, choice, device)


def _first_model(host: PluginHost, preferred: str) -> str | None:
    """Return the model to begin with, or None if no plugin that brings one is active."""
    for model in filter(None, (preferred, FIRST_MODEL)):
        try:
            host.models.find(model)
        except UsageError:
            continue
        return model
    return None

"""The recipes that plugins bring: their options, and which recipe a run was started by; needs no torch."""

from vizstudio.core.errors import PluginError, UsageError
from vizstudio.plugins import PluginHost
from vizstudio.registry import blame, load_target
from vizstudio.training.config import TrainConfig, is_flag, read_config

__all__ = ["TrainConfig", "config_of", "is_flag", "read_config", "recipe_with"]


def config_of(host: PluginHost, recipe: str) -> type[TrainConfig]:
    """Return a recipe's options; raises `PluginError` if they cannot be had."""
    entry, owner = host.trainers.get(recipe), host.trainers.owner(recipe)
    with blame(owner, f"telling the options of {recipe!r}"):
        kind = load_target(entry.config)
    if not (isinstance(kind, type) and issubclass(kind, TrainConfig)):
        raise PluginError(f"{entry.config!r} of plugin {owner!r} must be a subclass of TrainConfig")
    return kind


def recipe_with(host: PluginHost, options: str) -> str:
    """Return the recipe whose options are the class ``"module:class"``, as a run's first event names them.

    Raises
    ------
    UsageError
        If there is none, such as for a run of another version or of a plugin that is not active.
    """
    for entry in host.trainers.entries():
        if entry.config == options:
            return entry.id
    raise UsageError(
        f"no recipe has the options {options or 'of this run'}, so it cannot go on from here: "
        "use vizstudio-train RECIPE --out FOLDER --resume"
    )

"""The user's settings, in one small file that is read when a command starts and written whole or not at all."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import platformdirs

from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic


@dataclass(frozen=True)
class Settings:
    """What the user chose for good.

    Parameters
    ----------
    disabled_plugins : tuple of str
        Names of plugins not to load, sorted.
    model : str
        The model that the window begins with, such as ``"vit:vit_base_patch16_384"``; empty for vizstudio's own.
    device : str
        Where the window runs models.
    memory : int
        Megabytes (2**20 bytes) that models in the window may take while they are not in use.
    """

    disabled_plugins: tuple[str, ...] = ()
    model: str = ""
    device: str = "auto"
    memory: int = 2048

    def disable(self, *names: str) -> "Settings":
        """Return settings that do not load these plugins."""
        return replace(self, disabled_plugins=tuple(sorted({*self.disabled_plugins, *names})))

    def enable(self, *names: str) -> "Settings":
        """Return settings that load these plugins."""
        return replace(self, disabled_plugins=tuple(sorted({*self.disabled_plugins} - {*names})))


def settings_path() -> Path:
    """Return the file of settings, below the folder ``VIZSTUDIO_CONFIG_DIR`` if that is set."""
    folder = os.environ.get("VIZSTUDIO_CONFIG_DIR") or platformdirs.user_config_dir("vizstudio", False)
    return Path(folder) / "settings.json"


def data_folder() -> Path:
    """Return the folder of what is kept for the user, such as what a crash must not take."""
    own = os.environ.get("VIZSTUDIO_CONFIG_DIR")
    return Path(own) / "data" if own else Path(platformdirs.user_data_dir("vizstudio", False))


def log_path() -> Path:
    """Return the file that crashes are written to, below the folder ``VIZSTUDIO_CONFIG_DIR`` if that is set."""
    folder = os.environ.get("VIZSTUDIO_CONFIG_DIR") or platformdirs.user_log_dir("vizstudio", False)
    return Path(folder) / "crash.log"


def usable_settings() -> Settings:
    """Read the settings, the defaults if they cannot be read: for what must work in any case."""
    try:
        return read_settings()
    except UsageError:
        return Settings()


def read_settings() -> Settings:
    """Read the settings; those of a user who has none are the defaults.

    Raises
    ------
    UsageError
        If the file cannot be read or is damaged.
    """
    path = settings_path()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("they must be a JSON object")
        names = found.get("disabled_plugins", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("disabled_plugins must be a list of names")
        model, device = found.get("model", ""), found.get("device", "auto")
        memory = found.get("memory", Settings.memory)
        if not isinstance(model, str) or not isinstance(device, str):
            raise ValueError("model and device must be texts")
        if type(memory) is not int or memory < 0:
            raise ValueError("memory must be a whole number of megabytes")
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the settings in {path} cannot be read ({error}): mend or delete the file, or use --safe-mode"
        ) from error
    return Settings((), model, device, memory).disable(*names)


def write_settings(settings: Settings) -> None:
    """Write the settings.

    Raises
    ------
    VizstudioError
        If the file cannot be written.
    """
    content = json.dumps(asdict(settings), indent=2) + "\n"
    write_atomic(settings_path(), content.encode())

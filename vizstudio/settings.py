"""The user's settings, in one small file that is read when a command starts and written whole or not at all."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from vizstudio.core.errors import UsageError
from vizstudio.core.export import write_atomic


@dataclass(frozen=True)
class Settings:
    """What the user chose for good.

    Parameters
    ----------
    disabled_plugins : tuple of str
        Names of plugins not to load, sorted.
    """

    disabled_plugins: tuple[str, ...] = ()

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
        names = found.get("disabled_plugins", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("disabled_plugins must be a list of names")
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"the settings in {path} cannot be read ({error}): mend or delete the file, or use --safe-mode"
        ) from error
    return Settings().disable(*names)


def write_settings(settings: Settings) -> None:
    """Write the settings.

    Raises
    ------
    VizstudioError
        If the file cannot be written.
    """
    content = json.dumps({"disabled_plugins": list(settings.disabled_plugins)}, indent=2) + "\n"
    write_atomic(settings_path(), content.encode())

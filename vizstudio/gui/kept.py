"""What the window remembers from one start to the next, beside vizstudio's other settings."""

import json

from PySide6.QtCore import QSettings

from vizstudio.settings import settings_path


def settings() -> QSettings:
    """Return what the window remembers."""
    return QSettings(str(settings_path().with_name("window.ini")), QSettings.Format.IniFormat)


class KeptTexts:
    """Keeps lists of texts by name; as JSON, since an INI file does not tell a list of one from a text."""

    def __init__(self, group: str) -> None:
        self._group = group

    def load(self, name: str) -> list[str]:
        """Return what was saved, nothing if there is nothing that can be read."""
        try:
            found = json.loads(str(settings().value(f"{self._group}/{name}", "[]", type=str)))
        except ValueError:
            return []
        return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []

    def save(self, name: str, texts: list[str]) -> None:
        """Keep a list."""
        kept = settings()
        kept.setValue(f"{self._group}/{name}", json.dumps(texts))
        kept.sync()

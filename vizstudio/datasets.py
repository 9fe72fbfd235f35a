"""The data sets that plugins bring, as a recipe is handed them."""

from vizstudio.core.dataset import Dataset
from vizstudio.entries import DatasetEntry
from vizstudio.registry import Registry, blame, load_target


class Datasets:
    """Opens data sets by their names.

    Parameters
    ----------
    registry : Registry of DatasetEntry
        What plugins brought.
    """

    def __init__(self, registry: Registry[DatasetEntry]) -> None:
        self._registry = registry

    def ids(self) -> tuple[str, ...]:
        """The names of all data sets."""
        return self._registry.ids()

    def open(self, name: str, size: int, count: int, seed: int, split: str) -> Dataset:
        """Open a data set; see `vizstudio.api.DatasetEntry` for what is asked.

        Raises
        ------
        UsageError
            If there is none of that name, or it cannot be made so.
        PluginError
            If the plugin's code fails.
        """
        entry, owner = self._registry.get(name), self._registry.owner(name)
        with blame(owner, f"opening {name!r}"):
            opened: Dataset = load_target(entry.open)(size, count, seed, split)
            return opened

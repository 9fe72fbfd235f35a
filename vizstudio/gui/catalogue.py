"""The models that can be chosen, those that the user likes, and those that were used last. No Qt here."""

from collections.abc import Mapping
from typing import Literal, Protocol

from vizstudio.entries import ModelListing
from vizstudio.gui.search import find

Which = Literal["all", "favourites", "recent"]
RECENT = 20


class Kept(Protocol):
    """Keeps lists of texts by name."""

    def load(self, name: str) -> list[str]:
        """Return what was saved."""

    def save(self, name: str, texts: list[str]) -> None:
        """Keep a list."""


class Catalogue:
    """Searches models by words of their name, family and summary."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._models: dict[str, ModelListing] = {}
        self._texts: dict[str, str] = {}
        self.favourites = kept.load("favourites")
        self.recent = kept.load("recent")

    def set_models(self, models: Mapping[str, ModelListing]) -> None:
        """Offer these models, by full name such as ``"vit:vit_tiny_patch16_224"``."""
        self._models = dict(models)
        self._texts = {
            name: f"{about.name}\n{name} {about.family} {about.summary}".lower()
            for name, about in models.items()
        }

    def about(self, model_id: str) -> ModelListing | None:
        """Return what is known of a model, None if no plugin lists it."""
        return self._models.get(model_id)

    def find(self, typed: str, which: Which = "all") -> list[str]:
        """Return the names of the models that match, favourites first; recent ones by when they were used."""
        if which == "recent":
            names = [name for name in self.recent if name in self._models]
        else:
            liked = [name for name in self._models if name in self.favourites]
            others = [name for name in self._models if name not in self.favourites]
            names = liked if which == "favourites" else liked + others
        found = [names[i] for i in find(typed, [self._texts[name] for name in names])]
        if which == "recent":
            return [name for name in names if name in found] if typed else names
        return sorted(found, key=lambda name: name not in self.favourites)

    def like(self, model_id: str, liked: bool) -> None:
        """Make a model a favourite, or one no more."""
        others = [name for name in self.favourites if name != model_id]
        self.favourites = [*others, model_id] if liked else others
        self._kept.save("favourites", self.favourites)

    def note(self, model_id: str) -> None:
        """Remember that a model was used."""
        self.recent = [model_id, *(name for name in self.recent if name != model_id)][:RECENT]
        self._kept.save("recent", self.recent)

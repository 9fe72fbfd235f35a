"""What plugins add: entries that name code by `"module:callable"`, so that listing imports nothing heavy."""

import re
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from vizstudio.core.errors import PluginError

_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
TARGET = re.compile(r"[\w.]+:\w+")
"""How an entry names code."""


@dataclass(frozen=True)
class ModelListing:
    """One line of ``vizstudio models``.

    Parameters
    ----------
    name : str
        Below the scheme.
    family, summary : str
        What it belongs to, and a few words.
    weights : {"published", "named", "none", "unknown"}
        Whether trained weights can be fetched: if asked for; always, since the name stands for them; never; or
        the plugin does not say.
    """

    name: str
    family: str = ""
    summary: str = ""
    weights: Literal["published", "named", "none", "unknown"] = "unknown"


@dataclass(frozen=True)
class Entry:
    """What every entry has; all fields are texts that are not empty.

    Parameters
    ----------
    id : str
        Lower case letters, digits and ``-``; unique among the entries of its kind over all plugins.
    title : str
        For people.

    Raises
    ------
    PluginError
        If a field is unfit; the message says which.
    """

    id: str
    title: str
    targets: ClassVar[tuple[str, ...]] = ()
    """The fields that name code as ``"module:callable"``."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) or not value.strip():
                raise PluginError(f"{type(self).__name__}.{field.name} must be a text, and is {value!r}")
        if not _ID.fullmatch(self.id):
            raise PluginError(f"the id {self.id!r} must be of lower case letters, digits and -")
        for name in self.targets:
            if not TARGET.fullmatch(getattr(self, name)):
                raise PluginError(
                    f"{type(self).__name__}.{name} must have the form 'module:callable', "
                    f"and is {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class ModelEntry(Entry):
    """A family of models, addressed as ``id:name``.

    Parameters
    ----------
    id : str
        The scheme: the part of a model's name before the colon, such as ``"vit"``.
    title : str
        Such as ``"Vision transformers (timm)"``.
    load : str
        ``"module:callable"``; called as ``load(name, request, context)`` with a `vizstudio.api.ModelRequest`
        and a `vizstudio.api.RunContext`, returns a `vizstudio.api.Model`.
    names : str
        ``"module:callable"``; called without arguments, returns the `ModelListing` of every name.
        Must not import torch.
    """

    load: str
    names: str
    targets: ClassVar[tuple[str, ...]] = ("load", "names")


@dataclass(frozen=True)
class DatasetEntry(Entry):
    """A data set to train on; ``vizstudio-train export`` writes it to a folder.

    Parameters
    ----------
    id, title : str
        Such as ``"emoji-scenes"``, ``"Emoji scenes"``.
    summary : str
        One sentence on what a sample is.
    open : str
        ``"module:callable"``; called as ``open(size, count, seed, split)`` with the side of the square images
        in pixels, the number of samples, a seed and ``"train"`` or ``"val"``; returns a `vizstudio.api.Dataset`,
        and raises `vizstudio.api.UsageError` for what it cannot make.
    """

    summary: str
    open: str
    targets: ClassVar[tuple[str, ...]] = ("open",)


@dataclass(frozen=True)
class TrainerEntry(Entry):
    """A recipe to train a model by; becomes the command ``vizstudio-train id``.

    Parameters
    ----------
    id, title : str
        Such as ``"vit-finetune"``, ``"Fine-tune a timm classifier"``.
    summary : str
        One sentence on what is trained on what.
    config : str
        ``"module:class"`` of a subclass of `vizstudio.api.TrainConfig`: its fields are the command's options.
        Must not import torch.
    run : str
        ``"module:callable"``; called as ``run(config, datasets, resume)`` with the options, a
        `vizstudio.api.Datasets` and whether to go on with a run. Returns what `vizstudio.api.train` does.
    """

    summary: str
    config: str
    run: str
    targets: ClassVar[tuple[str, ...]] = ("config", "run")


@dataclass(frozen=True)
class ReductionEntry(Entry):
    """A way to turn attention weights into one map; becomes the view ``--view id``.

    Parameters
    ----------
    id, title : str
        Such as ``"rollout"``, ``"Attention rollout"``.
    measure : str
        One sentence on what a value of the map means; it stands below every picture.
    reduce : str
        ``"module:callable"``; called as ``reduce(attention, layer, head, query)`` with a layer counted from
        0 and a head and query that exist, returns a `vizstudio.api.Heatmap`.
    """

    measure: str
    reduce: str
    targets: ClassVar[tuple[str, ...]] = ("reduce",)


@dataclass(frozen=True)
class ExporterEntry(Entry):
    """A file format; chosen by ``--format id``.

    Parameters
    ----------
    id, title : str
        The file's suffix without its dot, and the format's name, such as ``"png"``, ``"PNG picture"``.
    write : str
        ``"module:callable"``; called as ``write(figure, analysis)`` with a `vizstudio.api.Figure` and its
        `vizstudio.api.Analysis`, returns the file's bytes.
    """

    write: str
    targets: ClassVar[tuple[str, ...]] = ("write",)


@dataclass(frozen=True)
class ViewEntry(Entry):
    """A widget of the window; the only entry whose code may import Qt, and the window alone loads it.

    Parameters
    ----------
    id, title : str
        The title is what the window's menu shows.
    widget : str
        ``"module:callable"``; called without arguments on the window's thread, returns a ``QWidget``.
    """

    widget: str
    targets: ClassVar[tuple[str, ...]] = ("widget",)

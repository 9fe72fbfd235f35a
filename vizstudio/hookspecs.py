"""The hooks that a plugin may implement; each is handed what it adds entries to.

A plugin is a module that an entry point of the group ``vizstudio.plugins`` names. It marks its hooks with
``@vizstudio.api.hookimpl``, names its code by ``"module:callable"`` and imports neither torch nor Qt itself.

It states which versions of the interface it works with: ``VIZSTUDIO_API = ">=1.0,<2"``, a version specifier. With
another `API_VERSION` it is quarantined.
"""

import pluggy

from vizstudio.entries import DatasetEntry, ExporterEntry, ModelEntry, ReductionEntry, TrainerEntry, ViewEntry
from vizstudio.registry import Registrar

API_VERSION = "1.1"
"""Of what plugins may rely on: `vizstudio.api`, the hooks, and what `vizstudio.testing` demands.

The first number grows when something is taken away or changed, the second when something is added.
"""

hookspec = pluggy.HookspecMarker("vizstudio")
hookimpl = pluggy.HookimplMarker("vizstudio")


@hookspec
def register_models(registry: Registrar[ModelEntry]) -> None:
    """Add families of models with ``registry.add(ModelEntry(...))``."""


@hookspec
def register_datasets(registry: Registrar[DatasetEntry]) -> None:
    """Add data sets to train on with ``registry.add(DatasetEntry(...))``."""


@hookspec
def register_trainers(registry: Registrar[TrainerEntry]) -> None:
    """Add recipes with ``registry.add(TrainerEntry(...))``: each is a command of ``vizstudio-train``."""


@hookspec
def register_reductions(registry: Registrar[ReductionEntry]) -> None:
    """Add ways to turn attention into a map with ``registry.add(ReductionEntry(...))``: each is a view."""


@hookspec
def register_exporters(registry: Registrar[ExporterEntry]) -> None:
    """Add file formats with ``registry.add(ExporterEntry(...))``."""


@hookspec
def register_views(registry: Registrar[ViewEntry]) -> None:
    """Add widgets to the window with ``registry.add(ViewEntry(...))``; their code may import Qt."""

"""The page of the plugin interface: every public name, by what it is for, from its docstring."""

from types import FunctionType

import vizstudio.api

GROUPS = {
    "Models and what they are asked": "core.model core.context core.images",
    "What an analysis holds": "core.types core.results",
    "Where tokens lie": "core.geometry",
    "Attention, seen as it runs": "compute.layout compute.capture compute.reading compute.calls compute.trace",
    "From attention to a map": "core.maps",
    "Captions": "core.caption compute.writing",
    "Checkpoints": "compute.weights",
    "Training": "training.config training.loop training.task training.order training.preparing core.probes",
    "Data sets": "datasets core.dataset",
    "Pictures and files": "core.view core.training_figures core.caption_gallery core.export resources",
    "Entries: what hooks add": "entries",
    "Errors": "core.errors registry",
}
# Aliases and values have no module of their own.
ALIASES = {
    "API_VERSION": "Entries: what hooks add",
    "hookimpl": "Entries: what hooks add",
    "Query": "From attention to a map",
    "Head": "From attention to a map",
    "FitMode": "Where tokens lie",
    "WeightSource": "Models and what they are asked",
    "Precision": "Models and what they are asked",
    "Report": "Training",
}
HEADING = """The plugin interface
====================

All of ``vizstudio.api``, version {version}, from the docstrings. A plugin imports nothing else of vizstudio.
:doc:`../plugins` works through one.

Hooks
-----

.. automodule:: vizstudio.hookspecs
   :members: {hooks}

From Python, without a plugin
-----------------------------

.. autofunction:: vizstudio.load_model

.. autoclass:: vizstudio.LoadedModel
   :members:

.. autofunction:: vizstudio.write_picture

.. autoclass:: vizstudio.core.state.ViewState

Tests of a plugin
-----------------

.. autofunction:: vizstudio.testing.plugin_contracts

"""


def text() -> str:
    """Return the page in reStructuredText.

    Raises
    ------
    ValueError
        If a public name has no group: the page must have all.
    """
    groups: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name in vizstudio.api.__all__:
        groups[_group(name)].append(name)
    hooks = ", ".join(name for name in dir(vizstudio.hookspecs) if name.startswith("register_"))
    parts = [HEADING.format(version=vizstudio.api.API_VERSION, hooks=hooks)]
    for group, names in groups.items():
        parts.append(f"{group}\n{'-' * len(group)}\n")
        parts += [_directive(name) for name in names]
    return "\n".join(parts)


def _group(name: str) -> str:
    if name in ALIASES:
        return ALIASES[name]
    module = getattr(vizstudio.api, name).__module__.removeprefix("vizstudio.")
    for group, modules in GROUPS.items():
        if module in modules.split():
            return group
    raise ValueError(
        f"vizstudio.api.{name} of {module} has no group in interface_page.py: add its module to one"
    )


def _directive(name: str) -> str:
    value = getattr(vizstudio.api, name)
    if name in ALIASES:
        return f".. autodata:: vizstudio.api.{name}\n"
    if isinstance(value, FunctionType):
        return f".. autofunction:: vizstudio.api.{name}\n"
    return f".. autoclass:: vizstudio.api.{name}\n   :members:\n   :show-inheritance:\n"

"""The page of the plugin interface: every public name, by what it is for, from its docstring."""

from types import FunctionType
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

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
    "Pictures and files": "core.view core.training_figures core.caption_gallery core.files resources",
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

{public}
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
    names = sorted((name for name in vizstudio.__all__ if not name.startswith("_")), key=str.swapcase)
    public = "\n".join(_directive(vizstudio, name) for name in names)
    parts = [HEADING.format(version=vizstudio.api.API_VERSION, hooks=hooks, public=public)]
    for group, names in groups.items():
        parts.append(f"{group}\n{'-' * len(group)}\n")
        parts += [_directive(vizstudio.api, name) for name in names]
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


def _directive(module: Any, name: str) -> str:
    value, path = getattr(module, name), f"{module.__name__}.{name}"
    if name in ALIASES:
        return f".. autodata:: {path}\n"
    if isinstance(value, FunctionType):
        return f".. autofunction:: {path}\n"
    hidden = "   :exclude-members: model_config, targets\n"
    return f".. autoclass:: {path}\n   :members:\n{hidden}   :show-inheritance:\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Link names where docstrings say them by the module that defines them."""
    app.connect("missing-reference", _find_public)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _find_public(app: Sphinx, env: Any, node: nodes.Element, content: nodes.Element) -> nodes.Node | None:
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    if (
        node.get("refdomain") != "py"
        or name not in vizstudio.api.__all__
        or node["reftarget"].startswith("vizstudio.api")
    ):
        return None
    node["reftarget"] = f"vizstudio.api.{name}"
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", node["reftarget"], node, content)

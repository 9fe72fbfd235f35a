"""The hooks that a plugin may implement."""

import pluggy

from vizstudio.registry import Registrar

hookspec = pluggy.HookspecMarker("vizstudio")
hookimpl = pluggy.HookimplMarker("vizstudio")


@hookspec
def register_models(registry: Registrar) -> None:
    """Add families of models with ``registry.add(ModelEntry(...))``; must not import torch."""

"""All that a plugin may import from vizstudio; nothing else is public.

What needs torch is imported when it is first used, so that a plugin's top module stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep, Word
from vizstudio.core.context import RunContext
from vizstudio.core.errors import (
    AttentionError,
    Cancelled,
    CheckpointError,
    DeviceError,
    GeometryError,
    ImageError,
    ModelError,
    OfflineError,
    PluginError,
    UsageError,
    VizstudioError,
)
from vizstudio.core.geometry import FitMode, ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.maps import attention_heatmap, fuse, key_grid, query_rows, query_tokens, to_map
from vizstudio.core.model import Captioner, Model, ModelInfo, ModelRequest, WeightSource
from vizstudio.core.types import (
    Analysis,
    Attention,
    AttentionLayer,
    Head,
    Heatmap,
    PositionEmbedding,
    Prediction,
    Query,
)
from vizstudio.core.view import Figure
from vizstudio.entries import ExporterEntry, ModelEntry, ModelListing, ReductionEntry, ViewEntry
from vizstudio.hookspecs import hookimpl

if TYPE_CHECKING:
    from vizstudio.compute.calls import AttentionCall
    from vizstudio.compute.capture import Recorder, capture, describe_failure
    from vizstudio.compute.layout import ModelLayout, Observation, observe
    from vizstudio.compute.trace import AttentionTrace

_LAZY = {
    "AttentionCall": "vizstudio.compute.calls",
    "AttentionTrace": "vizstudio.compute.trace",
    "Recorder": "vizstudio.compute.capture",
    "capture": "vizstudio.compute.capture",
    "describe_failure": "vizstudio.compute.capture",
    "ModelLayout": "vizstudio.compute.layout",
    "Observation": "vizstudio.compute.layout",
    "observe": "vizstudio.compute.layout",
}

__all__ = [
    "Alternative",
    "Analysis",
    "Attention",
    "AttentionCall",
    "AttentionError",
    "AttentionLayer",
    "AttentionTrace",
    "Cancelled",
    "Caption",
    "CaptionRequest",
    "Captioner",
    "CheckpointError",
    "DeviceError",
    "ExporterEntry",
    "Figure",
    "FitMode",
    "GeometryError",
    "Head",
    "Heatmap",
    "ImageError",
    "ImageFit",
    "ImageSource",
    "Model",
    "ModelEntry",
    "ModelError",
    "ModelInfo",
    "ModelLayout",
    "ModelListing",
    "ModelRequest",
    "Observation",
    "OfflineError",
    "PatchGrid",
    "PluginError",
    "PositionEmbedding",
    "Prediction",
    "Query",
    "Recorder",
    "ReductionEntry",
    "RunContext",
    "TokenAxis",
    "TokenStep",
    "UsageError",
    "ViewEntry",
    "VizstudioError",
    "WeightSource",
    "Word",
    "attention_heatmap",
    "capture",
    "describe_failure",
    "fuse",
    "hookimpl",
    "key_grid",
    "observe",
    "query_rows",
    "query_tokens",
    "read_image",
    "to_map",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"vizstudio.api has no {name!r}")

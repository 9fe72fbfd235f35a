"""All that a plugin may import from vizstudio; nothing else is public.

What needs torch is imported when it is first used, so that a plugin's top module stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep, Word
from vizstudio.core.caption_gallery import WrongCaption, caption_gallery_scene
from vizstudio.core.context import RunContext
from vizstudio.core.dataset import Dataset, Sample
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
    PrecisionError,
    TrainingError,
    UsageError,
    VizstudioError,
)
from vizstudio.core.export import write_atomic
from vizstudio.core.geometry import FitMode, ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.maps import attention_heatmap, fuse, key_grid, query_rows, query_tokens, to_map
from vizstudio.core.model import Captioner, Model, ModelInfo, ModelRequest, Precision, WeightSource
from vizstudio.core.probes import pack_probe
from vizstudio.core.results import provenance, ranked, read_class_names
from vizstudio.core.training_figures import confusion_scene, gallery_scene
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
from vizstudio.datasets import Datasets
from vizstudio.entries import (
    DatasetEntry,
    ExporterEntry,
    ModelEntry,
    ModelListing,
    ReductionEntry,
    TrainerEntry,
    ViewEntry,
)
from vizstudio.hookspecs import API_VERSION, hookimpl
from vizstudio.registry import no_such
from vizstudio.resources import resource_path

if TYPE_CHECKING:
    from vizstudio.compute.calls import AttentionCall, FusedCall
    from vizstudio.compute.capture import capture, describe_failure
    from vizstudio.compute.layout import ModelLayout, Observation, observe
    from vizstudio.compute.reading import capture_rows
    from vizstudio.compute.trace import AttentionTrace
    from vizstudio.compute.weights import (
        StoredWeights,
        describe_difference,
        first_line,
        name_some,
        read_stored,
        sha256_of,
        shape_text,
    )
    from vizstudio.compute.writing import CaptionWriter, QueryCalls, Reading, Spelling
    from vizstudio.training.config import ImageTraining, TrainConfig
    from vizstudio.training.loop import train
    from vizstudio.training.order import class_weights
    from vizstudio.training.preparing import (
        Report,
        check_images,
        data_folder,
        jittered,
        open_splits,
        showing_progress,
    )
    from vizstudio.training.task import Items, Task

_LAZY = {
    "AttentionCall": "vizstudio.compute.calls",
    "AttentionTrace": "vizstudio.compute.trace",
    "FusedCall": "vizstudio.compute.calls",
    "capture": "vizstudio.compute.capture",
    "describe_failure": "vizstudio.compute.capture",
    "ModelLayout": "vizstudio.compute.layout",
    "Observation": "vizstudio.compute.layout",
    "observe": "vizstudio.compute.layout",
    "capture_rows": "vizstudio.compute.reading",
    "StoredWeights": "vizstudio.compute.weights",
    "describe_difference": "vizstudio.compute.weights",
    "first_line": "vizstudio.compute.weights",
    "name_some": "vizstudio.compute.weights",
    "read_stored": "vizstudio.compute.weights",
    "sha256_of": "vizstudio.compute.weights",
    "shape_text": "vizstudio.compute.weights",
    "CaptionWriter": "vizstudio.compute.writing",
    "QueryCalls": "vizstudio.compute.writing",
    "Reading": "vizstudio.compute.writing",
    "Spelling": "vizstudio.compute.writing",
    "ImageTraining": "vizstudio.training.config",
    "TrainConfig": "vizstudio.training.config",
    "data_folder": "vizstudio.training.preparing",
    "open_splits": "vizstudio.training.preparing",
    "train": "vizstudio.training.loop",
    "class_weights": "vizstudio.training.order",
    "Report": "vizstudio.training.preparing",
    "check_images": "vizstudio.training.preparing",
    "jittered": "vizstudio.training.preparing",
    "showing_progress": "vizstudio.training.preparing",
    "Items": "vizstudio.training.task",
    "Task": "vizstudio.training.task",
}

__all__ = [
    "API_VERSION",
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
    "CaptionWriter",
    "Captioner",
    "CheckpointError",
    "Dataset",
    "DatasetEntry",
    "Datasets",
    "DeviceError",
    "ExporterEntry",
    "Figure",
    "FitMode",
    "FusedCall",
    "GeometryError",
    "Head",
    "Heatmap",
    "ImageError",
    "ImageFit",
    "ImageSource",
    "ImageTraining",
    "Items",
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
    "Precision",
    "PrecisionError",
    "Prediction",
    "Query",
    "QueryCalls",
    "Reading",
    "ReductionEntry",
    "Report",
    "RunContext",
    "Sample",
    "Spelling",
    "StoredWeights",
    "Task",
    "TokenAxis",
    "TokenStep",
    "TrainConfig",
    "TrainerEntry",
    "TrainingError",
    "UsageError",
    "ViewEntry",
    "VizstudioError",
    "WeightSource",
    "Word",
    "WrongCaption",
    "attention_heatmap",
    "caption_gallery_scene",
    "capture",
    "capture_rows",
    "check_images",
    "class_weights",
    "confusion_scene",
    "data_folder",
    "describe_difference",
    "describe_failure",
    "first_line",
    "fuse",
    "gallery_scene",
    "hookimpl",
    "jittered",
    "key_grid",
    "name_some",
    "no_such",
    "observe",
    "open_splits",
    "pack_probe",
    "provenance",
    "query_rows",
    "query_tokens",
    "ranked",
    "read_class_names",
    "read_image",
    "read_stored",
    "resource_path",
    "sha256_of",
    "shape_text",
    "showing_progress",
    "to_map",
    "train",
    "write_atomic",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"vizstudio.api has no {name!r}")

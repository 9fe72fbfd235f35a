"""All that a plugin may import from vizstudio; nothing else is public.

But for what a plugin registers itself with, each name is imported when it is first asked for, so that a plugin's top
module stays light.
"""

from typing import TYPE_CHECKING

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
from vizstudio.lazy import names_from

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
    from vizstudio.core.caption import Alternative, Caption, CaptionRequest, TokenStep, Word
    from vizstudio.core.caption_gallery import WrongCaption, caption_gallery_scene
    from vizstudio.core.context import RunContext
    from vizstudio.core.dataset import Dataset, Sample
    from vizstudio.core.files import write_atomic
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
    from vizstudio.registry import no_such
    from vizstudio.resources import resource_path
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
else:
    __getattr__ = names_from(
        __name__,
        {
            "vizstudio.core.caption": ("Alternative", "Caption", "CaptionRequest", "TokenStep", "Word"),
            "vizstudio.core.caption_gallery": ("WrongCaption", "caption_gallery_scene"),
            "vizstudio.core.context": ("RunContext",),
            "vizstudio.core.dataset": ("Dataset", "Sample"),
            "vizstudio.core.files": ("write_atomic",),
            "vizstudio.core.geometry": ("FitMode", "ImageFit", "PatchGrid", "TokenAxis"),
            "vizstudio.core.images": ("ImageSource", "read_image"),
            "vizstudio.core.maps": (
                "attention_heatmap",
                "fuse",
                "key_grid",
                "query_rows",
                "query_tokens",
                "to_map",
            ),
            "vizstudio.core.model": (
                "Captioner",
                "Model",
                "ModelInfo",
                "ModelRequest",
                "Precision",
                "WeightSource",
            ),
            "vizstudio.core.probes": ("pack_probe",),
            "vizstudio.core.results": ("provenance", "ranked", "read_class_names"),
            "vizstudio.core.training_figures": ("confusion_scene", "gallery_scene"),
            "vizstudio.core.types": (
                "Analysis",
                "Attention",
                "AttentionLayer",
                "Head",
                "Heatmap",
                "PositionEmbedding",
                "Prediction",
                "Query",
            ),
            "vizstudio.core.view": ("Figure",),
            "vizstudio.datasets": ("Datasets",),
            "vizstudio.registry": ("no_such",),
            "vizstudio.resources": ("resource_path",),
            "vizstudio.compute.calls": ("AttentionCall", "FusedCall"),
            "vizstudio.compute.capture": ("capture", "describe_failure"),
            "vizstudio.compute.layout": ("ModelLayout", "Observation", "observe"),
            "vizstudio.compute.reading": ("capture_rows",),
            "vizstudio.compute.trace": ("AttentionTrace",),
            "vizstudio.compute.weights": (
                "StoredWeights",
                "describe_difference",
                "first_line",
                "name_some",
                "read_stored",
                "sha256_of",
                "shape_text",
            ),
            "vizstudio.compute.writing": ("CaptionWriter", "QueryCalls", "Reading", "Spelling"),
            "vizstudio.training.config": ("ImageTraining", "TrainConfig"),
            "vizstudio.training.loop": ("train",),
            "vizstudio.training.order": ("class_weights",),
            "vizstudio.training.preparing": (
                "Report",
                "check_images",
                "data_folder",
                "jittered",
                "open_splits",
                "showing_progress",
            ),
            "vizstudio.training.task": ("Items", "Task"),
        },
    )

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

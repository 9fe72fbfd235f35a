"""Finds a model's folder, says what is wrong with it, and loads what is in it: tensors and settings, never code."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from vizstudio.api import (
    CheckpointError,
    Model,
    ModelError,
    ModelRequest,
    OfflineError,
    RunContext,
    first_line,
    name_some,
    sha256_of,
)
from vizstudio_transformers.preparing import Preparation

# By the model_type of config.json: the classes of transformers that a folder may name, the first by default.
ENCODERS = {
    "vit": ("ViTModel", "ViTForImageClassification"),
    "dinov2": ("Dinov2Model", "Dinov2ForImageClassification"),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", "Dinov2WithRegistersForImageClassification"),
    "clip": ("CLIPVisionModel",),
    "clip_vision_model": ("CLIPVisionModel",),
}
CAPTIONERS = {
    "vision-encoder-decoder": ("VisionEncoderDecoderModel",),
    "blip": ("BlipForConditionalGeneration",),
    "git": ("GitForCausalLM",),
}
SETTINGS = ["*.json", "*.txt"]
SAFE, PICKLED = "*.safetensors", "pytorch_model*.bin"


@dataclass(frozen=True)
class Loaded:
    """What a folder holds, ready to run.

    Parameters
    ----------
    model_id : str
        Such as ``"hf:google/vit-base-patch16-224"``.
    model : nn.Module
        In evaluation mode, on its device.
    preparation : Preparation
        How it wants its images.
    weights_hash : str
        Of all files of weights.
    device : str
        Where it runs.
    tokenizer : object
        Of a captioner; None for others.
    """

    model_id: str
    model: Any
    preparation: Preparation
    weights_hash: str
    device: str
    tokenizer: Any = None


def load(name: str, request: ModelRequest, context: RunContext) -> Model:
    """Load the model in the folder `name`, or of that id on the hub; the entry point that the plugin registers.

    Nothing is fetched unless `request.pretrained` asks for it: an id names what the hub's cache holds.

    Raises
    ------
    OfflineError
        If there is no such folder and the model is not in the cache, or cannot be fetched.
    CheckpointError
        If its weights cannot be read or do not fill the model.
    ModelError
        If it is of another kind than those in `ENCODERS` and `CAPTIONERS`, or lacks a file.
    """
    from vizstudio_transformers.captioner import Captioner
    from vizstudio_transformers.encoder import Encoder

    if request.checkpoint is not None:
        raise ModelError(
            f"hf:{name} brings its own weights: leave --checkpoint out, or name your file's folder"
        )
    context.report(0.0, f"looking for {name}")
    folder = _folder(name, request.pretrained)
    chosen = _chosen(folder, name)
    context.report(0.5, f"loading {name}")
    context.check()
    with _quiet(), _said_plainly(name):
        preparation = _preparation(folder, request)
        model: Any = _filled(chosen, folder)
        model.to(context.device, getattr(torch, request.precision))
        writes = model.config.model_type in CAPTIONERS
        tokenizer = _tokenizer(folder) if writes else None
        loaded = Loaded(f"hf:{name}", model, preparation, _hash(folder), context.device, tokenizer)
        return Captioner(loaded, request) if writes else Encoder(loaded, request)


def _folder(name: str, fetch: bool) -> Path:
    """Return the folder of a model, fetched or from the cache unless it is a local one."""
    from huggingface_hub import snapshot_download

    if Path(name).is_dir():
        return Path(name)
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*SETTINGS, SAFE], local_files_only=not fetch))
        if fetch and not any(folder.glob(SAFE)):
            snapshot_download(name, allow_patterns=[PICKLED], local_files_only=False)
    except Exception as error:  # whatever the hub's client raises: there is no model then
        mend = "connect to the network once" if fetch else "fetch it once with --pretrained"
        why = "could not be fetched" if fetch else "is neither a folder nor in the hub's cache"
        raise OfflineError(
            f"{name} {why} ({first_line(error)[:150]}): {mend}, or give a local folder"
        ) from error
    return folder


def _chosen(folder: Path, name: str) -> type[Any]:
    """Return the class of transformers for a folder, one of those listed above."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind, named = str(config["model_type"]), config.get("architectures") or []
    except FileNotFoundError as error:
        raise ModelError(f"{name} holds no config.json: give a folder that save_pretrained wrote") from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"the config.json of {name} cannot be read: {first_line(error)}") from error
    known = ENCODERS | CAPTIONERS
    if kind not in known:
        raise ModelError(f"{name} is a {kind!r} model: this plugin knows {', '.join(known)}")
    class_name = next((c for c in known[kind] if c in named), known[kind][0])
    return getattr(transformers, class_name)


def _preparation(folder: Path, request: ModelRequest) -> Preparation:
    if not any((folder / file).is_file() for file in ("preprocessor_config.json", "processor_config.json")):
        raise ModelError("it holds no preprocessor_config.json, which tells how images are prepared")
    processor = transformers.AutoImageProcessor.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return Preparation.of_processor(processor, request.fit, request.input_size)


def _tokenizer(folder: Path) -> Any:
    if not any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt", "vocab.json")):
        raise ModelError("it holds no tokenizer, such as tokenizer.json")
    return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _filled(chosen: type[Any], folder: Path) -> Any:
    """Load the weights; that transformers fills what is missing with chance is an error here."""
    model, report = chosen.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        weights_only=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    # A pooler takes no part in attention; self-supervised checkpoints often lack it.
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    wrong = [
        name_some(missing, "missing"),
        name_some(sorted(map(str, report["mismatched_keys"])), "of another shape"),
    ]
    if any(wrong):
        raise CheckpointError(f"its weights do not fill {chosen.__name__}: {', '.join(filter(None, wrong))}")
    return model.eval()


def _hash(folder: Path) -> str:
    """Return the SHA-256 of the file of weights, or of the hashes of all of them in order."""
    files = sorted(folder.glob(SAFE)) or sorted(folder.glob(PICKLED))
    hashes = [sha256_of(file) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


@contextmanager
def _said_plainly(name: str) -> Iterator[None]:
    """Turn whatever transformers raises into one sentence."""
    try:
        yield
    except ModelError as error:
        raise type(error)(f"{name} cannot be used: {error}") from error
    except Exception as error:
        raise CheckpointError(f"{name} cannot be loaded: {first_line(error)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' own reports and bars off the terminal: what matters of them is an error here."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

"""Builds CATR with weights from a file, from the authors' releases, or none."""

import torch

from vizstudio.api import ModelError, ModelRequest, RunContext, WeightSource, resource_path
from vizstudio_catr.checkpoint import Loaded, read_checkpoint
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.names import DEMO, DEMO_WEIGHTS, NAMES
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.release import FILES, fetch
from vizstudio_catr.vocabulary import Vocabulary

UNTRAINED_SEED = 0


def build(name: str, request: ModelRequest, context: RunContext) -> tuple[Loaded, WeightSource]:
    """Build the model `name` as `request` asks; a release is fetched even if that is not asked.

    Raises
    ------
    ModelError
        If there is no such name, or the request asks for what a captioning model does not have.
    CheckpointError, OfflineError
        If its weights cannot be had or do not fit.
    """
    _check(name, request)
    if name == DEMO:
        return read_checkpoint(resource_path(DEMO_WEIGHTS)), "pretrained"
    if request.checkpoint is not None:
        return read_checkpoint(request.checkpoint), "checkpoint"
    if request.pretrained or name in FILES:  # v1 to v3 name weights, not an architecture
        path, note = fetch(name, context)
        context.check()
        loaded = read_checkpoint(path)
        loaded.notes.append(note)
        return loaded, "pretrained"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(UNTRAINED_SEED)
        network = CaptionNetwork(CatrConfig()).eval()
    notes = [
        "untrained weights: the words and maps show the architecture, not anything learned; give --checkpoint FILE"
    ]
    return Loaded(network, Vocabulary.shipped(), f"seed {UNTRAINED_SEED}", notes), "untrained"


def _check(name: str, request: ModelRequest) -> None:
    if name not in NAMES:
        raise ModelError(f"there is no catr:{name}: choose {', '.join(f'catr:{n}' for n in NAMES)}")
    if name == DEMO and request.checkpoint is not None:
        raise ModelError(f"catr:{DEMO} has weights of its own: leave --checkpoint out, or name catr:own")
    if request.class_names is not None:
        raise ModelError("a captioning model has no classes: leave the file of class names out")
    size = request.input_size
    if size is not None and size[0] != size[1]:
        raise ModelError(
            f"CATR scales a photo's longest side, whichever that is: give a square input size such as "
            f"{max(size)}x{max(size)}, not {size[0]}x{size[1]}"
        )

"""Weights of CATR: those of others by their names, our own with their configuration and vocabulary."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch

from vizstudio.api import (
    CheckpointError,
    StoredWeights,
    describe_difference,
    read_stored,
    write_atomic,
)
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary

CONFIG, VOCABULARY = "catr_config", "catr_vocabulary"


@dataclass
class Loaded:
    """A network in evaluation mode, its vocabulary, and what is known of its weights."""

    network: CaptionNetwork
    vocabulary: Vocabulary
    weights_hash: str
    notes: list[str] = field(default_factory=list)


def read_checkpoint(path: Path) -> Loaded:
    """Build the network that a file holds.

    Parameters
    ----------
    path : Path
        A pickle of the authors' training script (``{"model": …}``) or a plain state dict, both of a network
        with the published sizes; or safetensors, whose metadata may hold other sizes and a vocabulary.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or does not fit the network or the vocabulary; the message says how.
    """
    stored = read_stored(path)
    try:
        config = CatrConfig.from_json(stored.metadata[CONFIG]) if CONFIG in stored.metadata else CatrConfig()
        own = stored.metadata.get(VOCABULARY)
        vocabulary = Vocabulary(_tokens(own)) if own is not None else Vocabulary.shipped()
        if len(vocabulary) != config.vocab_size:
            whose = (
                "its vocabulary"
                if own is not None
                else "no vocabulary is stored in it, and the one that ships"
            )
            raise CheckpointError(
                f"{whose} has {len(vocabulary)} tokens, and the network has {config.vocab_size}"
            )
    except CheckpointError as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error
    network = _fill(CaptionNetwork(config), stored, path.name)
    notes = [] if CONFIG in stored.metadata else ["weights in the names and sizes of saahiluppal/catr"]
    return Loaded(network, vocabulary, stored.file_hash, notes)


def _tokens(text: str) -> list[str]:
    try:
        tokens = json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"its vocabulary is not JSON: {error}") from error
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise CheckpointError("its vocabulary is no JSON list of texts")
    return tokens


def _fill(network: CaptionNetwork, stored: StoredWeights, file_name: str) -> CaptionNetwork:
    # Frozen batch norm counts no batches; a checkpoint of an ordinary one may.
    state = {key: value for key, value in stored.state.items() if not key.endswith("num_batches_tracked")}
    if wrong := describe_difference(network.state_dict(), state):
        raise CheckpointError(f"{file_name} does not fit CATR: {wrong}")
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{file_name} is damaged: {key} holds values that are not finite numbers")
    network.load_state_dict(state)
    return network.eval()


def write_checkpoint(path: Path, network: CaptionNetwork, vocabulary: Vocabulary | None = None) -> None:
    """Write weights, configuration and, unless it is the one that ships, the vocabulary as safetensors.

    Raises
    ------
    VizstudioError
        If the file cannot be written.
    """
    from safetensors.torch import save

    metadata = {CONFIG: network.config.to_json()}
    if vocabulary is not None:
        metadata[VOCABULARY] = json.dumps(list(vocabulary.tokens))
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    write_atomic(path, save(state, metadata))

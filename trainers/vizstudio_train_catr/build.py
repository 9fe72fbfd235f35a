"""Builds the network with its first weights."""

from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor
from torchvision.models import get_model_weights

from vizstudio.api import (
    CheckpointError,
    ModelError,
    OfflineError,
    UsageError,
    describe_difference,
    first_line,
    read_stored,
)
from vizstudio_catr.checkpoint import Loaded, read_checkpoint
from vizstudio_catr.config import CatrConfig
from vizstudio_train_catr.config import CatrTraining
from vizstudio_train_catr.learning import LearningNetwork

COUNTERS = "num_batches_tracked"
FREE = ("dropout", "image_size")
"""What may be another than a checkpoint's."""


def read_start(config: CatrTraining) -> Loaded | None:
    """Read the checkpoint to start from, if there is one.

    Raises
    ------
    CheckpointError
        If it cannot be used.
    """
    return read_checkpoint(config.checkpoint) if config.checkpoint else None


def sizes_of(config: CatrTraining, start: Loaded | None, vocab_size: int) -> CatrConfig:
    """Return the sizes of the network.

    Raises
    ------
    UsageError
        If a size that was asked for is not the checkpoint's, or cannot be built.
    """
    given = config.given_sizes
    if start is None:
        try:
            return CatrConfig(**given, vocab_size=vocab_size)
        except CheckpointError as error:
            raise UsageError(str(error)) from error
    stored = start.network.config
    for name, value in given.items():
        if name not in FREE and value != getattr(stored, name):
            raise UsageError(
                f"{name} is to be {value}, and {config.checkpoint} has {getattr(stored, name)}: leave it out, or start "
                "without that checkpoint"
            )
    return replace(stored, **{name: given[name] for name in FREE if name in given})


def build_network(config: CatrTraining, sizes: CatrConfig, start: Loaded | None) -> LearningNetwork:
    """Build the network with the weights that the options name.

    Raises
    ------
    UsageError, ModelError, CheckpointError, OfflineError
        If more of the backbone is to be frozen than there is, or weights cannot be had or do not fit.
    """
    if config.frozen_parts > sizes.backbone_stages + 1:
        raise UsageError(
            f"frozen_stages is {config.frozen_parts}, and this backbone has a stem and {sizes.backbone_stages} stages: "
            f"give at most {sizes.backbone_stages + 1}"
        )
    torch.manual_seed(config.seed)
    network = LearningNetwork(sizes, config.learns_norms, config.frozen_parts)
    if start is not None:
        network.load_state_dict(start.network.state_dict())
    elif config.backbone_weights is not None:
        _fill_backbone(network, _read_backbone(config.backbone_weights), config.backbone_weights.name)
    elif config.pretrained_backbone:
        _fill_backbone(network, _fetch_backbone(sizes.backbone), f"torchvision's {sizes.backbone}")
    if config.gradient_checkpointing:
        network.save_memory()
    return network


def _read_backbone(path: Path) -> dict[str, Tensor]:
    return read_stored(path).state


def _fetch_backbone(name: str) -> dict[str, Tensor]:
    """Fetch torchvision's default ImageNet weights of a ResNet, or take them from its cache."""
    weights = get_model_weights(name)["DEFAULT"]
    try:
        # The model's own constructor would read its cache as a pickle that may run code.
        state: dict[str, Tensor] = weights.get_state_dict(check_hash=True, weights_only=True)
    except OSError as error:  # URLError is one
        raise OfflineError(
            f"torchvision's weights of {name} cannot be fetched ({error}): connect, or give --backbone-weights FILE"
        ) from error
    except (
        RuntimeError,
        UnpicklingError,
    ) as error:  # a download whose hash is wrong, or a file that is no weights
        kept = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
        raise ModelError(
            f"torchvision's weights of {name} are damaged ({first_line(error)}): delete {kept} and retry"
        ) from error
    return state


def _fill_backbone(network: LearningNetwork, state: dict[str, Tensor], name: str) -> None:
    body = network.backbone[0].body
    assert isinstance(body, torch.nn.Module)
    # a backbone of fewer stages takes those it has; the classifier has no use here
    stages = {key.partition(".")[0] for key in body.state_dict()}
    used = {k: v for k, v in state.items() if k.partition(".")[0] in stages and not k.endswith(COUNTERS)}
    if wrong := describe_difference(body.state_dict(), used):
        raise CheckpointError(f"{name} does not fit the backbone {network.config.backbone}: {wrong}")
    body.load_state_dict(used)

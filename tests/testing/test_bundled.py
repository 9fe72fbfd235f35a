"""The plugins that ship keep the contracts, as anyone's must."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_captions import NETWORK
from tiny_training import make_images

from vizstudio.testing import plugin_contracts
from vizstudio_catr.checkpoint import write_checkpoint
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary

SMALL = CatrConfig(
    backbone="resnet18",
    width=32,
    heads=4,
    encoder_layers=3,
    decoder_layers=2,
    feedforward=64,
    vocab_size=50,
    max_positions=24,
    head_width=48,
    image_size=96,
)


def captioner(folder: Path) -> dict[str, Any]:
    """Write the weights of a small network."""
    torch.manual_seed(0)
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"word{i}" for i in range(SMALL.vocab_size - 4)))
    path = folder / "own.safetensors"
    write_checkpoint(path, CaptionNetwork(SMALL).eval(), Vocabulary(tokens))
    return {"checkpoint": path}


def finetuning(folder: Path) -> dict[str, Any]:
    """Make a few images of two classes."""
    data = make_images(folder / "images", {"blue": 6, "red": 6})
    asked = {"model": "test_vit", "pretrained": False, "image_size": 48, "epochs": 1, "batch_size": 8}
    return {"data": str(data), **asked}


CAPTIONING = NETWORK | {
    "data": "emoji-scenes",
    "images": 16,
    "val_images": 8,
    "epochs": 1,
    "max_positions": 32,
    "image_size": 64,
}

test_builtin = plugin_contracts("builtin")
test_vit = plugin_contracts(
    "vit",
    models={
        "vit:vit_tiny_patch16_224": {"input_size": (64, 48)},
        "vit:swin_tiny_patch4_window7_224": {},
        "vit:test_vit": {},
    },
)
test_catr = plugin_contracts("catr", models={"catr:own": captioner})
test_emoji = plugin_contracts("emoji")
test_train_vit = pytest.mark.slow(plugin_contracts("train-vit", trainers={"vit-finetune": finetuning}))
test_train_catr = pytest.mark.slow(plugin_contracts("train-catr", trainers={"catr": CAPTIONING}))

"""Tiny models, built from a configuration and saved, so that nothing is fetched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
VISION = {**SIZES, "image_size": 32, "patch_size": 8}
LABELS = {"id2label": {0: "cup", 1: "pot", 2: "jar"}}


def _vit() -> Any:
    return hf.ViTForImageClassification(hf.ViTConfig(**VISION, **LABELS))


def _dinov2() -> Any:
    return hf.Dinov2Model(hf.Dinov2Config(**VISION))


def _registers() -> Any:
    return hf.Dinov2WithRegistersForImageClassification(hf.Dinov2WithRegistersConfig(**VISION, **LABELS))


def _clip_tower() -> Any:
    return hf.CLIPVisionModel(hf.CLIPVisionConfig(**VISION))


def _clip() -> Any:
    text = {**SIZES, "vocab_size": 60, "max_position_embeddings": 16}
    return hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16))


SQUASH = {"size": {"height": 32, "width": 32}}
CROP = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
ENCODERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "vit": (_vit, lambda: hf.ViTImageProcessor(**SQUASH)),
    "dinov2": (_dinov2, lambda: hf.BitImageProcessor(**CROP)),
    "registers": (_registers, lambda: hf.BitImageProcessor(**CROP)),
    "clip": (_clip, lambda: hf.CLIPImageProcessor(**CROP)),
    "clip-tower": (_clip_tower, lambda: hf.CLIPImageProcessor(**CROP)),
}


WORDS = [
    "a",
    "red",
    "cup",
    "pot",
    "jar",
    "on",
    "the",
    "table",
    "by",
    "an",
    "old",
    "wall",
    "and",
    "two",
    "blue",
    "##s",
    "##er",
    "##ly",
]
TEXT = {**SIZES, "vocab_size": 24, "max_position_embeddings": 24}
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def wordpiece() -> Any:
    """Return a tokenizer of 21 tokens, so that three outputs of the models have none."""
    numbers = {token: i for i, token in enumerate([*SPECIAL.values(), *WORDS])}
    backend = BertWordPieceTokenizer(numbers, lowercase=True)._tokenizer
    return hf.PreTrainedTokenizerFast(tokenizer_object=backend, **SPECIAL)


def of_bytes() -> Any:
    """Return a byte-level tokenizer such as GPT-2's."""
    backend = ByteLevelBPETokenizer()
    backend.train_from_iterator(["a red cup on the table by an old wall"] * 9, 300, special_tokens=["<end>"])
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=backend._tokenizer, bos_token="<end>", eos_token="<end>", unk_token="<end>"
    )


def _vit_gpt2(width: int) -> Any:
    encoder = hf.ViTConfig(**{**VISION, "hidden_size": width})
    decoder = hf.GPT2Config(
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=24,
        vocab_size=300,
        add_cross_attention=True,
        is_decoder=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = hf.VisionEncoderDecoderModel(
        hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    )
    model.generation_config = hf.GenerationConfig(
        decoder_start_token_id=0, bos_token_id=0, eos_token_id=0, pad_token_id=0
    )
    return model


def _blip() -> Any:
    text = {
        **TEXT,
        "encoder_hidden_size": 32,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
    }
    return hf.BlipForConditionalGeneration(hf.BlipConfig(text_config=text, vision_config=VISION))


def _git() -> Any:
    ids = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    return hf.GitForCausalLM(hf.GitConfig(vision_config=VISION, **TEXT, **ids))


CAPTIONERS: dict[str, tuple[Callable[[], Any], ...]] = {
    "vit-gpt2": (lambda: _vit_gpt2(32), lambda: hf.ViTImageProcessor(**SQUASH), of_bytes),
    "vit-gpt2-projected": (lambda: _vit_gpt2(16), lambda: hf.ViTImageProcessor(**SQUASH), of_bytes),
    "blip": (_blip, lambda: hf.BlipImageProcessor(**SQUASH), wordpiece),
    "git": (_git, lambda: hf.CLIPImageProcessor(**CROP), wordpiece),
}


def save(folder: Path, make: Callable[[], Any], *others: Callable[[], Any]) -> Path:
    """Write a model with random weights, large enough that attention is not flat."""
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(4 if "embedding" not in name else 2)
    model.save_pretrained(folder)
    for other in others:
        other().save_pretrained(folder)
    return folder

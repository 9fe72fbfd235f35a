"""Position embeddings against what the model really adds to its patches, or really rotates them by."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vizstudio.api import ImageFit, PatchGrid, PositionEmbedding
from vizstudio_vit.positions import position_embedding

Make = Callable[..., nn.Module]


def _grid(rows: int, cols: int, cell: int = 16) -> PatchGrid:
    size = (cols * cell, rows * cell)
    return PatchGrid(rows, cols, (float(cell), float(cell)), ImageFit.resized(size, size, size))


def _input_of(model: nn.Module, module: str, image: Tensor) -> Tensor:
    """Return what a module is given when the model sees an image."""
    given: list[Tensor] = []
    handle = model.get_submodule(module).register_forward_pre_hook(lambda _, args: given.append(args[0]))
    with torch.no_grad():
        model(image)
    handle.remove()
    return given[0]


def _added(
    model: nn.Module, table: str, module: str, size: tuple[int, int], prefix: int, channels_first: bool
) -> np.ndarray:
    """Return what the table adds to each patch: the input of a module with it, less that without it."""
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    before = _input_of(model, module, image)
    holder, _, name = table.rpartition(".")
    parameter = getattr(model.get_submodule(holder), name)
    kept = parameter.detach().clone()
    with torch.no_grad():
        parameter.zero_()
        difference = before - _input_of(model, module, image)
        parameter.copy_(kept)
    if difference.ndim == 4:
        difference = difference.flatten(2).mT if channels_first else difference.flatten(1, 2)
    return difference[0, prefix:].numpy()


# (model, options, where to look, prefix tokens there, rows, cols, input height and width)
LEARNED: list[tuple[str, dict[str, Any], str, str, int, tuple[int, int], tuple[int, int]]] = [
    ("test_vit", {}, "pos_embed", "pos_drop", 1, (10, 10), (160, 160)),
    ("test_vit", {}, "pos_embed", "pos_drop", 1, (14, 6), (224, 96)),  # resampled as it runs
    ("test_vit", {"img_size": (96, 224)}, "pos_embed", "pos_drop", 1, (6, 14), (96, 224)),
    ("test_vit2", {}, "pos_embed", "pos_drop", 1, (10, 10), (160, 160)),  # a register without a position
    ("vit_tiny_patch16_224", {"reg_tokens": 4, "depth": 1}, "pos_embed", "pos_drop", 5, (14, 14), (224, 224)),
    ("deit_tiny_distilled_patch16_224", {"depth": 1}, "pos_embed", "pos_drop", 2, (14, 14), (224, 224)),
    ("eva02_tiny_patch14_224", {"depth": 1}, "pos_embed", "pos_drop", 1, (16, 16), (224, 224)),
    ("vit_base_patch16_siglip_224", {"depth": 1}, "pos_embed", "pos_drop", 0, (14, 14), (224, 224)),
    ("cait_xxs24_224", {"depth": 1}, "pos_embed", "pos_drop", 0, (14, 14), (224, 224)),
    ("pit_ti_224", {}, "pos_embed", "pos_drop", 0, (27, 27), (224, 224)),
    ("volo_d1_224", {}, "pos_embed", "pos_drop", 0, (14, 14), (224, 224)),
    ("hiera_tiny_224", {}, "pos_embed", "unroll", 0, (56, 56), (224, 224)),
    (
        "naflexvit_base_patch16_gap",
        {"depth": 1},
        "embeds.pos_embed",
        "embeds.pos_drop",
        4,
        (7, 12),
        (112, 192),
    ),
]


@pytest.mark.parametrize(("name", "options", "table", "module", "prefix", "shape", "size"), LEARNED)
def test_learned_tables_are_what_the_model_adds(
    name: str,
    options: dict[str, Any],
    table: str,
    module: str,
    prefix: int,
    shape: tuple[int, int],
    size: tuple[int, int],
    make_timm: Make,
) -> None:
    model = make_timm(name, **options)
    embedding, _ = position_embedding(model, _grid(*shape))
    assert embedding is not None and embedding.kind == "learned" and embedding.grid.shape == shape
    added = _added(model, table, module, size, prefix, channels_first=name.startswith("pit"))
    np.testing.assert_allclose(embedding.vectors, added.reshape(embedding.vectors.shape), atol=2e-6)


def test_positions_on_merged_patches_have_a_grid_of_their_own(make_timm: Make) -> None:
    """VOLO's outlook stage works on 28×28 patches of 8 pixels; positions are added after 2×2 are joined."""
    embedding, _ = position_embedding(make_timm("volo_d1_224"), _grid(28, 28, 8))
    assert embedding is not None
    assert embedding.grid.shape == (14, 14) and embedding.grid.cell == (16.0, 16.0)
    assert embedding.grid.rect == (0.0, 0.0, 224.0, 224.0)


def test_a_table_that_is_not_trained_is_sincos(make_timm: Make) -> None:
    model = make_timm()
    model.pos_embed.requires_grad_(False)
    embedding, _ = position_embedding(model, _grid(10, 10))
    assert embedding is not None and embedding.kind == "sincos"


def test_xcits_projected_sines_are_what_it_adds(make_timm: Make) -> None:
    model = make_timm("xcit_nano_12_p16_224", depth=1)
    embedding, _ = position_embedding(model, _grid(14, 14))
    assert embedding is not None and embedding.kind == "sincos"
    image = torch.randn(1, 3, 224, 224)
    before = _input_of(model, "pos_drop", image)
    model.pos_embed = None
    added = (before - _input_of(model, "pos_drop", image))[0]
    np.testing.assert_allclose(embedding.vectors, added.numpy(), atol=2e-6)


# --- rotary ---------------------------------------------------------------------------------------------------------


def _mean_cosine(angles: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mean over frequencies of the cosine of the difference of angles (tokens, frequencies)."""
    difference = angles[:, None] - angles[None]
    return np.cos(difference).mean(-1).reshape(*shape, *shape)


def _rotary(model: nn.Module, shape: tuple[int, int]) -> PositionEmbedding:
    embedding, note = position_embedding(model, _grid(*shape))
    assert embedding is not None and embedding.kind == "rotary", note
    return embedding


@pytest.mark.parametrize("shape", [(16, 16), (10, 18)])
def test_rotary_of_dinov3(shape: tuple[int, int], make_timm: Make) -> None:
    """Siméoni et al. 2025: angles 2π · coordinate / period, coordinates from -1 to 1 over each side."""
    model = make_timm("vit_small_patch16_dinov3", depth=1)
    head_dim = 384 // 6
    periods = 100.0 ** (2 * np.arange(head_dim // 4) / (head_dim // 2))
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in shape)
    rows, cols = (a.ravel() for a in np.meshgrid(y, x, indexing="ij"))
    angles = 2 * np.pi * np.concatenate([rows[:, None] / periods, cols[:, None] / periods], 1)
    np.testing.assert_allclose(_rotary(model, shape).similarity(), _mean_cosine(angles, shape), atol=1e-5)


@pytest.mark.parametrize("shape", [(14, 14), (9, 16)])
def test_rotary_with_axial_frequencies(shape: tuple[int, int], make_timm: Make) -> None:
    """Heo et al. 2024 (Rotary Position Embedding for Vision Transformer): θ_t = 100^(-t / (d / 4)), per axis."""
    model = make_timm("vit_small_patch16_rope_224", depth=1, img_size=(shape[0] * 16, shape[1] * 16))
    frequencies = 100.0 ** (-np.arange(16) / 16)
    y, x = (a.ravel() for a in np.meshgrid(*map(np.arange, shape), indexing="ij"))
    angles = np.concatenate([y[:, None] * frequencies, x[:, None] * frequencies], 1)
    np.testing.assert_allclose(_rotary(model, shape).similarity(), _mean_cosine(angles, shape), atol=1e-5)


def test_rotary_that_differs_by_layer_and_head_is_a_mean(make_timm: Make) -> None:
    """θ = x · f_x + y · f_y with learned f of every layer, head and pair of channels."""
    model = make_timm("vit_small_patch16_rope_mixed_224", depth=2)
    embedding, note = position_embedding(model, _grid(14, 14))
    assert embedding is not None and "differs by layer and head" in note
    frequencies = (
        model.rope.freqs.detach().double().numpy().reshape(2, -1)
    )  # (x or y, layers · heads · pairs)
    y, x = (a.ravel() for a in np.meshgrid(np.arange(14), np.arange(14), indexing="ij"))
    one, other = np.stack([x, y], 1) @ frequencies, np.stack([y, x], 1) @ frequencies
    expected = [_mean_cosine(angles, (14, 14)) for angles in (one, other)]
    got = embedding.similarity()
    assert min(np.abs(got - e).max() for e in expected) < 1e-5


def test_rotation_is_what_queries_and_keys_undergo(make_timm: Make) -> None:
    """Two equal vectors, rotated by timm's own code at two places, have the cosine that the panel shows."""
    from timm.layers import apply_rot_embed_cat

    model = make_timm("vit_small_patch16_rope_224", depth=1)
    similarity = _rotary(model, (14, 14)).similarity().reshape(196, 196)
    vector = torch.zeros(1, 1, 196, 64)
    vector[..., 0::2] = 1  # every pair of channels points the same way
    rotated = apply_rot_embed_cat(vector, model.rope.get_embed())[0, 0]
    np.testing.assert_allclose(similarity, (rotated @ rotated.T / 32).numpy(), atol=1e-5)


# --- none -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("swin_tiny_patch4_window7_224", "the positions are relative biases inside its attention"),
        ("beit_base_patch16_224", "the positions are relative biases inside its attention"),
        ("test_vit_relpos", "the positions are relative biases inside its attention"),
        ("levit_128s", "the positions are relative biases inside its attention"),
        ("botnet26t_256", "the positions are relative biases inside its attention"),
        ("twins_svt_small", "none is added to the patches"),
        ("visformer_tiny", "pos_embed1 of shape 1×96×28×28 is not one vector per patch in a known order"),
        ("sam2_hiera_tiny", "its table of shape 1×96×7×7 is not one vector per patch of 14×14"),
    ],
)
def test_what_cannot_be_drawn_is_said(name: str, why: str, make_timm: Make) -> None:
    embedding, note = position_embedding(make_timm(name), _grid(14, 14))
    assert embedding is None
    assert note.startswith(f"no position embedding to draw: {why}")


def test_a_table_of_another_grid_is_not_drawn(make_timm: Make) -> None:
    """Of 12 tokens more than the patches, nobody knows which they are."""
    model = make_timm()
    model.pos_embed = nn.Parameter(torch.randn(1, 112, 64))
    embedding, note = position_embedding(model, _grid(10, 10))
    assert embedding is None and "1×112×64 is not one vector per patch of 10×10" in note


def test_both_kinds_are_said(make_timm: Make) -> None:
    embedding, note = position_embedding(make_timm("eva02_tiny_patch14_224", depth=1), _grid(16, 16, 14))
    assert embedding is not None and embedding.kind == "learned"
    assert note == "besides this position embedding it has rotary embeddings of queries and keys"

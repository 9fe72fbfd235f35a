"""What a snapshot keeps of an analysis comes back: maps, their place on the photo, positions, guesses, captions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.caption import Caption, TokenStep
from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.maps import attention_heatmap
from vizstudio.core.probes import PHOTO_SIDE, count_probes, pack_probe, unpack_probe
from vizstudio.core.types import (
    Analysis,
    AttentionLayer,
    Head,
    Heatmap,
    PositionEmbedding,
    Prediction,
    Query,
)

HEADS = 3


class Full:
    """Full matrices of random attention."""

    def __init__(self, layers: tuple[AttentionLayer, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.layers = layers
        self.matrices = []
        for about in layers:
            logits = np.exp(rng.normal(0, 2, (about.heads, about.queries.num_tokens, about.keys.num_tokens)))
            self.matrices.append((logits / logits.sum(-1, keepdims=True)).astype(np.float32))

    def weights(
        self, layer: int, heads: list[int] | None = None, queries: list[int] | None = None
    ) -> np.ndarray:
        full = self.matrices[layer]
        full = full if heads is None else full[heads]
        return full if queries is None else full[:, queries]

    def heatmap(self, layer: int = -1, head: Head = "mean", query: Query | None = None) -> Heatmap:
        return attention_heatmap(self, layer, head, query)


def grid_on(size: tuple[int, int], rows: int, cols: int, offset: tuple[int, int] = (0, 0)) -> PatchGrid:
    fit = ImageFit.resized(
        size, (cols * 16 - 2 * offset[0], rows * 16 - 2 * offset[1]), (cols * 16, rows * 16), offset
    )
    return PatchGrid(rows, cols, (16.0, 16.0), fit)


def analysis_on(grid: PatchGrid, labels: tuple[str, ...], **more: Any) -> Analysis:
    axis = TokenAxis(labels, grid)
    layers = tuple(AttentionLayer(f"blocks.{i}.attn", "self", HEADS, axis, axis) for i in range(2))
    return Analysis("m", grid, Full(layers, 0), **more)


def photo_of(size: tuple[int, int]) -> ImageSource:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return ImageSource(pixels, "a/b.png", None, read_image(pixels).sha256)


def through_a_file(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@given(
    size=st.tuples(st.integers(8, 700), st.integers(8, 700)),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    offset=st.tuples(st.integers(-7, 7), st.integers(-7, 7)),
    labels=st.sampled_from([(), ("cls",), ("cls", "reg1")]),
)
def test_maps_and_their_place_on_the_photo_come_back(
    size: tuple[int, int], shape: tuple[int, int], offset: tuple[int, int], labels: tuple[str, ...]
) -> None:
    grid = grid_on(size, *shape, offset)
    before, image = analysis_on(grid, labels), photo_of(size)
    shown, after = unpack_probe(0, pack_probe(0, image, before), "m")
    assert max(shown.size) == min(max(size), PHOTO_SIDE) and shown.name == "a/b.png"
    scale = (shown.size[0] / size[0], shown.size[1] / size[1])
    for layer in range(2):
        for head in (0, HEADS - 1, "mean", "max"):
            mine, theirs = after.attention.heatmap(layer, head), before.attention.heatmap(layer, head)  # type: ignore[arg-type]
            np.testing.assert_allclose(mine.values, theirs.values, rtol=1e-3, atol=1e-6)
            if mine.prefix_mass is not None and theirs.prefix_mass is not None:
                assert mine.prefix_mass == pytest.approx(theirs.prefix_mass, rel=1e-3, abs=1e-6)
    for row in range(shape[0]):
        for col in range(shape[1]):
            left, top, width, height = grid.cell_rect(row, col)
            wanted = (left * scale[0], top * scale[1], width * scale[0], height * scale[1])
            assert after.grid.cell_rect(row, col) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_positions_and_guesses_come_back_through_a_file(tmp_path: Path) -> None:
    grid = grid_on((64, 48), 3, 4)
    vectors = np.random.default_rng(2).normal(size=(12, 8)).astype(np.float32)
    guesses = (Prediction("cat", 1, 0.75), Prediction("dog", 0, 0.25))
    before = analysis_on(
        grid, ("cls",), position_embedding=PositionEmbedding("rotary", vectors, grid), predictions=guesses
    )
    arrays = through_a_file(tmp_path / "s.npz", pack_probe(0, photo_of((64, 48)), before))
    _, after = unpack_probe(0, arrays, "m")
    assert after.predictions == guesses
    assert after.position().kind == "rotary"
    np.testing.assert_allclose(after.position().similarity(), before.position().similarity(), atol=2e-3)


def test_layers_that_differ_are_left_out_and_the_others_keep_their_number() -> None:
    fine, coarse = grid_on((64, 64), 4, 4), grid_on((64, 64), 2, 2)
    layers = [
        AttentionLayer(f"stage.{i}", "self", HEADS, TokenAxis((), grid), TokenAxis((), grid))
        for i, grid in enumerate((fine, coarse, coarse))
    ]
    arrays = pack_probe(0, photo_of((64, 64)), Analysis("m", fine, Full(tuple(layers), 3)))
    _, after = unpack_probe(0, arrays, "m")
    assert [layer.name for layer in after.attention.layers] == ["layer 1", "layer 2"]
    assert after.attention.heatmap(0).grid.shape == (2, 2)


def test_a_caption_comes_back_word_by_word(tmp_path: Path) -> None:
    grid = grid_on((90, 60), 2, 3)
    query, keys = TokenAxis(("token",)), TokenAxis((), grid)
    layers = tuple(AttentionLayer(f"decoder.{i}", "cross", HEADS, query, keys) for i in range(2))
    spelt = [("a", True), ("bi", True), ("cycle", False), ("[SEP]", True)]
    steps = tuple(
        TokenStep(i, i, text, starts, -0.5 - i, 0.25 * i, (), Full(layers, i), Full(layers, 9))
        for i, (text, starts) in enumerate(spelt)
    )
    caption = Caption(steps, "a bicycle", -2.0, True)
    arrays = through_a_file(
        tmp_path / "s.npz", pack_probe(3, photo_of((90, 60)), analysis_on(grid, (), caption=caption))
    )
    renamed = {name.replace("_3", "_0"): values for name, values in arrays.items()}
    _, after = unpack_probe(0, renamed, "m")
    assert after.caption is not None
    assert (after.caption.text, after.caption.finished) == ("a bicycle", True)
    assert [w.text for w in after.caption.words] == ["a", "bicycle", "[SEP]"]
    assert after.caption.ending is after.caption.steps[-1]
    for mine, theirs in zip(after.caption.words, caption.words, strict=True):
        assert mine.log_prob == pytest.approx(theirs.log_prob)
        np.testing.assert_allclose(
            mine.heatmap(1, 2).values, theirs.heatmap(1, 2).values, rtol=1e-3, atol=1e-6
        )


def test_what_is_not_there_or_does_not_fit_is_one_sentence() -> None:
    arrays = pack_probe(0, photo_of((64, 48)), analysis_on(grid_on((64, 48), 3, 4), ("cls",)))
    assert count_probes(arrays) == 1
    with pytest.raises(UsageError, match="no probe image 1 in this snapshot: it has 1"):
        unpack_probe(1, arrays, "m")
    with pytest.raises(
        UsageError, match=r"probe 0 of this snapshot is damaged .*13 keys do not fit 10 tokens"
    ):
        unpack_probe(0, {**arrays, "grid_0": np.array([3, 3])}, "m")
    with pytest.raises(UsageError, match="damaged"):
        unpack_probe(0, {name: a for name, a in arrays.items() if name != "labels_0"}, "m")

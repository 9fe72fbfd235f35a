"""Entropy, distance and norms against sums written out."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vizstudio.core import statistics
from vizstudio.core.errors import UsageError
from vizstudio.core.geometry import PatchGrid, TokenAxis
from vizstudio.core.types import Analysis, AttentionLayer


def test_entropy_of_known_rows() -> None:
    uniform = np.full((1, 3, 8), 1 / 8, np.float32)
    sharp = np.zeros((1, 3, 8), np.float32)
    sharp[..., 2] = 1
    assert statistics.entropy(uniform)[0] == pytest.approx(math.log(8), abs=1e-6)
    assert statistics.entropy(sharp)[0] == 0
    half = np.array([[[0.5, 0.5, 0, 0]]], np.float32)
    assert statistics.entropy(np.concatenate([half, sharp[:, :1, :4]], axis=1))[0] == pytest.approx(
        math.log(2) / 2
    )


def test_entropy_of_random_rows(make_attention: Callable) -> None:
    for full in make_attention().matrices:
        terms = -full.astype(np.float64) * np.log(full.astype(np.float64))
        assert np.allclose(statistics.entropy(full), terms.sum(axis=2).mean(axis=1), atol=1e-5)


def test_distance_is_measured_on_the_original_photo(make_attention: Callable, grid: PatchGrid) -> None:
    """Sum over pairs of patches one by one, from the cells' own rectangles."""
    attention = make_attention(labels=("cls", "reg1"))
    centres = []
    for row in range(3):
        for col in range(4):
            left, top, width, height = grid.cell_rect(row, col)
            centres.append((left + width / 2, top + height / 2))
    for full, about in zip(attention.matrices, attention.layers, strict=True):
        found = statistics.attention_distance(full, about)
        for head in range(len(full)):
            means = []
            for query in range(12):
                row = full[head, 2 + query, 2:]
                lengths = [math.dist(centres[query], centre) for centre in centres]
                means.append(float(np.dot(row, lengths) / row.sum()))
            assert found[head] == pytest.approx(np.mean(means), rel=1e-5)


def test_who_attends_only_to_itself_has_distance_0(make_attention: Callable) -> None:
    about = make_attention().layers[0]
    assert statistics.attention_distance(np.eye(13)[None], about)[0] == 0


def test_statistics_of_layers_in_order(make_attention: Callable, grid: PatchGrid) -> None:
    attention = make_attention()
    nowhere = TokenAxis(tuple(f"w{i}" for i in range(13)))
    attention.layers = (
        attention.layers[0],
        AttentionLayer("text", "self", 2, nowhere, nowhere),
        attention.layers[2],
    )
    entropies, distances = statistics.entropies(attention), statistics.distances(attention)
    for i, full in enumerate(attention.matrices):
        assert np.array_equal(entropies[i], statistics.entropy(full))
    assert (
        np.isnan(distances[1]).all() and np.isfinite(distances[0]).all() and np.isfinite(distances[2]).all()
    )


def test_a_query_without_a_place_has_no_distance(make_attention: Callable, grid: PatchGrid) -> None:
    pooling = AttentionLayer("pool", "cross", 1, TokenAxis(("latent",)), TokenAxis((), grid))
    assert np.isnan(statistics.attention_distance(np.full((1, 1, 12), 1 / 12), pooling)).all()


def test_outliers_by_layer(analysis: Analysis) -> None:
    assert statistics.outliers(analysis, 0) == []
    assert statistics.outliers(analysis, 1) == [7]
    assert statistics.block_of(analysis, 9) == 2  # a layer after the last block has its tokens
    with pytest.raises(UsageError, match="vit:fake gives no token norms"):
        statistics.outliers(replace(analysis, token_norms=None), 0)

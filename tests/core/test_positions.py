"""Position embeddings: similarity, norms, principal components, of every kind."""

from math import dist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core import positions
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid
from vizstudio.core.types import PositionEmbedding


def square(side: int) -> PatchGrid:
    return PatchGrid(
        side, side, (16.0, 16.0), ImageFit((side * 16, side * 16), (side * 16, side * 16), (1, 1))
    )


def angles(grid: PatchGrid, frequencies: np.ndarray) -> np.ndarray:
    """Return (patches, 2 · frequencies): row and column of each patch times each frequency."""
    rows, cols = np.indices(grid.shape).reshape(2, -1)
    return np.concatenate([rows[:, None] * frequencies, cols[:, None] * frequencies], axis=1)


def test_similarity_is_the_cosine_of_every_pair(embedding: PositionEmbedding) -> None:
    similarity = embedding.similarity()
    assert similarity.shape == (3, 4, 3, 4) and similarity.dtype == np.float32
    for a in np.ndindex(3, 4):
        for b in np.ndindex(3, 4):
            u, v = embedding.vectors[a[0] * 4 + a[1]], embedding.vectors[b[0] * 4 + b[1]]
            assert similarity[a + b] == pytest.approx(u @ v / np.linalg.norm(u) / np.linalg.norm(v), abs=1e-6)
        assert similarity[a][a] == pytest.approx(1, abs=1e-6)
    assert np.abs(similarity).max() <= 1
    assert np.allclose(similarity, similarity.transpose(2, 3, 0, 1), atol=1e-6)


@pytest.mark.parametrize("kind", ["sincos", "rotary"])
def test_similarity_of_sines_is_the_mean_cosine_of_angle_differences(kind: str) -> None:
    grid, frequencies = square(5), 10.0 ** -np.arange(0, 2, 0.25)
    phase = angles(grid, frequencies)
    vectors = np.concatenate([np.sin(phase), np.cos(phase)], axis=1)
    similarity = PositionEmbedding(kind, vectors, grid).similarity().reshape(25, 25)
    expected = np.cos(phase[:, None] - phase[None]).mean(axis=-1)
    assert np.allclose(similarity, expected, atol=1e-6)


def test_similarity_of_a_zero_vector_is_0_not_nan() -> None:
    vectors = np.ones((4, 3))
    vectors[0] = 0
    similarity = PositionEmbedding("learned", vectors, square(2)).similarity()
    assert np.isfinite(similarity).all() and (similarity[0, 0] == 0).all()


def test_vectors_must_fit_the_grid(grid: PatchGrid) -> None:
    with pytest.raises(GeometryError, match=r"\(11, 8\) position vectors do not fit a grid of \(3, 4\)"):
        PositionEmbedding("learned", np.zeros((11, 8)), grid)


def test_norms(embedding: PositionEmbedding) -> None:
    heatmap = positions.position_norms(embedding)
    for row, col in np.ndindex(3, 4):
        assert heatmap.values[row, col] == pytest.approx(
            np.sqrt((embedding.vectors[row * 4 + col] ** 2).sum()), rel=1e-6
        )


def test_principal_components_against_the_covariance(embedding: PositionEmbedding) -> None:
    rgb, shares = positions.position_pca(embedding)
    values, vectors = np.linalg.eigh(np.cov(embedding.vectors.T))
    assert np.allclose(shares, values[::-1][:3] / values.sum(), atol=1e-9)
    assert rgb.shape == (3, 4, 3)
    for i in range(3):
        projected = embedding.vectors @ vectors[:, -1 - i]
        channel = rgb[..., i].ravel()
        assert channel.min() == 0 and channel.max() == 1
        assert abs(np.corrcoef(projected, channel)[0, 1]) == pytest.approx(1, abs=1e-9)
        direction = vectors[:, -1 - i]
        largest = direction[np.abs(direction).argmax()]
        assert np.sign(np.corrcoef(projected, channel)[0, 1]) == np.sign(largest)


def test_fewer_components_than_colours() -> None:
    line = PositionEmbedding("learned", np.arange(9.0)[:, None] * [[1.0, 2.0]], square(3))
    rgb, shares = positions.position_pca(line)
    assert np.allclose(rgb[..., 0].ravel(), np.arange(9) / 8)
    assert (rgb[..., 1:] == 0).all()
    assert shares.tolist() == pytest.approx([1, 0, 0])


def test_equal_positions_have_no_components() -> None:
    rgb, shares = positions.position_pca(PositionEmbedding("learned", np.ones((9, 4)), square(3)))
    assert (rgb == 0).all() and (shares == 0).all()


def test_more_pairs_than_fit_into_memory_are_refused_in_one_sentence() -> None:
    grid = square(130)
    embedding = PositionEmbedding("learned", np.zeros((len(grid), 1), np.float32), grid)
    with pytest.raises(UsageError, match="of 130×130 patches"):
        embedding.similarity()


def pairs_of(embedding: PositionEmbedding) -> dict[int, list[tuple[float, tuple[int, int], tuple[int, int]]]]:
    """Return (cosine, patch, patch) of every pair by its distance, one after the other."""
    patches, found = list(np.ndindex(embedding.grid.shape)), {}
    for i, a in enumerate(patches):
        for j, b in enumerate(patches[:i]):
            u, v = embedding.vectors[i], embedding.vectors[j]
            cosine = float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
            found.setdefault(round(dist(a, b)), []).append((cosine, a, b))
    return found


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**31))
def test_similarity_over_distance_is_that_of_all_pairs(rows: int, cols: int, seed: int) -> None:
    size = (cols * 16, rows * 16)
    grid = PatchGrid(rows, cols, (16.0, 16.0), ImageFit(size, size, (1, 1)))
    vectors = np.random.default_rng(seed).normal(size=(rows * cols, 4))
    embedding = PositionEmbedding("learned", vectors, grid)
    if rows * cols == 1:
        with pytest.raises(UsageError, match="a single patch has no distance"):
            positions.position_distance(embedding)
        return
    curve, found = positions.position_distance(embedding), pairs_of(embedding)
    assert curve.distance.tolist() == sorted(found)
    assert curve.pairs.sum() == rows * cols * (rows * cols - 1) // 2
    for i, distance in enumerate(curve.distance):
        cosines = [pair[0] for pair in found[distance]]
        across = [cosine for cosine, a, b in found[distance] if a[0] == b[0]]
        down = [cosine for cosine, a, b in found[distance] if a[1] == b[1]]
        assert curve.pairs[i] == len(cosines)
        assert curve.mean[i] == pytest.approx(np.mean(cosines), abs=1e-6)
        assert curve.lower[i] == pytest.approx(np.percentile(cosines, 25), abs=1e-6)
        assert curve.upper[i] == pytest.approx(np.percentile(cosines, 75), abs=1e-6)
        for measured, own in ((curve.horizontal[i], across), (curve.vertical[i], down)):
            assert measured == pytest.approx(np.mean(own) if own else np.nan, abs=1e-6, nan_ok=True)


def test_similarity_over_distance_of_sines_along_rows_and_columns() -> None:
    """A rotary embedding whose rows turn twice as fast as its columns: both directions are known beforehand."""
    grid = square(6)
    rows, cols = np.indices(grid.shape).reshape(2, -1)
    phase = np.stack([0.4 * rows, 0.2 * cols], axis=1)
    vectors = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    curve = positions.position_distance(PositionEmbedding("rotary", vectors, grid))
    steps = np.arange(1, 6)
    assert curve.vertical[:5] == pytest.approx((np.cos(0.4 * steps) + 1) / 2, abs=1e-6)
    assert curve.horizontal[:5] == pytest.approx((np.cos(0.2 * steps) + 1) / 2, abs=1e-6)
    assert np.isnan(curve.vertical[5:]).all() and np.isnan(curve.horizontal[5:]).all()
